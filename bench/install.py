# SPDX-License-Identifier: Apache-2.0
"""One npm install from a warm cache, wherever it runs; bench/run and
bench/profile share it.

Measured between two marks of the script, so that neither the start of the
sandbox nor the loading of programs counts: wall time by the script, processor
time from the accounts of its control group, which this side reads at the
marks. On the host the group is ours, and has in it who watches as well.
"""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAZARET = os.path.join(HERE, "../build/lazaret")
# For the native build: the headers of the node that runs.
SOURCE = """export npm_config_build_from_source=true
export npm_config_nodedir="$(dirname "$(dirname "$(command -v node)")")"
"""
SCRIPT = """set -e
cd
mkdir -p .npm work
tar -xf /tmp/cache.tar -C .npm
cd work
echo '{"name":"work","version":"1.0.0","allowScripts":{"%(name)s":true}}' \\
	>package.json
%(before)secho begin
read go
begin=$(date +%%s%%N)
npm install --offline --no-audit --no-fund %(name)s >/tmp/out 2>&1 || {
	cat /tmp/out
	exit 1
}
end=$(date +%%s%%N)
echo "ns $((end - begin))"
read go
"""


def run(args, **kw):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, **kw)
    if done.returncode != 0:
        sys.exit(f"{' '.join(args)[:200]}: status {done.returncode}\n"
                 f"{done.stdout[-1000:]}\n{done.stderr[-1000:]}")
    return done.stdout


def descendants(pid):
    """Processes below pid, itself first: pid and name."""
    parents, names = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8",
                      errors="replace") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        names[int(name)] = head.split("(", 1)[1]
        parents.setdefault(int(tail.split()[1]), []).append(int(name))
    found, left = [], [pid]
    while left:
        at = left.pop(0)
        found.append((at, names.get(at, "")))
        left += parents.get(at, [])
    return found


def account_mounts():
    """Where control groups with an account of processor time are mounted."""
    mounts = {}
    with open("/proc/mounts", encoding="utf-8") as f:
        for line in f:
            _, where, kind, options = line.split()[:4]
            if kind == "cgroup" and "cpuacct" in options.split(","):
                mounts["1"] = where
            elif kind == "cgroup2":
                mounts["2"] = where
    return mounts


def account_in(group, version):
    return group + ("/cpu.stat" if version == "2" else "/cpuacct.usage")


def account_file(pid):
    """The file with the processor time of a process's control group: of the
    unified hierarchy, unless the process is at its top."""
    mounts = account_mounts()
    older = None
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        for line in f:
            _, controllers, path = line.strip().split(":", 2)
            if controllers == "" and path != "/":
                return account_in(mounts["2"] + path, "2")
            if "cpuacct" in controllers.split(","):
                older = account_in(mounts["1"] + path, "1")
    return older


@contextlib.contextmanager
def own_group():
    """A control group of our own: its folder and its account."""
    version, where = max(account_mounts().items())
    group = tempfile.mkdtemp(prefix="lazaret-bench-", dir=where)
    try:
        yield group, account_in(group, version)
    finally:
        for _ in range(100):
            try:
                os.rmdir(group)
                return
            except OSError:  # somebody is about to end
                time.sleep(0.05)
        sys.exit(f"{group}: processes are left")


def cpu_used(path):
    """Seconds."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if path.endswith("usage"):
        return int(text) / 1e9
    return int(text.split()[1]) / 1e6  # usage_usec


class Install:
    """npm install of a package, however it is watched."""

    def __init__(self, package, from_source=False):
        self.package = package
        self.tar = None
        self.script = SCRIPT % {"name": package,
                                "before": SOURCE if from_source else ""}

    def prepare(self, top):
        if self.tar:
            return
        cache = os.path.join(top, "cache-" + self.package)
        folder = tempfile.mkdtemp(dir=top)
        run(["npm", "install", "--cache", cache, "--ignore-scripts",
             "--no-audit", "--no-fund", self.package], cwd=folder)
        self.tar = os.path.join(folder, "cache.tar")
        run(["tar", "-cf", self.tar, "-C", cache, "."])

    def inside(self, *options, mark=None):
        """In the sandbox: wall and processor time. mark is called with the
        supervisor's pid before and after the install, and when its readers
        have had half a second more."""
        with subprocess.Popen(
                [LAZARET, "sandbox", "run", "--image", "npm", "--quiet",
                 *options, "--put", f"{self.tar}:/tmp/cache.tar", "--", "sh",
                 "-c", self.script], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True) as child:
            try:
                return self.follow(child, mark)
            finally:
                child.kill()

    def follow(self, child, mark=None, account=None):
        if child.stdout.readline().strip() != "begin":
            sys.exit("the script did not begin")
        if account is None:
            shell = [pid for pid, name in descendants(child.pid)
                     if name == "sh"]
            account = account_file(shell[0])
        if mark:
            mark(child.pid)
        before = cpu_used(account)
        child.stdin.write("go\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line.startswith("ns "):
            sys.exit(f"npm install failed: {line}{child.stdout.read()}")
        cpu = cpu_used(account) - before
        if mark:
            mark(child.pid)
            time.sleep(0.5)
            mark(child.pid)
        child.stdin.write("go\n")
        child.stdin.close()
        if child.wait() != 0:
            sys.exit(f"npm install: status {child.returncode}")
        return int(line.split()[1]) / 1e9, cpu

    def outside(self, *prefix):
        """On the host, with a home of its own, behind another program."""
        home = tempfile.mkdtemp(prefix="lazaret-bench-home-")
        script = self.script.replace("/tmp/cache.tar", self.tar) \
            .replace("/tmp/out", home + "/out")
        try:
            with own_group() as (group, account), subprocess.Popen(
                    ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"',
                     group, *prefix, "env", "-i", f"HOME={home}",
                     f"PATH={os.environ['PATH']}", "sh", "-c", script],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    text=True) as child:
                try:
                    return self.follow(child, account=account)
                finally:
                    child.kill()
                    child.wait()
        finally:
            shutil.rmtree(home)
