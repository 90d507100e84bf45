/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role record: what the processes of one sandbox do, as facts. Loads and
 * attaches the eBPF programs, waits for the sandbox (RECORD_START), then
 * splits: the keeper (a child) may open files and reads none; the decoder
 * (this process) reads events and has no rights but the maps it holds.
 * Descriptors: 3 control, 4 facts. Argument: size of the ring in bytes.
 */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/str.h"
#include "record/keeper.h"
#include "record/load.h"
#include "record/record.h"
#include "record/recorder.h"
#include "runfile/control.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

#define RING_BYTES (32 * MIB)
/* The ring wakes us only for what is urgent. */
#define LOOK_MS      20
#define LOOK_IDLE_MS 250
/* Events in one go: then messages of the supervisor have their turn. */
#define DRAIN_EVENTS 100000

struct role {
	struct load *load;
	struct recorder *recorder;
	struct channel control, facts, keeper;
	int64_t phase; /* FACT_NONE-like -1: none is open */
	int64_t until; /* draining stops at events later than this; 0: not */
	int drained; /* events in this go */
	bool has_keeper;
	struct error *err;
};

static int
take_total(void *context, const struct record_io_key *key,
    struct record_io *ret)
{
	struct role *r = context;

	return load_take_total(r->load, key, ret);
}

static int
any_total(void *context, struct record_io_key *ret)
{
	struct role *r = context;

	return load_any_total(r->load, ret);
}

static int
open_executed(void *context, uint32_t host_pid, struct str path,
    bool is_stopped)
{
	struct role *r = context;

	return keeper_open(&r->keeper, host_pid, path, is_stopped);
}

static uint64_t
dropped(void *context)
{
	struct role *r = context;

	return load_dropped(r->load);
}

static int
take_event(void *context, struct str event)
{
	struct role *r = context;
	struct record_header h;
	int rc = recorder_event(r->recorder, event, r->err);

	if (rc != 0)
		return rc;
	memcpy(&h, event.p, MIN_OF(sizeof(h), event.n));
	if (r->until != 0 && (int64_t)h.at > r->until)
		return -ECANCELED;
	return ++r->drained >= DRAIN_EVENTS && r->until == 0 ? -ECANCELED : 0;
}

/* Everything that is there now; what comes meanwhile only up to a bound. */
static int
drain(struct role *r, bool to_now)
{
	int rc;

	r->until = to_now ? clock_ns() : 0;
	r->drained = 0;
	rc = load_drain(r->load, take_event, r);
	if (rc == -ECANCELED)
		rc = 0;
	if (rc == 0)
		rc = channel_flush(&r->facts, r->err);
	return rc;
}

static int
say(struct channel *c, uint16_t type, struct error *err)
{
	int rc;

	message_begin(c, type);
	rc = message_send(c, err);
	return rc != 0 ? rc : channel_flush(c, err);
}

static int
on_command(struct role *r, struct message *m)
{
	struct str role = message_get_str(m), package = message_get_str(m);
	struct str project = message_get_str(m);
	int rc = message_end(m, r->err);

	if (rc == 0)
		recorder_command(r->recorder, role, package, project);
	return rc;
}

static int
on_phase_begin(struct role *r, struct message *m)
{
	int64_t phase = message_get_int(m), started_at = message_get_int(m);
	int rc = message_end(m, r->err);

	/* What happened before it belongs to no phase. */
	if (rc == 0)
		rc = drain(r, true);
	if (rc == 0)
		recorder_phase_begin(r->recorder, phase, started_at);
	r->phase = phase;
	return rc;
}

static int
on_phase_end(struct role *r, struct message *m)
{
	int64_t phase = message_get_int(m), events = 0, lost = 0;
	int rc = message_end(m, r->err);

	if (rc == 0)
		rc = drain(r, true);
	if (rc == 0)
		rc = recorder_phase_end(r->recorder, &events, &lost, r->err);
	if (rc == 0)
		rc = channel_flush(&r->facts, r->err);
	if (rc != 0)
		return rc;
	r->phase = -1;
	message_begin(&r->control, CONTROL_PHASE_ENDED);
	message_put_int(&r->control, phase);
	message_put_int(&r->control, events);
	message_put_int(&r->control, lost);
	rc = message_send(&r->control, r->err);
	return rc != 0 ? rc : channel_flush(&r->control, r->err);
}

static int
on_sync(struct role *r, struct message *m)
{
	int rc = message_end(m, r->err);

	return rc != 0 ? rc : say(&r->control, RECORD_SYNCED, r->err);
}

static const struct {
	uint16_t type;
	int (*handle)(struct role *r, struct message *m);
} handlers[] = {
	{ RECORD_COMMAND, on_command },
	{ RECORD_SYNC, on_sync },
	{ CONTROL_PHASE_BEGIN, on_phase_begin },
	{ CONTROL_PHASE_END, on_phase_end },
};

/* 0 go on, 1 the end was asked for. */
static int
on_message(struct role *r, struct message *m)
{
	if (m->type == CONTROL_STOP)
		return 1;
	for (size_t i = 0; i < N_ELEMENTS(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(r, m);
	return error_set(r->err, -EPROTO, "record: message %d", (int)m->type);
}

static int
on_control(struct role *r)
{
	struct message m;
	int rc = channel_fill(&r->control, r->err);

	if (rc != 0)
		return rc; /* 1: the supervisor is gone */
	while ((rc = channel_next(&r->control, &m, r->err)) == 1) {
		rc = on_message(r, &m);
		if (rc != 0)
			return rc;
	}
	return rc;
}

static int
serve(struct role *r)
{
	struct pollfd fds[2] = {
		{ .fd = r->control.fd, .events = POLLIN },
		{ .fd = load_fd(r->load), .events = POLLIN },
	};
	int rc = 0;

	while (rc == 0) {
		int n = poll(fds, 2, r->phase >= 0 ? LOOK_MS : LOOK_IDLE_MS);

		if (n < 0 && errno != EINTR)
			return error_errno(r->err, "poll");
		if (n > 0 && fds[0].revents != 0)
			rc = on_control(r);
		if (rc == 0)
			rc = drain(r, false);
	}
	return rc == 1 ? 0 : rc;
}

static void __attribute__((noreturn)) keeper_main(int fd, int upper_fd)
{
	static const struct lockdown rights = {
		.rights = LOCKDOWN_READ_FILES | LOCKDOWN_FOREIGN_FILES |
		    LOCKDOWN_KILL,
		.keep_caps =
		    1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH,
	};
	struct error err = ERROR_INIT;
	int kept[2] = { fd, upper_fd };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd_arrange(kept, upper_fd >= 0 ? 2 : 1) != 0 ||
	    lockdown(&rights, &err) != 0)
		_exit(EXIT_TOOL_FAILED);
	_exit(keeper_serve(3, upper_fd >= 0 ? 4 : -1, &err) == 0 ?
		EXIT_NOTHING_FOUND :
		EXIT_TOOL_FAILED);
}

static int
split(struct role *r, int upper_fd)
{
	static const struct lockdown rights = { .rights = LOCKDOWN_BPF };
	int fds[2], rc;
	pid_t pid;

	rc = fd_socketpair(fds, r->err);
	if (rc != 0)
		return rc;
	pid = fork();
	if (pid < 0)
		return error_errno(r->err, "fork");
	if (pid == 0)
		keeper_main(fds[1], upper_fd);
	(void)close(fds[1]);
	channel_init(&r->keeper, fds[0]);
	r->has_keeper = true;
	return lockdown(&rights, r->err);
}

/* Waits for RECORD_START: 0 started, 1 the supervisor went away. */
static int
start(struct role *r, const struct recorder_outside *outside)
{
	_cleanup_(closep) int cgroup_fd = -1;
	_cleanup_(closep) int upper_fd = -1;
	int64_t sandbox, has_upper;
	struct message m;
	int rc = channel_recv(&r->control, &m, r->err);

	if (rc == 0 || (rc == 1 && m.type == CONTROL_STOP))
		return 1;
	if (rc < 0)
		return rc;
	sandbox = message_get_int(&m);
	has_upper = message_get_int(&m);
	cgroup_fd = message_get_fd(&m);
	if (has_upper != 0)
		upper_fd = message_get_fd(&m);
	rc = message_end(&m, r->err);
	if (rc != 0 || m.type != RECORD_START)
		return error_set(r->err, -EPROTO, "record: bad start message");
	rc = load_watch(r->load, cgroup_fd, r->err);
	if (rc == 0)
		rc = split(r, upper_fd);
	if (rc != 0)
		return rc;
	r->recorder = recorder_new(sandbox, &r->facts, outside);
	return say(&r->control, RECORD_STARTED, r->err);
}

static int
run(struct role *r, int64_t ring_bytes)
{
	const struct recorder_outside outside = { r, take_total, any_total,
		open_executed, dropped };
	int rc = load_new(ring_bytes, &r->load, r->err);

	if (rc == 0)
		rc = say(&r->control, CONTROL_READY, r->err);
	if (rc == 0)
		rc = start(r, &outside);
	if (rc == 0)
		rc = serve(r);
	return rc == 1 ? 0 : rc;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	struct role r = { .phase = -1, .err = &err };
	uint64_t ring_bytes = RING_BYTES;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && str_to_u64(str_of(argv[1]), &ring_bytes) != 0)
		return EXIT_USAGE;
	channel_init(&r.control, CONTROL_FD);
	channel_init(&r.facts, FACTS_FD);
	rc = run(&r, (int64_t)ring_bytes);
	if (rc < 0) {
		message_begin(&r.control, CONTROL_FAILED);
		message_put_int(&r.control, rc);
		message_put_str(&r.control, str_of(err.msg));
		if (message_send(&r.control, &ignored) == 0)
			(void)channel_flush(&r.control, &ignored);
	}
	(void)channel_flush(&r.facts, &ignored);
	recorder_free(r.recorder);
	if (r.has_keeper)
		channel_done(&r.keeper);
	load_free(r.load);
	channel_done(&r.facts);
	channel_done(&r.control);
	return rc < 0 ? EXIT_TOOL_FAILED : EXIT_NOTHING_FOUND;
}
