# SPDX-License-Identifier: Apache-2.0
"""What the tests of `lazaret recorder serve` share: a loader on a socket of our
own, control groups, clients. Arguments: LAZARET RUN PROBE CLIENT."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

lazaret, run, probe, client = map(os.path.abspath, sys.argv[1:])
WITHOUT = os.environ.get("LAZARET_TEST_WITHOUT", "")	# tests/without
NOBODY = 65534
SLOW_SECONDS = 60 * int(os.environ.get("LAZARET_TEST_SLOW", "1"))
folder = tempfile.mkdtemp(prefix="lazaret-loader-")
os.chmod(folder, 0o755)
SOCKET = os.path.join(folder, "sock")
ENV = {**os.environ, "LAZARET_RECORDER_SOCKET": SOCKET,
       "LAZARET_LIBEXEC_DIR": os.path.join(os.path.dirname(lazaret),
                                           "libexec/lazaret")}
n = failures = 0
groups = []


def check(ok, what, said="", needs=None):
    """Without the safeguard that it needs, it fails."""
    global n, failures
    n += 1
    ok = bool(ok) != (needs == WITHOUT)
    failures += not ok
    print("ok" if ok else "not ok", n, "-", what, flush=True)
    if not ok and said:
        print("#", str(said).replace("\n", "\n# "), flush=True)
    return ok


def start_loader(*options):
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    p = subprocess.Popen([lazaret, "recorder", "serve", "--socket", SOCKET,
                          *options], stderr=subprocess.PIPE)
    deadline = time.monotonic() + SLOW_SECONDS
    while not os.path.exists(SOCKET) and time.monotonic() < deadline and \
            p.poll() is None:
        time.sleep(0.01)
    return p


def cgroup_root():
    with open("/proc/self/mounts") as f:
        for line in f:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    return None


def make_group(name, parent=None, owner=0):
    """The tests run side by side, and each would have one of this name."""
    path = os.path.join(parent or cgroup_root(), "%s-%d" % (name, os.getpid()))
    os.mkdir(path)
    os.chown(path, owner, owner)
    groups.append(path)
    return path


def register(path, uid=0):
    """The client, and what it was told."""
    p = subprocess.Popen([client, SOCKET, path, str(uid)], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return p, p.stdout.readline().strip()


def refused(path, word, what, uid=0):
    p, said = register(path, uid)
    p.communicate()
    check(word in said, what, said)


def start_sandbox(name, script):
    path = os.path.join(folder, name + ".laz")
    return path, subprocess.Popen(
        [lazaret, "sandbox", "run", "--quiet", "--recorder=ebpf", "--image=/",
         "--output=" + path, "--", "sh", "-c", script],
        env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(path, query):
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    return [r[0] for r in db.execute(query)]


def host(path):
    return json.loads(rows(path, "SELECT host FROM run")[0])


def until(condition):
    """Whether it came true in time."""
    deadline = time.monotonic() + (10 if WITHOUT else SLOW_SECONDS)
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def children(loader):
    with open("/proc/%d/task/%d/children" % (loader.pid, loader.pid)) as f:
        return f.read().split()


def door_of(loader):
    until(lambda: children(loader))
    return int(children(loader)[0])


def main(checks):
    if os.geteuid() != 0 or cgroup_root() is None:
        print("1..0 # SKIP needs root and cgroup v2")
        return 77
    loader = start_loader()
    if not os.path.exists(SOCKET) or loader.poll() is not None:
        print("1..0 # SKIP no loader:", loader.stderr.read().decode().strip())
        return 77
    os.chmod(SOCKET, 0o666)
    try:
        loader = checks(loader)
    finally:
        if loader.poll() is None:
            loader.kill()
            loader.wait()
        for g in reversed(groups):
            os.rmdir(g)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    print("1..%d" % n)
    return failures != 0
