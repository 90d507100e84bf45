/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two confined processes (one per core of a small machine) that look at files
 * and say what they find, and the loop of the process that hears it. Forked,
 * because the list of files is in memory already; locked down before the
 * first byte of one is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/confined.h"
#include "cmd/report_priv.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/term.h"

#define N_WORKERS 2
#define SHARE     16 /* files that a worker takes at once */
/* A document of the largest size, and more: so that it is refused. */
#define FILE_BYTES (17 * (size_t)MIB)

int
report_crew_read(int dir, const char *path, int flags, struct buf *ret,
    struct error *err)
{
	_cleanup_(closep) int fd =
	    openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);

	if (fd < 0)
		return error_errno(err, "cannot be opened");
	return fd_read_all(fd, ret, err);
}

/* The first of the next files that are nobody's, SHARE of them. Who is faster
 * takes more, so that both end together. The caller believes the number of
 * answers, not this. */
static size_t
take_share(size_t *next)
{
	return __atomic_fetch_add(next, SHARE, __ATOMIC_RELAXED);
}

static void __attribute__((noreturn))
worker(const struct report_crew *w, size_t *next, int fd)
{
	const struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = w->read_paths };
	const int keep[] = { fd, w->dir > 0 ? w->dir : -1 };
	struct error err = ERROR_INIT;
	struct channel c;
	struct buf bytes;
	size_t i;
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	confined_keep_only(keep, N_ELEMENTS(keep));
	channel_init(&c, fd);
	buf_init(&bytes, FILE_BYTES);
	rc = lockdown(&l, &err);
	for (; rc == 0 && (i = take_share(next)) < w->n_files;)
		for (size_t n = 0; n < SHARE && i < w->n_files && rc == 0;
		     n++, i++) {
			buf_reset(&bytes);
			rc = w->work(&c, w->job, i, &bytes, &err);
		}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("%s: %s", w->name, err.msg);
	_exit(0);
}

static int
start(const struct report_crew *w, size_t *next, struct channel c[N_WORKERS],
    pid_t pids[N_WORKERS], struct error *err)
{
	int pair[2];

	(void)fflush(NULL);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (fd_socketpair(pair, err) != 0)
			return err->code;
		pids[i] = fork();
		if (pids[i] == 0)
			worker(w, next, pair[1]);
		(void)close(pair[1]);
		channel_init(&c[i], pair[0]);
		if (pids[i] < 0)
			return error_errno(err, "fork");
	}
	return 0;
}

/* 1: its end. */
static int
drain(const struct report_crew *w, struct channel *c, struct progress *p,
    size_t *done, struct error *err)
{
	struct message m;
	int rc = channel_fill(c, err), end = rc == 1;

	while (rc >= 0 && (rc = channel_next(c, &m, err)) == 1) {
		rc = w->take(w->job, &m, err);
		*done += rc == 1;
		progress_say(p, "%zu of %zu %s", *done, w->n_files, w->noun);
	}
	return rc < 0 ? rc : end;
}

static int
collect(const struct report_crew *w, struct channel c[N_WORKERS],
    struct progress *p, struct error *err)
{
	struct pollfd pfds[N_WORKERS];
	size_t open_ends = N_WORKERS, done = 0;
	int rc = 0;

	for (size_t i = 0; i < N_WORKERS; i++)
		pfds[i] = (struct pollfd){ .fd = c[i].fd, .events = POLLIN };
	while (rc >= 0 && open_ends != 0) {
		if (poll(pfds, N_WORKERS, -1) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		for (size_t i = 0; i < N_WORKERS && rc >= 0; i++) {
			if (pfds[i].fd < 0 || pfds[i].revents == 0)
				continue;
			rc = drain(w, &c[i], p, &done, err);
			if (rc != 1)
				continue;
			pfds[i].fd = -1;
			open_ends--;
		}
	}
	if (rc >= 0 && done != w->n_files)
		return error_set(err, -EPIPE, "a worker ended before its time");
	return rc < 0 ? rc : 0;
}

int
report_crew_run(const struct report_crew *w, struct error *err)
{
	struct channel c[N_WORKERS] = { 0 };
	pid_t pids[N_WORKERS] = { 0 };
	struct progress p;
	size_t *next;
	int rc;

	if (w->n_files == 0)
		return 0;
	next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (next == MAP_FAILED)
		return error_errno(err, "mmap");
	progress_begin(&p);
	rc = start(w, next, c, pids, err);
	if (rc == 0)
		rc = collect(w, c, &p, err);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (pids[i] <= 0)
			continue;
		if (rc != 0)
			(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
		channel_done(&c[i]);
	}
	progress_end(&p);
	(void)munmap(next, sizeof(*next));
	return rc;
}
