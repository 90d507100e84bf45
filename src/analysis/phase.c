/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One phase: its commands in the sandbox, what the recorder's views saw of
 * them, and the watch for children that follows. Runs in the supervisor: one
 * poll loop, no timers, nothing read but how much output there was.
 *
 * begun -> command runs -> ended (by itself, by a limit, by us) -> the views
 * have told everything -> watched (a phase of its own) -> killed what is left
 */
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/analysis_priv.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/persona.h"
#include "record/record.h"
#include "sink/sink.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/term.h"

/* A process that has imported and stays has this long to do more in the
 * phase; the watch for children goes on with it. */
#define STAY_NS (1 * NS_PER_SEC)
/* How often people see that it goes on. */
#define PROGRESS_MS 1000
/* What was killed is gone within this time, or the kernel is stuck. */
#define KILLED_NS (20 * NS_PER_SEC)

/* --- output --- */

static int
capture_open(struct capture *c, int *ret_child_fd, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, "pipe");
	int r = fd_set_nonblock(fds[0], true, err);
	if (r < 0) {
		(void)close(fds[0]);
		(void)close(fds[1]);
		return r;
	}
	c->fd = fds[0];
	*ret_child_fd = fds[1];
	return 0;
}

static void
capture_done(struct capture *c)
{
	closep(&c->fd);
	buf_done(&c->kept);
}

/* The begin and the end: what is said last is often why it ended. */
static void
keep(struct buf *kept, const char *p, size_t n)
{
	size_t half = kept->max / 2, over;

	assert(n <= half);
	if (kept->n + n > kept->max) {
		over = kept->n + n - kept->max;
		memmove(kept->p + half, kept->p + half + over,
		    kept->n - half - over);
		kept->n -= over;
	}
	buf_put(kept, p, n);
}

static void
capture_read(struct capture *c)
{
	char room[64 * KIB];
	ssize_t n;

	while (c->fd >= 0 && (n = read(c->fd, room, sizeof(room))) != 0) {
		if (n < 0)
			return; /* nothing more now */
		c->total_bytes += n;
		c->line = c->line || memchr(room, '\n', (size_t)n) != NULL;
		keep(&c->kept, room, (size_t)n);
		if (c->total_bytes > LIMIT_OUTPUT_BYTES)
			return;
	}
	if (c->fd >= 0)
		closep(&c->fd);
}

/* --- events --- */

static void
end_phase(struct phase *ph, enum phase_end end, const char *reason)
{
	if (ph->end != PHASE_RUNNING)
		return;
	ph->end = end;
	(void)snprintf(ph->reason, sizeof(ph->reason), "%s", reason);
}

/* A refused fork or a full disk is the command's to cope with; it may end in
 * its own way, but not as if nothing had been. */
static void
on_limit(struct phase *ph, enum sandbox_limit limit)
{
	if (limit == SANDBOX_LIMIT_PIDS || limit == SANDBOX_LIMIT_DISK)
		ph->soft_limit = limit;
	else
		end_phase(ph, PHASE_LIMIT, sandbox_limit_word(limit));
}

static void
on_event(struct analysis *a, struct phase *ph, const struct sandbox_event *e)
{
	switch (e->kind) {
	case SANDBOX_STARTED:
		a->empty = false;
		break;
	case SANDBOX_EXEC_FAILED:
		if (e->id == ph->command) {
			ph->exited = true;
			ph->exec_errno = e->status;
		}
		break;
	case SANDBOX_EXITED:
		if (e->id == ph->command) {
			ph->exited = true;
			ph->status = e->status;
		}
		break;
	case SANDBOX_EMPTY:
		a->empty = true;
		break;
	case SANDBOX_LIMIT:
		on_limit(ph, e->limit);
		break;
	case SANDBOX_DIED:
		ph->exited = a->empty = true;
		end_phase(ph, PHASE_BROKEN, "the sandbox died");
		break;
	case SANDBOX_EVENT__MAX:
		break;
	}
}

static void
on_signal(struct analysis *a, struct phase *ph)
{
	struct signalfd_siginfo info;

	if (read(a->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	a->interrupted = true;
	end_phase(ph, PHASE_INTERRUPTED, "interrupted");
}

/* Time in which a flood was held back does not count. */
static bool
time_is_up(struct analysis *a, struct phase *ph)
{
	struct error ignored = ERROR_INIT;
	int64_t held;

	if (clock_ns() < ph->deadline_at)
		return false;
	if (a->record == NULL || a->died != NULL ||
	    record_held(a->record, &held, &ignored) < 0)
		return true;
	ph->deadline_at += held - ph->held_ns;
	ph->held_ns = held;
	return clock_ns() >= ph->deadline_at;
}

/* Waits for something to happen, and takes note of it. */
static int
turn(struct analysis *a, struct phase *ph, struct error *err)
{
	struct pollfd p[] = {
		{ sandbox_fd(a->sandbox), POLLIN, 0 },
		{ ph->out.fd, POLLIN, 0 },
		{ ph->err.fd, POLLIN, 0 },
		{ a->signal_fd, POLLIN, 0 },
		{ a->sink != NULL && !a->died ? sink_pidfd(a->sink) : -1,
		    POLLIN, 0 },
		{ a->record != NULL && !a->died ? record_pidfd(a->record) : -1,
		    POLLIN, 0 },
	};
	int64_t left = ph->deadline_at - clock_ns();
	struct sandbox_event e;
	int r;

	if (left > 0) {
		int ms = (int)((left + NS_PER_MS - 1) / NS_PER_MS);

		if (a->o->progress != NULL) {
			progress_turn(a->o->progress);
			ms = ms < PROGRESS_MS ? ms : PROGRESS_MS;
		}
		if (poll(p, N_ELEMENTS(p), ms) < 0 && errno != EINTR)
			return error_errno(err, "poll");
	}
	if (p[3].revents != 0)
		on_signal(a, ph);
	/* Without the sink everything would only time out; unrecorded, nothing
	 * needs to go on. */
	for (int i = 4; i < (int)N_ELEMENTS(p); i++)
		if (p[i].revents != 0) {
			a->died =
			    i == 4 ? "the sink died" : "the recorder died";
			end_phase(ph, PHASE_BROKEN, a->died);
		}
	/* Output first: what was written before the exit is there. */
	capture_read(&ph->out);
	capture_read(&ph->err);
	while ((r = sandbox_next(a->sandbox, &e, err)) == 1)
		on_event(a, ph, &e);
	return r;
}

/* The command ended, or the phase must. */
static void
look(struct phase *ph)
{
	if (ph->out.total_bytes + ph->err.total_bytes > LIMIT_OUTPUT_BYTES)
		end_phase(ph, PHASE_LIMIT, "output");
	if (ph->exited)
		end_phase(ph, PHASE_DONE, "");
	if (ph->end == PHASE_RUNNING && ph->step->tells && ph->out.line &&
	    ph->deadline_at > clock_ns() + STAY_NS) {
		ph->deadline_at = clock_ns() + STAY_NS;
		ph->end = PHASE_TOLD;
	}
}

static int
kill_all(struct analysis *a, struct phase *ph, struct error *err)
{
	int r = sandbox_kill_all(a->sandbox, err);

	ph->deadline_at = clock_ns() + KILLED_NS;
	while (r == 0 && !a->empty && clock_ns() < ph->deadline_at)
		r = turn(a, ph, err);
	if (r == 0 && !a->empty)
		return error_set(err, -EIO,
		    "processes of the sandbox cannot be killed");
	return r;
}

/* Runs one command until it ended or the phase's time is up. What stays in
 * the background is left alone unless the phase was cut short. */
static int
run_command(struct analysis *a, struct phase *ph, const struct step *s,
    const int fds[2], struct error *err)
{
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct record_command rc = { s->role, s->package, a->persona->project };
	int r = 0;

	c.argv = s->argv;
	c.env = a->persona->env;
	c.cwd = a->persona->project;
	c.out_fd = fds[0];
	c.err_fd = fds[1];
	ph->step = s;
	ph->exited = false;
	ph->status = ph->exec_errno = 0;
	if (a->record != NULL)
		r = record_command(a->record, &rc, err);
	if (r == 0)
		r = sandbox_exec(a->sandbox, &c, &ph->command, err);
	if (r < 0)
		return r;
	a->empty = false;
	while (r == 0 && !ph->exited && !time_is_up(a, ph) &&
	    (ph->end == PHASE_RUNNING || ph->end == PHASE_TOLD)) {
		r = turn(a, ph, err);
		look(ph);
	}
	if (r == 0 && ph->end == PHASE_TOLD && !ph->exited)
		return 0;
	if (ph->end == PHASE_TOLD)
		ph->end = PHASE_DONE;
	if (!ph->exited)
		end_phase(ph, PHASE_TIMEOUT, "time");
	if (ph->soft_limit != SANDBOX_LIMIT_NONE && ph->end == PHASE_DONE) {
		ph->end = PHASE_RUNNING;
		end_phase(ph, PHASE_LIMIT, sandbox_limit_word(ph->soft_limit));
	}
	return r;
}

/* --- the views --- */

static int
views_begin(struct analysis *a, const struct phase *ph, struct error *err)
{
	int r = 0;

	if (a->record != NULL)
		r = record_phase_begin(a->record, ph->id, ph->started_at, err);
	if (r == 0 && a->sink != NULL)
		r = sink_phase_begin(a->sink, ph->id, ph->started_at, err);
	return r;
}

/* The sink says itself what it saw. A view that fails is lost
 * for the rest of the run, and said to be: that makes the verdict incomplete,
 * not the analysis a failure. */
static int
views_end(struct analysis *a, const struct phase *ph, struct error *err)
{
	int64_t events = 0, dropped = 0;
	struct upper_result up = { 0 };
	struct error lost = ERROR_INIT;
	int r = 0;

	if (a->record != NULL &&
	    record_phase_end(a->record, ph->id, &events, &dropped, &lost) < 0)
		record_freep(&a->record);
	r = facts_view(a, ph->id, record_means_word(a->o->recorder), events,
	    dropped, a->record != NULL ? NULL : lost.msg, err);
	if (r < 0)
		return r;
	if (a->sink != NULL &&
	    sink_phase_end(a->sink, ph->id, &events, &dropped, &lost) < 0)
		sink_freep(&a->sink);
	if (a->sink == NULL)
		r = facts_view(a, ph->id, "sink", 0, 0, lost.msg, err);
	if (r < 0)
		return r;
	if (a->upper != NULL && upper_walk(a->upper, ph->id, &up, &lost) < 0)
		upper_freep(&a->upper);
	/* What was under way at the death may be in one view alone. */
	if (a->upper != NULL && up.has_seen)
		r = facts_view(a, ph->id, "fanotify", up.seen, up.seen_dropped,
		    ph->end == PHASE_BROKEN ? ph->reason : NULL, err);
	if (r < 0)
		return r;
	return facts_view(a, ph->id, "upper", up.files, up.incomplete,
	    a->upper != NULL ? NULL : lost.msg, err);
}

static int
begin(struct analysis *a, struct phase *ph, struct error *err)
{
	struct sandbox_usage u;

	ph->id = ++a->n_phases;
	ph->started_at = clock_ns();
	ph->deadline_at = ph->started_at + ph->step->limit_ms * NS_PER_MS;
	sandbox_usage(a->sandbox, &u);
	ph->cpu_before_ns = u.cpu_ns;
	sandbox_limit_reset(a->sandbox);
	ph->held_ns = 0;
	if (a->record != NULL && a->died == NULL) {
		int r = record_held(a->record, &ph->held_ns, err);
		if (r < 0)
			return r;
	}
	return views_begin(a, ph, err);
}

/* The watch: nothing is started, what is there goes on. When nothing is there
 * the row says so at once. */
static int
watch_children(struct analysis *a, struct phase *ph, struct error *err)
{
	static const struct step watch = { .trigger = "child",
		.limit_ms = LIMIT_CHILD_WATCH_MS };
	int r;

	ph->step = &watch;
	ph->end = PHASE_RUNNING;
	ph->reason[0] = '\0';
	ph->exited = false;
	ph->status = ph->exec_errno = 0;
	buf_reset(&ph->out.kept);
	buf_reset(&ph->err.kept);
	if (a->empty) {
		ph->id = ++a->n_phases;
		ph->started_at = clock_ns();
		ph->end = PHASE_DONE;
		return facts_phase(a, ph, err);
	}
	r = begin(a, ph, err);
	while (r == 0 && !a->empty && ph->end == PHASE_RUNNING &&
	    !time_is_up(a, ph)) {
		r = turn(a, ph, err);
		if (ph->out.total_bytes + ph->err.total_bytes >
		    LIMIT_OUTPUT_BYTES)
			end_phase(ph, PHASE_LIMIT, "output");
	}
	end_phase(ph, PHASE_DONE, a->empty ? "" : "still running");
	if (r == 0 && !a->empty)
		r = kill_all(a, ph, err);
	if (r == 0)
		r = views_end(a, ph, err);
	return r < 0 ? r : facts_phase(a, ph, err);
}

static int
run_steps(struct analysis *a, struct phase *ph, const struct step *const *steps,
    size_t n, struct error *err)
{
	_cleanup_(closep) int out = -1, errors = -1;
	int r = capture_open(&ph->out, &out, err);

	if (r == 0)
		r = capture_open(&ph->err, &errors, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		const int fds[2] = { out, errors };
		if (i > 0 && ph->end != PHASE_DONE)
			break;
		ph->end = PHASE_RUNNING;
		r = run_command(a, ph, steps[i], fds, err);
	}
	return r;
}

int
phase_run(struct analysis *a, const struct step *const *steps, size_t n,
    enum phase_end *ret_end, int *ret_status, struct error *err)
{
	struct phase ph = { .step = steps[n - 1], .out.fd = -1, .err.fd = -1 };
	int r;

	assert(n > 0);
	buf_init(&ph.out.kept, LIMIT_OUTPUT_KEPT_BYTES);
	buf_init(&ph.err.kept, LIMIT_OUTPUT_KEPT_BYTES);
	r = begin(a, &ph, err);
	if (r == 0)
		r = facts_phase(a, &ph, err);
	if (a->died != NULL)
		end_phase(&ph, PHASE_BROKEN, a->died);
	else if (r == 0)
		r = run_steps(a, &ph, steps, n, err);
	if (r == 0 && ph.end != PHASE_DONE && ph.end != PHASE_TOLD)
		r = kill_all(a, &ph, err);
	if (r == 0)
		r = views_end(a, &ph, err);
	if (r == 0)
		r = facts_phase(a, &ph, err);
	*ret_end = ph.end;
	*ret_status = ph.exec_errno != 0 ? 127 << 8 : ph.status;
	if (r == 0 && ph.end != PHASE_BROKEN)
		r = watch_children(a, &ph, err);
	capture_done(&ph.out);
	capture_done(&ph.err);
	return r;
}
