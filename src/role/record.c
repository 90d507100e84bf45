/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role record: what the processes of one sandbox do, as facts. Loads and
 * attaches the eBPF programs, waits for the sandbox (RECORD_START), then
 * splits: the keeper (a child) may open files and reads none; the decoder
 * (this process) reads events and has no rights but the maps it holds.
 * Without eBPF the child is the watcher, which holds stopped threads, tells
 * the same events and does the keeper's work as well.
 * Descriptors: 3 control, 4 facts. Arguments: size of the ring in bytes (0:
 * the usual), ebpf|notify|ptrace, and for tests how floods are held (enum
 * hold_how, or-ed), and the socket of role loader ("": programs of our own).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
#include "record/hold.h"
#include "record/keeper.h"
#include "record/load.h"
#include "record/loader.h"
#include "record/record.h"
#include "record/recorder.h"
#include "record/watch.h"
#include "runfile/control.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

/* The ring wakes us only for what is urgent. What is not can wait: each look
 * wakes two processors, ours and the one where scribe runs. */
#define LOOK_MS      50
#define LOOK_IDLE_MS 250
/* Events in one go: then messages of the supervisor have their turn. */
#define DRAIN_EVENTS 100000

struct role {
	enum record_means means;
	struct loader *loader; /* eBPF by role loader's programs */
	struct load *load; /* eBPF; by the loader: from RECORD_START on */
	const char *socket; /* of the loader */
	char why_own[200]; /* not the loader's; "": there is none */
	struct watched *watched; /* the others */
	struct recorder *recorder;
	struct channel control, facts, keeper;
	int64_t phase; /* FACT_NONE-like -1: none is open */
	int64_t until; /* draining stops at events later than this; 0: not */
	int drained; /* events in this go */
	struct hold hold; /* eBPF */
	unsigned how; /* enum hold_how */
	int64_t ring_bytes;
	bool has_keeper;
	struct error *err;
};

static int
take_total(void *context, const struct record_io_key *key,
    struct record_io *ret)
{
	struct role *r = context;

	return r->load != NULL ? load_take_total(r->load, key, ret) :
				 watched_take_total(r->watched, key, ret);
}

static int
any_total(void *context, struct record_io_key *ret)
{
	struct role *r = context;

	return r->load != NULL ? load_any_total(r->load, ret) :
				 watched_any_total(r->watched, ret);
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

	return r->load != NULL ? load_dropped(r->load) :
				 watched_dropped(r->watched);
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
	if (r->load != NULL && load_pressed(r->load))
		hold_freeze(&r->hold);
	if (h.flags & RECORD_HELD)
		hold_stopped(&r->hold, h.pid);
	if (r->until != 0 && (int64_t)h.at > r->until)
		return -ECANCELED;
	return ++r->drained >= DRAIN_EVENTS && r->until == 0 ? -ECANCELED : 0;
}

static int
drain_watched(struct role *r, bool to_now)
{
	int rc;

	r->until = 0; /* the watcher's mark says when it is enough */
	if (!to_now)
		return watched_drain(r->watched, take_event, r);
	rc = keeper_mark(&r->keeper, r->err);
	return rc != 0 ? rc : watched_sync(r->watched, take_event, r);
}

/* The ring is empty: whatever was held goes on. */
static int
let_go(struct role *r)
{
	load_eased(r->load);
	return hold_release(&r->hold, &r->keeper, r->err);
}

/* Everything that is there now; what comes meanwhile only up to a bound. */
static int
drain(struct role *r, bool to_now)
{
	int rc;

	r->until = to_now ? clock_ns() : 0;
	r->drained = 0;
	rc = r->load != NULL ? load_drain(r->load, take_event, r) :
			       drain_watched(r, to_now);
	if (rc == -EPIPE && r->load == NULL)
		return error_set(r->err, rc, "record: the watcher is gone");
	if (rc == 0 && r->load != NULL)
		rc = let_go(r);
	if (rc == -ECANCELED)
		rc = 0;
	if (rc < 0 && r->err->code == 0)
		return error_set(r->err, rc, "record: cannot read the ring: %s",
		    strerror(-rc));
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

	/* What is still in the ring was done for the command before it. */
	if (rc == 0)
		rc = drain(r, true);
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

static int
on_held(struct role *r, struct message *m)
{
	int rc = message_end(m, r->err);

	if (rc != 0)
		return rc;
	message_begin(&r->control, RECORD_HELD_FOR);
	message_put_int(&r->control, hold_total(&r->hold));
	rc = message_send(&r->control, r->err);
	return rc != 0 ? rc : channel_flush(&r->control, r->err);
}

static const struct {
	uint16_t type;
	int (*handle)(struct role *r, struct message *m);
} handlers[] = {
	{ RECORD_HELD_ASK, on_held },
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
	struct pollfd fds[3] = {
		{ .fd = r->control.fd, .events = POLLIN },
		{ .fd = r->load != NULL ? load_fd(r->load) :
					  watched_fd(r->watched),
		    .events = POLLIN },
		{ .fd = r->loader != NULL ? loader_fd(r->loader) : -1,
		    .events = POLLIN },
	};
	int rc = 0;

	while (rc == 0) {
		int n = poll(fds, 3, r->phase >= 0 ? LOOK_MS : LOOK_IDLE_MS);

		if (n < 0 && errno != EINTR)
			return error_errno(r->err, "poll");
		if (n > 0 && fds[0].revents != 0)
			rc = on_control(r);
		if (rc == 0)
			rc = drain(r, false);
		/* It says nothing unasked: its end took the programs away. */
		if (rc == 0 && n > 0 && fds[2].revents != 0)
			return error_set(r->err, -EPIPE,
			    "the recorder's loader is gone");
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

static void __attribute__((noreturn))
watcher_process(struct watch_start *s, struct error *err)
{
	static const struct lockdown rights = {
		.rights = LOCKDOWN_READ_FILES | LOCKDOWN_FOREIGN_FILES |
		    LOCKDOWN_KILL | LOCKDOWN_TRACE,
		.keep_caps =
		    1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH,
	};
	int kept[4] = { s->events_fd, s->keeper_fd, -1, -1 };
	size_t n = 2, upper = 0, listener = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->upper_fd >= 0)
		kept[upper = n++] = s->upper_fd;
	if (s->listener_fd >= 0)
		kept[listener = n++] = s->listener_fd;
	if (fd_arrange(kept, n) != 0 || lockdown(&rights, err) != 0)
		_exit(EXIT_TOOL_FAILED);
	s->events_fd = 3;
	s->keeper_fd = 4;
	s->upper_fd = upper != 0 ? (int)upper + 3 : -1;
	s->listener_fd = listener != 0 ? (int)listener + 3 : -1;
	_exit(
	    watcher_main(s, err) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED);
}

/* What RECORD_START brought. */
struct started {
	int cgroup_fd, upper_fd, listener_fd; /* owned */
	struct watch_start watch;
};

static void
started_done(struct started *s)
{
	closep(&s->cgroup_fd);
	closep(&s->upper_fd);
	closep(&s->listener_fd);
}

static int
fork_keeper(struct role *r, int upper_fd)
{
	int fds[2], rc = fd_socketpair(fds, r->err);
	pid_t pid;

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
	return 0;
}

static int
fork_watcher(struct role *r, struct started *s)
{
	int events[2], keeper[2], rc = fd_socketpair(events, r->err);
	char begun;
	pid_t pid;

	if (rc == 0)
		rc = fd_socketpair(keeper, r->err);
	if (rc != 0)
		return rc;
	s->watch.means = r->means;
	s->watch.events_fd = events[1];
	s->watch.keeper_fd = keeper[1];
	s->watch.upper_fd = s->upper_fd;
	s->watch.listener_fd = s->listener_fd;
	pid = fork();
	if (pid < 0)
		return error_errno(r->err, "fork");
	if (pid == 0)
		watcher_process(&s->watch, r->err);
	(void)close(events[1]);
	(void)close(keeper[1]);
	channel_init(&r->keeper, keeper[0]);
	r->has_keeper = true;
	r->watched = watched_new(events[0]);
	if (read(events[0], &begun, 1) != 1)
		return error_set(r->err, -EIO,
		    "the recorder cannot hold the sandbox (%s)",
		    record_means_word(r->means));
	return 0;
}

static int
confine(struct role *r)
{
	static const struct lockdown with_maps = { .rights = LOCKDOWN_BPF };
	static const struct lockdown nothing = { .rights = LOCKDOWN_PURE };

	return lockdown(r->load != NULL ? &with_maps : &nothing, r->err);
}

/* A loader that will not have us is no reason to fail. */
static int
watch_shared(struct role *r, int cgroup_fd)
{
	struct error why = ERROR_INIT;
	int fds[3];
	int rc = loader_watch(r->loader, cgroup_fd, fds, &why);

	if (rc == 0)
		return load_of_part(fds, r->how, &r->load, r->err);
	(void)snprintf(r->why_own, sizeof(r->why_own), "%s", why.msg);
	loader_free(r->loader);
	r->loader = NULL;
	rc = load_new(r->ring_bytes, r->how, &r->load, r->err);
	return rc == 0 ? load_watch(r->load, cgroup_fd, r->err) : rc;
}

static int
begin(struct role *r, struct started *s)
{
	bool ebpf = r->means == RECORD_EBPF;
	int rc;

	if (ebpf && s->cgroup_fd < 0)
		return error_set(r->err, -EINVAL, "record: no control group");
	if (r->means == RECORD_NOTIFY && s->listener_fd < 0)
		return error_set(r->err, -EINVAL, "record: no listener");
	if (ebpf && (r->how & HOLD_FREEZES))
		r->hold.freeze_fd =
		    openat(s->cgroup_fd, "cgroup.freeze", O_WRONLY | O_CLOEXEC);
	/* Before the ring is mapped: a child would copy its page tables. */
	rc = ebpf ? fork_keeper(r, s->upper_fd) : fork_watcher(r, s);
	if (rc == 0 && r->loader != NULL)
		rc = watch_shared(r, s->cgroup_fd);
	else if (rc == 0 && ebpf)
		rc = load_watch(r->load, s->cgroup_fd, r->err);
	return rc == 0 ? confine(r) : rc;
}

/* Waits for RECORD_START: 0 started, 1 the supervisor went away. */
static int
start(struct role *r, const struct recorder_outside *outside)
{
	_cleanup_(started_done) struct started s = { -1, -1, -1,
		{ .listener_fd = -1 } };
	int *const fds[] = { &s.cgroup_fd, &s.upper_fd, &s.listener_fd };
	int64_t sandbox;
	struct message m;
	int rc = channel_recv(&r->control, &m, r->err);

	if (rc == 0 || (rc == 1 && m.type == CONTROL_STOP))
		return 1;
	if (rc < 0)
		return rc;
	sandbox = message_get_int(&m);
	s.watch.target = (pid_t)message_get_int(&m);
	for (size_t i = 0; i < RECORD_PROGRAMS; i++)
		s.watch.programs[i] = message_get_str(&m);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		if (message_get_int(&m) != 0)
			*fds[i] = message_get_fd(&m);
	rc = message_end(&m, r->err);
	if (rc != 0 || m.type != RECORD_START)
		return error_set(r->err, -EPROTO, "record: bad start message");
	rc = begin(r, &s);
	if (rc != 0)
		return rc;
	r->recorder = recorder_new(sandbox, &r->facts, outside);
	message_begin(&r->control, RECORD_STARTED);
	message_put_int(&r->control, r->loader != NULL);
	message_put_str(&r->control, str_of(r->why_own));
	rc = message_send(&r->control, r->err);
	return rc != 0 ? rc : channel_flush(&r->control, r->err);
}

/* The loader's programs where there is one, and it fits; else our own. */
static int
load(struct role *r)
{
	struct error why = ERROR_INIT;
	int rc;

	if (r->ring_bytes == RECORD_RING_BYTES) {
		rc = loader_open(r->socket, &r->loader, &why);
		if (rc == 0)
			return 0;
		if (rc != -ENOENT)
			(void)snprintf(r->why_own, sizeof(r->why_own), "%s",
			    why.msg);
	}
	return load_new(r->ring_bytes, r->how, &r->load, r->err);
}

static int
run(struct role *r)
{
	const struct recorder_outside outside = { r, take_total, any_total,
		open_executed, dropped };
	int rc = 0;

	if (r->means == RECORD_EBPF)
		rc = load(r);
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
	struct role r = { .phase = -1, .err = &err, .means = RECORD_EBPF };
	uint64_t ring_bytes = 0, how = HOLD_BOTH;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 1 && str_to_u64(str_of(argv[1]), &ring_bytes) != 0)
		return EXIT_USAGE;
	if (argc > 2 && record_means_parse(argv[2], &r.means) != 0)
		return EXIT_USAGE;
	if (argc > 3 && str_to_u64(str_of(argv[3]), &how) != 0)
		return EXIT_USAGE;
	r.socket = argc > 4 ? argv[4] : NULL;
	r.how = (unsigned)how;
	r.ring_bytes =
	    ring_bytes != 0 ? (int64_t)ring_bytes : RECORD_RING_BYTES;
	hold_init(&r.hold, -1);
	if (r.means == RECORD_AUTO)
		r.means = RECORD_EBPF;
	channel_init(&r.control, CONTROL_FD);
	channel_init(&r.facts, FACTS_FD);
	rc = run(&r);
	if (rc < 0) {
		message_begin(&r.control, CONTROL_FAILED);
		message_put_int(&r.control, rc);
		message_put_str(&r.control, str_of(err.msg));
		if (message_send(&r.control, &ignored) == 0)
			(void)channel_flush(&r.control, &ignored);
	}
	(void)channel_flush(&r.facts, &ignored);
	recorder_free(r.recorder);
	hold_done(&r.hold, &r.keeper);
	if (r.has_keeper)
		channel_done(&r.keeper);
	/* Hangs up first: the rest is the kernel's, and takes it long. */
	channel_done(&r.facts);
	channel_done(&r.control);
	load_free(r.load);
	loader_free(r.loader);
	watched_free(r.watched);
	return rc < 0 ? EXIT_TOOL_FAILED : EXIT_NOTHING_FOUND;
}
