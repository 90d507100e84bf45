/* SPDX-License-Identifier: Apache-2.0 */
/* The door's clients, from their knock to the end of their connection: each
 * greets, is told that the programs are there, asks once, is served. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/safeguard.h"
#include "record/door_priv.h"
#include "record/loader.h"
#include "sys/clock.h"

void
door_client_drop(struct serving *s, struct client *c)
{
	if (c->state == CLIENT_SERVED) {
		programs_forget(s->d->programs, c->slot);
		s->slots[c->slot].state = SLOT_USED;
	}
	closep(&c->cgroup_fd);
	channel_done(&c->c);
	c->state = CLIENT_NONE;
	c->n_groups = 0;
	if (--s->n_clients == 0)
		s->alone_since = clock_ns();
}

/* Answers are small, and there are two for each client: they fit into the
 * socket's buffer. */
static void
say(struct serving *s, struct client *c, uint16_t type)
{
	struct error ignored = ERROR_INIT;
	int rc;

	message_begin(&c->c, type);
	rc = message_send(&c->c, &ignored);
	if (rc != 0 || channel_flush(&c->c, &ignored) != 0)
		door_client_drop(s, c);
}

void
door_client_refuse(struct serving *s, struct client *c, int code,
    const char *why)
{
	struct error ignored = ERROR_INIT;

	message_begin(&c->c, CONTROL_FAILED);
	message_put_int(&c->c, code);
	message_put_str(&c->c, str_of(why));
	if (message_send(&c->c, &ignored) == 0)
		(void)channel_flush(&c->c, &ignored);
	door_client_drop(s, c);
}

/* The programs are there: now it is his turn. */
static void
let_ask(struct serving *s, struct client *c)
{
	c->state = CLIENT_KNOWN;
	c->since = clock_ns();
	say(s, c, LOADER_HERE);
}

/* Gives a slot of the stock to a client that waits for one. */
static void
serve_client(struct serving *s, struct client *c)
{
	int slot = door_slot_find(s, SLOT_STOCK);
	struct programs_part *part;
	struct error err = ERROR_INIT;
	int rc;

	if (slot < 0)
		return;
	rc = programs_watch(s->d->programs, (unsigned)slot, c->cgroup_fd, &err);
	if (rc != 0) {
		door_client_refuse(s, c, rc, err.msg);
		return;
	}
	part = &s->slots[slot].part;
	s->slots[slot].state = SLOT_TAKEN;
	c->slot = (unsigned)slot;
	c->state = CLIENT_SERVED;
	closep(&c->cgroup_fd);
	message_begin(&c->c, LOADER_WATCHED);
	message_put_fd(&c->c, part->ring_fd);
	message_put_fd(&c->c, part->totals_fd);
	message_put_fd(&c->c, part->control_fd);
	rc = message_send(&c->c, &err);
	programs_part_done(part);
	if (rc != 0)
		door_client_drop(s, c);
}

void
door_client_serve_waiting(struct serving *s)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->state == CLIENT_ASKED)
			serve_client(s, c);
		else if (c->state == CLIENT_GREETED && s->attached)
			let_ask(s, c);
	}
}

void
door_client_refuse_all(struct serving *s, enum client_state state, int code,
    const char *why)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++)
		if (s->clients[i].state == state)
			door_client_refuse(s, &s->clients[i], code, why);
}

static void
on_watch(struct serving *s, struct client *c)
{
	struct error bad = ERROR_INIT;
	int rc = door_group_claim(s, c, &bad);

	if (rc != 0) {
		door_client_refuse(s, c, rc, bad.msg);
		return;
	}
	c->state = CLIENT_ASKED;
	s->unfilled = false;
	serve_client(s, c);
}

static int
on_hello(struct serving *s, struct client *c, bool fits, struct error *err)
{
	if (!fits) {
		door_client_refuse(s, c, -ESTALE,
		    "it runs programs of another version: restart it");
		return 0;
	}
	c->state = CLIENT_GREETED;
	if (s->attached)
		let_ask(s, c);
	else if (!s->attaching) {
		s->attaching = true;
		return door_slot_ask(s, LOADER_ATTACH, -1, err);
	}
	return 0;
}

/* Each message once, in order; anything else ends the connection. */
static int
on_request(struct serving *s, struct client *c, struct message *m,
    struct error *err)
{
	struct error bad = ERROR_INIT;
	struct loader_request q;

	if (loader_parse(m, &q, &bad) != 0) {
		door_client_refuse(s, c, -EPROTO, bad.msg);
		return 0;
	}
	if (q.type == LOADER_HELLO && c->state == CLIENT_NEW)
		return on_hello(s, c, q.fits, err);
	if (q.type == LOADER_WATCH && c->state == CLIENT_KNOWN) {
		c->cgroup_fd = q.cgroup_fd;
		on_watch(s, c);
		return 0;
	}
	closep(&q.cgroup_fd);
	door_client_refuse(s, c, -EPROTO,
	    "one registration for each connection");
	return 0;
}

int
door_client_read(struct serving *s, struct client *c, struct error *err)
{
	struct error bad = ERROR_INIT;
	struct message m;
	int rc = channel_fill(&c->c, &bad);

	if (rc == -EAGAIN)
		return 0;
	if (rc != 0) {
		door_client_drop(s, c);
		return 0;
	}
	rc = 0;
	while (rc == 0 && c->state != CLIENT_NONE) {
		int got = channel_next(&c->c, &m, &bad);

		if (got == 0)
			break;
		if (got < 0)
			door_client_refuse(s, c, -EPROTO, bad.msg);
		else
			rc = on_request(s, c, &m, err);
	}
	return rc;
}

static size_t
count_clients(const struct serving *s, uid_t uid)
{
	size_t n = 0;

	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++)
		n += s->clients[i].state != CLIENT_NONE &&
		    s->clients[i].uid == uid;
	return n;
}

void
door_client_take(struct serving *s, int fd, uid_t uid)
{
	bool many =
	    uid != 0 && count_clients(s, uid) >= LIMIT_LOADER_USER_CLIENTS;
	struct client *c = s->clients;

	while (c < s->clients + LIMIT_LOADER_CLIENTS && c->state != CLIENT_NONE)
		c++;
	if (c == s->clients + LIMIT_LOADER_CLIENTS) {
		(void)close(fd);
		return;
	}
	*c = (struct client){ .state = CLIENT_NEW,
		.uid = uid,
		.since = clock_ns(),
		.cgroup_fd = -1 };
	channel_init(&c->c, fd);
	if (SAFEGUARD(room))
		c->c.in.max = LIMIT_LOADER_IN_BYTES;
	s->n_clients++;
	if (s->drain_since != 0)
		door_client_refuse(s, c, -ESHUTDOWN, DOOR_STOPPING);
	else if (many)
		door_client_refuse(s, c, -EBUSY,
		    "too many registrations of this user");
}
