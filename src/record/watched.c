/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder's end of the watcher: events come as a stream, and bytes read
 * and written are added up here as the kernel side of eBPF does it there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "record/decode.h"
#include "record/watch.h"

#define STREAM_BYTES (256 * KIB)
#define MAX_TOTALS   65536 /* as in record.bpf.c */

struct total {
	struct record_io_key key;
	struct record_io io;
};

struct watched {
	int fd; /* owned */
	struct buf in;
	struct map *totals; /* struct total *, owned */
	uint64_t dropped, watcher_dropped;
	bool marked;
};

struct watched *
watched_new(int events_fd)
{
	struct watched *w = mem_alloc(sizeof(*w));

	w->fd = events_fd;
	buf_init(&w->in, STREAM_BYTES);
	w->totals = map_new(MAX_TOTALS);
	return w;
}

void
watched_free(struct watched *w)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (w == NULL)
		return;
	while (map_next(w->totals, &at, &key, &value))
		free(value);
	map_free(w->totals);
	buf_done(&w->in);
	closep(&w->fd);
	free(w);
}

int
watched_fd(const struct watched *w)
{
	return w->fd;
}

/* Whether somebody has to be told: it is the first of these bytes. */
static bool
add_total(struct watched *w, struct str bytes)
{
	struct decode_event e;
	struct total *t;

	if (decode_parse(bytes, &e, NULL) != 0 || !e.has_key || e.h.result < 0)
		return true;
	t = map_get(w->totals, str_n(&e.key, sizeof(e.key)));
	if (t != NULL) {
		t->io.bytes += (uint64_t)e.h.result;
		return false;
	}
	t = mem_alloc(sizeof(*t));
	*t = (struct total){ e.key, { (uint64_t)e.h.result, e.h.at } };
	if (map_put(w->totals, str_n(&t->key, sizeof(t->key)), t) < 0) {
		free(t);
		w->dropped++;
		return false;
	}
	return true;
}

static int
take_one(struct watched *w, const struct record_header *h, struct str bytes,
    load_take_fn take, void *context)
{
	if (h->kind == RECORD_KIND__MAX) {
		w->marked = true;
		w->watcher_dropped = h->args[0];
		return 0;
	}
	if (h->kind == RECORD_IO && !add_total(w, bytes))
		return 0;
	return take(context, bytes);
}

/* The whole events that are there. */
static int
take_all(struct watched *w, load_take_fn take, void *context)
{
	struct record_header h;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && w->in.n - at >= sizeof(h)) {
		memcpy(&h, w->in.p + at, sizeof(h));
		if (h.bytes < sizeof(h) || h.bytes > STREAM_BYTES / 2)
			return -EPROTO;
		if (w->in.n - at < h.bytes)
			break;
		rc = take_one(w, &h, str_n(w->in.p + at, h.bytes), take,
		    context);
		at += h.bytes;
	}
	buf_consume(&w->in, at);
	return rc;
}

static int
fill(struct watched *w, int flags)
{
	char *to = buf_reserve(&w->in, STREAM_BYTES / 2 - 1);
	ssize_t n;

	if (to == NULL)
		return -EPROTO;
	do
		n = recv(w->fd, to, STREAM_BYTES / 2 - 1, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf_added(&w->in, (size_t)n);
	return n == 0 ? -EPIPE : 0;
}

int
watched_drain(struct watched *w, load_take_fn take, void *context)
{
	int rc = 0;

	while (rc == 0) {
		rc = fill(w, MSG_DONTWAIT);
		if (rc == 0)
			rc = take_all(w, take, context);
	}
	return rc == -EAGAIN ? 0 : rc;
}

int
watched_sync(struct watched *w, load_take_fn take, void *context)
{
	int rc = 0;

	w->marked = false;
	while (rc == 0 && !w->marked) {
		rc = fill(w, 0);
		if (rc == 0)
			rc = take_all(w, take, context);
	}
	return rc;
}

uint64_t
watched_dropped(const struct watched *w)
{
	return w->dropped + w->watcher_dropped;
}

int
watched_take_total(struct watched *w, const struct record_io_key *key,
    struct record_io *ret)
{
	struct total *t = map_remove(w->totals, str_n(key, sizeof(*key)));

	if (t == NULL)
		return -ENOENT;
	*ret = t->io;
	free(t);
	return 0;
}

int
watched_any_total(struct watched *w, struct record_io_key *ret)
{
	struct str key;
	void *value;
	size_t at = 0;

	if (!map_next(w->totals, &at, &key, &value))
		return -ENOENT;
	*ret = ((const struct total *)value)->key;
	return 0;
}
