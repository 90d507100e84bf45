/* SPDX-License-Identifier: Apache-2.0 */
/* The order of answers: registry relay, prebuilt artifacts, services, decoys,
 * and something for the rest. Runs in role sink. */
#include "sink/answer_priv.h"

#include "sink/decoy_priv.h"
#include "sink/http_priv.h"
#include "sink/path_priv.h"
#include "sink/registry_priv.h"
#include "sink/service_priv.h"
#include "sink/stream_priv.h"

#define PAGE \
	"<!doctype html>\n<html><head><meta charset=\"utf-8\">" \
	"<title>Welcome</title></head>\n<body><h1>Welcome</h1>" \
	"<p>It works.</p></body></html>\n"

void
answer_json(struct answer *a, int status, const char *json)
{
	a->status = status;
	a->media_type = "application/json";
	buf_puts(&a->body, json);
}

/* Answers of services are what a program may read on; 1: not one of these. */
static int
try_upgrade(struct stream *s, const struct request *r, bool upgrade,
    struct answer *a)
{
	(void)s;
	if (!upgrade)
		return 1;
	a->word = "generic";
	a->status = str_is(r->method, "CONNECT") ? 405 : 400;
	a->media_type = "text/plain";
	buf_puts(&a->body, "this server does not upgrade connections\n");
	return 0;
}

static int
try_prebuilt(struct stream *s, const struct request *r, struct answer *a)
{
	if (!path_is_prebuilt(r->path))
		return 1;
	if (s->world->prebuilt == SINK_PREBUILT_DECOY) {
		decoy_archive(s->world, r, a);
		return 0;
	}
	a->word = "prebuilt-refused";
	a->status = 404;
	a->media_type = "text/plain";
	buf_puts(&a->body, "Not Found\n");
	return 0;
}

/* Does the client say that it wants a document rather than a program? */
static bool
wants(const struct request *r, const char *type)
{
	struct str accept = request_header(r, "accept"), first;

	return str_cut(&accept, ',', &first) &&
	    str_find(first, str_of(type)) >= 0;
}

static int
try_decoy(struct stream *s, const struct request *r, struct answer *a)
{
	enum path_kind kind = path_kind(r->path);

	if (!str_is(r->method, "GET") && !r->head)
		return 1;
	if (kind == PATH_BARE && (wants(r, "json") || wants(r, "html")))
		return 1;
	if (kind != PATH_BARE && kind != PATH_SCRIPT && kind != PATH_PROGRAM)
		return 1;
	decoy_program(s->world, r, kind, a);
	return 0;
}

static int
generic(const struct request *r, struct answer *a)
{
	bool json = wants(r, "json") || str_ends(r->path, ".json") ||
	    (!str_is(r->method, "GET") && !r->head && !wants(r, "html"));

	a->word = "generic";
	if (str_is(r->method, "OPTIONS")) {
		a->status = 204;
		buf_puts(&a->headers,
		    "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n");
		return 0;
	}
	if (json) {
		answer_json(a, 200, "{\"status\":\"ok\",\"success\":true}\n");
		return 0;
	}
	a->status = 200;
	a->media_type = "text/html; charset=utf-8";
	buf_puts(&a->body, PAGE);
	return 0;
}

int
answer_make(struct stream *s, const struct request *r, bool upgrade,
    struct answer *a)
{
	int rc = try_upgrade(s, r, upgrade, a);

	if (rc == 0)
		return 0;
	if (registry_answer(s, r, a, &rc))
		return rc;
	if (try_prebuilt(s, r, a) == 0)
		return 0;
	if (service_answer(s->world, r, a))
		return 0;
	if (try_decoy(s, r, a) == 0)
		return 0;
	return generic(r, a);
}
