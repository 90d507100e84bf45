# SPDX-License-Identifier: Apache-2.0
"""A project, reports about packages, a snapshot of them, and the scan."""
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

BUILD = os.path.abspath(sys.argv[1])
LIBEXEC = os.path.join(BUILD, "libexec/lazaret")
PUBLIC = "https://registry.test/"
PRIVATE = "https://npm.acme.test/"


def report(ident, name, versions=("1.0.0",), ecosystem="npm", **more):
    """An OSV document; versions None: every one, a dict: a range's events."""
    entry = {"package": {"ecosystem": ecosystem, "name": name}}
    if versions is None:
        versions = [{"introduced": "0"}]
    if isinstance(versions, list):
        kind = "SEMVER" if ecosystem == "npm" else "ECOSYSTEM"
        entry["ranges"] = [{"type": kind, "events": versions}]
    else:
        entry["versions"] = list(versions)
    return {"schema_version": "1.7.4", "id": ident,
            "modified": "2026-03-01T10:00:00Z",
            "published": "2026-03-01T09:00:00Z",
            "summary": f"Malicious code in {name}",
            "affected": [entry], **more}


def day(offset, clock=None):
    """A day from today, or a time of that day."""
    then = (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=offset)).strftime("%Y-%m-%d")
    return f"{then}T{clock}Z" if clock else then


def tarball(name, version="1.0.0", registry=PUBLIC):
    return f"{registry}{name}/-/{name.split('/')[-1]}-{version}.tgz"


def package_lock(packages, name="app"):
    """packages: path below the project -> entry, or a version."""
    rows = {"": {"name": name, "version": "0.0.1"}}
    for path, entry in packages.items():
        if isinstance(entry, str):
            base = path.rsplit("node_modules/", 1)[-1]
            entry = {"version": entry, "resolved": tarball(base, entry)}
        rows[path] = entry
    rows[""]["dependencies"] = {
        path[len("node_modules/"):]: "*" for path in packages
        if path.startswith("node_modules/") and
        "/node_modules/" not in path}
    return {"name": name, "version": "0.0.1", "lockfileVersion": 3,
            "requires": True, "packages": rows}


class Done:
    def __init__(self, done):
        self.status, self.out, self.err = (
            done.returncode, done.stdout, done.stderr)

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def findings(self):
        return [(f["status"], f["id"], f["package"]["name"])
                for f in self.json["findings"]]


class Project:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="scan-test-")
        self.home = os.path.join(self.dir, "home")
        self.top = os.path.join(self.dir, "project")
        os.mkdir(self.home)
        os.mkdir(self.top)
        self.env = {**os.environ, "HOME": self.home,
                    "XDG_CONFIG_HOME": os.path.join(self.home, "config"),
                    "LAZARET_STATE": os.path.join(self.home, "state")}
        for name in list(self.env):
            if name.startswith("LAZARET_") and name not in (
                    "LAZARET_STATE", "LAZARET_LIBEXEC_DIR"):
                del self.env[name]
        self.snapshots = []

    def close(self):
        shutil.rmtree(self.dir)

    def put(self, path, content, top=None):
        """A file of the project; dicts are written as JSON."""
        full = os.path.join(top or self.top, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content, indent=2) + "\n"
        if isinstance(content, str):
            content = content.encode()
        with open(full, "wb") as f:
            f.write(content)
        return full

    def lock(self, packages, path="package-lock.json", **more):
        return self.put(path, package_lock(packages, **more))

    def snapshot(self, *reports, registries=(f"npm={PUBLIC}",), keep=True):
        """Makes one, and scans with it from now on."""
        n = len(os.listdir(self.dir))
        feed = os.path.join(self.dir, f"feed-{n}")
        os.mkdir(feed)
        for i, doc in enumerate(reports):
            self.put(f"{i}.json", doc, top=feed)
        path = os.path.join(self.dir, f"{n}.snapshot")
        argv = [os.path.join(LIBEXEC, "report"), "snapshot",
                "--only-these-registries", "-o", path]
        for r in registries:
            argv += ["--public-registry", r]
        done = subprocess.run(argv + [feed], capture_output=True, text=True,
                              env=self.env, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        if keep:
            self.snapshots.append(path)
        return path

    def scan(self, *args, want=0, snapshots=None, env=None, paths=(".",),
             text=True):
        argv = [os.path.join(LIBEXEC, "scan")]
        for s in self.snapshots if snapshots is None else snapshots:
            argv += ["--snapshot", s]
        done = subprocess.run(
            argv + list(args) + list(paths), cwd=self.top, timeout=60,
            capture_output=True, text=text, env={**self.env, **(env or {})},
            errors="replace" if text else None)
        if want is not None and done.returncode != want:
            raise AssertionError(
                f"scan {args}: status {done.returncode}, wanted {want}\n"
                f"{done.stdout}{done.stderr}")
        return Done(done)

    def found(self, *args, want=0, **more):
        return self.scan("--json", *args, want=want, **more).findings


def equal(got, want):
    if got != want:
        raise AssertionError(f"got {got!r}\nwanted {want!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in\n{text}")


def main(module):
    """Runs every function test_* with a project of its own."""
    failed = 0
    only = sys.argv[2:]
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or (only and name not in only):
            continue
        project = Project()
        try:
            function(project)
            print("ok", name)
        except Exception as e:  # one test, one line, and the next
            failed += 1
            traceback.print_exc()
            print("FAIL", name, e)
        finally:
            project.close()
    sys.exit(1 if failed else 0)
