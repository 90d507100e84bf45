/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher's loop: stopped threads on one side, the decoder on the other.
 * The decoder takes events from one socket and asks on the other (keeper.h).
 * While it does not keep up, threads stay stopped: no event is lost. Runs in
 * a child of role record.
 */
#include "record/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "record/keeper.h"
#include "record/watch_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define QUEUE_BYTES (64 * MIB)
/* The decoder is woken for this much, for what somebody waits for, or when
 * the oldest event is this old: each wake-up takes a processor from who is
 * being watched. */
#define PUSH_BYTES (64u * KIB)
#define PUSH_MS    20

#define EVENT_BYTES (64 * KIB)
#define MAX_THREADS (4 * LIMIT_RECORD_PROCESSES)

/* As much as the decoder takes now: 1 when it is gone. */
static int
push(struct watcher *w)
{
	while (w->queue.n != 0) {
		ssize_t n = send(w->start->events_fd, w->queue.p, w->queue.n,
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return 1;
		buf_consume(&w->queue, (size_t)n);
	}
	w->urgent = false;
	return 0;
}

static int
turn(struct watcher *w)
{
	return w->start->means == RECORD_NOTIFY ? notify_turn(w) :
						  ptrace_turn(w);
}

static void
release(struct watcher *w, pid_t pid)
{
	if (w->start->means == RECORD_NOTIFY)
		notify_release(w, pid);
	else
		ptrace_release(w, pid);
}

/* Everything that waits now has been told: the decoder may close its phase. */
static int
mark(struct watcher *w)
{
	struct record_header h = { .kind = RECORD_KIND__MAX,
		.bytes = sizeof(h) };
	int rc =
	    w->start->means == RECORD_NOTIFY ? notify_all(w) : ptrace_turn(w);

	h.args[0] = w->dropped;
	buf_put(&w->queue, &h, sizeof(h));
	w->urgent = true;
	return rc;
}

static int
on_question(struct watcher *w, struct message *m)
{
	pid_t pid = 0;
	int rc;

	if (m->type == KEEPER_MARK) {
		rc = message_end(m, w->err);
		return rc != 0 ? rc : mark(w);
	}
	rc = keeper_answer(&w->keeper, m, w->start->upper_fd, &pid, w->err);
	if (rc == 0 && pid != 0)
		release(w, pid);
	return rc;
}

/* 1: the decoder is gone. */
static int
on_keeper(struct watcher *w)
{
	struct message m;
	int rc = channel_fill(&w->keeper, w->err);

	while (rc == 0 && (rc = channel_next(&w->keeper, &m, w->err)) == 1)
		rc = on_question(w, &m);
	return rc;
}

/* How long the queue may wait, in ms: 0 no longer, -1 it is empty. */
static int
patience(struct watcher *w)
{
	int64_t ms;

	if (w->queue.n == 0) {
		w->queued_at = 0;
		return -1;
	}
	if (w->queued_at == 0)
		w->queued_at = clock_ns();
	ms = PUSH_MS - (clock_ns() - w->queued_at) / NS_PER_MS;
	return w->urgent || w->queue.n >= PUSH_BYTES || ms <= 0 ? 0 : (int)ms;
}

static int
serve(struct watcher *w)
{
	struct pollfd fds[] = { { w->start->keeper_fd, POLLIN, 0 },
		{ -1, POLLOUT, 0 }, { w->start->listener_fd, 0, 0 },
		{ w->epoll, POLLIN, 0 }, { w->signals, 0, 0 } };
	int rc = 0, left;

	while (rc == 0) {
		bool open = w->queue.n < QUEUE_BYTES / 8;

		left = patience(w);
		/* Otherwise the keeper's socket says when the decoder is gone.
		 */
		fds[1].fd = left == 0 ? w->start->events_fd : -1;
		fds[2].events = fds[4].events = open ? POLLIN : 0;
		if (poll(fds, N_ELEMENTS(fds), left == 0 ? -1 : left) < 0) {
			if (errno == EINTR)
				continue;
			return error_errno(w->err, "poll");
		}
		if ((fds[1].revents & (POLLERR | POLLHUP)) != 0)
			return 0;
		/* Nobody runs under the filter any more. */
		if ((fds[2].revents & POLLHUP) != 0)
			fds[2].fd = -1;
		/* A mark takes what calls there are: asking for one that is
		 * not there would wait for the next. */
		if (fds[0].revents != 0) {
			rc = on_keeper(w);
			fds[2].revents = 0;
		}
		w->calls_wait = (fds[2].revents & POLLIN) != 0;
		w->ends_wait = fds[3].revents != 0;
		if (rc == 0)
			rc = turn(w);
		if (rc == 0 && patience(w) == 0)
			rc = push(w);
	}
	return rc == 1 ? 0 : rc;
}

static void
done(struct watcher *w)
{
	struct watch_process **p;
	struct str key;
	void *value;
	size_t at = 0;

	while (map_next(w->processes, &at, &key, &value))
		watch_process_free(value);
	for (at = 0; map_next(w->tracees, &at, &key, &value);)
		free(value);
	vec_foreach(p, &w->ended)
		watch_process_free(*p);
	vec_done(&w->ended);
	vec_done(&w->answers);
	map_free(w->processes);
	map_free(w->threads);
	map_free(w->tracees);
	buf_done(&w->queue);
	buf_done(&w->event);
	channel_done(&w->keeper);
	closep(&w->root);
	closep(&w->epoll);
	closep(&w->signals);
}

static int
begin(struct watcher *w)
{
	sigset_t set;

	if (w->start->means == RECORD_NOTIFY) {
		w->epoll = epoll_create1(EPOLL_CLOEXEC);
		return w->epoll < 0 ? error_errno(w->err, "epoll") :
				      notify_begin(w);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return error_errno(w->err, "sigprocmask");
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? error_errno(w->err, "signalfd") :
				ptrace_begin(w);
}

int
watcher_main(const struct watch_start *s, struct error *err)
{
	struct watcher w = { .start = s,
		.epoll = -1,
		.root = -1,
		.signals = -1,
		.err = err };
	int rc;

	w.since = clock_wall_ns() / NS_PER_SEC - 1;
	buf_init(&w.queue, QUEUE_BYTES);
	buf_init(&w.event, EVENT_BYTES);
	channel_init(&w.keeper, s->keeper_fd);
	w.processes = map_new(LIMIT_RECORD_PROCESSES);
	w.threads = map_new(MAX_THREADS);
	w.tracees = map_new(MAX_THREADS);
	w.root_is_fixed = watch_root_is_fixed(&w);
	rc = begin(&w);
	/* One byte says that the first process is held. */
	if (rc == 0)
		rc = fd_send_all(s->events_fd, "b", 1, err);
	if (rc == 0)
		rc = serve(&w);
	done(&w);
	(void)close(s->events_fd);
	return rc;
}
