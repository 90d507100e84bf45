# SPDX-License-Identifier: Apache-2.0
"""A server on a free port of loopback, and ways to talk to it."""
import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

BUILD = sys.argv[1]
MAKE = os.path.join(BUILD, "tests/serve/make-snapshot")
LOAD = os.path.join(BUILD, "tests/serve/load")
COMMAND = os.path.join(BUILD, "libexec/lazaret/serve")
COMMIT = "6879efc2c1596d11a6a6ad296f80063b558d5e0f"


def document(ident, ecosystem="npm", name="evil", versions=("1.0.0",), **more):
    doc = {"schema_version": "1.7.3", "id": ident,
           "modified": "2026-03-01T10:00:00Z",
           "affected": [{"package": {"ecosystem": ecosystem, "name": name},
                         "versions": list(versions)}]}
    doc.update(more)
    return doc


DOCUMENTS = [
    document("MAL-2026-1"),
    document("MAL-2026-2", "PyPI", "bad-pkg", ["1.0"]),
    document("MAL-2026-3", name="gone", withdrawn="2026-04-01T00:00:00Z"),
    document("MAL-2026-4", name="@scope/x", aliases=["GHSA-aaaa-bbbb-cccc"]),
    {"id": "OSV-2026-5", "modified": "2026-03-01T10:00:00Z",
     "affected": [{"ranges": [{
         "type": "GIT", "repo": "https://git.test/a/b",
         "events": [{"introduced": COMMIT}]}]}]},
]
EVIL = {"version": "1.0.0", "package": {"name": "evil", "ecosystem": "npm"}}


def text_of(doc):
    return json.dumps(doc, separators=(",", ":"))


def make(path, documents):
    lines = "\n".join(text_of(d) for d in documents).encode()
    subprocess.run([MAKE, path], input=lines, check=True, timeout=60)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """Options may name DIR, the server's own folder. stuck: the access log
    goes to a standard error that nobody reads."""

    def __init__(self, *options, documents=DOCUMENTS, prepare=None,
                 stuck=False):
        self.dir = tempfile.mkdtemp(prefix="serve-test-")
        self.snapshot = os.path.join(self.dir, "db.snapshot")
        make(self.snapshot, documents)
        if prepare:
            prepare(self.dir)
        self.errors = open(os.path.join(self.dir, "stderr"), "w+b")
        argv = [COMMAND, "--snapshot", self.snapshot, "--listen",
                "127.0.0.1:0"]
        argv += [o.replace("DIR", self.dir) for o in options]
        self.process = subprocess.Popen(
            argv + ["--access-log", "-"] * stuck, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stuck else self.errors)
        atexit.register(self.process.kill)  # also when a test fails
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"listening on https?://127.0.0.1:(\d+)\n", line)
        assert found, f"printed {line!r}\n{self.stderr()}"
        self.port = int(found[1])

    def stderr(self):
        with open(self.errors.name, encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def connect(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def request(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        answer = Answer(r.status, r.msg, r.read())
        c.close()
        return answer

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def post(self, path, value):
        body = value if isinstance(value, (bytes, str)) else text_of(value)
        return self.request("POST", path, body)

    def ids(self, query=None):
        vulns = self.post("/v1/query", query or EVIL).json().get("vulns", [])
        return [v["id"] for v in vulns]

    def raw(self, data, timeout=20):
        """Everything that comes back until the server hangs up."""
        with self.connect(timeout) as s:
            s.sendall(data)
            return read_all(s)

    def figure(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(f"lazaret_serve_{name} "):
                return float(line.split()[1])
        raise AssertionError(f"no figure {name}")

    def workers(self):
        out = subprocess.run(["ps", "-o", "pid=", "--ppid",
                              str(self.process.pid)], capture_output=True,
                             text=True, check=True).stdout
        return [int(pid) for pid in out.split()]

    def stop(self, wait=30):
        """SIGTERM: it ends well, and had nothing to say of itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(wait)
        said = self.stderr()
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()
        self.errors.close()
        shutil.rmtree(self.dir)
        assert status == 0, f"status {status}\n{said}"
        for bad in ("Sanitizer", "runtime error", "listener:"):
            assert bad not in said, said
        return said

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        self.process.kill()
        self.process.wait()
        sys.stderr.write(self.stderr())
        shutil.rmtree(self.dir)


def read_all(s):
    out = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                return out
            out += piece
    except ConnectionResetError:
        return out


def eventually(function, seconds=15):
    """Waits for it to be true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if function():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to be")


def head(method, path, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *lines,
                        "", ""]).encode()


def query_bytes(query=None, *lines):
    body = text_of(query or EVIL).encode()
    return head("POST", "/v1/query", f"Content-Length: {len(body)}",
                *lines) + body


def main(module):
    failed = 0
    for name, function in list(vars(module).items()):
        if not name.startswith("test_") or name not in (sys.argv[2:] or name):
            continue
        begun = time.monotonic()
        try:
            function()
            print(f"ok {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"FAIL {name}", flush=True)
    sys.exit(1 if failed else 0)
