/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role reply: parses what fetch brought from a registry. It has its memory, a
 * channel to fetch and one to scribe; no files, no network.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/packument.h"
#include "fetch/protocol.h"
#include "runfile/fact.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* Versions and the names of what they depend on. */
#define INDEX_MAX_BYTES (64 * (size_t)MIB)

struct replier {
	struct channel fetch, facts;
	struct arena *arena; /* configuration */
	struct str public_base;
	struct npm_platform platform;
};

struct question {
	int64_t id, actions, offset, size;
	struct str name, want, registry;
	int fd;
};

struct outcome {
	struct error err;
	struct packument_version picked;
	int document_fd, index_fd; /* owned; -1 */
};

static int
configure(struct replier *r, struct message *m, struct error *err)
{
	arena_reset(r->arena);
	r->public_base = arena_str(r->arena, message_get_str(m));
	r->platform.os = arena_str(r->arena, message_get_str(m));
	r->platform.cpu = arena_str(r->arena, message_get_str(m));
	r->platform.libc = arena_str(r->arena, message_get_str(m));
	r->platform.node = arena_str(r->arena, message_get_str(m));
	return message_end(m, err);
}

static int
send_answer(struct replier *r, int64_t id, const struct outcome *o,
    struct error *err)
{
	const struct packument_version *v = &o->picked;
	struct channel *c = &r->fetch;
	int rc;

	message_begin(c, REPLY_ANSWER);
	message_put_int(c, id);
	message_put_int(c, o->err.code);
	message_put_str(c, str_of(o->err.msg));
	message_put_str(c, v->version);
	message_put_str(c, v->tarball);
	message_put_str(c, v->integrity);
	message_put_str(c, v->shasum);
	message_put_str(c, v->deprecated);
	message_put_str(c, v->platform.n != 0 ? v->platform : STR_NONE);
	message_put_int(c, v->platform_mismatch);
	if (o->err.code == 0 && o->document_fd >= 0) {
		message_put_fd(c, o->document_fd);
		message_put_fd(c, o->index_fd);
	}
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

static int
on_fact(void *arg, const char *key, struct str value, struct error *err)
{
	struct replier *r = arg;
	struct fact_metadata f;

	fact_init(FACT_METADATA, &f);
	f.key = str_of(key);
	f.value = value;
	return fact_send(&r->facts, FACT_METADATA, &f, err);
}

/* Without scribe (image build) there is nobody to tell. */
static int
tell(struct replier *r, const struct question *q, struct packument *p,
    const struct packument_version *v, struct error *err)
{
	int rc;

	if (lseek(FACTS_FD, 0, SEEK_CUR) >= 0 || errno != ESPIPE)
		return 0;
	rc = on_fact(r, "registry", q->registry, err);
	if (rc == 0)
		rc = packument_facts(p, v, on_fact, r, err);
	return rc == 0 ? channel_flush(&r->facts, err) : rc;
}

static int
serve(struct replier *r, struct packument *p, struct outcome *o,
    struct error *err)
{
	struct buf document, index;
	int rc;

	buf_init(&document, 2 * (size_t)LIMIT_PACKUMENT_BYTES);
	buf_init(&index, INDEX_MAX_BYTES);
	rc = packument_write_served(p, r->public_base, &document, err);
	if (rc == 0)
		packument_write_index(p, &index);
	if (rc == 0)
		rc = fd_of_bytes("document", buf_str(&document),
		    &o->document_fd, err);
	if (rc == 0)
		rc = fd_of_bytes("index", buf_str(&index), &o->index_fd, err);
	buf_done(&document);
	buf_done(&index);
	return rc;
}

static int
act(struct replier *r, const struct question *q, struct packument *p,
    struct outcome *o, struct error *err)
{
	int rc = 0;

	if ((q->actions & REPLY_PICK) != 0)
		rc = packument_pick(p, q->want, &r->platform, &o->picked, err);
	if (rc == 0 && (q->actions & REPLY_FACTS) != 0)
		rc = tell(r, q, p, &o->picked, err);
	if (rc == 0 && (q->actions & REPLY_SERVE) != 0)
		rc = serve(r, p, o, err);
	return rc;
}

/* Read, not mapped: a file that shrinks under a map would kill us. */
static int
read_document(const struct question *q, char **ret, struct error *err)
{
	_cleanup_(freep) char *p = NULL;
	int64_t at = 0;
	ssize_t n;

	if (q->size < 0 || q->size > LIMIT_PACKUMENT_BYTES || q->offset < 0)
		return error_set(err, -EFBIG,
		    "the document about %.*s is too "
		    "large",
		    STR_ARG(q->name));
	p = malloc((size_t)q->size + 1);
	if (p == NULL)
		fatal("no memory");
	while (at < q->size) {
		n = pread(q->fd, p + at, (size_t)(q->size - at),
		    q->offset + at);
		if (n < 0)
			return error_errno(err, "reading a document");
		if (n == 0)
			return error_set(err, -EIO, "a document was cut short");
		at += n;
	}
	*ret = steal(&p);
	return 0;
}

static int
answer_document(struct replier *r, const struct question *q, struct error *err)
{
	_cleanup_(freep) char *json = NULL;
	_cleanup_(packument_freep) struct packument *p = NULL;
	struct outcome o = { .err = ERROR_INIT,
		.document_fd = -1,
		.index_fd = -1 };
	int rc;

	rc = read_document(q, &json, &o.err);
	if (rc == 0)
		rc = packument_parse(str_n(json, (size_t)q->size), q->name, &p,
		    &o.err);
	if (rc == 0)
		rc = act(r, q, p, &o, &o.err);
	rc = send_answer(r, q->id, &o, err);
	closep(&o.document_fd);
	closep(&o.index_fd);
	return rc;
}

static int
on_document(struct replier *r, struct message *m, struct error *err)
{
	struct question q = { .fd = -1 };
	int rc;

	q.id = message_get_int(m);
	q.actions = message_get_int(m);
	q.name = message_get_str(m);
	q.want = message_get_str(m);
	q.registry = message_get_str(m);
	q.offset = message_get_int(m);
	q.size = message_get_int(m);
	q.fd = message_get_fd(m);
	rc = message_end(m, err);
	if (rc == 0)
		rc = answer_document(r, &q, err);
	closep(&q.fd);
	return rc;
}

static int
on_local(struct replier *r, struct message *m, struct error *err)
{
	struct outcome o = { .err = ERROR_INIT,
		.document_fd = -1,
		.index_fd = -1 };
	struct packument_local l;
	struct buf document, index;
	struct str json;
	int64_t id = message_get_int(m);
	int rc;

	l.name = message_get_str(m);
	l.version = message_get_str(m);
	l.integrity = message_get_str(m);
	l.shasum = message_get_str(m);
	json = message_get_str(m);
	rc = message_end(m, err);
	if (rc != 0)
		return rc;
	buf_init(&document, 4 * (size_t)LIMIT_MANIFEST_BYTES);
	buf_init(&index, INDEX_MAX_BYTES);
	rc = packument_write_local(&l, json, r->public_base, &document, &index,
	    &o.err);
	if (rc == 0)
		rc = fd_of_bytes("document", buf_str(&document), &o.document_fd,
		    &o.err);
	if (rc == 0)
		rc = fd_of_bytes("index", buf_str(&index), &o.index_fd, &o.err);
	o.picked.version = l.version;
	rc = send_answer(r, id, &o, err);
	closep(&o.document_fd);
	closep(&o.index_fd);
	buf_done(&document);
	buf_done(&index);
	return rc;
}

static const struct {
	uint16_t type;
	int (*handle)(struct replier *, struct message *, struct error *);
} handlers[] = {
	{ REPLY_CONFIG, configure },
	{ REPLY_DOCUMENT, on_document },
	{ REPLY_LOCAL, on_local },
};

static int
dispatch(struct replier *r, struct message *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(r, m, err);
	m->bad = true;
	return message_end(m, err);
}

int
main(void)
{
	static const struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct replier r = { 0 };
	struct error err = ERROR_INIT;
	struct message m;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	rc = lockdown(&l, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret: reply: %s\n", err.msg);
		return 1;
	}
	r.arena = arena_new(LIMIT_CONFIG_BYTES);
	channel_init(&r.fetch, CONTROL_FD);
	channel_init(&r.facts, FACTS_FD);
	while ((rc = channel_recv(&r.fetch, &m, &err)) == 1) {
		rc = dispatch(&r, &m, &err);
		if (rc != 0)
			break;
	}
	if (rc < 0)
		(void)fprintf(stderr, "lazaret: reply: %s\n", err.msg);
	channel_done(&r.fetch);
	channel_done(&r.facts);
	arena_free(r.arena);
	return rc < 0;
}
