# SPDX-License-Identifier: Apache-2.0
"""Commands on snapshots, in a temporary folder."""
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
import zipfile

BUILD = os.path.abspath(sys.argv[1])
BUILT = "2026-03-04T05:06:07Z"


def report(ident, name="evil", ecosystem="npm", modified="2026-02-01T00:00:00Z",
           versions=("1.0.0",), **more):
    doc = {"schema_version": "1.7.3", "id": ident, "modified": modified,
           "summary": f"Malicious code in {name}",
           "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                         "versions": list(versions)}]}
    doc.update(more)
    return doc


def pack(members):
    """Bytes of a zip file; members: name -> document or bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(name, as_bytes(content))
    return out.getvalue()


def as_bytes(content):
    if isinstance(content, bytes):
        return content
    return json.dumps(content).encode()


class Place:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="snapshot-test-")

    def close(self):
        shutil.rmtree(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def put(self, name, content):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(as_bytes(content))
        return path

    def run(self, command, *args, want=0, env=None):
        argv = [os.path.join(BUILD, "libexec/lazaret", command), *args]
        done = subprocess.run(argv, capture_output=True, timeout=100,
                              text=True, errors="replace", cwd=self.dir,
                              env=dict(os.environ, **(env or {})))
        if done.returncode != want:
            raise AssertionError(f"{args}: status {done.returncode}, wanted "
                                 f"{want}\n{done.stdout}{done.stderr}")
        return done

    def make(self, *paths, output="out.snapshot", want=0, env=None,
             built=BUILT, registries=("--only-these-registries",)):
        return self.run("report", "snapshot", "-o", self.path(output),
                        *(["--built-at", built] if built else []),
                        *registries, *paths, want=want, env=env)

    def publish(self, *paths, built, want=0):
        return self.run("report", "snapshot", "--publish",
                        self.path("public"), "--built-at", built,
                        "--only-these-registries", *paths, want=want)

    def update(self, source, *args, want=0, file="here.snapshot", env=None):
        return self.run("db", "update", "--from", source, "--snapshot",
                        self.path(file), *args, want=want, env=env)

    def info(self, name="out.snapshot"):
        done = self.run("db", "info", "--json", "--snapshot", self.path(name))
        return json.loads(done.stdout)

    def show(self, ident, name="out.snapshot", want=0):
        return self.run("db", "show", "--snapshot", self.path(name), ident,
                        want=want).stdout

    def verify(self, name="out.snapshot", want=0):
        return self.run("db", "verify", "--snapshot", self.path(name),
                        want=want)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def sha256(self, name):
        return hashlib.sha256(self.read(name)).hexdigest()


def main(scope):
    failed = 0
    chosen = sys.argv[2:]
    for name, test in list(scope.items()):
        if not name.startswith("test_") or (chosen and name not in chosen):
            continue
        place = Place()
        try:
            test(place)
            print("ok", name, flush=True)
        except Exception:
            failed += 1
            print("FAILED", name, flush=True)
            traceback.print_exc()
        finally:
            place.close()
    sys.exit(1 if failed else 0)
