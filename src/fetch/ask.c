/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations of role fetch: questions to reply, answered in any order, and
 * to keep, answered at once. reply has read foreign bytes: what it says is
 * checked as if hostile.
 */
#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "fetch/session_priv.h"

/* The platform that the sandbox is. */
#if defined(__aarch64__)
#define OUR_CPU "arm64"
#else
#define OUR_CPU "x64"
#endif

/* The sentence may be the answer to who asked for a package. */
static int
say(struct session *s, bool now, struct error *err)
{
	int rc = message_send(&s->reply, err);

	if (rc == 0 && now)
		rc = channel_flush(&s->reply, err);
	return rc == -EPIPE ?
	    error_set(err, rc,
		"the process that reads the registry's answers died") :
	    rc;
}

int
ask_config(struct session *s, struct error *err)
{
	message_begin(&s->reply, REPLY_CONFIG);
	message_put_str(&s->reply, s->public_base);
	message_put_str(&s->reply, STR_LIT("linux"));
	message_put_str(&s->reply, STR_LIT(OUR_CPU));
	message_put_str(&s->reply, STR_LIT("glibc"));
	message_put_str(&s->reply, s->node_version);
	return say(s, false, err);
}

static int64_t
add_question(struct session *s, answer_fn fn, void *arg)
{
	struct question q = { ++s->next_question, fn, arg }, *free_one;

	vec_foreach(free_one, &s->questions)
		if (free_one->fn == NULL) {
			*free_one = q;
			return q.id;
		}
	vec_push(&s->questions, q);
	return q.id;
}

int
ask_document(struct session *s, const struct document *d, int actions,
    struct str want, answer_fn fn, void *arg, struct error *err)
{
	message_begin(&s->reply, REPLY_DOCUMENT);
	message_put_int(&s->reply, add_question(s, fn, arg));
	message_put_int(&s->reply, actions);
	message_put_str(&s->reply, str_of(d->name));
	message_put_str(&s->reply, want);
	message_put_str(&s->reply, str_of(d->base));
	message_put_int(&s->reply, d->offset);
	message_put_int(&s->reply, d->size);
	message_put_fd(&s->reply, d->fd);
	return say(s, true, err);
}

int
ask_local(struct session *s, const struct local *l, const struct verified *v,
    answer_fn fn, void *arg, struct error *err)
{
	message_begin(&s->reply, REPLY_LOCAL);
	message_put_int(&s->reply, add_question(s, fn, arg));
	message_put_str(&s->reply, l->name);
	message_put_str(&s->reply, l->version);
	message_put_str(&s->reply, str_of(v->integrity));
	message_put_str(&s->reply, str_of(v->shasum));
	message_put_str(&s->reply, l->manifest_json);
	return say(s, true, err);
}

static int
take_answer(struct session *s, struct message *m, struct error *err)
{
	struct answer a = { .document_fd = -1, .index_fd = -1 };
	int64_t id = message_get_int(m), code = message_get_int(m);
	struct question *q, found = { 0 };
	int rc;

	a.sentence = message_get_str(m);
	a.version = message_get_str(m);
	a.tarball = message_get_str(m);
	a.integrity = message_get_str(m);
	a.shasum = message_get_str(m);
	a.deprecated = message_get_str(m);
	a.platform = message_get_str(m);
	a.platform_mismatch = message_get_int(m) != 0;
	if (m->n_fds != 0) {
		a.document_fd = message_get_fd(m);
		a.index_fd = message_get_fd(m);
	}
	if (code > 0 || code < -4095)
		m->bad = true;
	a.code = (int)code;
	vec_foreach(q, &s->questions)
		if (q->id == id && q->fn != NULL) {
			found = *q;
			q->fn = NULL;
		}
	if (found.fn == NULL)
		m->bad = true;
	rc = message_end(m, err);
	if (rc == 0)
		found.fn(found.arg, &a);
	closep(&a.document_fd);
	closep(&a.index_fd);
	return rc;
}

int
ask_dispatch(struct session *s, struct error *err)
{
	struct message m;
	int rc, end;

	end = channel_fill(&s->reply, err);
	if (end < 0 && end != -EAGAIN)
		return end;
	while ((rc = channel_next(&s->reply, &m, err)) == 1) {
		if (m.type != REPLY_ANSWER)
			m.bad = true;
		rc = take_answer(s, &m, err);
		if (rc != 0)
			return error_wrap(err, "role reply");
	}
	return rc < 0 ? rc : end == 1;
}

/* ---- keep */

static bool
read_got(struct message *m, struct keep_found *ret)
{
	struct keep_found f = { .fd = -1 };
	bool found = message_get_int(m) != 0;
	struct str tag;

	f.age_ms = message_get_int(m);
	tag = message_get_str(m);
	f.offset = message_get_int(m);
	f.size = message_get_int(m);
	if (found)
		f.fd = message_get_fd(m);
	if (m->type != KEEP_GOT || tag.n >= sizeof(f.tag) || f.size < 0 ||
	    f.offset < 0)
		m->bad = true;
	if (!m->bad && tag.n != 0)
		memcpy(f.tag, tag.p, tag.n);
	if (message_end(m, NULL) != 0 || !found) {
		closep(&f.fd);
		return false;
	}
	*ret = f;
	return true;
}

bool
keep_ask(struct session *s, enum keep_kind kind, struct str key,
    struct keep_found *ret)
{
	struct message m;

	message_begin(&s->keep, KEEP_GET);
	message_put_int(&s->keep, kind);
	message_put_str(&s->keep, key);
	if (message_send(&s->keep, NULL) != 0 ||
	    channel_flush(&s->keep, NULL) != 0 ||
	    channel_recv(&s->keep, &m, NULL) != 1)
		return false; /* without a cache it is only slower */
	return read_got(&m, ret);
}

void
keep_tell(struct session *s, enum keep_kind kind, struct str key,
    struct str tag, int fd)
{
	message_begin(&s->keep, fd >= 0 ? KEEP_PUT : KEEP_TOUCH);
	message_put_int(&s->keep, kind);
	message_put_str(&s->keep, key);
	if (fd >= 0) {
		message_put_str(&s->keep, tag);
		message_put_fd(&s->keep, fd);
	}
	if (message_send(&s->keep, NULL) == 0)
		(void)channel_flush(&s->keep, NULL);
}
