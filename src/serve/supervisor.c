/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's loop: channels, deaths, signals, the log, and the file of
 * the snapshot, looked at once a second. Runs in `lazaret serve`.
 */
#include "serve/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "serve/protocol.h"
#include "serve/supervisor_priv.h"
#include "sys/clock.h"

#define LOOK_MS 1000
/* A worker that never gets ready is started again ever more slowly, and not
 * for ever. */
#define RESTART_NS     (100 * NS_PER_MS)
#define MAX_RESTART_NS NS_PER_SEC
#define MAX_FAILURES   30
/* For each worker its channel and its end; the signals; the log. */
#define N_POLLS (2 * LIMIT_SERVE_WORKERS + 2)

static void
tell(const char *what, const char *why)
{
	(void)fprintf(stderr, "lazaret serve: %s%s%s\n", what,
	    why != NULL ? ": " : "", why != NULL ? why : "");
}

/* --- the snapshot -----------------------------------------------------------
 */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int
open_snapshot(struct supervisor *s, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(s->o->snapshot, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &s->tried) != 0)
		return error_errno(err, "%s", s->o->snapshot);
	if (!S_ISREG(s->tried.st_mode))
		return error_set(err, -EINVAL, "%s is not a file",
		    s->o->snapshot);
	closep(&s->offered_fd);
	s->offered_fd = steal_fd(&fd);
	return 0;
}

/* To all workers; what they had stays until they have taken it. */
static void
offer(struct supervisor *s)
{
	struct error err = ERROR_INIT;
	int rc = open_snapshot(s, &err);

	for (unsigned i = 0; i < s->o->n_workers && rc == 0; i++)
		if (s->workers[i].running)
			rc = worker_send_snapshot(&s->workers[i], s->offered_fd,
			    EXPECT_OFFERED, &err);
	if (rc != 0)
		tell("the snapshot in use stays", err.msg);
}

static void
look(struct supervisor *s)
{
	struct stat st;

	if (s->serving && !s->draining && stat(s->o->snapshot, &st) == 0 &&
	    !same_file(&st, &s->tried))
		offer(s);
}

/* --- what workers say -------------------------------------------------------
 */

/* The file that was refused is the one in use: it was damaged where it lies,
 * instead of being replaced. Nothing is left to serve from. */
static bool
is_destroyed(struct supervisor *s, enum expected e)
{
	struct stat in_use, offered;

	if (e == EXPECT_TLS)
		return false;
	if (e == EXPECT_OFFERED && s->snapshot_fd >= 0 &&
	    (fstat(s->snapshot_fd, &in_use) != 0 ||
		fstat(s->offered_fd, &offered) != 0 ||
		in_use.st_dev != offered.st_dev ||
		in_use.st_ino != offered.st_ino))
		return false;
	closep(&s->snapshot_fd);
	return true;
}

static int
take_ready(struct supervisor *s, struct worker *w, struct message *m,
    struct error *err)
{
	enum expected e = w->expected[0];

	if (w->n_expected == 0)
		return error_set(err, -EPROTO, "nobody asked");
	w->n_expected--;
	memmove(w->expected, w->expected + 1,
	    w->n_expected * sizeof(w->expected[0]));
	if (m->type == SERVE_REFUSED) {
		char *why = mem_strndup(message_get_str(m));

		(void)error_set(err, -EBADMSG, "%s: %s",
		    e == EXPECT_TLS ? s->o->tls_certificate : s->o->snapshot,
		    why);
		free(why);
		if (!s->serving)
			return err->code;
		if (is_destroyed(s, e))
			return err->code;
		tell("what is in use stays", err->msg);
		return message_end(m, err);
	}
	if (e != EXPECT_TLS)
		w->failures = 0;
	if (e == EXPECT_OFFERED) {
		closep(&s->snapshot_fd);
		s->snapshot_fd = fcntl(s->offered_fd, F_DUPFD_CLOEXEC, 3);
	}
	return message_end(m, err);
}

static int
hear(struct supervisor *s, struct worker *w, struct error *err)
{
	struct message m;
	int rc = channel_fill(&w->channel, err);

	if (rc == 1) { /* its end is told by the pidfd */
		(void)shutdown(w->channel.fd, SHUT_RDWR);
		return 0;
	}
	while (rc >= 0 && (rc = channel_next(&w->channel, &m, err)) == 1) {
		if (m.type == SERVE_OPEN)
			rc = worker_open(s, w, &m, err);
		else if (m.type == SERVE_READY || m.type == SERVE_REFUSED)
			rc = take_ready(s, w, &m, err);
		else
			rc = error_set(err, -EPROTO, "message %d is unknown",
			    m.type);
	}
	return rc;
}

/* A worker that speaks nonsense is ended; before the service runs at all, that
 * ends everything. */
static int
hear_worker(struct supervisor *s, struct worker *w, struct error *err)
{
	int rc = hear(s, w, err);

	if (rc >= 0 || !s->serving)
		return rc < 0 ? rc : 0;
	tell("a worker is ended", err->msg);
	(void)kill(w->child.pid, SIGKILL);
	return 0;
}

/* --- life of workers --------------------------------------------------------
 */

static int
bury(struct supervisor *s, unsigned i, struct error *err)
{
	struct worker *w = &s->workers[i];
	int status = 0, rc = spawn_wait(&w->child, -1, &status, err);

	if (rc != 0)
		return rc;
	channel_done(&w->channel);
	w->running = false;
	shared_forget(s->shared, i);
	if (s->draining) {
		s->n_drained++;
		return 0;
	}
	(void)fprintf(stderr, "lazaret serve: worker %u ended (%s %d)\n", i,
	    WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (!s->serving || ++w->failures > MAX_FAILURES)
		return error_set(err, -EIO, "worker %u cannot run", i);
	shared_add(s->shared, i, SHARED_RESTARTS, 1);
	w->start_at =
	    clock_ns() + MIN_OF((w->failures - 1) * RESTART_NS, MAX_RESTART_NS);
	return 0;
}

/* Those that ended come back. */
static int
revive(struct supervisor *s, struct error *err)
{
	int rc = 0;

	for (unsigned i = 0; i < s->o->n_workers && rc == 0; i++)
		if (!s->workers[i].running && !s->draining &&
		    s->workers[i].start_at <= clock_ns())
			rc = worker_start(s, i, err);
	return rc;
}

static int
open_bucket(struct supervisor *s, struct error *err)
{
	int fd = open(s->o->bucket, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "%s", s->o->bucket);
	closep(&s->bucket_fd);
	s->bucket_fd = fd;
	return 0;
}

/* --- signals ----------------------------------------------------------------
 */

static void
reload(struct supervisor *s)
{
	struct error err = ERROR_INIT;

	offer(s);
	for (unsigned i = 0;
	     i < s->o->n_workers && s->o->tls_certificate != NULL; i++)
		if (s->workers[i].running &&
		    worker_send_tls(&s->workers[i], s->o, &err) != 0)
			tell("the certificate in use stays", err.msg);
	if (s->o->bucket != NULL && open_bucket(s, &err) != 0)
		tell("the folder in use stays", err.msg);
	if (accesslog_open(s, &err) != 0)
		tell("the log in use stays", err.msg);
}

static void
drain(struct supervisor *s)
{
	struct error err = ERROR_INIT;

	if (s->draining)
		return;
	s->draining = true;
	s->drain_at = clock_ns();
	for (unsigned i = 0; i < s->o->n_workers; i++) {
		closep(&s->workers[i].listen_fd);
		if (!s->workers[i].running)
			s->n_drained++;
		else if (worker_send_drain(&s->workers[i], &err) != 0)
			tell("a worker does not hear", err.msg);
	}
}

static void
take_signal(struct supervisor *s)
{
	struct signalfd_siginfo i;

	if (read(s->signal_fd, &i, sizeof(i)) != sizeof(i))
		return;
	if (i.ssi_signo == SIGHUP)
		reload(s);
	else
		drain(s);
}

/* --- the loop ---------------------------------------------------------------
 */

static bool
is_over(const struct supervisor *s)
{
	return s->draining &&
	    (s->n_drained >= s->o->n_workers ||
		clock_ns() - s->drain_at >
		    2 * LIMIT_SERVE_DRAIN_MS * NS_PER_MS);
}

static void
add_poll(struct pollfd *p, int fd, short events)
{
	*p = (struct pollfd){ .fd = fd, .events = events };
}

static void
fill_polls(const struct supervisor *s, struct pollfd *p)
{
	add_poll(&p[0], s->signal_fd, POLLIN);
	if (s->log_waits)
		add_poll(&p[1], s->log_out, POLLOUT);
	else
		add_poll(&p[1], s->log_out >= 0 ? s->log_pipe[0] : -1, POLLIN);
	for (unsigned i = 0; i < s->o->n_workers; i++) {
		const struct worker *w = &s->workers[i];

		add_poll(&p[2 + 2 * i], w->running ? w->channel.fd : -1,
		    POLLIN);
		add_poll(&p[3 + 2 * i], w->running ? w->child.pidfd : -1,
		    POLLIN);
	}
}

static int
turn(struct supervisor *s, int timeout_ms, struct error *err)
{
	struct pollfd p[N_POLLS];
	unsigned n = 2 + 2 * s->o->n_workers;
	int rc = 0;

	fill_polls(s, p);
	if (poll(p, n, timeout_ms) < 0 && errno != EINTR)
		return error_errno(err, "poll");
	for (unsigned i = 0; i < s->o->n_workers && rc == 0; i++) {
		if ((p[2 + 2 * i].revents & POLLIN) != 0)
			rc = hear_worker(s, &s->workers[i], err);
		if (rc == 0 && p[3 + 2 * i].revents != 0)
			rc = bury(s, i, err);
	}
	if (p[1].revents != 0)
		accesslog_copy(s);
	if (p[0].revents != 0)
		take_signal(s);
	return rc;
}

static bool
all_ready(const struct supervisor *s)
{
	for (unsigned i = 0; i < s->o->n_workers; i++)
		if (s->workers[i].n_expected != 0)
			return false;
	return true;
}

static int
serve(struct supervisor *s, const char *address, struct error *err)
{
	int64_t looked_at = clock_ns();
	int rc = 0;

	while (rc == 0 && !is_over(s)) {
		rc = turn(s, LOOK_MS / 4, err);
		if (rc == 0 && !s->serving && all_ready(s)) {
			s->serving = true;
			(void)printf("listening on %s://%s\n",
			    s->o->tls_certificate != NULL ? "https" : "http",
			    address);
			(void)fflush(stdout);
		}
		if (rc == 0 && s->serving)
			rc = revive(s, err);
		if (clock_ns() - looked_at > LOOK_MS * NS_PER_MS) {
			looked_at = clock_ns();
			look(s);
		}
	}
	return rc;
}

/* --- begin and end ----------------------------------------------------------
 */

static int
open_signals(struct supervisor *s, struct error *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return error_errno(err, "sigprocmask");
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? error_errno(err, "signalfd") : 0;
}

/* Connections are descriptors: as many as we may have. */
static void
raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int
open_all(struct supervisor *s, char *address, size_t size, struct error *err)
{
	const struct supervisor_options *o = s->o;
	int fds[LIMIT_SERVE_WORKERS], rc;

	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++)
		fds[i] = -1;
	raise_limit();
	rc = open_snapshot(s, err);
	if (rc == 0 && o->bucket != NULL)
		rc = open_bucket(s, err);
	if (rc == 0)
		rc = listen_bind(o->listen, o->n_workers, fds, address, size,
		    err);
	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++)
		s->workers[i].listen_fd = fds[i];
	if (rc == 0)
		rc = shared_new(&s->shared, &s->shared_fd, err);
	if (rc == 0)
		rc = accesslog_open(s, err);
	if (rc == 0)
		rc = open_signals(s, err);
	return rc;
}

static void
close_all(struct supervisor *s)
{
	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++) {
		spawn_kill(&s->workers[i].child);
		if (s->workers[i].running)
			channel_done(&s->workers[i].channel);
		closep(&s->workers[i].listen_fd);
	}
	/* What the workers still had to say. */
	for (int i = 0; i < 1024 && s->log_out >= 0; i++)
		accesslog_copy(s);
	shared_free(s->shared);
	closep(&s->shared_fd);
	closep(&s->signal_fd);
	closep(&s->bucket_fd);
	closep(&s->snapshot_fd);
	closep(&s->offered_fd);
	closep(&s->log_out);
	closep(&s->log_pipe[0]);
	closep(&s->log_pipe[1]);
}

int
supervisor_run(const struct supervisor_options *o, struct error *err)
{
	struct supervisor *s = mem_alloc(sizeof(*s));
	char address[96];
	int rc;

	s->o = o;
	s->shared_fd = s->signal_fd = s->bucket_fd = s->snapshot_fd = -1;
	s->offered_fd = s->log_out = s->log_pipe[0] = s->log_pipe[1] = -1;
	for (unsigned i = 0; i < LIMIT_SERVE_WORKERS; i++)
		s->workers[i].child = (struct child)CHILD_INIT;
	rc = open_all(s, address, sizeof(address), err);
	for (unsigned i = 0; i < o->n_workers && rc == 0; i++)
		rc = worker_start(s, i, err);
	if (rc == 0)
		rc = serve(s, address, err);
	close_all(s);
	free(s);
	return rc;
}
