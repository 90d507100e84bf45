/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp user notification: a recorded call stops until it was told, then it
 * goes on by itself (nothing is done in its place). So its begin is known and
 * its end is not; what the kernel reads from memory after us may differ from
 * what we read, which the other views show. Runs in the watcher.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/map.h"
#include "record/calls.h"
#include "record/watch_priv.h"
#include "sys/clock.h"

/* Since 6.6: the woken thread runs here and at once. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

#define MAX_ENDS 64 /* looked at in one go */

/* --- ends --- */

static int
status_of(const struct watch_process *p)
{
	char path[64], text[2048], *at;
	int status;
	FILE *f;

	if (record_pidfd_status(p->pidfd, &status))
		return status;
	/* Not reaped yet: the last number of its stat. */
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	f = fopen(path, "re");
	at = f != NULL && fgets(text, sizeof(text), f) != NULL ?
	    strrchr(text, ' ') :
	    NULL;
	if (f != NULL)
		(void)fclose(f);
	if (at != NULL)
		return (int)strtol(at, NULL, 10);
	/* Reaped between the two. */
	return record_pidfd_status(p->pidfd, &status) ? status : p->exit_status;
}

static void
drop_threads(struct watcher *w, const struct watch_process *p)
{
	struct str key;
	void *value;
	pid_t gone[MAX_ENDS];
	size_t at = 0, n = 0;

	while (n < MAX_ENDS && map_next(w->threads, &at, &key, &value))
		if (value == p)
			memcpy(&gone[n++], key.p, sizeof(pid_t));
	for (size_t i = 0; i < n; i++)
		(void)map_remove(w->threads, str_n(&gone[i], sizeof(pid_t)));
	if (n == MAX_ENDS)
		drop_threads(w, p);
}

static void
take_ends(struct watcher *w)
{
	struct epoll_event ends[MAX_ENDS];
	int n = epoll_wait(w->epoll, ends, MAX_ENDS, 0);

	for (int i = 0; i < n; i++) {
		struct watch_process *p =
		    watch_process_get(w, (pid_t)ends[i].data.u32);

		if (p == NULL)
			continue;
		(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, p->pidfd, NULL);
		drop_threads(w, p);
		watch_process_end(w, p, status_of(p));
	}
}

/* --- births --- */

static struct watch_process *
first_seen(struct watcher *w, pid_t pid, int64_t at)
{
	struct watch_process *p = watch_process_get(w, pid);
	int64_t parent;

	if (p != NULL)
		return p;
	parent = watch_status(pid, "\nPPid:");
	return watch_process_add(w, pid, parent > 0 ? (pid_t)parent : 0, at);
}

static struct watch_process *
process_of(struct watcher *w, pid_t tid, int64_t at)
{
	struct watch_process *p = map_get(w->threads, str_n(&tid, sizeof(tid)));
	int64_t pid;

	if (p != NULL)
		return p;
	pid = watch_status(tid, "\nTgid:");
	if (pid <= 0)
		return NULL;
	p = first_seen(w, (pid_t)pid, at);
	if (p != NULL && map_put(w->threads, str_n(&tid, sizeof(tid)), p) < 0)
		w->dropped++;
	return p;
}

/* Before a process ends, its children are still its own. */
static void
see_children_of(struct watcher *w, struct watch_process *p, const char *thread)
{
	char path[300], text[8192], *at = text, *end;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/children",
	    (int)p->pid, thread);
	f = fopen(path, "re");
	n = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f != NULL)
		(void)fclose(f);
	text[n] = '\0';
	for (long child; (child = strtol(at, &end, 10)) > 0; at = end)
		(void)first_seen(w, (pid_t)child, clock_ns());
}

static void
see_children(struct watcher *w, struct watch_process *p)
{
	char path[64];
	DIR *d;
	const struct dirent *e;

	if (p->unborn == 0)
		return;
	if (p->unborn == 1) { /* the usual one */
		(void)snprintf(path, sizeof(path), "%d", (int)p->forked_by);
		see_children_of(w, p, path);
		p->unborn = 0;
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			see_children_of(w, p, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	p->unborn = 0; /* forks that failed */
}

/* --- programs --- */

static void
exec_begins(struct watcher *w, struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);
	struct watch_process *p = c->process;
	size_t before = w->queue.n;

	event_exec_name(c, row, &p->exec_path);
	/* For when it fails: told then. */
	c->result = event_finds_nothing(w, c) ? -ENOENT : RECORD_FAILED;
	p->exec_tid = c->tid;
	p->exec_at = c->at;
	(void)watch_image_of(p->pid, &p->image);
	event_of_call(w, c, RECORD_CALL);
	buf_reset(&p->exec_failed);
	buf_put(&p->exec_failed, w->queue.p + before, w->queue.n - before);
	w->queue.n = before;
}

/* Another image: it succeeded. The same, and the thread goes on: it failed. */
static void
exec_ends(struct watcher *w, struct watch_process *p, pid_t tid)
{
	struct watch_image now;

	if (p->exec_tid == 0 || watch_image_of(p->pid, &now) != 0)
		return;
	if (memcmp(&now, &p->image, sizeof(now)) != 0) {
		event_of_exec(w, p, p->exec_at, buf_str(&p->exec_path));
		buf_reset(&p->exec_failed);
		p->exec_tid = 0;
	} else if (tid == p->exec_tid) {
		buf_put_str(&w->queue, buf_str(&p->exec_failed));
		buf_reset(&p->exec_failed);
		p->exec_tid = 0;
	}
}

/* --- calls --- */

static void
tell_end(struct watcher *w, const struct watch_call *c)
{
	struct watch_process *p = c->process;

	if (c->number == SYS_exit_group || c->tid == p->pid)
		p->exit_status = (int)(c->args[0] & 0xff) << 8;
	if (c->number == SYS_exit_group)
		see_children(w, p);
	else
		(void)map_remove(w->threads, str_n(&c->tid, sizeof(c->tid)));
}

static void
tell_open(struct watcher *w, struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);
	uint64_t flags = row->flags_arg != 0 ? c->args[row->flags_arg - 1] : 0;

	if (c->number == SYS_creat)
		flags = 0100; /* O_CREAT */
	if (c->number == SYS_openat2 &&
	    event_peek(c->tid, c->args[2], &flags, sizeof(flags)) !=
		sizeof(flags))
		flags = 0;
	event_of_open(w, c, flags);
}

static void
tell(struct watcher *w, struct watch_call *c)
{
	const struct calls_row *row = calls_get(c->number);

	switch (c->number) {
	case SYS_clone:
#ifdef SYS_fork
	case SYS_fork:
	case SYS_vfork:
#endif
		c->process->unborn++;
		c->process->forked_at = c->at;
		c->process->forked_by = c->tid;
		return;
	case SYS_exit:
	case SYS_exit_group:
		tell_end(w, c);
		return;
	default:
		break;
	}
	if (row == NULL)
		return;
	if (row->fact == CALLS_DUP)
		c->result = (int64_t)(uint32_t)c->args[1];
	if (row->fact == CALLS_OPEN)
		tell_open(w, c);
	else if (row->fact == CALLS_EXEC)
		exec_begins(w, c);
	else if (row->fact == CALLS_BYTES)
		event_of_bytes(w, c);
	else
		event_of_call(w, c, RECORD_CALL);
}

static void
tell_foreign(struct watcher *w, struct watch_call *c,
    const struct seccomp_data *d)
{
	c->args[0] = (uint64_t)(uint32_t)d->nr;
	for (int i = 0; i < 5; i++)
		c->args[i + 1] = d->args[i];
	c->number = 0;
	event_open(w, RECORD_FOREIGN, c);
	event_close(w);
}

/* The answer: 0 go on, otherwise the errno. */
static int
look_at(struct watcher *w, const struct seccomp_notif *n, struct watch_call *c)
{
	const struct seccomp_data *d = &n->data;
	int refused = watch_refusal(w, d);

	for (int i = 0; i < 6; i++)
		c->args[i] = d->args[i];
	c->number = (unsigned)d->nr;
	c->result = RECORD_UNKNOWN;
	exec_ends(w, c->process, c->tid);
	if (c->process->forked_by == c->tid)
		see_children(w, c->process);
	if (d->arch != WATCH_ARCH || d->nr < 0 || (d->nr & 0x40000000) != 0) {
		tell_foreign(w, c, d);
	} else if (refused != 0) {
		c->result = -refused;
		event_open(w, RECORD_REFUSED, c);
		event_close(w);
	} else {
		tell(w, c);
	}
	return refused;
}

static int
notify_ioctl(const struct watcher *w, unsigned long request, void *argument)
{
	int rc;

	do
		rc = ioctl(w->start->listener_fd, request, argument);
	while (rc < 0 && errno == EINTR);
	return rc;
}

/* false: the thread is gone. */
static bool
answer(const struct watcher *w, const struct watch_answer *a)
{
	struct seccomp_notif_resp resp = { .id = a->id, .error = -a->error };

	if (a->error == 0)
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	return notify_ioctl(w, SECCOMP_IOCTL_NOTIF_SEND, &resp) == 0;
}

void
notify_release(struct watcher *w, pid_t pid)
{
	for (size_t i = 0; i < w->answers.n;) {
		struct watch_answer a = w->answers.v[i];
		struct watch_process *p = watch_process_get(w, a.pid);

		if (pid != 0 && a.pid != pid) {
			i++;
			continue;
		}
		if (p != NULL)
			p->held = false;
		(void)answer(w, &a);
		w->answers.v[i] = w->answers.v[--w->answers.n];
	}
}

static void
take_one(struct watcher *w, const struct seccomp_notif *n)
{
	struct watch_answer a = { .id = n->id };
	struct watch_call c = { .tid = (pid_t)n->pid, .at = clock_ns() };
	size_t before = w->queue.n;
	bool there;

	c.process = process_of(w, c.tid, c.at);
	if (c.process != NULL) {
		a.pid = c.process->pid;
		a.error = look_at(w, n, &c);
	} else {
		a.error = watch_refusal(w, &n->data);
	}
	if (c.process != NULL && c.process->held) {
		there =
		    notify_ioctl(w, SECCOMP_IOCTL_NOTIF_ID_VALID, &a.id) == 0;
		if (there)
			vec_push(&w->answers, a);
	} else {
		there = answer(w, &a);
	}
	/* Gone while we looked: its number may be somebody else's by now. */
	if (!there)
		w->queue.n = before;
	else if (c.process == NULL)
		w->dropped++;
}

int
notify_begin(struct watcher *w)
{
	(void)ioctl(w->start->listener_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return 0;
}

#define QUEUE_ENOUGH (8u * 1024 * 1024) /* then the sandbox waits */

/* Where the thread that poll(2) saw is gone, ENOENT and no wait: the kernel
 * counts what was asked, not who is still there. */
static int
take_call(struct watcher *w)
{
	struct seccomp_notif n;

	memset(&n, 0, sizeof(n));
	if (ioctl(w->start->listener_fd, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) {
		take_one(w, &n);
		return 0;
	}
	return errno == EINTR || errno == ENOENT ?
	    0 :
	    error_errno(w->err, "notifications");
}

int
notify_turn(struct watcher *w)
{
	bool calls = w->calls_wait && w->queue.n < QUEUE_ENOUGH;

	if (w->ends_wait)
		take_ends(w);
	w->ends_wait = w->calls_wait = false;
	return calls ? take_call(w) : 0;
}

int
notify_all(struct watcher *w)
{
	struct pollfd fd = { w->start->listener_fd, POLLIN, 0 };
	int rc = 0;

	take_ends(w);
	while (rc == 0 && w->queue.n < QUEUE_ENOUGH && poll(&fd, 1, 0) == 1 &&
	    (fd.revents & POLLIN) != 0)
		rc = take_call(w);
	return rc;
}
