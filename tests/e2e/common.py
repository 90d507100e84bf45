# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a stand-in registry that serves
tests/fixtures/npm, a home with an .npmrc that names it, a state folder of the
test's own that has the images of the machine."""
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


class Lab:
    """A place to run the program in; everything is gone at its end."""

    def __init__(self, program, source):
        self.program = os.path.abspath(program)
        self.source = os.path.abspath(source)
        self.top = tempfile.mkdtemp(prefix="lazaret-e2e-")
        self.state = os.path.join(self.top, "state")
        self.home = os.path.join(self.top, "home")
        os.makedirs(self.home)
        os.makedirs(self.state, mode=0o700)
        os.makedirs(IMAGES, mode=0o700, exist_ok=True)
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
        return subprocess.Popen([self.program, *args], cwd=self.home,
                                env=self.environment(), **kw)

    def lazaret(self, *args, timeout=900):
        return subprocess.run([self.program, *args], cwd=self.home,
                              env=self.environment(), timeout=timeout,
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
