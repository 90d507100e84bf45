/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One try of one request: how libcurl is set up, what it may connect to, and
 * the caps on what it brings. Runs in role fetch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "fetch/address.h"
#include "fetch/http_priv.h"
#include "sys/fd.h"

#define CONNECT_TIMEOUT_MS 10000
#define STALL_TIMEOUT_MS   15000
/* Slower than this over the stall time is no progress. */
#define LOW_SPEED_BYTES 500L

static const char default_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	size_t bytes = size * n;
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return bytes; /* an error page: not kept */
	if (r->bytes + (int64_t)bytes > r->max_bytes) {
		r->too_large = true;
		return 0;
	}
	if (fd_write_all(r->fd, p, bytes, NULL) != 0) {
		r->write_failed = true;
		return 0;
	}
	r->bytes += (int64_t)bytes;
	return bytes;
}

/* A header that may come more than once is one list. */
static void
keep_header(struct request *r, struct buf *to, struct str value)
{
	if (to == &r->link && to->n != 0)
		buf_puts(to, ", ");
	else
		buf_reset(to);
	buf_put_str(to, value);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	const struct {
		struct str name;
		struct buf *value;
	} kept[] = { { STR_LIT("etag:"), &r->etag },
		{ STR_LIT("last-modified:"), &r->modified },
		{ STR_LIT("link:"), &r->link },
		{ STR_LIT("x-ratelimit-remaining:"), &r->requests_left },
		{ STR_LIT("x-ratelimit-reset:"), &r->limit_ends } };
	struct str line = str_n(p, size * n);

	for (size_t i = 0; i < N_ELEMENTS(kept); i++) {
		size_t name_bytes = kept[i].name.n;

		if (line.n <= name_bytes ||
		    !str_eq_nocase(str_sub(line, 0, name_bytes), kept[i].name))
			continue;
		keep_header(r, kept[i].value,
		    str_trim(str_sub(line, name_bytes, line.n)));
	}
	return size * n;
}

/* After resolution, before connecting: the one place that no name, redirect
 * or trick of DNS gets around. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct request *r = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    (!r->exempt && address_is_private(&a->addr))) {
		r->refused_address = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The proxy for an origin; p NULL: none. */
static struct str
proxy_for(const struct npmrc_trust *t, const struct origin *o)
{
	if (t->noproxy.p != NULL && origin_in_list(o, t->noproxy))
		return STR_NONE;
	return str_is(o->scheme, "https") ? t->https_proxy : t->http_proxy;
}

static bool
is_registry(struct request *r, const struct origin *o)
{
	struct origin registry;
	struct buf room;
	bool same;

	buf_init(&room, LIMIT_URL_BYTES);
	same =
	    origin_parse(buf_str(&r->registry), &room, &registry, NULL) == 0 &&
	    origin_eq(o, &registry);
	buf_done(&room);
	return same;
}

static bool
registry_is_http(const struct request *r)
{
	return str_starts(buf_str(&r->registry), "http:");
}

static int
check_origin(struct request *r, const struct origin *o, struct error *err)
{
	if (str_is(o->scheme, "http") && !registry_is_http(r))
		return error_set(err, -EPERM, "http://%.*s (not https)",
		    STR_ARG(o->host));
	if (!is_registry(r, o) && address_text_is_private(o->host))
		return error_set(err, -EPERM, "%.*s (a private address)",
		    STR_ARG(o->host));
	return 0;
}

int
transfer_check_redirect(struct request *r, struct str url, struct error *err)
{
	struct origin o;
	struct buf room;
	int rc;

	buf_init(&room, LIMIT_URL_BYTES);
	rc = origin_parse(url, &room, &o, err);
	if (rc == 0)
		rc = check_origin(r, &o, err);
	buf_done(&room);
	return rc;
}

struct str
transfer_shown_origin(struct request *r)
{
	struct str url = buf_str(&r->url);
	ptrdiff_t at = str_find(url, STR_LIT("://")), end;

	if (at < 0)
		return url;
	end = str_chr(str_sub(url, (size_t)at + 3, url.n), '/');
	return str_sub(url, 0, end < 0 ? url.n : (size_t)(at + 3 + end));
}

static void
add_header(struct request *r, const char *name, struct str value)
{
	struct buf line;
	struct curl_slist *more;

	/* A line end in a token would be a header of its own. */
	if (value.n == 0 || memchr(value.p, '\r', value.n) != NULL ||
	    memchr(value.p, '\n', value.n) != NULL)
		return;
	buf_init(&line, LIMIT_URL_BYTES);
	buf_printf(&line, "%s: %.*s", name, STR_ARG(value));
	more = curl_slist_append(r->headers, line.p);
	if (more == NULL)
		fatal("no memory");
	r->headers = more;
	buf_done(&line);
}

/* The hash of the body of a GET, which is empty. */
#define SHA256_OF_NOTHING \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* AWS Signature Version 4, as libcurl makes it over our own headers. */
static void
sign(struct request *r, const struct http_sign *s)
{
	struct buf b;

	buf_init(&b, LIMIT_TEXT_BYTES);
	buf_put_str(&b, s->scope);
	(void)curl_easy_setopt(r->easy, CURLOPT_AWS_SIGV4, b.p);
	buf_reset(&b);
	buf_printf(&b, "%.*s", STR_ARG(s->key_id));
	(void)curl_easy_setopt(r->easy, CURLOPT_USERNAME, b.p);
	buf_reset(&b);
	buf_printf(&b, "%.*s", STR_ARG(s->secret));
	(void)curl_easy_setopt(r->easy, CURLOPT_PASSWORD, b.p);
	explicit_bzero(b.p, b.n);
	buf_done(&b);
	add_header(r, "x-amz-content-sha256", STR_LIT(SHA256_OF_NOTHING));
	add_header(r, "x-amz-security-token", s->token);
}

/* Credentials go to the origin that they were configured for, and not where
 * it redirects to. */
static void
set_credentials(struct request *r, const struct origin *o)
{
	struct buf secret;

	if (r->sign != NULL) {
		if (!is_registry(r, o))
			return;
		add_header(r, "Authorization", r->sign->authorization);
		if (r->sign->scope.n != 0)
			sign(r, r->sign);
		return;
	}
	buf_init(&secret, LIMIT_URL_BYTES);
	npmrc_authorization(r->http->options.npmrc, buf_str(&r->url), &secret);
	add_header(r, "Authorization", buf_str(&secret));
	buf_done(&secret);
}

static void
set_headers(struct request *r, const struct origin *o)
{
	set_credentials(r, o);
	add_header(r, "Accept", buf_str(&r->accept));
	add_header(r, "If-None-Match", buf_str(&r->etag_sent));
	add_header(r, "If-Modified-Since", buf_str(&r->modified_sent));
	(void)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

static const char *
bundle_path(void)
{
	const char *file = getenv("SSL_CERT_FILE");

	return file != NULL && file[0] != '\0' ? file : default_bundle;
}

static void
set_trust(struct request *r)
{
	const struct npmrc_trust *t = &r->http->options.trust;
	struct curl_blob blob = { 0 };
	char path[LIMIT_PATH_BYTES];

	if (!t->strict_ssl) {
		(void)curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (t->cafile.n == 0 && t->ca.n != 0) {
		union {
			const char *in;
			void *out;
		} bytes = { .in = t->ca.p };

		blob.data = bytes.out;
		blob.len = t->ca.n;
		blob.flags = CURL_BLOB_COPY;
		(void)curl_easy_setopt(r->easy, CURLOPT_CAINFO_BLOB, &blob);
		return;
	}
	(void)snprintf(path, sizeof(path), "%.*s", STR_ARG(t->cafile));
	(void)curl_easy_setopt(r->easy, CURLOPT_CAINFO,
	    path[0] != '\0' ? path : bundle_path());
	(void)curl_easy_setopt(r->easy, CURLOPT_CAPATH, NULL);
}

/* Always said, even when empty: libcurl must not look at the environment. */
static void
set_proxy(struct request *r, const struct origin *o)
{
	struct str proxy = proxy_for(&r->http->options.trust, o);
	struct buf z;

	buf_init(&z, LIMIT_URL_BYTES);
	buf_put_str(&z, proxy);
	(void)curl_easy_setopt(r->easy, CURLOPT_PROXY, z.p != NULL ? z.p : "");
	(void)curl_easy_setopt(r->easy, CURLOPT_NOPROXY, "");
	buf_done(&z);
	/* The proxy is the user's choice; so is the registry. */
	r->exempt = proxy.n != 0 || is_registry(r, o);
}

static void
set_limits(struct request *r)
{
	int stall = r->http->options.timeout_ms;
	long seconds;

	if (stall <= 0)
		stall = STALL_TIMEOUT_MS;
	seconds = (stall + 999) / 1000;
	(void)curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)MIN_OF(stall, CONNECT_TIMEOUT_MS));
	(void)curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_LIMIT,
	    LOW_SPEED_BYTES);
	(void)curl_easy_setopt(r->easy, CURLOPT_LOW_SPEED_TIME, seconds);
	(void)curl_easy_setopt(r->easy, CURLOPT_MAXFILESIZE_LARGE,
	    (curl_off_t)r->max_bytes);
}

static void
set_request(struct request *r, bool http_allowed)
{
	CURL *c = r->easy;

	(void)curl_easy_setopt(c, CURLOPT_URL, r->url.p);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, (void *)r);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, r->curl_error);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	/* Keys of object stores may have dots between slashes. */
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS,
	    r->sign != NULL ? 1L : 0L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR,
	    http_allowed ? "http,https" : "https");
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	    (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(c, CURLOPT_PIPEWAIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT,
	    "lazaret/" LAZARET_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, (void *)r);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, (void *)r);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, (void *)r);
}

static void
reset(struct request *r)
{
	transfer_end(r);
	closep(&r->fd);
	buf_reset(&r->etag);
	buf_reset(&r->modified);
	buf_reset(&r->link);
	buf_reset(&r->requests_left);
	buf_reset(&r->limit_ends);
	r->bytes = 0;
	r->status = 0;
	r->curl_error[0] = '\0';
	r->refused_address = r->too_large = r->write_failed = false;
}

int
transfer_begin(struct request *r, struct error *err)
{
	struct origin o;
	struct buf room;
	int rc;

	reset(r);
	buf_init(&room, LIMIT_URL_BYTES);
	rc = origin_parse(buf_str(&r->url), &room, &o, err);
	if (rc == 0)
		rc = check_origin(r, &o, err);
	if (rc == 0) {
		r->fd = memfd_create("fetched", MFD_CLOEXEC);
		r->easy = curl_easy_init();
		if (r->fd < 0 || r->easy == NULL)
			rc = error_errno(err, "no memory");
	}
	if (rc == 0) {
		set_request(r, registry_is_http(r));
		set_limits(r);
		set_trust(r);
		set_proxy(r, &o);
		set_headers(r, &o);
		if (curl_multi_add_handle(r->http->multi, r->easy) != CURLM_OK)
			rc = error_set(err, -EIO, "libcurl refuses it");
	}
	buf_done(&room);
	return rc;
}

void
transfer_end(struct request *r)
{
	if (r->easy != NULL) {
		(void)curl_multi_remove_handle(r->http->multi, r->easy);
		curl_easy_cleanup(r->easy);
		r->easy = NULL;
	}
	curl_slist_free_all(r->headers);
	r->headers = NULL;
}
