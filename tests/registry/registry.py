#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in npm registry on loopback, for tests.

    registry.py --packages FOLDER... [--port N] [--log FILE] [--fault SPEC]...

Serves every package below the folders: a folder with a package.json, or a folder of
such folders (several versions of one package). Packages are packed on the fly,
always to the same bytes. Beside package.json may lie registry.json, which is
taken off the archive and says what the registry knows about the version:

    {"time": "2024-01-01T00:00:00.000Z", "user": {"name": "a"}, "tags": ["x"],
     "deprecated": "use b", "signatures": true, "maintainers": [{"name": "a"}],
     "manifest": {...}}          # members of the document that differ

Without "tags" the highest version (by number) is `latest`.

Prints the base address on standard output once it listens; runs until it is
killed, or with --stdin until its standard input ends. --log gets one JSON object per request: {"method", "path", "accept", "authorization",
"if_none_match", "status"}.

Faults, for tests of clients. SPEC is NAME=WHAT, NAME a package or NAME@archive
for its archives; more can be set at run time by PUT /-/fault with the SPEC as
the body, and all are forgotten by DELETE /-/fault. WHAT:

    STATUS              answer with this status (404, 500, 403, ...)
    STATUS*N[:AFTER]    the first N times only; AFTER: Retry-After in seconds
    notjson             a page of HTML
    othername           a document about another package
    unpublished         everything was unpublished
    corrupt             archive with a byte changed at its end
    badintegrity        document promises another hash
    huge                says that 100 GB follow
    bomb                300 MB of zeros, compressed to a few hundred kB
    redirect:URL        302 to URL
    loop                302 to itself
    foreign:BASE        archive addresses in the document begin with BASE
    slow                sends nothing for 30 s
    cut                 closes the connection half-way
"""
import argparse
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import socketserver
import sys
import tarfile
import threading
import time
import urllib.parse

MTIME = 499162500       # what npm gives to every file
SHORT = "application/vnd.npm.install-v1+json"
SHORT_MEMBERS = (
    "name", "version", "deprecated", "dependencies", "optionalDependencies",
    "devDependencies", "bundleDependencies", "peerDependencies",
    "peerDependenciesMeta", "bin", "directories", "engines", "os", "cpu",
    "libc", "dist", "hasInstallScript", "funding")


def pack(folder):
    """The package as npm would pack it: sorted, no owners, one date."""
    files = []
    for root, dirs, names in os.walk(folder):
        dirs[:] = sorted(d for d in dirs if d not in ("node_modules", ".git"))
        for name in sorted(names):
            path = os.path.join(root, name)
            inner = os.path.relpath(path, folder)
            if inner != "registry.json" and os.path.isfile(path):
                files.append((inner, path))
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for inner, path in sorted(files):
            info = tarfile.TarInfo("package/" + inner)
            info.mtime = MTIME
            info.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            with open(path, "rb") as file:
                data = file.read()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def version_key(version):
    core = version.split("+")[0].split("-")[0]
    return ([int(x) if x.isdigit() else 0 for x in core.split(".")],
            "-" not in version, version)


class Version:
    def __init__(self, folder):
        with open(os.path.join(folder, "package.json"), "rb") as file:
            self.manifest = json.loads(file.read().decode("utf-8-sig"))
        self.known = {}
        known = os.path.join(folder, "registry.json")
        if os.path.exists(known):
            with open(known, encoding="utf-8") as file:
                self.known = json.load(file)
        self.archive = pack(folder)
        self.name = self.manifest["name"]
        self.version = self.manifest["version"]

    def document(self, base, fault):
        digest = hashlib.sha512(self.archive).digest()
        if fault == "badintegrity":
            digest = hashlib.sha512(b"something else").digest()
        if fault.startswith("foreign:"):
            base = fault.split(":", 1)[1]
        doc = {k: v for k, v in self.manifest.items() if k != "files"}
        doc.update(self.known.get("manifest", {}))
        scripts = doc.get("scripts", {})
        if any(k in scripts for k in ("preinstall", "install", "postinstall")):
            doc["hasInstallScript"] = True
        if "deprecated" in self.known:
            doc["deprecated"] = self.known["deprecated"]
        if "user" in self.known:
            doc["_npmUser"] = self.known["user"]
        doc["dist"] = {
            "tarball": f"{base}{self.name}/-/{self.file()}",
            "integrity": "sha512-" + base64.b64encode(digest).decode(),
            "shasum": hashlib.sha1(self.archive).hexdigest(),
            "fileCount": self.archive.count(b"package/") or 1,
        }
        if self.known.get("signatures"):
            doc["dist"]["signatures"] = [{"keyid": "test", "sig": "test"}]
        return doc

    def file(self):
        return f"{self.name.split('/')[-1]}-{self.version}.tgz"


class Registry:
    def __init__(self, folders):
        self.packages = {}
        self.faults = {}
        self.lock = threading.Lock()
        for folder in folders:
            self.add_folder(folder)

    def add_folder(self, folder):
        for root, dirs, names in os.walk(folder):
            if "package.json" in names:
                dirs[:] = []
                version = Version(root)
                self.packages.setdefault(version.name, {})[
                    version.version] = version
            dirs.sort()

    def take_fault(self, name):
        """The fault for a name now: (what, retry-after)."""
        with self.lock:
            what = self.faults.get(name, "")
            head, _, after = what.partition(":")
            if "*" not in head:
                return what, None
            status, _, count = head.partition("*")
            left = int(count) - 1
            if left <= 0:
                del self.faults[name]
            else:
                self.faults[name] = f"{status}*{left}" + (
                    f":{after}" if after else "")
            return status, after or None

    def document(self, name, base, short, fault):
        versions = self.packages[name]
        order = sorted(versions, key=version_key)
        tags = {"latest": [v for v in order if "-" not in v or
                           len(order) == 1][-1]}
        for v in order:
            for tag in versions[v].known.get("tags", []):
                tags[tag] = v
        doc = {"name": name, "dist-tags": tags, "versions": {}}
        for v in order:
            one = versions[v].document(base, fault)
            if short:
                one = {k: one[k] for k in SHORT_MEMBERS if k in one}
            doc["versions"][v] = one
        if not short:
            times = {v: versions[v].known.get(
                "time", "2020-01-01T00:00:00.000Z") for v in order}
            doc["time"] = {"created": min(times.values()),
                           "modified": max(times.values()), **times}
            doc["maintainers"] = versions[order[-1]].known.get(
                "maintainers", [])
        if fault == "othername":
            doc["name"] = "some-other-package"
        if fault == "unpublished":
            doc = {"name": name, "time": {
                "created": "2020-01-01T00:00:00.000Z",
                "unpublished": {"time": "2021-01-01T00:00:00.000Z"}}}
        return json.dumps(doc).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.server.record(self, status)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/-/fault":
            self.answer(405)
            return
        name, _, what = body.decode().partition("=")
        self.server.registry.faults[name] = what
        self.answer(200)

    def do_DELETE(self):
        if self.path == "/-/fault":
            self.server.registry.faults.clear()
        self.answer(200 if self.path == "/-/fault" else 405)

    def do_GET(self):
        path = urllib.parse.unquote(self.path.split("?")[0]).lstrip("/")
        name, separator, file = path.partition("/-/")
        registry = self.server.registry
        what, after = registry.take_fault(
            name + "@archive" if separator else name)
        if self.fault(what, after):
            return
        if name not in registry.packages:
            self.answer(404, b'{"error":"not found"}')
        elif separator:
            self.send_archive(registry.packages[name], file, what)
        else:
            self.send_document(name, what)

    do_HEAD = do_GET

    def fault(self, what, after):
        """Whether the fault was the whole answer."""
        if what.isdigit():
            more = {"Retry_After": after} if after else {}
            self.answer(int(what), b"{}", **more)
        elif what == "notjson":
            self.answer(200, b"<html><body>Hello</body></html>")
        elif what == "huge":
            self.answer(200, b"{", Content_Length=str(100 * 10**9),
                        Connection="close")
            self.close_connection = True
        elif what == "bomb":
            self.answer(200, gzip.compress(bytes(300 * 1000 * 1000), 1),
                        Content_Encoding="gzip")
        elif what == "loop":
            self.answer(302, Location=self.path)
        elif what.startswith("redirect:"):
            self.answer(302, Location=what.split(":", 1)[1])
        elif what == "slow":
            time.sleep(30)
            self.answer(503)
        elif what == "cut":
            self.answer(200, b'{"name":', Content_Length="1000",
                        Connection="close")
            self.close_connection = True
        else:
            return False
        return True

    def send_document(self, name, what):
        short = SHORT in self.headers.get("Accept", "")
        body = self.server.registry.document(
            name, self.server.base, short, what)
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if self.headers.get("If-None-Match") == tag:
            self.answer(304, ETag=tag)
            return
        kind = SHORT if short else "application/json"
        self.answer(200, body, ETag=tag, Content_Type=kind)

    def send_archive(self, versions, file, what):
        for version in versions.values():
            if version.file() == file:
                body = version.archive
                if what == "corrupt":
                    body = body[:-1] + bytes([body[-1] ^ 1])
                self.answer(200, body,
                            Content_Type="application/octet-stream")
                return
        self.answer(404, b'{"error":"not found"}')


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port, registry, log):
        super().__init__(("127.0.0.1", port), Handler)
        self.registry = registry
        self.base = f"http://127.0.0.1:{self.server_address[1]}/"
        self.log = log
        self.log_lock = threading.Lock()

    def record(self, handler, status):
        if self.log is None:
            return
        get = handler.headers.get
        row = {"method": handler.command, "path": handler.path,
               "accept": get("Accept"), "authorization": get("Authorization"),
               "if_none_match": get("If-None-Match"), "status": status}
        with self.log_lock:
            self.log.write(json.dumps(row) + "\n")
            self.log.flush()

    def handle_error(self, request, client_address):
        pass                    # clients hang up; that is their right


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0])
    parser.add_argument("--packages", action="append", default=[])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log")
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--stdin", action="store_true")
    args = parser.parse_args()
    registry = Registry(args.packages)
    for spec in args.fault:
        name, _, what = spec.partition("=")
        registry.faults[name] = what
    log = open(args.log, "a", encoding="utf-8") if args.log else None
    server = Server(args.port, registry, log)
    print(server.base, flush=True)
    if not args.stdin:
        server.serve_forever()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()            # the end of our input ends us


if __name__ == "__main__":
    main()
