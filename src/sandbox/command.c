/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running sandbox: commands, events, the end. Runs in supervisors. What init
 * says is checked: it is ours, but lives in the same house as the package.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "sandbox/sandbox_priv.h"
#include "sandbox/warden.h"
#include "sys/clock.h"
#include "sys/fd.h"

/* How often limits are looked at while something runs: soon enough that a
 * memory bomb without a cgroup does not take the machine. */
#define LOOK_MS        250
#define LOOK_MS_COUNTS 20

static int
watch_fd(struct sandbox *s, int fd, struct error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		return error_errno(err, "epoll");
	return 0;
}

static void
set_timer(struct sandbox *s, bool on)
{
	bool counted = cgroup_version(&s->cgroup, CGROUP_MEMORY) != 0;
	long ns = (counted ? LOOK_MS : LOOK_MS_COUNTS) * NS_PER_MS;
	struct itimerspec t = { { 0, on ? ns : 0 }, { 0, on ? ns : 0 } };

	(void)timerfd_settime(s->timer, 0, &t, NULL);
}

int
command_begin(struct sandbox *s, struct error *err)
{
	int rc;

	s->empty = true;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll < 0 || s->timer < 0)
		return error_errno(err, "epoll");
	rc = fd_set_nonblock(s->control.fd, true, err);
	if (rc == 0)
		rc = watch_fd(s, s->control.fd, err);
	if (rc == 0)
		rc = watch_fd(s, s->init.pidfd, err);
	if (rc == 0)
		rc = watch_fd(s, s->timer, err);
	return rc;
}

/* --- starting --- */

/* A folder, even one opened for its path alone, has a "..". */
static int
check_fd(int fd, struct error *err)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) != 0)
		return error_errno(err, "descriptor %d", fd);
	if (S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) || (flags & O_PATH) != 0)
		return error_set(err, -EINVAL,
		    "descriptor %d is a folder or a disk: not into a sandbox",
		    fd);
	return 0;
}

static void
put_words(struct channel *c, const char *const *words)
{
	struct buf b;

	buf_init(&b, 4 * MIB);
	for (; *words != NULL; words++)
		buf_put(&b, *words, strlen(*words) + 1);
	message_put_str(c, b.n != 0 ? buf_str(&b) : str_of(""));
	buf_done(&b);
}

static void
put_env(struct sandbox *s, const char *const *env)
{
	char home[PATH_MAX + 8];
	const char *const small[] = { home,
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		"/sbin:/bin",
		"LANG=C.UTF-8", NULL };

	(void)snprintf(home, sizeof(home), "HOME=%s", s->home);
	put_words(&s->control, env != NULL ? env : small);
}

static void
put_rlimits(struct channel *c, const struct sandbox_rlimit *l, size_t n)
{
	struct buf b;

	buf_init(&b, 4 * KIB);
	for (size_t i = 0; i < n; i++) {
		const uint64_t pair[2] = { (uint64_t)l[i].resource,
			l[i].value };

		buf_put(&b, pair, sizeof(pair));
	}
	message_put_str(c, b.n != 0 ? buf_str(&b) : str_of(""));
	buf_done(&b);
}

/* Before anything foreign can run. */
static int
await_warden(struct sandbox *s, struct error *err)
{
	int rc = s->guarded ? 0 : warden_ready(&s->warden_control, err);

	s->guarded = rc == 0;
	return rc == 0 ? 0 : error_wrap(err, "sandbox");
}

int
sandbox_exec(struct sandbox *s, const struct sandbox_command *c,
    int64_t *ret_id, struct error *err)
{
	const int fds[] = { c->in_fd, c->out_fd, c->err_fd };
	struct channel *ch = &s->control;
	int64_t mask = 0;
	int rc = 0;

	assert(s->magic == SANDBOX_MAGIC && c->argv[0] != NULL);
	if (s->stopped || s->dead)
		return error_set(err, -ESRCH, "the sandbox has ended");
	for (size_t i = 0; i < N_ELEMENTS(fds) && rc == 0; i++) {
		if (fds[i] < 0)
			continue;
		mask |= 1 << i;
		rc = check_fd(fds[i], err);
	}
	if (rc == 0)
		rc = await_warden(s, err);
	if (rc != 0)
		return rc;
	message_begin(ch, INIT_EXEC);
	message_put_int(ch, ++s->last_id);
	message_put_int(ch, c->uid == SANDBOX_UID_USER ? s->uid : c->uid);
	message_put_int(ch, c->gid == SANDBOX_UID_USER ? s->gid : c->gid);
	message_put_str(ch, str_of(c->cwd != NULL ? c->cwd : s->home));
	put_words(ch, c->argv);
	put_env(s, c->env);
	put_rlimits(ch, c->rlimits, c->n_rlimits);
	message_put_int(ch, mask);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			message_put_fd(ch, fds[i]);
	rc = message_send(ch, err);
	if (rc == 0)
		rc = channel_flush(ch, err);
	/* It is no longer there: has it said why? */
	if (rc == -EPIPE && sandbox_ready(s, err) != 0)
		return err->code;
	if (rc != 0)
		return error_wrap(err, "sandbox");
	s->empty = s->looked = false;
	s->n_pending++;
	set_timer(s, true);
	*ret_id = s->last_id;
	return 0;
}

/* --- events --- */

int
sandbox_fd(const struct sandbox *s)
{
	return s->epoll;
}

/* The number behind a pidfd, as our /proc shows it. */
static pid_t
pid_of(int pidfd)
{
	char path[64], text[512], *at;
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "Pid:");
	n = at != NULL ? strtol(at + 4, NULL, 10) : 0;
	return n > 0 ? (pid_t)n : 0;
}

static void
read_usage(struct message *m, struct rusage *ret)
{
	int64_t user = message_get_int(m), sys = message_get_int(m);

	*ret = (struct rusage){ 0 };
	ret->ru_utime.tv_sec = user / 1000000;
	ret->ru_utime.tv_usec = user % 1000000;
	ret->ru_stime.tv_sec = sys / 1000000;
	ret->ru_stime.tv_usec = sys % 1000000;
	ret->ru_maxrss = message_get_int(m);
}

/* One message of init as an event; 1: it is none. */
static int
read_event(struct sandbox *s, struct message *m, struct sandbox_event *e,
    struct error *err)
{
	_cleanup_(closep) int pidfd = -1;
	int rc;

	if (!s->ready) {
		rc = start_answered(s, m, err);
		return rc == 0 ? 1 : rc;
	}
	switch (m->type) {
	case INIT_STARTED:
		e->kind = SANDBOX_STARTED;
		s->n_pending--;
		e->id = message_get_int(m);
		pidfd = message_get_fd(m);
		e->pid = pidfd >= 0 ? pid_of(pidfd) : 0;
		break;
	case INIT_EXEC_FAILED:
		e->kind = SANDBOX_EXEC_FAILED;
		s->n_pending--;
		e->id = message_get_int(m);
		e->status = (int)message_get_int(m);
		break;
	case INIT_EXITED:
		e->kind = SANDBOX_EXITED;
		e->id = message_get_int(m);
		e->status = (int)message_get_int(m);
		read_usage(m, &e->usage);
		break;
	case INIT_EMPTY:
		/* Said before it heard of the next command: not so any more. */
		if (s->n_pending > 0)
			return message_end(m, err) != 0 ? -EPROTO : 1;
		e->kind = SANDBOX_EMPTY;
		s->empty = true;
		set_timer(s, false);
		break;
	default:
		return error_set(err, -EPROTO, "init: unexpected message");
	}
	if (s->n_pending < 0)
		return error_set(err, -EPROTO, "init answers unasked");
	return message_end(m, err);
}

static bool
has_died(const struct sandbox *s)
{
	siginfo_t info = { 0 };

	return waitid(P_PIDFD, (id_t)s->init.pidfd, &info,
		   WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid != 0;
}

/* What only the clock tells: limits. True: an event. */
static bool
tick(struct sandbox *s, struct sandbox_event *e)
{
	uint64_t times;

	if (read(s->timer, &times, sizeof(times)) == sizeof(times))
		limits_look(s);
	if (s->hit == SANDBOX_LIMIT_NONE || s->hit_given)
		return false;
	s->hit_given = true;
	e->kind = SANDBOX_LIMIT;
	e->limit = s->hit;
	return true;
}

/* 1: an event, 0: none is there, -1 and others: errors. */
static int
next_message(struct sandbox *s, struct sandbox_event *e, struct error *err)
{
	struct message m;
	int rc;

	for (;;) {
		rc = channel_next(&s->control, &m, err);
		if (rc == 0 && channel_fill(&s->control, err) == 0)
			rc = channel_next(&s->control, &m, err);
		if (rc != 1)
			return rc;
		rc = read_event(s, &m, e, err);
		if (rc <= 0)
			return rc == 0 ? 1 : rc;
	}
}

int
sandbox_next(struct sandbox *s, struct sandbox_event *ret, struct error *err)
{
	struct sandbox_event e = { 0 };
	int rc;

	assert(s->magic == SANDBOX_MAGIC);
	if (s->dead || s->stopped)
		return 0;
	rc = tick(s, &e) ? 1 : next_message(s, &e, err);
	if (rc < 0)
		return error_wrap(err, "sandbox");
	if (rc == 0 && has_died(s)) {
		s->dead = true;
		set_timer(s, false);
		e.kind = SANDBOX_DIED;
		rc = 1;
	}
	if (rc == 1)
		*ret = e;
	return rc;
}

/* --- holding and ending --- */

int
sandbox_kill_all(struct sandbox *s, struct error *err)
{
	int rc;

	if (s->stopped || s->dead)
		return 0;
	if (s->frozen) {
		rc = sandbox_thaw(s, err);
		if (rc != 0)
			return rc;
	}
	message_begin(&s->control, INIT_KILL);
	rc = message_send(&s->control, err);
	return rc == 0 ? channel_flush(&s->control, err) : rc;
}

int
sandbox_freeze(struct sandbox *s, struct error *err)
{
	int rc = s->stopped ? 0 : cgroup_freeze(&s->cgroup, true, err);

	s->frozen = rc == 0;
	return rc;
}

int
sandbox_thaw(struct sandbox *s, struct error *err)
{
	int rc = s->stopped ? 0 : cgroup_freeze(&s->cgroup, false, err);

	s->frozen = s->frozen && rc != 0;
	return rc;
}

/* Of init; -1: it is gone. */
static int
open_namespace(const struct sandbox *s)
{
	char path[64];

	if (s->init.pid <= 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)s->init.pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Everything whose last descriptor is dear to close, the mount namespace of
 * init among it, becomes the warden's. */
static void
give_away(struct sandbox *s, int namespace)
{
	const struct mounts *m = &s->mounts;
	int fds[LIMIT_SANDBOX_LAYERS + 5];
	struct error ignored;
	size_t n = 0;

	fds[n++] = namespace;
	fds[n++] = m->put;
	fds[n++] = m->upper_mount;
	fds[n++] = m->root;
	fds[n++] = m->shm;
	for (size_t i = 0; i < m->n_layers; i++)
		fds[n++] = m->layers[i];
	(void)warden_hold(&s->warden_control, fds, n, &ignored);
	mounts_leave(&s->mounts);
}

void
sandbox_stop(struct sandbox *s)
{
	_cleanup_(closep) int namespace = -1;
	int rc;
	struct error ignored;
	struct sandbox_usage u;

	assert(s->magic == SANDBOX_MAGIC);
	if (s->stopped)
		return;
	if (s->epoll >= 0) {
		limits_look(s);
		sandbox_usage(s, &u); /* the last that can be had */
	}
	s->stopped = true;
	if (s->frozen)
		(void)cgroup_freeze(&s->cgroup, false, &ignored);
	namespace = open_namespace(s);
	if (s->init.pid > 0)
		(void)syscall(SYS_pidfd_send_signal, s->init.pidfd, SIGKILL,
		    NULL, 0);
	give_away(s, namespace); /* while it dies */
	if (s->init.pid > 0) {
		/* Returns when its whole pid namespace is empty. */
		(void)waitpid(s->init.pid, NULL, 0);
		s->init.pid = 0;
	}
	channel_done(&s->control);
	closep(&s->warden_go); /* a start that failed: it begins now */
	rc = warden_leave(&s->warden, &s->warden_control);
	if (rc != 0 && s->run.path[0] != '\0')
		rundir_remove(s->run.path);
	rundir_done(&s->run);
	cgroup_done(&s->cgroup);
}

void
sandbox_free(struct sandbox *s)
{
	if (s == NULL)
		return;
	sandbox_stop(s);
	s->magic = 0;
	closep(&s->epoll);
	closep(&s->timer);
	closep(&s->init.pidfd);
	net_done(&s->net);
	mounts_done(&s->mounts);
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_done(&s->filters[i]);
	free(s);
}

void
sandbox_freep(struct sandbox **s)
{
	sandbox_free(*s);
	*s = NULL;
}
