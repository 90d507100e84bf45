# SPDX-License-Identifier: Apache-2.0
"""A web server and a stand-in for an S3-compatible store, on loopback. The
store computes the signature of every request itself and compares."""
import hashlib
import hmac
import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape

KEY_ID, SECRET, REGION = "AKTESTKEY", "s3cr3t/with+signs", "test-1"


class Server:
    """files: path → bytes. Every request is kept in log."""

    def __init__(self):
        self.files, self.log, self.headers = {}, [], []
        self.answers = {}  # path → (status, headers) in place of the file
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def send(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                outer.log.append(self.path)
                outer.headers.append(dict(self.headers))
                outer.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def answer(self, request):
        path = request.path.split("?")[0]
        if path in self.answers:
            status, headers = self.answers[path]
            request.send(status, **headers)
        elif path not in self.files:
            request.send(404)
        else:
            self.conditional(request, self.files[path])

    def conditional(self, request, body):
        tag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if request.headers.get("If-None-Match") == tag:
            request.send(304, ETag=tag)
        else:
            request.send(200, body, ETag=tag)


def signature(request, secret):
    """What Signature Version 4 of the request should be, or why there can be
    none."""
    head = request.headers.get("Authorization", "")
    kind, _, rest = head.partition(" ")
    if kind != "AWS4-HMAC-SHA256":
        return None, "not signed"
    parts = dict(p.strip().split("=", 1) for p in rest.split(","))
    scope = parts["Credential"].split("/")
    key_id, day, region, service, end = scope
    if (key_id, region, service, end) != (KEY_ID, REGION, "s3",
                                          "aws4_request"):
        return None, "another scope: " + "/".join(scope)
    names = parts["SignedHeaders"].split(";")
    for must in ("host", "x-amz-date", "x-amz-content-sha256"):
        if must not in names:
            return None, must + " is not signed"
    path, _, query = request.path.partition("?")
    pairs = sorted((p.partition("=")[0], p.partition("=")[2])
                   for p in query.split("&") if p)
    canonical = "\n".join([
        request.command, path, "&".join(k + "=" + v for k, v in pairs),
        "".join(f"{n}:{' '.join(request.headers[n].split())}\n"
                for n in names),
        ";".join(names), request.headers["x-amz-content-sha256"]])
    if request.headers["x-amz-content-sha256"] != \
            hashlib.sha256(b"").hexdigest():
        return None, "the hash of the body is wrong"
    stamp = request.headers["x-amz-date"]
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope[1:]),
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    want = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not stamp.startswith(day):
        return None, "the date is another"
    return parts["Signature"] == want, "the signature is wrong"


class Bucket(Server):
    """objects: key → bytes, in the bucket "reports"."""

    def __init__(self, public=False, page=1000):
        super().__init__()
        self.objects, self.public, self.page = {}, public, page
        self.token = None  # the session token that must come

    def keys(self):
        """Of objects that were asked for."""
        return [urllib.parse.unquote(p[len("/reports/"):]) for p in self.log
                if not p.startswith("/reports/?")]

    def listings(self):
        return [dict(urllib.parse.parse_qsl(p.partition("?")[2]))
                for p in self.log if p.startswith("/reports/?")]

    def refuse(self, request, why):
        body = (f"<Error><Code>AccessDenied</Code><Message>{escape(why)}"
                "</Message></Error>").encode()
        request.send(403, body, Content_Type="application/xml")

    def answer(self, request):
        if not self.public:
            good, why = signature(request, SECRET)
            if good and request.headers.get("x-amz-security-token") != \
                    self.token:
                good, why = False, "another session token"
            if not good:
                return self.refuse(request, why)
        path, _, query = request.path.partition("?")
        if path in self.answers:
            status, headers = self.answers[path]
            return request.send(status, **headers)
        if path == "/reports/":
            return self.list(request, dict(urllib.parse.parse_qsl(query)))
        key = urllib.parse.unquote(path[len("/reports/"):])
        if not path.startswith("/reports/") or key not in self.objects:
            return request.send(404)
        return request.send(200, self.objects[key])

    def list(self, request, query):
        assert query["list-type"] == "2" and query["encoding-type"] == "url"
        after = query.get("start-after", "")
        keys = sorted(k for k in self.objects
                      if k.startswith(query.get("prefix", "")) and k > after)
        out = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
               "<ListBucketResult xmlns=\"http://s3.test/doc/\">",
               "<EncodingType>url</EncodingType>",
               f"<IsTruncated>{str(len(keys) > self.page).lower()}"
               "</IsTruncated>"]
        for key in keys[:self.page]:
            tag = hashlib.md5(self.objects[key]).hexdigest()
            out.append(f"<Contents><Key>{urllib.parse.quote(key)}</Key>"
                       f"<ETag>&quot;{tag}&quot;</ETag><Size>"
                       f"{len(self.objects[key])}</Size></Contents>")
        out.append("</ListBucketResult>")
        request.send(200, "".join(out).encode())
