# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a stand-in registry that serves
tests/fixtures/npm, a home with an .npmrc that names it, a state folder of the
test's own that has the images of the machine.

Where tests/as-user runs a test with AS_USER_STAY, the test stays root, and what
it tests is run by that user, with a copy of the image that belongs to the
user's subordinate ids."""
import os
import shutil
import subprocess
import sys
import tempfile

IMAGES = os.environ.get("LAZARET_TEST_IMAGES", "/var/lib/lazaret/images")


def need_root():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)


def give(top, first):
    """Adds first to every id below top."""
    linked = set()
    for folder, folders, names in os.walk(top):
        for path in [folder] + [
                os.path.join(folder, name) for name in names + folders
                if name in names or os.path.islink(os.path.join(folder, name))]:
            st = os.lstat(path)
            if st.st_ino in linked:
                continue
            if st.st_nlink > 1 and not os.path.isdir(path):
                linked.add(st.st_ino)
            os.lchown(path, st.st_uid + first, st.st_gid + first)
            if not os.path.islink(path):
                os.chmod(path, st.st_mode & 0o7777)


class User:
    """Whom tests/as-user made up: NUMBER:FIRST-SUBORDINATE-ID"""

    def __init__(self, words):
        self.id, self.first = (int(word) for word in words.split(":"))
        self.prefix = ["setpriv", f"--reuid={self.id}", f"--regid={self.id}",
                       "--clear-groups"]

    def take(self, *paths):
        for path in paths:
            os.chown(path, self.id, self.id)

    def image(self, program, images):
        """The machine's image, copied and given away as a build does it."""
        have = os.path.join(IMAGES, "npm")
        if not os.path.exists(os.path.join(have, "current")):
            subprocess.run([program, "image", "build", "npm"], check=True)
        name = os.readlink(os.path.join(have, "current"))
        home = os.path.join(images, "npm")
        os.makedirs(home, mode=0o700)
        subprocess.run(["cp", "-a", os.path.join(have, name), home],
                       check=True)
        os.symlink(name, os.path.join(home, "current"))
        top = os.path.join(home, name)
        give(os.path.join(top, "rootfs"), self.first)
        for ca in os.listdir(top):
            if not ca.startswith("ca-"):
                continue
            ca = os.path.join(top, ca)
            give(os.path.join(ca, "layer"), self.first)
            self.take(ca, os.path.join(ca, "cert.pem"),
                      os.path.join(ca, "key.pem"))
        self.take(images, home, top, os.path.join(top, "manifest.json"))


class Lab:
    """A place to run the program in; everything is gone at its end."""

    def __init__(self, program, source, user=True):
        self.program = os.path.abspath(program)
        words = os.environ.get("AS_USER_STAY_ID") if user else None
        self.user = User(words) if words else None
        self.source = os.path.abspath(source)
        self.top = tempfile.mkdtemp(prefix="lazaret-e2e-")
        self.state = os.path.join(self.top, "state")
        self.home = os.path.join(self.top, "home")
        os.makedirs(self.home)
        os.makedirs(self.state, mode=0o700)
        os.makedirs(IMAGES, mode=0o700, exist_ok=True)
        if self.user:
            os.chmod(self.top, 0o755)
            os.makedirs(os.path.join(self.state, "images"), mode=0o700)
            self.user.image(self.program, os.path.join(self.state, "images"))
            self.user.take(self.top, self.home, self.state)
        else:
            os.symlink(IMAGES, os.path.join(self.state, "images"))
        self.log = os.path.join(self.top, "registry.log")
        self.registry = None

    def __enter__(self):
        self.start_registry()
        with open(os.path.join(self.home, ".npmrc"), "w",
                  encoding="utf-8") as npmrc:
            npmrc.write(f"registry={self.url}\n")
        return self

    def __exit__(self, *exc):
        self.stop_registry()
        shutil.rmtree(self.top, ignore_errors=True)

    def start_registry(self):
        self.registry = subprocess.Popen(
            [sys.executable, os.path.join(self.source,
                                          "tests/registry/registry.py"),
             "--packages", os.path.join(self.source, "tests/fixtures/npm"),
             "--log", self.log, "--stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.url = self.registry.stdout.readline().strip()
        if not self.url.startswith("http://127.0.0.1:"):
            sys.exit(f"the stand-in registry said {self.url!r}")

    def stop_registry(self):
        if self.registry is not None:
            self.registry.stdin.close()	# it ends with its input
            self.registry.wait()
            self.registry.stdout.close()
            self.registry = None

    def environment(self):
        keep = {k: v for k, v in os.environ.items()
                if not k.lower().startswith("npm_config_")}
        return {**keep, "HOME": self.home, "LAZARET_STATE": self.state,
                "npm_config_userconfig": os.path.join(self.home, ".npmrc")}

    def start(self, *args, **kw):
        return subprocess.Popen([*self.prefix(), self.program, *args],
                                cwd=self.home, env=self.environment(), **kw)

    def prefix(self):
        return self.user.prefix if self.user else []

    def lazaret(self, *args, timeout=900):
        return subprocess.run([*self.prefix(), self.program, *args],
                              cwd=self.home, env=self.environment(),
                              timeout=timeout,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding="utf-8", errors="replace")

    def baseline(self, recorder=None):
        """The image and what the empty package does are there before things
        run side by side."""
        done = self.lazaret("analyze", "--quiet",
                            *(["--recorder=" + recorder] if recorder else []),
                            "pkg:npm/%40lazaret-fixture/no-script")
        if done.returncode == 4:
            sys.exit("analyze cannot run here: " + done.stderr)
