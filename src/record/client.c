/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of the conversation with role record. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "record/client_priv.h"
#include "record/hold.h"
#include "record/loader.h"
#include "record/record.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define RECORD_MAGIC 0x7ec02d01

struct record {
	unsigned magic;
	struct child child;
	struct channel control;
	bool shared; /* the loader's programs */
	bool asked_end, asked_stop;
	struct error end_failed; /* asked_end; code 0: it was sent */
	char why_own[200];
};

/* Where the loader listens: an option, LAZARET_RECORDER_SOCKET, the usual. */
static const char *
loader_socket(const struct record_options *o)
{
	const char *path = getenv("LAZARET_RECORDER_SOCKET");

	if (o != NULL && o->socket != NULL)
		return o->socket;
	return path != NULL ? path : LOADER_SOCKET;
}

int
client_spawn(const struct client_role *role, struct child *ret_child,
    struct channel *ret_control, struct error *err)
{
	struct spawn s = SPAWN_INIT;
	int ours[2], fds[LIMIT_MESSAGE_FDS], rc;
	const char *argv[6] = { role->name, role->arguments[0],
		role->arguments[1], role->arguments[2], role->arguments[3],
		NULL };
	char path[4096];

	rc = spawn_libexec_path(role->name, path, sizeof(path), err);
	if (rc == 0)
		rc = fd_socketpair(ours, err);
	if (rc != 0)
		return rc;
	assert(role->n_fds + 2 <= N_ELEMENTS(fds));
	fds[0] = ours[1];
	fds[1] = role->facts_fd;
	for (size_t i = 0; i < role->n_fds; i++)
		fds[2 + i] = role->fds[i];
	s.path = path;
	s.argv = argv;
	s.fds = fds;
	s.n_fds = 2 + role->n_fds;
	s.die_with_parent = true;
	s.new_session = true;
	rc = spawn_start(&s, ret_child, err);
	(void)close(ours[1]);
	if (rc == 0)
		channel_init(ret_control, ours[0]);
	else
		(void)close(ours[0]);
	return rc;
}

int
client_expect(struct channel *c, const char *name, uint16_t type,
    struct message *ret, struct error *err)
{
	int rc = channel_recv(c, ret, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, -EPIPE, "%s ended early", name);
	if (ret->type == CONTROL_FAILED) {
		int64_t code = message_get_int(ret);
		struct str sentence = message_get_str(ret);

		if (code >= 0 || code < -4095)
			code = -EPROTO;
		return error_set(err, (int)code, "%s: %.*s", name,
		    STR_ARG(sentence));
	}
	if (ret->type != type)
		return error_set(err, -EPROTO, "%s: message %d instead of %d",
		    name, (int)ret->type, (int)type);
	return 0;
}

/* What a role said before it went is a better reason than that it went. */
static int
last_words(struct channel *c, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct message m;

	while (channel_recv(c, &m, &ignored) == 1) {
		if (m.type == CONTROL_FAILED) {
			struct str sentence;

			(void)message_get_int(&m);
			sentence = message_get_str(&m);
			(void)error_set(err, -EPIPE, "%.*s", STR_ARG(sentence));
		}
		(void)message_end(&m, &ignored);
	}
	return -EPIPE;
}

int
client_send(struct channel *c, struct error *err)
{
	int rc = message_send(c, err);

	if (rc == 0)
		rc = channel_flush(c, err);
	return rc == -EPIPE ? last_words(c, err) : rc;
}

void
client_ask_stop(struct channel *c, bool *ret_asked)
{
	struct error ignored = ERROR_INIT;

	/* That it is gone already is seen by who waits for its end. */
	message_begin(c, CONTROL_STOP);
	(void)client_send(c, &ignored);
	*ret_asked = true;
}

int
client_stop(struct child *child, struct channel *c, const char *name,
    bool is_asked, struct error *err)
{
	int rc = 0;

	if (!is_asked) {
		message_begin(c, CONTROL_STOP);
		rc = client_send(c, err);
	}
	if (rc == 0)
		rc = channel_end(c, CLIENT_STOP_MS, err);
	if (rc != 0)
		return error_wrap(err, "%s", name);
	/* Its facts are written. What the kernel now takes back of programs,
	 * marks and mounts takes longer than all that. */
	spawn_leave(child);
	return 0;
}

int
record_spawn(const struct record_options *o, int facts_fd, struct record **ret,
    struct error *err)
{
	_cleanup_(closep) int facts = facts_fd;
	char ring_bytes[32], how[32];
	struct client_role role = { .name = "record", .facts_fd = facts };
	struct record *r = mem_alloc(sizeof(*r));
	int rc;

	role.arguments[0] = "0";
	role.arguments[1] = record_means_word(RECORD_EBPF);
	role.arguments[2] = "3"; /* HOLD_BOTH */
	role.arguments[3] = loader_socket(o);
	if (o != NULL) {
		(void)snprintf(ring_bytes, sizeof(ring_bytes), "%lld",
		    (long long)o->ring_bytes);
		(void)snprintf(how, sizeof(how), "%d",
		    (o->test_no_freeze ? 0 : HOLD_FREEZES) |
			(o->test_no_stop ? 0 : HOLD_STOPS) |
			(o->test_no_cast ? HOLD_NO_CAST : 0));
		role.arguments[0] = ring_bytes;
		role.arguments[1] = record_means_word(o->means);
		role.arguments[2] = how;
	}
	r->magic = RECORD_MAGIC;
	r->child = (struct child)CHILD_INIT;
	rc = client_spawn(&role, &r->child, &r->control, err);
	if (rc != 0) {
		free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

int
record_start(struct record *r, const struct record_start *s, struct error *err)
{
	const int fds[] = { s->cgroup_fd, s->upper_fd, s->listener_fd };
	struct message m;
	struct str why;
	int rc;

	assert(r->magic == RECORD_MAGIC);
	rc = client_expect(&r->control, "record", CONTROL_READY, &m, err);
	if (rc == 0)
		rc = message_end(&m, err);
	if (rc != 0)
		return rc;
	message_begin(&r->control, RECORD_START);
	message_put_int(&r->control, s->sandbox);
	message_put_int(&r->control, s->target);
	for (size_t i = 0; i < RECORD_PROGRAMS; i++)
		message_put_str(&r->control, s->programs[i]);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
		message_put_int(&r->control, fds[i] >= 0);
		if (fds[i] >= 0)
			message_put_fd(&r->control, fds[i]);
	}
	rc = client_send(&r->control, err);
	if (rc == 0)
		rc = client_expect(&r->control, "record", RECORD_STARTED, &m,
		    err);
	if (rc != 0)
		return rc;
	r->shared = message_get_int(&m) != 0;
	why = message_get_str(&m);
	(void)snprintf(r->why_own, sizeof(r->why_own), "%.*s", STR_ARG(why));
	return message_end(&m, err);
}

bool
record_is_shared(const struct record *r, const char **ret_why)
{
	assert(r->magic == RECORD_MAGIC);
	*ret_why = r->why_own;
	return r->shared;
}

static int
wait_for(struct record *r, struct error *err)
{
	struct message m;
	int rc;

	message_begin(&r->control, RECORD_SYNC);
	rc = client_send(&r->control, err);
	if (rc == 0)
		rc = client_expect(&r->control, "record", RECORD_SYNCED, &m,
		    err);
	return rc != 0 ? rc : message_end(&m, err);
}

int
record_command(struct record *r, const struct record_command *c,
    struct error *err)
{
	int rc;

	assert(r->magic == RECORD_MAGIC);
	message_begin(&r->control, RECORD_COMMAND);
	message_put_str(&r->control, str_of(c->role));
	message_put_str(&r->control, str_of(c->package));
	message_put_str(&r->control, str_of(c->project));
	rc = client_send(&r->control, err);
	return rc != 0 ? rc : wait_for(r, err);
}

int
record_phase_begin(struct record *r, int64_t phase, int64_t started_at,
    struct error *err)
{
	int rc;

	assert(r->magic == RECORD_MAGIC);
	message_begin(&r->control, CONTROL_PHASE_BEGIN);
	message_put_int(&r->control, phase);
	message_put_int(&r->control, started_at);
	rc = client_send(&r->control, err);
	return rc != 0 ? rc : wait_for(r, err);
}

static int
send_end(struct record *r, int64_t phase, struct error *err)
{
	message_begin(&r->control, CONTROL_PHASE_END);
	message_put_int(&r->control, phase);
	return client_send(&r->control, err);
}

void
record_ask_end(struct record *r, int64_t phase)
{
	assert(r->magic == RECORD_MAGIC && !r->asked_end);
	r->end_failed = (struct error)ERROR_INIT;
	r->asked_end = true;
	(void)send_end(r, phase, &r->end_failed);
}

int
record_phase_end(struct record *r, int64_t phase, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err)
{
	int64_t ended, events, dropped;
	struct message m;
	int rc = 0;

	assert(r->magic == RECORD_MAGIC);
	if (!r->asked_end)
		rc = send_end(r, phase, err);
	else if (r->end_failed.code != 0)
		rc =
		    error_set(err, r->end_failed.code, "%s", r->end_failed.msg);
	r->asked_end = false;
	if (rc == 0)
		rc = client_expect(&r->control, "record", CONTROL_PHASE_ENDED,
		    &m, err);
	if (rc != 0)
		return rc;
	ended = message_get_int(&m);
	events = message_get_int(&m);
	dropped = message_get_int(&m);
	rc = message_end(&m, err);
	if (rc == 0 && ended != phase)
		rc = error_set(err, -EPROTO, "record: ended phase %lld",
		    (long long)ended);
	if (rc != 0)
		return rc;
	*ret_events = events;
	*ret_dropped = dropped;
	return 0;
}

int
record_held(struct record *r, int64_t *ret_ns, struct error *err)
{
	struct message m;
	int rc;

	assert(r->magic == RECORD_MAGIC);
	message_begin(&r->control, RECORD_HELD_ASK);
	rc = client_send(&r->control, err);
	if (rc == 0)
		rc = client_expect(&r->control, "record", RECORD_HELD_FOR, &m,
		    err);
	if (rc != 0)
		return rc;
	*ret_ns = message_get_int(&m);
	return message_end(&m, err);
}

int
record_pidfd(const struct record *r)
{
	assert(r->magic == RECORD_MAGIC);
	return r->child.pidfd;
}

void
record_ask_stop(struct record *r)
{
	assert(r->magic == RECORD_MAGIC);
	client_ask_stop(&r->control, &r->asked_stop);
}

int
record_stop(struct record *r, struct error *err)
{
	assert(r->magic == RECORD_MAGIC);
	return client_stop(&r->child, &r->control, "record", r->asked_stop,
	    err);
}

void
record_free(struct record *r)
{
	if (r == NULL)
		return;
	assert(r->magic == RECORD_MAGIC);
	spawn_kill(&r->child);
	channel_done(&r->control);
	free(r);
}

void
record_freep(struct record **r)
{
	record_free(*r);
	*r = NULL;
}
