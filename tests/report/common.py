# SPDX-License-Identifier: Apache-2.0
"""A report database in a temporary folder, and the commands on it."""
import glob
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

BUILD = sys.argv[1]
COMMAND = os.path.join(BUILD, "libexec/lazaret/report")
EVERYTHING = [{"type": "SEMVER", "events": [{"introduced": "0"}]}]


def document(name, ident="F-1", versions=("1.0.0",), ecosystem="npm", **more):
    entry = {"package": {"ecosystem": ecosystem, "name": name}}
    if versions:
        entry["versions"] = list(versions)
    doc = {
        "schema_version": "1.6.0", "id": ident,
        "modified": "2026-03-01T10:00:00Z",
        "published": "2026-03-01T09:00:00Z",
        "details": f"It sends files of {name} away.",
        "affected": [entry],
    }
    doc.update(more)
    return doc


class Database:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="report-test-")
        self.db = os.path.join(self.dir, "db")
        self.feed = os.path.join(self.dir, "feed")
        os.mkdir(self.feed)

    def close(self):
        shutil.rmtree(self.dir)

    def put(self, name, content):
        """A file of the feed; dict or bytes."""
        path = os.path.join(self.feed, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        # Another inode each time: the index sees that it is another file.
        with open(path + ".new", "wb") as f:
            f.write(content)
        os.rename(path + ".new", path)
        return path

    def put_tree(self, path, doc, tree="malicious"):
        """A report as a person leaves it in the tree."""
        with open(os.path.join(self.db, "osv", tree, path), "w") as f:
            json.dump(doc, f)

    def clear(self):
        shutil.rmtree(self.feed)
        os.mkdir(self.feed)

    def run(self, verb, *args, db=True, want=0):
        argv = [COMMAND, verb] + (["--db", self.db] if db else [])
        done = subprocess.run(argv + list(args), capture_output=True,
                              timeout=120, text=True, errors="replace")
        if want is not None and done.returncode != want:
            raise AssertionError(
                f"{verb} {args}: status {done.returncode}, wanted {want}\n"
                f"{done.stdout}{done.stderr}")
        return done

    def ingest(self, *args, source="feed", want=0):
        return self.run("ingest", "--source", source, "-v", *args, self.feed,
                        want=want)

    def files(self, tree="malicious"):
        top = os.path.join(self.db, "osv", tree)
        return sorted(os.path.relpath(p, top) for p in
                      glob.glob(top + "/**/*.json", recursive=True))

    def read(self, path, tree="malicious"):
        with open(os.path.join(self.db, "osv", tree, path)) as f:
            return json.load(f)

    def held(self):
        return json.loads(self.run("held", "--json", "list").stdout)

    def only(self, tree="malicious"):
        files = self.files(tree)
        assert len(files) == 1, files
        return self.read(files[0], tree)

    def content(self):
        """Every file of every tree and its bytes."""
        top = os.path.join(self.db, "osv")
        return {os.path.relpath(p, top): open(p, "rb").read() for p in
                glob.glob(top + "/*/**/*.json", recursive=True)}

    def valid(self):
        """Every tree passes the house rules; nothing is half-written."""
        for tree in ("malicious", "withdrawn"):
            path = os.path.join(self.db, "osv", tree)
            if os.path.isdir(path):
                self.run("validate", "--profile", "malicious", path, db=False)


def load(name):
    """Another test as a module: it has the helpers for what is published."""
    loader = importlib.machinery.SourceFileLoader(
        "test_of_" + name,
        os.path.join(os.path.dirname(os.path.abspath(__file__)), name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def main(module):
    """Runs every function test_* with a database of its own."""
    failed = 0
    only = sys.argv[2:]
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or (only and name not in only):
            continue
        base = Database()
        try:
            function(base)
            print("ok", name)
        except AssertionError as e:
            failed += 1
            import traceback
            traceback.print_exc()
            print("FAIL", name, e)
        finally:
            base.close()
    sys.exit(1 if failed else 0)
