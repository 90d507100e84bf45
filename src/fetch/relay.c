/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry relay (DESIGN §4): answers the sink. Only a name and a version
 * come in, and only names that this run allows; addresses are made here. Runs
 * in role fetch.
 */
#include "ecosystem/relay.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/npm/name.h"
#include "fetch/session_priv.h"

/* npm opens about fifteen connections; a run has a few sinks. */
#define MAX_RELAYS 32

struct relay_request {
	struct relay *relay;
	int64_t id;
	char *version; /* owned; NULL: the document is wanted */
};

struct relay_answer {
	int status;
	const char *media_type, *sha256, *sentence;
	int fd; /* borrowed */
};

static void
request_free(struct relay_request *q)
{
	free(q->version);
	free(q);
}

static void
answer(struct relay *r, int64_t id, const struct relay_answer *a)
{
	struct channel *c = &r->channel;

	if (r->closed)
		return;
	message_begin(c, RELAY_ANSWER);
	message_put_int(c, id);
	message_put_int(c, a->status);
	message_put_str(c, str_of(a->media_type));
	message_put_str(c, str_of(a->sha256));
	message_put_str(c, str_of(a->sentence));
	if (a->status == 200)
		message_put_fd(c, a->fd);
	if (message_send(c, NULL) != 0 || channel_flush(c, NULL) != 0)
		r->closed = true;
}

static void
finish(struct relay_request *q, const struct relay_answer *a)
{
	answer(q->relay, q->id, a);
	request_free(q);
}

static void
refuse(struct relay_request *q, int code, const char *sentence)
{
	struct relay_answer a = { .sentence = sentence, .fd = -1 };

	a.status = code == -ENOENT || code == -ENODATA ? 404 : 502;
	finish(q, &a);
}

static void
on_artifact(void *arg, struct artifact *art)
{
	struct relay_request *q = arg;
	struct relay_answer a = { 200, "application/octet-stream",
		art->verified.sha256, NULL, art->fd };

	if (art->progress == PROGRESS_FAILED) {
		refuse(q, art->code, art->sentence);
		return;
	}
	art->served = true;
	finish(q, &a);
}

static void
want_artifact(struct relay_request *q, struct document *d)
{
	struct artifact_source src = { .base = str_of(d->base),
		.name = str_of(d->name),
		.version = str_of(q->version) };

	if (!document_find(d, src.version, &src.row)) {
		refuse(q, -ENOENT, "no such version");
		return;
	}
	artifact_want(artifact_get(d->session, &src), &src, on_artifact, q);
}

static void
on_document(void *arg, struct document *d)
{
	struct relay_request *q = arg;
	struct relay_answer a = { .status = 200, .fd = d->served_fd };

	if (d->served != PROGRESS_DONE) {
		refuse(q, d->code, d->sentence);
		return;
	}
	if (q->version != NULL) {
		want_artifact(q, d);
		return;
	}
	/* Only what was listed in a document that was really served. */
	document_allow_names(d);
	a.media_type = d->full ? "application/json" :
				 "application/vnd.npm.install-v1+json";
	finish(q, &a);
}

static void
want(struct relay_request *q, struct str name)
{
	struct session *s = q->relay->session;
	struct error err = ERROR_INIT;
	struct document *d;
	struct str base;

	if (!npm_name_valid(name) || !map_has(s->allowed, name)) {
		refuse(q, -ENOENT, "not part of this run");
		return;
	}
	d = map_get(s->roots, name);
	if (d == NULL) {
		base = document_base(s, name, &err);
		if (base.n == 0) {
			refuse(q, err.code, err.msg);
			return;
		}
		d = document_get(s, base, name, false);
	}
	document_want(d, true, on_document, q);
}

static int
take(struct relay *r, struct message *m, struct error *err)
{
	struct relay_request *q = mem_alloc(sizeof(*q));
	struct str name, version = STR_NONE;
	char *copy = NULL;
	int rc;

	q->relay = r;
	q->id = message_get_int(m);
	name = message_get_str(m);
	if (m->type == RELAY_ARCHIVE) {
		version = message_get_str(m);
		if (version.n == 0 || version.n > LIMIT_VERSION_BYTES)
			m->bad = true;
	} else if (m->type != RELAY_METADATA) {
		m->bad = true;
	}
	if (name.p == NULL || name.n > LIMIT_PACKAGE_NAME_BYTES)
		m->bad = true;
	if (!m->bad) {
		copy = mem_strndup(name);
		if (m->type == RELAY_ARCHIVE)
			q->version = mem_strndup(version);
	}
	rc = message_end(m, err);
	if (rc == 0)
		want(q, str_of(copy));
	else
		request_free(q);
	free(copy);
	return rc;
}

void
relay_dispatch(struct relay *r)
{
	struct message m;
	int rc = channel_fill(&r->channel, NULL), next;

	if (rc != 0 && rc != -EAGAIN)
		r->closed = true;
	while ((next = channel_next(&r->channel, &m, NULL)) == 1)
		if (take(r, &m, NULL) != 0) {
			r->closed = true;
			return;
		}
	if (next < 0)
		r->closed = true;
}

int
relay_add(struct session *s, struct message *m, struct error *err)
{
	struct relay *r;
	int fd = message_get_fd(m);
	int rc = message_end(m, err);

	if (rc == 0 && s->relays.n >= MAX_RELAYS)
		rc = error_set(err, -ENOSPC, "too many relay connections");
	if (rc != 0) {
		closep(&fd);
		return rc;
	}
	r = mem_alloc(sizeof(*r));
	r->session = s;
	channel_init(&r->channel, fd);
	vec_push(&s->relays, r);
	return 0;
}

void
relay_free(struct relay *r)
{
	channel_done(&r->channel);
	free(r);
}
