/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's end of role sink: start, phases, stop. Parses nothing
 * foreign: what comes back are three kinds of small messages.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "sink/sink.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define STOP_MS 5000

struct sink {
	struct child child;
	struct channel control;
	bool asked_end, asked_stop;
	struct error end_failed; /* asked_end; code 0: it was sent */
};

static void
sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	spawn_kill(&s->child);
	channel_done(&s->control);
	free(s);
}

void
sink_freep(struct sink **s)
{
	sink_free(*s);
	*s = NULL;
}

/* CONTROL_FAILED carries the role's own sentence. */
static int
failed(struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	if (message_end(m, err) != 0)
		return err != NULL ? err->code : -EPROTO;
	if (code >= 0 || code < -4096)
		code = -EPROTO;
	return error_set(err, (int)code, "%.*s", STR_ARG(sentence));
}

/* Waits for one message of this type; the caller reads it to its end. */
static int
expect(struct sink *s, unsigned type, struct message *ret, struct error *err)
{
	int rc = channel_flush(&s->control, err);

	if (rc != 0)
		return error_wrap(err, "sink");
	rc = channel_recv(&s->control, ret, err);
	if (rc < 0)
		return error_wrap(err, "sink");
	if (rc == 0)
		return error_set(err, -EPIPE, "the sink has died");
	if (ret->type == CONTROL_FAILED)
		return failed(ret, err);
	if (ret->type != type) {
		(void)message_end(ret, NULL);
		return error_set(err, -EPROTO,
		    "the sink sent message %u for %u", ret->type, type);
	}
	return 0;
}

/* The role's program with control, facts and relay at 3, 4 and 5. */
static int
start_role(struct sink *s, int facts_fd, int relay_fd, struct error *err)
{
	_cleanup_(closep) int unused = -1;
	_cleanup_(closep) int theirs = -1;
	const char *argv[] = { "lazaret-sink", NULL };
	struct spawn sp = SPAWN_INIT;
	char path[512];
	int pair[2], fds[3], rc;

	rc = spawn_libexec_path("sink", path, sizeof(path), err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	channel_init(&s->control, pair[0]);
	theirs = pair[1];
	if (relay_fd < 0) {
		/* The other end closed: the role sees that nobody is there. */
		rc = fd_socketpair(pair, err);
		if (rc != 0)
			return rc;
		(void)close(pair[1]);
		relay_fd = unused = pair[0];
	}
	fds[0] = theirs;
	fds[1] = facts_fd;
	fds[2] = relay_fd;
	sp.path = path;
	sp.argv = argv;
	sp.fds = fds;
	sp.n_fds = N_ELEMENTS(fds);
	sp.die_with_parent = true;
	sp.new_session = true;
	return spawn_start(&sp, &s->child, err);
}

int
sink_spawn(int facts_fd, int relay_fd, struct sink **ret, struct error *err)
{
	_cleanup_(sink_freep) struct sink *s = mem_alloc(sizeof(*s));
	int rc;

	s->child = (struct child)CHILD_INIT;
	s->control.fd = -1;
	rc = start_role(s, facts_fd, relay_fd, err);
	if (rc == 0)
		*ret = steal(&s);
	return rc;
}

int
sink_configure(struct sink *s, const struct sink_config *c, struct error *err)
{
	int rc = sink_config_put(c, &s->control, err);

	if (rc == 0)
		rc = channel_flush(&s->control, err);
	return rc == 0 ? 0 : error_wrap(err, "sink");
}

int
sink_ready(struct sink *s, struct error *err)
{
	struct message m;
	int rc = expect(s, CONTROL_READY, &m, err);

	return rc == 0 ? message_end(&m, err) : rc;
}

int
sink_start(const struct sink_config *c, int facts_fd, int relay_fd,
    struct sink **ret, struct error *err)
{
	_cleanup_(sink_freep) struct sink *s = NULL;
	int rc = sink_spawn(facts_fd, relay_fd, &s, err);

	if (rc == 0)
		rc = sink_configure(s, c, err);
	if (rc == 0)
		rc = sink_ready(s, err);
	if (rc == 0)
		*ret = steal(&s);
	return rc;
}

static int
send_phase(struct sink *s, unsigned type, int64_t phase, int64_t started_ns,
    struct error *err)
{
	int rc;

	message_begin(&s->control, (uint16_t)type);
	message_put_int(&s->control, phase);
	if (type == CONTROL_PHASE_BEGIN)
		message_put_int(&s->control, started_ns);
	rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	return rc == 0 ? 0 : error_wrap(err, "sink");
}

int
sink_phase_begin(struct sink *s, int64_t phase, int64_t started_ns,
    struct error *err)
{
	return send_phase(s, CONTROL_PHASE_BEGIN, phase, started_ns, err);
}

void
sink_ask_end(struct sink *s, int64_t phase)
{
	s->end_failed = (struct error)ERROR_INIT;
	s->asked_end = true;
	(void)send_phase(s, CONTROL_PHASE_END, phase, 0, &s->end_failed);
}

int
sink_phase_end(struct sink *s, int64_t phase, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err)
{
	struct message m;
	int64_t ended, events, dropped;
	int rc = 0;

	if (!s->asked_end)
		rc = send_phase(s, CONTROL_PHASE_END, phase, 0, err);
	else if (s->end_failed.code != 0)
		rc =
		    error_set(err, s->end_failed.code, "%s", s->end_failed.msg);
	s->asked_end = false;
	if (rc == 0)
		rc = expect(s, CONTROL_PHASE_ENDED, &m, err);
	if (rc != 0)
		return rc;
	ended = message_get_int(&m);
	events = message_get_int(&m);
	dropped = message_get_int(&m);
	rc = message_end(&m, err);
	if (rc != 0)
		return error_wrap(err, "sink");
	if (ended != phase)
		return error_set(err, -EPROTO, "the sink ended another phase");
	*ret_events = events;
	*ret_dropped = dropped;
	return 0;
}

int
sink_set_prebuilt(struct sink *s, enum sink_prebuilt mode, struct error *err)
{
	int rc;

	message_begin(&s->control, SINK_PREBUILT);
	message_put_int(&s->control, mode);
	rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	return rc == 0 ? 0 : error_wrap(err, "sink");
}

int
sink_pidfd(const struct sink *s)
{
	return s->child.pidfd;
}

static int
send_stop(struct sink *s, struct error *err)
{
	int rc;

	message_begin(&s->control, CONTROL_STOP);
	rc = message_send(&s->control, err);
	return rc == 0 ? channel_flush(&s->control, err) : rc;
}

void
sink_ask_stop(struct sink *s)
{
	struct error ignored = ERROR_INIT;

	/* That it is gone already is seen by who waits for its end. */
	(void)send_stop(s, &ignored);
	s->asked_stop = true;
}

int
sink_stop(struct sink *sink, struct error *err)
{
	_cleanup_(sink_freep) struct sink *s = sink;
	int rc;

	if (s == NULL)
		return 0;
	rc = s->asked_stop ? 0 : send_stop(s, err);
	if (rc == 0)
		rc = channel_end(&s->control, STOP_MS, err);
	if (rc != 0)
		return error_wrap(err, "sink");
	spawn_leave(&s->child);
	return 0;
}
