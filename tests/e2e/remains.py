# SPDX-License-Identifier: Apache-2.0
"""What a running analysis is made of, and what of it is still there."""
import glob
import os
import subprocess

NAMESPACES = ("mnt", "net", "pid", "ipc", "uts", "user", "cgroup", "time")


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def processes():
    """pid -> (start time, parent)"""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            rest = read(f"/proc/{name}/stat").rpartition(b")")[2].split()
            if len(rest) > 20:
                found[int(name)] = (rest[19], int(rest[1]))
    return found


def ticks():
    """Now, as the start times of processes are told."""
    return float(read("/proc/uptime").split()[0]) * os.sysconf("SC_CLK_TCK")


def namespaces(pids):
    found = set()
    for pid in pids:
        for kind in NAMESPACES:
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/{kind}"))
            except OSError:
                pass
    return found


def groups(pids):
    """Folders of control groups, whatever hierarchy they are in."""
    found = set()
    for pid in pids:
        for line in read(f"/proc/{pid}/cgroup").decode().splitlines():
            found.add(line.split(":", 2)[2])
    return found - {"/"}


def group_folders(names):
    return [path for name in names
            for path in glob.glob("/sys/fs/cgroup" + name) +
            glob.glob("/sys/fs/cgroup/*" + name)]


def interfaces():
    out = subprocess.run(["ip", "-o", "link"], stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    return {line.split(":")[1].strip() for line in out.splitlines()}


def is_reaped(pid):
    """It has ended, and process 1 is who will hear of it: when, is not ours."""
    rest = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return rest[:2] == [b"Z", b"1"]


class Trace:
    """What a running analysis is made of, gathered while it runs."""

    def __init__(self, root):
        self.own = namespaces(["self"])
        self.own_groups = groups(["self"])
        self.root = root
        self.pids, self.namespaces, self.groups = {}, set(), set()
        self.looked_at = ticks()

    def look(self):
        self.looked_at = ticks()
        now = processes()
        # The same number with another start is somebody else by now.
        mine = {pid for pid, start in self.pids.items()
                if pid in now and now[pid][0] == start} | {self.root}
        size = 0
        while size != len(mine):	# children, and children of those
            size = len(mine)
            mine |= {p for p, (_, parent) in now.items() if parent in mine}
        # What was handed to another parent is still in our groups.
        for pid in now.keys() - mine:
            if groups([pid]) & self.groups:
                mine.add(pid)
        for pid in mine & now.keys():
            self.pids.setdefault(pid, now[pid][0])
        self.namespaces |= namespaces(mine) - self.own
        self.groups |= groups(mine) - self.own_groups
        return mine

    def is_inside(self, pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/user") in self.namespaces
        except OSError:
            return False

    def left(self):
        now = processes()
        out = [f"process {pid} {read(f'/proc/{pid}/cmdline')[:80]!r}"
               for pid, start in self.pids.items()
               if pid in now and now[pid][0] == start and
               not is_reaped(pid)]
        # The kernel gives numbers of namespaces anew: sandboxes that others
        # have started since are not ours, nor is who enters one of theirs
        # from outside. Whatever the run left lives in a user namespace that
        # it made, or was seen.
        alive = namespaces(pid for pid, (start, _) in now.items()
                           if int(start) <= self.looked_at and
                           (self.pids.get(pid) == start or
                            self.is_inside(pid)))
        out += [f"namespace {ns}" for ns in self.namespaces & alive]
        out += [f"group {path}" for path in group_folders(self.groups)]
        return out


def running(trace, word):
    return any(word in read(f"/proc/{pid}/cmdline") for pid in trace.look())


def files_left(lab):
    out = []
    top = os.path.join(lab.state, "runtime")
    for folder, _, names in os.walk(top):
        out += [os.path.join(folder, name) for name in names]
        # Folders of runs lie in one that stays.
        if folder not in (top, os.path.join(top, "sandbox")):
            out.append(folder)
    # Not glob: that follows links, and an image has some into the host.
    for folder, folders, names in os.walk(lab.state):
        out += [os.path.join(folder, name) for name in folders + names
                if name.startswith(".tmp-")]
    return [f"file {name}" for name in out
            if not name.endswith(("/lock", "/.lock"))]


def mounts_left(lab):
    return [f"mount {line}" for line in
            read("/proc/self/mountinfo").decode().splitlines()
            if lab.state in line]
