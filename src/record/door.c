/* SPDX-License-Identifier: Apache-2.0 */
/* See door.h. */
#include "record/door.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "record/event.h"
#include "record/loader.h"
#include "record/programs.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"

static_assert(LIMIT_LOADER_CLIENTS <= RECORD_SLOTS, "a slot for each client");

/* Programs stay attached for the next of a series of analyses. */
#define LINGER_MS 2000
/* Slots in stock: with clients there are likely to be more. */
#define STOCK_IDLE 1u
#define STOCK_BUSY 2u

enum slot_state {
	SLOT_EMPTY,
	SLOT_FILLING,
	SLOT_STOCK,
	SLOT_TAKEN,
	SLOT_USED, /* its client has gone; still full */
	SLOT_EMPTYING,
};

struct slot {
	enum slot_state state;
	struct programs_part part; /* SLOT_STOCK */
};

enum client_state {
	CLIENT_NONE,
	CLIENT_NEW,
	CLIENT_GREETED, /* waits until the programs are attached */
	CLIENT_KNOWN,
	CLIENT_ASKED, /* waits for a slot */
	CLIENT_SERVED,
};

struct client {
	enum client_state state;
	struct channel c;
	uid_t uid;
	int64_t since; /* clock_ns() */
	int cgroup_fd; /* CLIENT_ASKED; -1 */
	unsigned slot; /* CLIENT_SERVED */
	/* The control group and those above it, by id. */
	uint64_t groups[LIMIT_LOADER_DEPTH];
	size_t n_groups;
};

struct serving {
	const struct door *d;
	struct channel holder;
	struct client clients[LIMIT_LOADER_CLIENTS];
	struct slot slots[RECORD_SLOTS];
	size_t n_clients;
	bool attaching, attached;
	bool unfilled; /* the last attempt failed: not again until asked */
	int64_t alone_since; /* clock_ns(); no client since then */
};

/* --- the holder --- */

static int
ask_holder(struct serving *s, uint16_t type, int64_t slot, struct error *err)
{
	int rc;

	message_begin(&s->holder, type);
	if (slot >= 0)
		message_put_int(&s->holder, slot);
	rc = message_send(&s->holder, err);
	return rc != 0 ? rc : channel_flush(&s->holder, err);
}

static size_t
count_slots(const struct serving *s, enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < RECORD_SLOTS; i++)
		n += s->slots[i].state == state;
	return n;
}

static int
find_slot(const struct serving *s, enum slot_state state)
{
	for (int i = 0; i < RECORD_SLOTS; i++)
		if (s->slots[i].state == state)
			return i;
	return -1;
}

/* Keeps the stock; what is used and not needed for it is given back. */
static int
restock(struct serving *s, struct error *err)
{
	size_t wanted = s->n_clients != 0 ? STOCK_BUSY : STOCK_IDLE;
	size_t have = count_slots(s, SLOT_STOCK) + count_slots(s, SLOT_FILLING);
	int slot, rc = 0;

	if (s->unfilled)
		wanted = 0;
	while (have < wanted && rc == 0) {
		slot = find_slot(s, SLOT_USED);
		if (slot < 0)
			slot = find_slot(s, SLOT_EMPTY);
		if (slot < 0)
			return 0;
		s->slots[slot].state = SLOT_FILLING;
		rc = ask_holder(s, LOADER_FILL, slot, err);
		have++;
	}
	while (rc == 0 && (slot = find_slot(s, SLOT_USED)) >= 0) {
		s->slots[slot].state = SLOT_EMPTYING;
		rc = ask_holder(s, LOADER_EMPTY, slot, err);
	}
	return rc;
}

/* --- clients --- */

static void
drop(struct serving *s, struct client *c)
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
		drop(s, c);
}

static void
refuse(struct serving *s, struct client *c, int code, const char *why)
{
	struct error ignored = ERROR_INIT;

	message_begin(&c->c, CONTROL_FAILED);
	message_put_int(&c->c, code);
	message_put_str(&c->c, str_of(why));
	if (message_send(&c->c, &ignored) == 0)
		(void)channel_flush(&c->c, &ignored);
	drop(s, c);
}

/* Gives a slot of the stock to a client that waits for one. */
static void
serve_client(struct serving *s, struct client *c)
{
	int slot = find_slot(s, SLOT_STOCK);
	struct programs_part *part;
	struct error err = ERROR_INIT;
	int rc;

	if (slot < 0)
		return;
	rc = programs_watch(s->d->programs, (unsigned)slot, c->cgroup_fd, &err);
	if (rc != 0) {
		refuse(s, c, rc, err.msg);
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
		drop(s, c);
}

static void
serve_waiting(struct serving *s)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->state == CLIENT_ASKED)
			serve_client(s, c);
		else if (c->state == CLIENT_GREETED && s->attached) {
			c->state = CLIENT_KNOWN;
			say(s, c, LOADER_HERE);
		}
	}
}

/* --- what may be registered --- */

static bool
knows_group(const struct client *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == id)
			return true;
	return false;
}

/* Events of a group that is watched twice would reach one of the two. */
static bool
overlaps(const struct serving *s, const struct client *c)
{
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		const struct client *other = &s->clients[i];

		if (other != c && other->state != CLIENT_NONE &&
		    other->n_groups != 0 &&
		    (knows_group(other, c->groups[0]) ||
			knows_group(c, other->groups[0])))
			return true;
	}
	return false;
}

/* Not asked of the file system itself: what was sent may lie in one that never
 * answers. 0 for anything but a folder of the v2 hierarchy. */
static uint64_t
group_id(const struct serving *s, int fd, uid_t *ret_owner)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		STATX_TYPE | STATX_INO | STATX_UID, &st) != 0 ||
	    makedev(st.stx_dev_major, st.stx_dev_minor) != s->d->cgroup_dev ||
	    (st.stx_mode & S_IFMT) != S_IFDIR)
		return 0;
	*ret_owner = st.stx_uid;
	return st.stx_ino;
}

/* Which groups this one lies in. */
static bool
climb(const struct serving *s, struct client *c)
{
	_cleanup_(closep) int fd = -1;
	uid_t owner;

	while (c->n_groups < LIMIT_LOADER_DEPTH) {
		int up = openat(fd >= 0 ? fd : c->cgroup_fd, "..",
		    O_PATH | O_DIRECTORY | O_CLOEXEC);
		uint64_t id = up >= 0 ? group_id(s, up, &owner) : 0;

		closep(&fd);
		fd = up;
		if (id == 0 || id == c->groups[c->n_groups - 1])
			return true;
		c->groups[c->n_groups++] = id;
	}
	return false;
}

static void
on_watch(struct serving *s, struct client *c)
{
	uid_t owner = (uid_t)-1;
	uint64_t id = group_id(s, c->cgroup_fd, &owner);

	if (id == 0) {
		refuse(s, c, -EINVAL,
		    "what was sent is no control group (v2) of this host");
		return;
	}
	if (c->uid != 0 && c->uid != owner) {
		refuse(s, c, -EPERM,
		    "the control group belongs to somebody "
		    "else");
		return;
	}
	c->groups[0] = id;
	c->n_groups = 1;
	if (!climb(s, c)) {
		refuse(s, c, -ELOOP, "the control group lies too deep");
		return;
	}
	if (overlaps(s, c)) {
		c->n_groups = 0;
		refuse(s, c, -EBUSY,
		    "the control group, or one above or below it, is watched "
		    "already");
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
		refuse(s, c, -ESTALE,
		    "it runs programs of another version: restart it");
		return 0;
	}
	c->state = CLIENT_GREETED;
	if (s->attached) {
		c->state = CLIENT_KNOWN;
		say(s, c, LOADER_HERE);
	} else if (!s->attaching) {
		s->attaching = true;
		return ask_holder(s, LOADER_ATTACH, -1, err);
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
		refuse(s, c, -EPROTO, bad.msg);
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
	refuse(s, c, -EPROTO, "one registration for each connection");
	return 0;
}

static int
on_client(struct serving *s, struct client *c, struct error *err)
{
	struct error bad = ERROR_INIT;
	struct message m;
	int rc = channel_fill(&c->c, &bad);

	if (rc == -EAGAIN)
		return 0;
	if (rc != 0) {
		drop(s, c);
		return 0;
	}
	rc = 0;
	while (rc == 0 && c->state != CLIENT_NONE) {
		int got = channel_next(&c->c, &m, &bad);

		if (got == 0)
			break;
		if (got < 0)
			refuse(s, c, -EPROTO, bad.msg);
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

static void
take_client(struct serving *s, int fd, uid_t uid)
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
	c->c.in.max = LIMIT_LOADER_IN_BYTES;
	s->n_clients++;
	if (many)
		refuse(s, c, -EBUSY, "too many registrations of this user");
}

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
		take_client(s, fd, peer.uid);
	return 0;
}

/* --- the loop --- */

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
	for (size_t i = 0; rc != 0 && i < LIMIT_LOADER_CLIENTS; i++)
		if (s->clients[i].state == CLIENT_GREETED)
			refuse(s, &s->clients[i], rc, said.msg);
	return 0;
}

/* A slot that could not be filled is tried again when it is asked for; who
 * waits for it goes another way. */
static int
on_filled(struct serving *s, struct message *m, struct error *err)
{
	struct programs_part part = PROGRAMS_PART_INIT;
	int64_t slot = message_get_int(m), rc = message_get_int(m);
	struct str why = message_get_str(m);
	struct error said = ERROR_INIT;

	(void)error_set(&said, -EIO, "%.*s", STR_ARG(why));
	if (rc == 0) {
		part.ring_fd = message_get_fd(m);
		part.totals_fd = message_get_fd(m);
		part.control_fd = message_get_fd(m);
	}
	if (message_end(m, err) != 0)
		return err->code;
	assert(slot >= 0 && slot < RECORD_SLOTS);
	s->unfilled = rc != 0;
	s->slots[slot].state = rc == 0 ? SLOT_STOCK : SLOT_EMPTY;
	s->slots[slot].part = part;
	for (size_t i = 0; rc != 0 && i < LIMIT_LOADER_CLIENTS; i++)
		if (s->clients[i].state == CLIENT_ASKED)
			refuse(s, &s->clients[i], (int)rc, said.msg);
	return 0;
}

static int
on_emptied(struct serving *s, struct message *m, struct error *err)
{
	int64_t slot = message_get_int(m);
	int rc = message_end(m, err);

	assert(rc != 0 || (slot >= 0 && slot < RECORD_SLOTS));
	if (rc == 0)
		s->slots[slot].state = SLOT_EMPTY;
	return rc;
}

/* 1: the holder is gone. */
static int
on_holder(struct serving *s, struct error *err)
{
	struct message m;
	int rc = channel_fill(&s->holder, err);

	while (rc == 0 && (rc = channel_next(&s->holder, &m, err)) == 1) {
		if (m.type == LOADER_ATTACHED)
			rc = on_attached(s, &m, err);
		else if (m.type == LOADER_FILLED)
			rc = on_filled(s, &m, err);
		else
			rc = on_emptied(s, &m, err);
		if (rc != 0)
			return rc;
	}
	return rc;
}

/* Who says nothing takes a place from others. Returns ms until the next look;
 * -1: none is needed. */
static int
look_at_times(struct serving *s, bool *ret_over, struct error *err)
{
	int64_t now = clock_ns(), alone = (now - s->alone_since) / NS_PER_MS;
	bool anyone_new = false;

	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->state != CLIENT_NEW)
			continue;
		if (now - c->since > LIMIT_LOADER_HELLO_MS * NS_PER_MS)
			drop(s, c);
		else
			anyone_new = true;
	}
	if (s->n_clients != 0)
		return anyone_new ? LIMIT_LOADER_HELLO_MS : -1;
	if (s->attached && alone >= LINGER_MS) {
		s->attached = false;
		if (ask_holder(s, LOADER_DETACH, -1, err) != 0)
			return 0;
	}
	*ret_over = s->d->idle_ms != 0 && alone >= s->d->idle_ms;
	if (s->attached)
		return (int)(LINGER_MS - alone) + 1;
	return s->d->idle_ms != 0 ? (int)(s->d->idle_ms - alone) + 1 : -1;
}

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
			rc = on_client(s, &s->clients[i], err);
	if (rc == 0 && fds[1].revents != 0)
		rc = on_knock(s, err);
	if (rc == 0)
		serve_waiting(s);
	return rc == 0 ? restock(s, err) : rc;
}

int
door_serve(const struct door *d, struct error *err)
{
	struct serving *s = mem_alloc(sizeof(*s));
	bool over = false;
	int rc;

	s->d = d;
	s->alone_since = clock_ns();
	channel_init(&s->holder, d->holder_fd);
	rc = restock(s, err);
	while (rc == 0) {
		int wait_ms = look_at_times(s, &over, err);

		if (over)
			break;
		rc = turn(s, wait_ms, err);
	}
	for (size_t i = 0; i < LIMIT_LOADER_CLIENTS; i++)
		if (s->clients[i].state != CLIENT_NONE)
			drop(s, &s->clients[i]);
	for (size_t i = 0; i < RECORD_SLOTS; i++)
		if (s->slots[i].state == SLOT_STOCK)
			programs_part_done(&s->slots[i].part);
	if (over)
		(void)ask_holder(s, CONTROL_STOP, -1, err);
	channel_done(&s->holder);
	free(s);
	return rc == 1 ? 0 : rc;
}
