#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client of fetching, with its real roles, against a stand-in registry.

    fetch_test.py PROBE LIBEXEC REGISTRY.PY [TEST]...
"""
import hashlib
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest
import urllib.request

PROBE, LIBEXEC, REGISTRY = (os.path.abspath(x) for x in sys.argv[1:4])
BASE = "https://public.test/"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def package(folder, name, version="1.0.0", known=None, files=None, **more):
    at = os.path.join(folder, f"{name.replace('/', '+')}-{version}")
    manifest = {"name": name, "version": version, **more}
    write(os.path.join(at, "package.json"), json.dumps(manifest))
    write(os.path.join(at, "index.js"), "module.exports = 1;\n")
    for path, text in (files or {}).items():
        write(os.path.join(at, path), text)
    if known is not None:
        write(os.path.join(at, "registry.json"), json.dumps(known))
    return at


def fixtures(folder):
    for v in ("1.0.0", "1.2.0", "2.0.0-rc.1", "2.0.0"):
        package(folder, "root", v, dependencies={"dep": "^1.0.0"},
                known={"time": f"2024-0{len(v) % 9 + 1}-01T00:00:00.000Z",
                       "user": {"name": "a-person"}})
    package(folder, "root", "3.0.0-beta.1", known={"tags": ["next"]})
    package(folder, "dep", "1.1.0", dependencies={
        "other": "npm:real@1", "@scope/deep": "*"})
    package(folder, "@scope/deep")
    package(folder, "real")
    package(folder, "stranger")
    package(folder, "winonly", os=["win32"], cpu=["x64"])
    package(folder, "old", known={"deprecated": "use root"})


class Fetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="lazaret-fetch-")
        cls.packages = os.path.join(cls.top, "packages")
        fixtures(cls.packages)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def setUp(self):
        self.state = tempfile.mkdtemp(dir=self.top)
        self.home = tempfile.mkdtemp(dir=self.top)
        self.log = os.path.join(self.state, "log")
        self.server = None
        self.start()

    def tearDown(self):
        self.stop()

    def start(self, *faults):
        args = [sys.executable, REGISTRY, "--packages", self.packages,
                "--log", self.log]
        for fault in faults:
            args += ["--fault", fault]
        self.server = subprocess.Popen(args, stdout=subprocess.PIPE,
                                       text=True)
        self.url = self.server.stdout.readline().strip()

    def stop(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait()
            self.server.stdout.close()
            self.server = None

    def again(self, *faults):
        """Another registry with faults, under the same state."""
        self.stop()
        self.start(*faults)

    def npmrc(self, text):
        write(os.path.join(self.home, ".npmrc"), text)

    def run_probe(self, *words, options=(), env=None):
        clean = {k: v for k, v in os.environ.items()
                 if "proxy" not in k.lower() and "npm" not in k.lower()}
        clean.update({"HOME": self.home, "LAZARET_LIBEXEC_DIR": LIBEXEC,
                      "npm_config_globalconfig": "/nonexistent",
                      **(env or {})})
        args = [PROBE, "state=" + self.state, "base=" + BASE, "cwd=" +
                self.home, "timeout=2000", *options, *words]
        out = subprocess.run(args, env=clean, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=60,
                             check=False)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertNotIn("Sanitizer", out.stderr)
        self.stderr = out.stderr
        return [json.loads(line) for line in out.stdout.splitlines()]

    def ask(self, *words, registry=None, options=(), **more):
        where = ["registry=" + (registry or self.url)]
        return self.run_probe(*words, options=where + list(options), **more)

    def requests(self):
        with open(self.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def assertError(self, answer, *words, code=None):
        self.assertIn("error", answer)
        for word in words:
            self.assertIn(word, answer["error"])
        if code is not None:
            self.assertEqual(answer["code"], code)

    # ---- resolving

    def test_versions_tags_ranges(self):
        for want, version in ((None, "2.0.0"), ("1.0.0", "1.0.0"),
                              ("^1.0.0", "1.2.0"), ("next", "3.0.0-beta.1"),
                              (">=1 <2", "1.2.0"), ("*", "2.0.0"),
                              ("^3.0.0-beta", "3.0.0-beta.1"),
                              ("v1.2.0", "1.2.0"),
                              ("2.0.0-rc.1", "2.0.0-rc.1")):
            words = ["root", "root"] + ([want] if want else [])
            one, = self.ask(*words)
            self.assertEqual(one.get("version"), version, (want, one))
            self.assertEqual(one["purl"], "pkg:npm/root@" + version)

    def test_the_archive_is_kept_once_by_its_hash(self):
        target = os.path.join(self.state, "out.tgz")
        one, = self.ask("root", "root", ";", "archive-to", target)
        with open(target, "rb") as file:
            data = file.read()
        self.assertEqual(hashlib.sha256(data).hexdigest(), one["sha256"])
        blob = os.path.join(self.state, "blobs", one["sha256"][:2],
                            one["sha256"])
        with open(blob, "rb") as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(stat.S_IMODE(os.stat(blob).st_mode), 0o600)
        left = [f for _, _, names in os.walk(self.state) for f in names
                if f.startswith(".tmp")]
        self.assertEqual(left, [])

    def test_a_changed_blob_is_not_used(self):
        one, = self.ask("root", "root")
        blob = os.path.join(self.state, "blobs", one["sha256"][:2],
                            one["sha256"])
        with open(blob, "r+b") as file:
            file.write(b"x")
        two, = self.ask("root", "root")
        self.assertEqual(two["sha256"], one["sha256"])
        archives = [r for r in self.requests() if "/-/" in r["path"]]
        self.assertEqual(len(archives), 2)
        with open(blob, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(),
                             one["sha256"])

    def test_another_platform_is_told_not_refused(self):
        one, = self.ask("root", "winonly")
        self.assertEqual(one["mismatch"], 1)
        self.assertEqual(one["platform"], "os win32, cpu x64")
        self.assertEqual(self.ask("root", "root")[0]["mismatch"], 0)

    def test_deprecation_is_told(self):
        self.assertEqual(self.ask("root", "old")[0]["deprecated"], "use root")

    # ---- errors

    def test_unknown_package(self):
        one, = self.ask("root", "no-such-thing")
        self.assertError(one, "the registry has no package no-such-thing",
                         code=-2)

    def test_bad_name(self):
        one, = self.ask("root", "../etc")
        self.assertError(one, "is no npm package name")
        self.assertFalse(os.path.exists(self.log) and self.requests())

    def test_unknown_version_tag_range(self):
        for want in ("9.9.9", "nightly", "^9"):
            one, = self.ask("root", "root", want)
            self.assertError(one, "root has no", want, "2.0.0", code=-2)

    def test_unpublished(self):
        self.again("root=unpublished")
        self.assertError(self.ask("root", "root")[0],
                         "every version of root was unpublished")

    def test_not_json(self):
        self.again("root=notjson")
        self.assertError(self.ask("root", "root")[0],
                         "answer about root is not JSON")

    def test_document_of_another_package(self):
        self.again("root=othername")
        self.assertError(self.ask("root", "root")[0],
                         "answered about \"some-other-package\"")

    def test_integrity(self):
        self.again("root@archive=corrupt")
        self.assertError(self.ask("root", "root")[0], "root@2.0.0",
                         "not the one that was promised")
        self.again("root=badintegrity")
        self.assertError(self.ask("root", "root", "1.0.0")[0],
                         "not the one that was promised")
        one, = self.ask("get", "dep", "1.1.0", "sha512-" + "A" * 86 + "==")
        self.assertError(one, "not the one that was promised")
        blobs = os.path.join(self.state, "blobs")
        self.assertEqual(os.listdir(blobs), [])

    def test_too_large(self):
        self.again("root=huge", "dep=bomb")
        self.assertError(self.ask("root", "root")[0], "sends more than",
                         code=-27)
        self.assertError(self.ask("root", "dep")[0], "sends more than",
                         code=-27)

    def test_no_archive(self):
        self.again("root@archive=404")
        self.assertError(self.ask("root", "root")[0],
                         "lists root@2.0.0 but has no archive")

    def test_denied(self):
        self.again("root=401")
        self.assertError(self.ask("root", "root")[0], "denies access",
                         ".npmrc")

    def test_registry_down(self):
        self.stop()
        one, = self.ask("root", "root")
        self.assertError(one, "root: http://127.0.0.1:", "does not answer")

    def test_a_stalled_registry_is_given_up(self):
        self.again("root=slow")
        self.ask("get", "dep")
        begin = time.monotonic()
        one, = self.ask("root", "root")
        self.assertError(one, "does not answer")
        self.assertLess(time.monotonic() - begin, 30)

    # ---- retries

    def test_passing_failures_are_tried_again(self):
        self.again("root=503*2", "root@archive=500")
        self.assertError(self.ask("root", "root")[0],
                         "answers with status 500")
        self.again("root=503*2", "root@archive=500*1")
        self.assertEqual(self.ask("root", "root")[0].get("version"), "2.0.0")
        paths = [(r["path"], r["status"]) for r in self.requests()]
        self.assertEqual(paths.count(("/root", 503)), 4)

    def test_retry_after_is_honoured(self):
        self.again("root=429*1:2")
        begin = time.monotonic()
        self.assertEqual(self.ask("root", "root")[0].get("version"), "2.0.0")
        self.assertGreater(time.monotonic() - begin, 1.9)

    def test_too_long_a_wait_is_refused(self):
        self.again("root=429*1:3600")
        begin = time.monotonic()
        self.assertError(self.ask("root", "root")[0], "asks to wait 3600 s")
        self.assertLess(time.monotonic() - begin, 10)

    # ---- redirects

    def test_redirects_to_private_addresses_are_refused(self):
        for host in ("127.0.0.1:1", "10.1.2.3", "169.254.169.254",
                     "192.168.0.1", "172.16.0.1", "100.64.0.1", "[::1]",
                     "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]",
                     "0x7f.1", "2130706433", "localhost"):
            put_fault(self.url, f"root=redirect:http://{host}/root")
            one, = self.ask("root", "root")
            self.assertError(one, "redirects to", "private address",
                             code=-1)

    def test_a_name_that_leads_to_a_private_address_is_refused(self):
        # A host of this machine, by a name that is not the registry's.
        self.again("root=redirect:http://" + os.uname().nodename + ":9/root")
        one, = self.ask("root", "root")
        self.assertError(one)
        self.assertTrue("private address" in one["error"] or
                        "resolve" in one["error"], one)

    def test_redirects_within_the_registry_are_followed(self):
        self.again("dep@archive=404")
        put_fault(self.url, f"root@archive=redirect:{self.url}real/-/x.tgz")
        self.assertError(self.ask("root", "root")[0], "has no archive")
        self.assertIn("/real/-/x.tgz", [r["path"] for r in self.requests()])

    def test_loops_end(self):
        self.again("root=loop")
        self.assertError(self.ask("root", "root")[0],
                         "redirects more than 5 times")

    def test_other_protocols_are_refused(self):
        self.again("root=redirect:file:///etc/passwd")
        self.assertError(self.ask("root", "root")[0], "is refused")

    def test_archives_on_foreign_hosts_come_from_the_registry(self):
        self.again("root=foreign:http://evil.invalid/x/")
        one, = self.ask("root", "root")
        self.assertEqual(one.get("version"), "2.0.0", one)
        self.assertIn("/root/-/root-2.0.0.tgz",
                      [r["path"] for r in self.requests()])

    # ---- cache

    def test_fresh_documents_need_no_network(self):
        self.ask("root", "root")
        n = len(self.requests())
        self.assertEqual(self.ask("root", "root")[0]["version"], "2.0.0")
        self.assertEqual(len(self.requests()), n)

    def age_documents(self):
        for root, _, names in os.walk(os.path.join(self.state, "cache",
                                                   "document")):
            for name in names:
                os.utime(os.path.join(root, name), (1e9, 1e9))

    def test_old_documents_are_confirmed_by_their_tag(self):
        self.ask("root", "root")
        self.age_documents()
        one, = self.ask("root", "root")
        self.assertIsNone(one["note"])
        last = self.requests()[-1]
        self.assertEqual(last["status"], 304)
        self.assertIsNotNone(last["if_none_match"])
        n = len(self.requests())        # and are fresh again
        self.ask("root", "root")
        self.assertEqual(len(self.requests()), n)

    def test_a_registry_that_is_down_is_replaced_by_the_cache(self):
        self.ask("root", "root")
        self.age_documents()
        self.stop()
        one, = self.ask("root", "root")
        self.assertEqual(one.get("version"), "2.0.0", one)
        self.assertIn("does not answer", one["note"])
        self.assertIn("2001-09-09", one["note"])

    def test_offline(self):
        self.assertError(self.ask("root", "root", options=["offline=1"])[0],
                         "root is not in the cache", "--offline")
        self.ask("root", "root")
        self.age_documents()
        self.stop()
        one, = self.ask("root", "root", options=["offline=1"])
        self.assertEqual(one.get("version"), "2.0.0")
        self.assertError(self.ask("root", "root", "1.0.0",
                                  options=["offline=1"])[0],
                         "is not in the store")

    # ---- relay

    def test_the_relay_serves_what_documents_list(self):
        answers = self.ask("root", "root", ";", "document", "dep", ";",
                           "document", "root", ";", "document", "stranger",
                           ";", "document", "dep", ";", "document", "real",
                           ";", "document", "@scope/deep", ";", "archive",
                           "dep", "1.1.0", ";", "archive", "dep", "6.6.6",
                           ";", "served")
        status = [a["status"] for a in answers[1:-1]]
        self.assertEqual(status, [404, 200, 404, 200, 200, 200, 200, 404])
        tarball = answers[2]["body"]["versions"]["1.0.0"]["dist"]["tarball"]
        self.assertEqual(tarball, BASE + "root/-/root-1.0.0.tgz")
        deep = answers[6]["body"]["versions"]["1.0.0"]["dist"]["tarball"]
        self.assertEqual(deep, BASE + "@scope/deep/-/deep-1.0.0.tgz")
        self.assertEqual(answers[4]["media_type"],
                         "application/vnd.npm.install-v1+json")
        self.assertEqual(answers[-1], [["dep", "1.1.0",
                                        answers[7]["sha256"]]])
        asked = [r["path"] for r in self.requests()]
        self.assertNotIn("/stranger", asked)
        self.assertIn("/@scope%2fdeep", asked)

    def test_dependencies_are_asked_for_in_short(self):
        self.ask("root", "root", ";", "document", "root", ";", "document",
                 "dep")
        accept = {r["path"]: r["accept"] for r in self.requests()}
        self.assertEqual(accept["/root"], "application/json")
        self.assertIn("install-v1+json", accept["/dep"])

    def test_many_at_once_are_each_asked_for_once(self):
        names = [f"n{i}" for i in range(40)]
        for name in names:
            package(self.packages, name)
        package(self.packages, "wide", dependencies={n: "*" for n in names})
        self.again()
        answers = self.ask("root", "wide", ";", "document", "wide", ";",
                           "both", ",".join(names + names))
        self.assertEqual({a["status"] for a in answers[1:]}, {200})
        paths = [r["path"] for r in self.requests()]
        self.assertEqual(paths.count("/n7"), 1)

    def test_a_failing_registry_is_a_502(self):
        self.again("dep=500")
        answers = self.ask("root", "root", ";", "document", "root", ";",
                           "document", "dep")
        self.assertEqual(answers[2]["status"], 502)
        self.assertIn("status 500", answers[2]["sentence"])

    def test_what_was_served_stays(self):
        proc = self.ask("root", "root", ";", "document", "root", ";",
                        "document", "root")
        self.assertEqual(proc[1]["body"], proc[2]["body"])
        paths = [r["path"] for r in self.requests()]
        self.assertEqual(paths.count("/root"), 1)

    # ---- local packages

    def test_a_folder_is_packed_and_served(self):
        at = package(tempfile.mkdtemp(dir=self.top), "@me/mine", "0.0.7",
                     files={"node_modules/x/index.js": "no",
                            "lib/a.js": "1", ".git/config": "no"},
                     dependencies={"dep": "*"}, bin="lib/a.js")
        answers = self.ask("local", at, ";", "unpack", ";", "document",
                           "@me/mine", ";", "document", "dep", ";",
                           "archive", "@me/mine", "0.0.7", ";",
                           "local", at)
        self.assertEqual(answers[0]["purl"], "pkg:npm/%40me/mine@0.0.7")
        self.assertEqual(answers[0]["local"], 1)
        self.assertIn(["bin", "mine", "lib/a.js", True],
                      answers[1]["entries"])
        dist = answers[2]["body"]["versions"]["0.0.7"]["dist"]
        self.assertEqual(dist["integrity"], answers[0]["integrity"])
        self.assertEqual(answers[3]["status"], 200)
        self.assertEqual(answers[4]["sha256"], answers[0]["sha256"])
        # the same files, the same bytes
        self.assertEqual(answers[5]["sha256"], answers[0]["sha256"])

    def test_a_packed_folder_has_all_files_but_installed_ones(self):
        at = package(tempfile.mkdtemp(dir=self.top), "mine",
                     files={"node_modules/x/index.js": "no",
                            "b/.hidden": "yes"})
        os.symlink("/etc/passwd", os.path.join(at, "link"))
        target = os.path.join(self.state, "out.tgz")
        self.ask("local", at, ";", "archive-to", target)
        with tarfile.open(target) as tar:
            names = tar.getnames()
        self.assertEqual(names, ["package/b/.hidden", "package/index.js",
                                 "package/package.json"])

    def test_a_local_archive(self):
        path = os.path.join(self.state, "x.tgz")
        manifest = json.dumps({"name": "x", "version": "1.0.0"}).encode()
        with tarfile.open(path, "w:gz") as tar:
            info = tarfile.TarInfo("package/package.json")
            info.size = len(manifest)
            tar.addfile(info, io.BytesIO(manifest))
        one, = self.ask("local", path)
        with open(path, "rb") as file:
            self.assertEqual(one.get("sha256"),
                             hashlib.sha256(file.read()).hexdigest())

    def test_local_errors(self):
        empty = tempfile.mkdtemp(dir=self.top)
        self.assertError(self.ask("local", empty)[0], "no package.json")
        self.assertError(self.ask("local", "/nonexistent.tgz")[0],
                         "/nonexistent.tgz: No such file")
        bad = os.path.join(self.state, "bad.tgz")
        write(bad, "this is no archive")
        self.assertError(self.ask("local", bad)[0],
                         "no package.json that can be read")
        write(os.path.join(empty, "package.json"), '{"name": "x"}')
        self.assertError(self.ask("local", empty)[0], "no version")

    # ---- static facts

    def test_what_unpack_tells(self):
        path = os.path.join(self.state, "x.tgz")
        manifest = json.dumps({
            "name": "x", "version": "1.0.0", "main": "a.js",
            "scripts": {"postinstall": "node a.js"},
            "dependencies": {"d": "^1", "r": "https://h.test/r.tgz"},
        }, indent=1)
        code = "get('https://c2.test/x');\nconst ip = '198.51.100.9';\n"
        with tarfile.open(path, "w:gz") as tar:
            for name, text in (("package/package.json", manifest),
                               ("package/a.js", code),
                               ("package/binding.gyp", "{'s':['<!(id)']}"),
                               ("package/../../evil", "x"),
                               ("package/a.js", "other")):
                info = tarfile.TarInfo(name)
                info.size = len(text)
                info.mode = 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
            info = tarfile.TarInfo("package/null")
            info.type = tarfile.CHRTYPE
            tar.addfile(info)
        facts = self.ask("local", path, ";", "facts")[1]
        files = [f for table, f in facts if table == "artifact_file"]
        first = next(f for f in files if f["path"] == "a.js")
        self.assertEqual(first["sha256"],
                         hashlib.sha256(code.encode()).hexdigest())
        self.assertEqual((first["type"], first["lines"], first["mode"]),
                         ("javascript", 2, 0o644))
        odd = {(f["path"], f["anomaly"]) for f in files if f["anomaly"]}
        self.assertEqual(odd, {("package/../../evil", "traversal"),
                               ("a.js", "duplicate"), ("null", "device")})
        told = {(f["kind"], f["value"], f["path"], f["line"])
                for table, f in facts if table == "static_fact"}
        for row in (("script", "postinstall: node a.js", "package.json", 6),
                    ("url", "https://c2.test/x", "a.js", 1),
                    ("ip", "198.51.100.9", "a.js", 2),
                    ("gyp-command", "id", "binding.gyp", 1),
                    ("remote-dependency", "r: https://h.test/r.tgz",
                     "package.json", 10)):
            self.assertIn(row, told)
        sources = {f["name"]: (f["kind"], f["source"])
                   for table, f in facts if table == "dependency"}
        self.assertEqual(sources, {
            "d": ("prod", "registry"),
            "r": ("prod", "url:https://h.test/r.tgz")})

    # ---- configuration

    def test_the_registry_of_npmrc(self):
        self.npmrc(f"registry={self.url}\n")
        self.assertEqual(self.run_probe("root", "root")[0]["version"],
                         "2.0.0")

    def test_the_registry_of_a_scope_and_its_token(self):
        nerf = self.url.split(":", 1)[1]
        self.npmrc("registry=http://127.0.0.1:9/\n"
                   f"@scope:registry={self.url}\n"
                   f"{nerf}:_authToken=${{TOKEN_HERE}}\n")
        one, = self.run_probe("root", "@scope/deep",
                              env={"TOKEN_HERE": "s3cret"})
        self.assertEqual(one.get("version"), "1.0.0", one)
        self.assertEqual({r["authorization"] for r in self.requests()},
                         {"Bearer s3cret"})

    def test_no_token_for_other_places(self):
        self.npmrc(f"registry={self.url}\n//other.test/:_authToken=x\n")
        self.run_probe("root", "root")
        self.assertEqual({r["authorization"] for r in self.requests()},
                         {None})

    def test_the_environment_counts_more(self):
        self.npmrc("registry=http://127.0.0.1:9/\n")
        one, = self.run_probe("root", "root",
                              env={"npm_config_registry": self.url})
        self.assertEqual(one.get("version"), "2.0.0", one)

    def test_a_project_file(self):
        project = tempfile.mkdtemp(dir=self.top)
        write(os.path.join(project, ".npmrc"), f"registry={self.url}\n")
        one, = self.run_probe("root", "root", options=["cwd=" + project])
        self.assertEqual(one.get("version"), "2.0.0", one)

    def test_a_proxy_of_npmrc_is_used(self):
        seen = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(self.path)
                self.send_error(404)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.npmrc("registry=http://registry.test/\n"
                   f"proxy=http://127.0.0.1:{server.server_address[1]}\n")
        self.assertError(self.run_probe("root", "root")[0], "has no package")
        server.shutdown()
        server.server_close()
        self.assertEqual(seen, ["http://registry.test/root"])

    def test_https_only_unless_the_registry_is_http(self):
        # A registry with https may not lead to http.
        one, = self.ask("root", "root", registry="ftp://x.test/")
        self.assertError(one)


def put_fault(url, spec):
    request = urllib.request.Request(url + "-/fault", data=spec.encode(),
                                     method="PUT")
    urllib.request.urlopen(request).close()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=1)
