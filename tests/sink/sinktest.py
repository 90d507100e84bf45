# SPDX-License-Identifier: Apache-2.0
"""What the tests of the sink share: clients, DNS messages, and the run.

A test is a file with client(box), which runs inside the sandbox's namespace
and returns something that JSON can hold, and test methods that look at that
and at the facts.
"""
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest

RESOLVER = "203.0.113.53"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16,
         "AAAA": 28, "SRV": 33, "HTTPS": 65, "ANY": 255}


def wire_name(labels):
    """A name of byte labels, or of dotted text."""
    if isinstance(labels, str):
        labels = [part.encode() for part in labels.split(".") if part]
    return b"".join(bytes([len(x)]) + x for x in labels) + b"\0"


def dns_message(name, kind="A", extra=b"", arcount=0, number=0x1234):
    return (struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, arcount)
            + wire_name(name) + struct.pack(">HH", TYPES[kind], 1) + extra)


def skip_name(message, at):
    while True:
        n = message[at]
        if n >= 0xc0:
            return at + 2
        if n == 0:
            return at + 1
        at += 1 + n


def dns_answers(message):
    """rcode and the data of each answer."""
    flags, questions, answers = struct.unpack(">HHH", message[2:8])
    at, found = 12, []
    for _ in range(questions):
        at = skip_name(message, at) + 4
    for _ in range(answers):
        at = skip_name(message, at)
        kind, _, _, n = struct.unpack(">HHIH", message[at:at + 10])
        found.append((kind, message[at + 10:at + 10 + n]))
        at += 10 + n
    return flags & 15, found


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ask(name, kind="A", resolver=RESOLVER, port=53, timeout=3):
    """One question by UDP, over a connected socket: the reply must come from
    the address and port that were asked."""
    with socket.socket(family_of(resolver), socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((resolver, port))
        for attempt in range(3):  # as every stub resolver does
            s.send(dns_message(name, kind))
            try:
                return dns_answers(s.recv(4096))
            except TimeoutError:
                if attempt == 2:
                    raise


def resolve(name):
    return socket.inet_ntoa(ask(name)[1][0][1])


def say(address, port, data, timeout=3.0, half_close=False, until=None):
    """Sends, then reads until the end, the time-out, or `until`."""
    with socket.create_connection((address, port), timeout=timeout) as s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        return listen(s, until)


def listen(s, until=None):
    got = b""
    try:
        while until is None or until not in got:
            part = s.recv(65536)
            if not part:
                break
            got += part
    except (TimeoutError, ConnectionResetError):
        pass
    return got


def split_answer(data):
    """Status, headers (lower case), body."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict(x.lower().split(": ", 1) for x in lines[1:] if ": " in x)
    return int(lines[0].split()[1]) if lines[0] else 0, headers, body


def http(host, target, method="GET", headers=None, body=b"", address=None,
         tls=None):
    """One request on a connection of its own: status, headers, body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}",
             "Connection: close"]
    lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    address = address or resolve(host)
    s = socket.create_connection((address, 443 if tls else 80), timeout=10)
    if tls:
        s = tls.wrap_socket(s, server_hostname=host)
    with s:
        s.sendall(data)
        return split_answer(listen(s))


def trusting(box):
    return ssl.create_default_context(cafile=os.path.join(box, "ca.pem"))


class Facts:
    """The facts of a run, by table."""

    def __init__(self, path):
        self.tables = {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                fact = json.loads(line)
                self.tables.setdefault(fact.pop("table"), []).append(fact)
        self.blobs = {}
        folder = os.path.join(os.path.dirname(path), "blob")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as f:
                self.blobs[name] = f.read()

    def rows(self, table, **want):
        return [x for x in self.tables.get(table, [])
                if all(x.get(k) == v for k, v in want.items())]

    def one(self, table, **want):
        rows = self.rows(table, **want)
        if len(rows) != 1:
            raise AssertionError(f"{len(rows)} rows in {table} with {want}")
        return rows[0]

    def payload(self, **want):
        """All bytes kept of a connection or exchange."""
        return b"".join(self.blobs[x["sha256"]]
                        for x in self.rows("payload", **want) if x["kept"])


class SinkCase(unittest.TestCase):
    """One run; its client has answered in cls.said."""
    mode = "refuse"
    relay = {}
    decoy = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sink-test-")
        cls.box = cls.folder.name
        os.chmod(cls.box, 0o777)
        for name in ("relay", "blob"):
            os.mkdir(os.path.join(cls.box, name))
        for name, content in cls.relay.items():
            with open(os.path.join(cls.box, "relay", name), "wb") as f:
                f.write(content)
        cls.authority(cls.box)
        done = subprocess.run(
            [HARNESS, cls.box, cls.mode, sys.executable, sys.argv[0],
             "--client", cls.__name__, cls.box],
            capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            raise AssertionError(
                f"status {done.returncode}\n{done.stdout}{done.stderr}")
        if "Sanitizer" in done.stderr or "runtime error" in done.stderr:
            raise AssertionError(done.stderr)
        with open(os.path.join(cls.box, "said.json"), encoding="utf-8") as f:
            cls.said = json.load(f)
        cls.facts = Facts(os.path.join(cls.box, "facts.jsonl"))

    @classmethod
    def authority(cls, box):
        make_authority(box)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def client(cls, box):
        raise NotImplementedError

    def read(self, name):
        with open(os.path.join(self.box, name), "rb") as f:
            return f.read()


def make_authority(box):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
         "/CN=Root of the test", "-addext",
         "basicConstraints=critical,CA:TRUE", "-addext",
         "keyUsage=critical,keyCertSign",
         "-keyout", os.path.join(box, "key.pem"),
         "-out", os.path.join(box, "ca.pem")],
        check=True, capture_output=True)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


HARNESS = ""


def main(module):
    """`TEST HARNESS` runs the tests; `TEST --client CLASS BOX` is the end
    inside the namespace."""
    global HARNESS
    if sys.argv[1] == "--client":
        case, box = getattr(module, sys.argv[2]), sys.argv[3]
        with open(os.path.join(box, "said.json"), "w", encoding="utf-8") as f:
            json.dump(case.client(box), f)
        return
    HARNESS = os.path.abspath(sys.argv.pop(1))
    os.environ["LAZARET_LIBEXEC_DIR"] = os.path.join(
        os.path.dirname(HARNESS), "../../libexec/lazaret")
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        sys.exit(77)
    started = time.monotonic()
    result = unittest.TextTestRunner(verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(module))
    print(f"{time.monotonic() - started:.1f} s")
    sys.exit(not result.wasSuccessful())
