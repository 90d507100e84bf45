/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry relay (ecosystem/relay.h). Runs in role sink. What fetch says
 * is validated as if hostile: it has read the real Internet.
 */
#include "sink/relay_priv.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/relay.h"
#include "sink/answer_priv.h"
#include "sink/http_priv.h"
#include "sink/stream_priv.h"
#include "sys/clock.h"

void
relay_init(struct relay *r, int fd)
{
	*r = (struct relay){ 0 };
	channel_init(&r->channel, fd);
}

void
relay_done(struct relay *r)
{
	channel_done(&r->channel);
	vec_done(&r->waiting);
}

bool
relay_ask(struct stream *s, struct str name, struct str version)
{
	struct relay *r = &s->world->relay;
	struct relay_wait wait = { ++r->last_request, s->id, clock_ns(),
		version.p != NULL };

	if (r->gone || r->waiting.n >= LIMIT_SINK_RELAYED)
		return false;
	message_begin(&r->channel,
	    wait.archive ? RELAY_ARCHIVE : RELAY_METADATA);
	message_put_int(&r->channel, wait.request);
	message_put_str(&r->channel, name);
	if (wait.archive)
		message_put_str(&r->channel, version);
	if (message_send(&r->channel, NULL) != 0 ||
	    channel_flush(&r->channel, NULL) != 0) {
		r->gone = true;
		return false;
	}
	vec_push(&r->waiting, wait);
	return true;
}

/* Only what can stand in a header line. */
static bool
is_media_type(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return s.n != 0 && s.n < 100;
}

static bool
is_sha256(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (str_chr(STR_LIT("0123456789abcdef"), s.p[i]) < 0)
			return false;
	return s.n == SHA256_HEX_SIZE - 1;
}

/* The registry's own shape of a refusal. */
static void
refuse(struct answer *a, int status)
{
	buf_reset(&a->body);
	closep(&a->body_fd);
	answer_json(a, status,
	    status == 404 ? "{\"error\":\"Not found\"}" :
			    "{\"error\":\"registry is not available\"}");
}

/* Takes fd. */
static void
set_body(struct answer *a, const struct relay_wait *wait, int fd,
    struct str type, struct str sha256)
{
	struct stat st;

	a->body_fd = fd;
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		refuse(a, 502);
		return;
	}
	a->status = 200;
	a->body_size = st.st_size;
	a->media_type =
	    wait->archive ? "application/octet-stream" : "application/json";
	if (is_media_type(type)) {
		(void)snprintf(a->type, sizeof(a->type), "%.*s", STR_ARG(type));
		a->media_type = a->type;
	}
	if (is_sha256(sha256))
		(void)snprintf(a->sha256, sizeof(a->sha256), "%.*s",
		    STR_ARG(sha256));
}

static void
deliver(struct world *w, const struct relay_wait *wait, struct answer *a)
{
	struct stream *s = stream_find(w, wait->stream);

	if (s != NULL && s->http != NULL && http_is_waiting(s->http))
		http_resume(s->http, a);
}

/* The request that this number belongs to; taken off the list. */
static bool
take_wait(struct relay *r, int64_t request, struct relay_wait *ret)
{
	for (size_t i = 0; i < r->waiting.n; i++) {
		if (r->waiting.v[i].request != request)
			continue;
		*ret = r->waiting.v[i];
		r->waiting.v[i] = r->waiting.v[--r->waiting.n];
		return true;
	}
	return false;
}

static int
take_answer(struct world *w, struct message *m, struct error *err)
{
	int64_t request = message_get_int(m), status = message_get_int(m);
	struct str type = message_get_str(m), sha256 = message_get_str(m);
	struct relay_wait wait;
	struct answer a;
	int fd = -1, rc;

	(void)message_get_str(m); /* fetch's sentence: it has said so itself */
	if (status == 200 && m->n_fds != 0)
		fd = message_get_fd(m);
	rc = message_end(m, err);
	if (rc != 0 || !take_wait(&w->relay, request, &wait)) {
		closep(&fd);
		return rc; /* too late: its client has gone */
	}
	answer_init(&a);
	a.word = "relay";
	if (status == 200)
		set_body(&a, &wait, steal_fd(&fd), type, sha256);
	else
		refuse(&a, status == 404 ? 404 : 502);
	deliver(w, &wait, &a);
	answer_done(&a);
	closep(&fd);
	return 0;
}

/* Everybody who waits gets an error; nobody will ask again. */
static void
give_up(struct world *w)
{
	struct relay_wait wait;
	struct answer a;

	w->relay.gone = true;
	while (w->relay.waiting.n != 0) {
		wait = w->relay.waiting.v[--w->relay.waiting.n];
		answer_init(&a);
		a.word = "relay";
		refuse(&a, 502);
		deliver(w, &wait, &a);
		answer_done(&a);
	}
}

static int
refuse_message(struct message *m)
{
	(void)message_end(m, NULL); /* closes what came with it */
	return -EPROTO;
}

void
relay_ready(struct world *w)
{
	struct relay *r = &w->relay;
	struct message m;
	int rc = channel_fill(&r->channel, NULL);

	if (rc == -EAGAIN)
		return;
	while (rc == 0) {
		int got = channel_next(&r->channel, &m, NULL);

		if (got == 0)
			return;
		rc = got < 0 ? got : 0;
		if (got == 1 && m.type == RELAY_ANSWER)
			rc = take_answer(w, &m, NULL);
		else if (got == 1)
			rc = refuse_message(&m);
	}
	give_up(w);
}

void
relay_tick(struct world *w, int64_t now_ns)
{
	struct relay *r = &w->relay;
	struct relay_wait wait;
	struct answer a;

	for (size_t i = 0; i < r->waiting.n;) {
		wait = r->waiting.v[i];
		if (now_ns - wait.since_ns < LIMIT_SINK_RELAY_MS * NS_PER_MS) {
			i++;
			continue;
		}
		r->waiting.v[i] = r->waiting.v[--r->waiting.n];
		answer_init(&a);
		a.word = "relay";
		refuse(&a, 502);
		deliver(w, &wait, &a);
		answer_done(&a);
	}
}
