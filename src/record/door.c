/* SPDX-License-Identifier: Apache-2.0 */
/* See door.h. */
#include "record/door.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/safeguard.h"
#include "record/door_priv.h"
#include "record/loader.h"
#include "sys/clock.h"

/* Programs stay attached for the next of a series of analyses. */
#define LINGER_MS 2000

static int
on_knock(struct serving *s, struct error *err)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	int fd =
	    accept4(s->d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EAGAIN || errno == ECONNABORTED ||
			errno == EINTR || errno == EMFILE ?
		    0 :
		    error_errno(err, "accept");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		(void)close(fd);
	else
		door_client_take(s, fd, peer.uid);
	return 0;
}

/* --- the holder --- */

static int
on_attached(struct serving *s, struct message *m, struct error *err)
{
	int rc = (int)message_get_int(m);
	struct str why = message_get_str(m);
	struct error said = ERROR_INIT;

	(void)error_set(&said, -EIO, "%.*s", STR_ARG(why));
	if (message_end(m, err) != 0)
		return err->code;
	s->attaching = false;
	s->attached = rc == 0;
	if (rc != 0)
		door_client_refuse_all(s, CLIENT_GREETED, rc, said.msg);
	return 0;
}

/* Who is served is recorded to his end; others find another way, and need not
 * wait to learn it. The second time nobody is waited for. */
static int
on_stop(struct serving *s, struct message *m, struct error *err)
{
	static const enum client_state waiting[] = { CLIENT_NEW, CLIENT_GREETED,
		CLIENT_KNOWN, CLIENT_ASKED };

	s->over = s->drain_since != 0 || !SAFEGUARD(drain);
	s->drain_since = clock_ns();
	for (size_t i = 0; i < N_ELEMENTS(waiting); i++)
		door_client_refuse_all(s, waiting[i], -ESHUTDOWN,
		    DOOR_STOPPING);
	return message_end(m, err);
}

static int
on_answer(struct serving *s, struct message *m, struct error *err)
{
	if (m->type == CONTROL_STOP)
		return on_stop(s, m, err);
	if (m->type == LOADER_ATTACHED)
		return on_attached(s, m, err);
	if (m->type == LOADER_FILLED)
		return door_slot_on_filled(s, m, err);
	return door_slot_on_emptied(s, m, err);
}

/* 1: the holder is gone. */
static int
on_holder(struct serving *s, struct error *err)
{
	struct message m;
	int rc = channel_fill(&s->holder, err);

	while (rc == 0 && (rc = channel_next(&s->holder, &m, err)) == 1) {
		rc = on_answer(s, &m, err);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* --- times --- */

static int64_t
allowed_ms(enum client_state state)
{
	return state == CLIENT_NEW ? LIMIT_LOADER_HELLO_MS :
	    state == CLIENT_KNOWN  ? LIMIT_LOADER_ASK_MS :
				     0;
}

/* Who says nothing takes a place from others. Returns ms until the next look;
 * -1: none is needed. */
static int
drop_silent(struct serving *s, int64_t now)
{
	int64_t next_ms = -1;

	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		struct client *c = &s->clients[i];
		int64_t ms = allowed_ms(c->state);
		int64_t left = ms - (now - c->since) / NS_PER_MS;

		if (ms == 0 || !SAFEGUARD(silence))
			continue;
		if (left <= 0)
			door_client_drop(s, c);
		else if (next_ms < 0 || left < next_ms)
			next_ms = left;
	}
	return (int)next_ms;
}

/* With the last client, or when they have had their time. */
static int
look_at_drain(struct serving *s, int64_t now)
{
	int64_t left = s->d->drain_ms - (now - s->drain_since) / NS_PER_MS;

	s->over = s->over || s->n_clients == 0 || left <= 0;
	return s->over ? 0 : (int)left;
}

/* As drop_silent(). */
static int
look_at_times(struct serving *s, struct error *err)
{
	int64_t now = clock_ns(), alone;
	int next_ms = drop_silent(s, now);

	if (s->drain_since != 0)
		return look_at_drain(s, now);
	if (s->n_clients != 0)
		return next_ms;
	alone = (now - s->alone_since) / NS_PER_MS;
	if (s->attached && alone >= LINGER_MS) {
		s->attached = false;
		if (door_slot_ask(s, LOADER_DETACH, -1, err) != 0)
			return 0;
	}
	s->over = s->d->idle_ms != 0 && alone >= s->d->idle_ms;
	if (s->attached)
		return (int)(LINGER_MS - alone) + 1;
	return s->d->idle_ms != 0 ? (int)(s->d->idle_ms - alone) + 1 : -1;
}

/* --- the loop --- */

static int
turn(struct serving *s, int timeout_ms, struct error *err)
{
	struct pollfd fds[LIMIT_LOADER_CLIENTS + 2] = {
		{ .fd = s->holder.fd, .events = POLLIN },
		{ .fd = s->d->listen_fd, .events = POLLIN },
	};
	int rc = 0;

	if (s->n_clients == LIMIT_LOADER_CLIENTS)
		fds[1].fd = -1; /* they wait, or give up */
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		fds[i + 2].fd = s->clients[i].state != CLIENT_NONE ?
		    s->clients[i].c.fd :
		    -1;
		fds[i + 2].events = POLLIN;
	}
	if (poll(fds, N_ELEMENTS(fds), timeout_ms) < 0)
		return errno == EINTR ? 0 : error_errno(err, "poll");
	if (fds[0].revents != 0)
		rc = on_holder(s, err);
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS && rc == 0; i++)
		if (fds[i + 2].revents != 0 &&
		    s->clients[i].state != CLIENT_NONE)
			rc = door_client_read(s, &s->clients[i], err);
	if (rc == 0 && fds[1].revents != 0)
		rc = on_knock(s, err);
	if (rc == 0)
		door_client_serve_waiting(s);
	return rc == 0 ? door_slot_restock(s, err) : rc;
}

static void
serving_free(struct serving *s)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++)
		if (s->clients[i].state != CLIENT_NONE)
			door_client_drop(s, &s->clients[i]);
	for (size_t i = 0; i < RECORD_SLOTS; i++)
		if (s->slots[i].state == SLOT_STOCK)
			programs_part_done(&s->slots[i].part);
	channel_done(&s->holder);
	free(s);
}

int
door_serve(const struct door *d, struct error *err)
{
	struct serving *s = mem_alloc(sizeof(*s));
	int rc;

	s->d = d;
	s->alone_since = clock_ns();
	channel_init(&s->holder, d->holder_fd);
	rc = door_slot_restock(s, err);
	while (rc == 0) {
		int wait_ms = look_at_times(s, err);

		if (s->over)
			break;
		rc = turn(s, wait_ms, err);
	}
	if (s->over)
		(void)door_slot_ask(s, CONTROL_STOP, -1, err);
	serving_free(s);
	return rc == 1 ? 0 : rc;
}
