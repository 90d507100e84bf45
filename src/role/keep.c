/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role keep: writes the archive store and the document cache, alone. It opens
 * by hash below two folders it was given, and parses nothing. fetch asks; what
 * is to be written waits until nobody asks.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"
#include "fetch/keep.h"
#include "fetch/protocol.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* Writes that may wait before askers do. */
#define MAX_WAITING 512

struct put {
	enum keep_kind kind;
	char *key, *tag; /* owned */
	int fd; /* owned */
};

struct keeper {
	struct keep keep;
	struct channel fetch;
	VEC(struct put) waiting;
	size_t n_done;
	bool told; /* the first failure was told */
};

/* A cache that cannot be written is slow, not wrong. */
static void
tell(struct keeper *k, const struct error *err)
{
	if (!k->told)
		(void)fprintf(stderr, "lazaret: %s\n", err->msg);
	k->told = true;
}

static int
get(struct keeper *k, struct message *m, struct error *err)
{
	struct keep_found f = { .fd = -1 };
	int64_t kind = message_get_int(m);
	struct str key = message_get_str(m);
	bool found = false;
	int rc;

	if (kind < 0 || kind >= KEEP_KIND__MAX)
		m->bad = true;
	if (!m->bad)
		found = keep_get(&k->keep, (enum keep_kind)kind, key, &f,
			    NULL) == 0;
	rc = message_end(m, err);
	if (rc == 0) {
		message_begin(&k->fetch, KEEP_GOT);
		message_put_int(&k->fetch, found);
		message_put_int(&k->fetch, f.age_ms);
		message_put_str(&k->fetch, str_of(f.tag));
		message_put_int(&k->fetch, f.offset);
		message_put_int(&k->fetch, f.size);
		if (found)
			message_put_fd(&k->fetch, f.fd);
		rc = message_send(&k->fetch, err);
	}
	if (rc == 0)
		rc = channel_flush(&k->fetch, err);
	closep(&f.fd);
	return rc;
}

static int
put(struct keeper *k, struct message *m, struct error *err)
{
	struct put p = { .fd = -1 };
	int64_t kind = message_get_int(m);
	struct str key = message_get_str(m), tag = message_get_str(m);
	int rc;

	p.fd = message_get_fd(m);
	if (kind < 0 || kind >= KEEP_KIND__MAX)
		m->bad = true;
	p.kind = (enum keep_kind)kind;
	p.key = mem_strndup(key);
	p.tag = mem_strndup(tag);
	rc = message_end(m, err);
	if (rc == 0) {
		vec_push(&k->waiting, p);
		return 0;
	}
	free(p.key);
	free(p.tag);
	closep(&p.fd);
	return rc;
}

static int
touch(struct keeper *k, struct message *m, struct error *err)
{
	int64_t kind = message_get_int(m);
	struct str key = message_get_str(m);

	if (kind < 0 || kind >= KEEP_KIND__MAX)
		m->bad = true;
	if (!m->bad)
		(void)keep_touch(&k->keep, (enum keep_kind)kind, key, NULL);
	return message_end(m, err);
}

static const struct {
	uint16_t type;
	int (*handle)(struct keeper *, struct message *, struct error *);
} handlers[] = {
	{ KEEP_GET, get },
	{ KEEP_PUT, put },
	{ KEEP_TOUCH, touch },
};

static int
dispatch(struct keeper *k, struct message *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(k, m, err);
	m->bad = true;
	return message_end(m, err);
}

static void
write_one(struct keeper *k)
{
	struct put *p = &k->waiting.v[k->n_done++];
	struct error err = ERROR_INIT;

	if (keep_put(&k->keep, p->kind, str_of(p->key), str_of(p->tag), p->fd,
		&err) != 0)
		tell(k, &err);
	closep(&p->fd);
	free(p->key);
	free(p->tag);
	if (k->n_done == k->waiting.n)
		k->n_done = k->waiting.n = 0;
}

static bool
has_waiting(const struct keeper *k)
{
	return k->n_done < k->waiting.n;
}

/* Whoever asks goes first. 1: fetch has gone. */
static int
serve(struct keeper *k, struct error *err)
{
	struct pollfd pfd = { .fd = k->fetch.fd, .events = POLLIN };
	struct message m;
	int rc;

	while ((rc = channel_next(&k->fetch, &m, err)) == 1) {
		rc = dispatch(k, &m, err);
		if (rc != 0)
			return rc;
	}
	if (rc != 0)
		return rc;
	while (has_waiting(k) &&
	    (k->waiting.n - k->n_done > MAX_WAITING || poll(&pfd, 1, 0) == 0))
		write_one(k);
	rc = channel_fill(&k->fetch, err);
	return rc == -EAGAIN ? 0 : rc;
}

int
main(void)
{
	struct lockdown l = { .rights = LOCKDOWN_WRITE_FILES };
	struct keeper k = { .keep = { KEEP_BLOBS_FD, KEEP_CACHE_FD } };
	char blobs[32], cache[32];
	const char *const paths[] = { blobs, cache, NULL };
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(blobs, sizeof(blobs), "/proc/self/fd/%d", KEEP_BLOBS_FD);
	(void)snprintf(cache, sizeof(cache), "/proc/self/fd/%d", KEEP_CACHE_FD);
	l.write_paths = paths;
	rc = keep_prepare(&k.keep, &err);
	if (rc == 0)
		rc = lockdown(&l, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret: keep: %s\n", err.msg);
		return 1;
	}
	channel_init(&k.fetch, CONTROL_FD);
	while ((rc = serve(&k, &err)) == 0)
		continue;
	if (rc < 0)
		(void)fprintf(stderr, "lazaret: keep: %s\n", err.msg);
	while (has_waiting(&k))
		write_one(&k);
	vec_done(&k.waiting);
	channel_done(&k.fetch);
	return rc < 0;
}
