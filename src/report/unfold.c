/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of reading a source's files in a confined process. */
#include "report/unfold.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/bundle.h"
#include "report/config.h"
#include "report/ingest.h"
#include "report/listing.h"
#include "sys/fd.h"
#include "sys/message.h"

/* INGEST's own message (ingest.c) has number 1. */
enum unfold_message {
	UNFOLD_RESULT = 1,
	UNFOLD_DOCUMENTS, /* {str name} and the file */
	UNFOLD_LISTING, /* the file */
	UNFOLD_NAME, /* {str name} of the result that follows */
	UNFOLD_OBJECT, /* {str key, str etag, str modified, int size} */
	UNFOLD_DONE, /* {str what went wrong, int truncated} */
};

/* --- the worker ------------------------------------------------------------
 */

struct worker {
	struct channel c;
	const struct config_source *source;
	int64_t now_s;
	struct error *err;
};

static int
on_document(void *arg, struct str name, struct str document,
    const char *refused)
{
	struct worker *w = arg;
	int rc;

	message_begin(&w->c, UNFOLD_NAME);
	message_put_str(&w->c, str_sub(name, 0, LIMIT_TEXT_BYTES));
	rc = message_send(&w->c, w->err);
	if (rc != 0)
		return rc;
	return refused != NULL ? ingest_work_failed(&w->c, 0, refused, w->err) :
				 ingest_work(&w->c, 0, document,
				     &w->source->intake, w->now_s, w->err);
}

static int
done(struct worker *w, const char *wrong, bool truncated)
{
	int rc;

	message_begin(&w->c, UNFOLD_DONE);
	message_put_str(&w->c, str_of(wrong));
	message_put_int(&w->c, truncated);
	rc = message_send(&w->c, w->err);
	return rc == 0 ? channel_flush(&w->c, w->err) : rc;
}

static int
serve_documents(struct worker *w, int fd, struct str name)
{
	struct bundle b = { .format = w->source->format,
		.delimiter = w->source->delimiter,
		.fn = on_document,
		.arg = w };
	struct error why = ERROR_INIT;

	if (bundle_read(&b, fd, name, &why) == 0)
		return done(w, NULL, false);
	/* A sentence of its own: the file's. Otherwise the channel broke. */
	return w->err->code != 0 ? w->err->code : done(w, why.msg, false);
}

static int
serve_listing(struct worker *w, int fd)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(256 * MIB);
	struct listing l = { .truncated = false };
	struct error why = ERROR_INIT;
	struct buf b;
	int rc = 0;

	buf_init(&b, LISTING_MAX_BYTES + 1);
	if (fd_read_all(fd, &b, &why) != 0 ||
	    listing_parse(a, buf_str(&b), &l, &why) != 0) {
		buf_done(&b);
		return done(w, why.msg, false);
	}
	buf_done(&b);
	for (size_t i = 0; i < l.objects.n && rc == 0; i++) {
		const struct listing_object *o = &l.objects.v[i];

		message_begin(&w->c, UNFOLD_OBJECT);
		message_put_str(&w->c, o->key);
		message_put_str(&w->c, o->etag);
		message_put_str(&w->c, o->modified);
		message_put_int(&w->c, o->size);
		rc = message_send(&w->c, w->err);
	}
	if (rc == 0)
		rc = done(w, NULL, l.truncated);
	listing_done(&l);
	return rc;
}

static int
serve(struct worker *w, struct message *m)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *name = NULL;
	bool documents = m->type == UNFOLD_DOCUMENTS;
	int rc;

	if (documents)
		name = mem_strndup(message_get_str(m));
	fd = message_get_fd(m);
	rc = message_end(m, w->err);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = error_errno(w->err, "lseek");
	if (rc != 0)
		return rc;
	return documents ? serve_documents(w, fd, str_of(name)) :
			   serve_listing(w, fd);
}

int
unfold_serve(int fd, const struct config_source *s, int64_t now_s,
    struct error *err)
{
	struct worker w = { .source = s, .now_s = now_s, .err = err };
	struct message m;
	int rc;

	channel_init(&w.c, fd);
	while ((rc = channel_recv(&w.c, &m, err)) == 1) {
		rc = serve(&w, &m);
		if (rc != 0)
			break;
	}
	channel_done(&w.c);
	return rc;
}

/* --- the supervisor ---------------------------------------------------------
 */

struct unfold {
	struct channel c;
	struct ingest_result result; /* large: kept out of the stack */
};

struct unfold *
unfold_new(int fd)
{
	struct unfold *u = mem_alloc(sizeof(*u));

	channel_init(&u->c, fd);
	return u;
}

void
unfold_free(struct unfold *u)
{
	if (u == NULL)
		return;
	channel_done(&u->c);
	free(u);
}

static int
ask(struct unfold *u, enum unfold_message type, struct str name, int fd,
    struct error *err)
{
	int rc;

	message_begin(&u->c, (uint16_t)type);
	if (type == UNFOLD_DOCUMENTS)
		message_put_str(&u->c, name);
	message_put_fd(&u->c, fd);
	rc = message_send(&u->c, err);
	return rc == 0 ? channel_flush(&u->c, err) : rc;
}

static int
receive(struct unfold *u, struct message *m, struct error *err)
{
	int rc = channel_recv(&u->c, m, err);

	return rc == 0 ? error_set(err, -EPIPE,
			     "the process that reads it died; it may be "
			     "malicious") :
			 rc;
}

/* The document's name, then what became of it. */
static int
take_document(struct unfold *u, struct message *m, unfold_fn fn, void *arg,
    size_t *refused, struct error *err)
{
	_cleanup_(freep) char *name = mem_strndup(message_get_str(m));
	int rc = message_end(m, err);

	if (rc == 0)
		rc = receive(u, m, err);
	if (rc < 0)
		return rc;
	if (m->type != UNFOLD_RESULT)
		m->bad = true;
	rc = ingest_receive(m, &u->result, err);
	if (rc == 0)
		rc = fn(arg, str_of(name), &u->result, err);
	*refused += rc == 1;
	return rc < 0 ? rc : 0;
}

/* 1: the end; what went wrong with the whole is one more refused document. */
static int
take_end(struct unfold *u, struct message *m, struct str name, unfold_fn fn,
    void *arg, size_t *refused, struct error *err)
{
	struct str wrong = message_get_str(m);
	int rc;

	(void)message_get_int(m);
	rc = message_end(m, err);
	if (rc != 0 || wrong.p == NULL)
		return rc != 0 ? rc : 1;
	u->result.refused = wrong;
	u->result.source_id = STR_NONE;
	u->result.n_reports = 0;
	(*refused)++;
	rc = fn(arg, name, &u->result, err);
	return rc < 0 ? rc : 1;
}

int
unfold_documents(struct unfold *u, int fd, struct str name, unfold_fn fn,
    void *arg, size_t *ret_refused, struct error *err)
{
	struct message m;
	int rc = ask(u, UNFOLD_DOCUMENTS, name, fd, err);

	*ret_refused = 0;
	while (rc == 0) {
		rc = receive(u, &m, err);
		if (rc < 0)
			return rc;
		if (m.type == UNFOLD_NAME)
			rc = take_document(u, &m, fn, arg, ret_refused, err);
		else if (m.type == UNFOLD_DONE)
			rc = take_end(u, &m, name, fn, arg, ret_refused, err);
		else
			rc = error_set(err, -EPROTO, "bad result of a worker");
	}
	return rc < 0 ? rc : 0;
}

static int
take_object(struct message *m, unfold_object_fn fn, void *arg,
    struct error *err)
{
	struct unfold_object o = { .key = message_get_str(m) };
	int rc;

	o.etag = message_get_str(m);
	o.modified = message_get_str(m);
	o.size = message_get_int(m);
	if (o.key.n == 0 || o.key.n > LISTING_MAX_KEY ||
	    str_chr(o.key, '\0') >= 0 || o.size < 0)
		m->bad = true;
	rc = message_end(m, err);
	if (rc == 0)
		fn(arg, &o);
	return rc;
}

int
unfold_listing(struct unfold *u, int fd, unfold_object_fn fn, void *arg,
    bool *ret_truncated, struct error *err)
{
	struct str wrong = STR_NONE;
	size_t n = 0;
	struct message m;
	bool truncated;
	int rc = ask(u, UNFOLD_LISTING, STR_NONE, fd, err);

	while (rc == 0) {
		rc = receive(u, &m, err);
		if (rc < 0 || m.type != UNFOLD_OBJECT)
			break;
		rc = ++n > LISTING_MAX_OBJECTS ?
		    error_set(err, -EPROTO, "bad result of a worker") :
		    take_object(&m, fn, arg, err);
	}
	if (rc < 0)
		return rc;
	if (m.type != UNFOLD_DONE)
		m.bad = true;
	wrong = message_get_str(&m);
	truncated = message_get_int(&m) != 0;
	rc = message_end(&m, err);
	if (rc == 0 && wrong.p != NULL)
		rc = error_set(err, -EINVAL, "%.*s", STR_ARG(wrong));
	if (rc == 0)
		*ret_truncated = truncated;
	return rc;
}
