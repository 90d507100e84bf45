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
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd/confined.h"
#include "cmd/report_priv.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/term.h"

#define N_WORKERS 2
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

/* What the workers share with the caller, who believes it as far as it is of
 * use to them alone. */
struct shared {
	size_t next; /* the first that nobody has taken */
	unsigned char who[]; /* worker that began with it, from 1; 0: none */
};

/* One time that workers go through what is left. */
struct round {
	const struct report_crew *crew;
	struct shared *shared;
	const size_t *files; /* what is left; NULL: all of them */
	size_t n;
	struct channel c[N_WORKERS];
	pid_t pids[N_WORKERS];
	size_t done[N_WORKERS]; /* answers; in the order of files */
	struct progress *progress;
	size_t *done_before;
};

/* The first of the next files that are nobody's, REPORT_CREW_SHARE of them. Who
 * is faster takes more, so that both end together. The caller believes the
 * number of answers, not this. */
static size_t
take_share(struct shared *s)
{
	return __atomic_fetch_add(&s->next, REPORT_CREW_SHARE,
	    __ATOMIC_RELAXED);
}

static void __attribute__((noreturn))
worker(const struct round *r, size_t me, int fd)
{
	const struct report_crew *w = r->crew;
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
	for (; rc == 0 && (i = take_share(r->shared)) < r->n;)
		for (size_t n = 0; n < REPORT_CREW_SHARE && i < r->n && rc == 0;
		     n++, i++) {
			r->shared->who[i] = (unsigned char)(me + 1);
			buf_reset(&bytes);
			rc = w->work(&c, w->job,
			    r->files != NULL ? r->files[i] : i, &bytes, &err);
		}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("%s: %s", w->name, err.msg);
	_exit(0);
}

static int
start(struct round *r, struct error *err)
{
	int pair[2];

	(void)fflush(NULL);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (fd_socketpair(pair, err) != 0)
			return err->code;
		r->pids[i] = fork();
		if (r->pids[i] == 0)
			worker(r, i, pair[1]);
		(void)close(pair[1]);
		channel_init(&r->c[i], pair[0]);
		if (r->pids[i] < 0)
			return error_errno(err, "fork");
	}
	return 0;
}

/* 1: its end. */
static int
drain(struct round *r, size_t i, struct error *err)
{
	const struct report_crew *w = r->crew;
	struct message m;
	int rc = channel_fill(&r->c[i], err), end = rc == 1;

	/* A process that died may have left half a message: it is no answer. */
	if (rc == -ECONNRESET && w->lost != NULL)
		return 1;
	while (rc >= 0 && (rc = channel_next(&r->c[i], &m, err)) == 1) {
		rc = w->take(w->job, &m, err);
		r->done[i] += rc == 1;
		*r->done_before += rc == 1;
		progress_say(r->progress, "%zu of %zu %s", *r->done_before,
		    w->n_files, w->noun);
	}
	return rc < 0 ? rc : end;
}

static int
collect(struct round *r, struct error *err)
{
	struct pollfd pfds[N_WORKERS];
	size_t open_ends = N_WORKERS;
	int rc = 0;

	for (size_t i = 0; i < N_WORKERS; i++)
		pfds[i] = (struct pollfd){ .fd = r->c[i].fd, .events = POLLIN };
	while (rc >= 0 && open_ends != 0) {
		if (poll(pfds, N_WORKERS, -1) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		for (size_t i = 0; i < N_WORKERS && rc >= 0; i++) {
			if (pfds[i].fd < 0 || pfds[i].revents == 0)
				continue;
			rc = drain(r, i, err);
			if (rc != 1)
				continue;
			pfds[i].fd = -1;
			open_ends--;
		}
	}
	return rc < 0 ? rc : 0;
}

/* Which of them died, after the round: by their status. */
static void
stop(struct round *r, bool failed, bool ret_died[N_WORKERS])
{
	for (size_t i = 0; i < N_WORKERS; i++) {
		int status = 0;

		if (r->pids[i] <= 0)
			continue;
		if (failed)
			(void)kill(r->pids[i], SIGKILL);
		(void)waitpid(r->pids[i], &status, 0);
		channel_done(&r->c[i]);
		ret_died[i] = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
}

/* Files without an answer: into left, but for those that a worker died of. */
static int
sort_out(struct round *r, const bool died[N_WORKERS], size_t *left,
    size_t *ret_n, struct error *err)
{
	size_t last[N_WORKERS], n = 0;
	bool any = false;
	int rc = 0;

	for (size_t i = 0; i < N_WORKERS; i++)
		last[i] = SIZE_MAX;
	for (size_t i = 0; i < r->n; i++)
		if (r->shared->who[i] - 1u < N_WORKERS)
			last[r->shared->who[i] - 1u] = i;
	for (size_t i = 0; i < r->n && rc == 0; i++) {
		size_t who = r->shared->who[i] - 1u;
		size_t file = r->files != NULL ? r->files[i] : i;

		if (who < N_WORKERS && r->done[who] != 0) {
			r->done[who]--;
			continue;
		}
		if (who >= N_WORKERS || !died[who] || last[who] != i ||
		    r->crew->lost == NULL) {
			left[n++] = file;
			continue;
		}
		any = true;
		rc = r->crew->lost(r->crew->job, file,
		    "ended the process that read it: it needs too much "
		    "memory, or is made to do that",
		    err);
	}
	*ret_n = n;
	if (rc == 0 && n != 0 && !any)
		return error_set(err, -EPIPE, "a worker ended before its time");
	return rc;
}

/* Each round loses a file at least, or is the last. */
static int
run_round(struct round *r, size_t *left, size_t *ret_n, struct error *err)
{
	size_t bytes = sizeof(*r->shared) + r->n;
	bool died[N_WORKERS] = { false };
	int rc;

	r->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->shared == MAP_FAILED)
		return error_errno(err, "mmap");
	rc = start(r, err);
	if (rc == 0)
		rc = collect(r, err);
	stop(r, rc != 0, died);
	if (rc == 0)
		rc = sort_out(r, died, left, ret_n, err);
	(void)munmap(r->shared, bytes);
	return rc;
}

int
report_crew_run(const struct report_crew *w, struct error *err)
{
	size_t *left = mem_array(w->n_files, sizeof(*left)), done = 0;
	struct round r = { .crew = w, .n = w->n_files };
	struct progress p;
	int rc = 0;

	progress_begin(&p);
	while (rc == 0 && r.n != 0) {
		r = (struct round){ .crew = w,
			.files = r.files,
			.n = r.n,
			.progress = &p,
			.done_before = &done };
		rc = run_round(&r, left, &r.n, err);
		r.files = left;
	}
	progress_end(&p);
	free(left);
	return rc;
}
