/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes as the watcher sees them. With user notification nobody says
 * that a process was born: it is seen when it first does something, and its
 * parent is who made one and still owes it. Runs in the watcher.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "record/watch_priv.h"
#include "sys/clock.h"

static int
read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
	char path[64];
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, ret, size - 1) : -1;
	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? 0 : -ESRCH;
}

int64_t
watch_status(pid_t pid, const char *name)
{
	char text[4096], *line, *end;

	if (read_proc(pid, "status", text, sizeof(text)) != 0)
		return -1;
	/* The first line is the process's own choice, without a newline. */
	line = strchr(text, '\n');
	line = line != NULL ? strstr(line, name) : NULL;
	if (line == NULL)
		return -1;
	end = line + 1 + strcspn(line + 1, "\n");
	while (end > line && end[-1] >= '0' && end[-1] <= '9')
		end--;
	return strtoll(end, NULL, 10);
}

/* Numbers 3 and up of stat; what stands before is the process's choice. */
static int
read_stat(pid_t pid, uint64_t ret[64])
{
	char text[2048], *at;
	int i = 4;

	if (read_proc(pid, "stat", text, sizeof(text)) != 0)
		return -ESRCH;
	at = strrchr(text, ')');
	if (at == NULL || strlen(at) < 4)
		return -ESRCH;
	memset(ret, 0, 64 * sizeof(ret[0]));
	for (at += 3; i < 64 && *at != '\0' && *at != '\n'; i++)
		ret[i] = strtoull(at, &at, 10);
	return 0;
}

int
watch_image_of(pid_t pid, struct watch_image *ret)
{
	uint64_t s[64];

	memset(ret, 0, sizeof(*ret));
	if (read_stat(pid, s) != 0)
		return -ESRCH;
	*ret = (struct watch_image){ s[26], s[28], s[48], s[49], s[50], s[51] };
	return 0;
}

void
watch_process_free(struct watch_process *p)
{
	if (p == NULL)
		return;
	closep(&p->pidfd);
	buf_done(&p->exec_path);
	buf_done(&p->exec_failed);
	free(p);
}

struct watch_process *
watch_process_get(struct watcher *w, pid_t pid)
{
	return map_get(w->processes, str_n(&pid, sizeof(pid)));
}

/*
 * Who made this one. Its parent of now, unless that owes no child: then its
 * maker has died since, and init inherited it.
 */
static struct watch_process *
find_parent(struct watcher *w, pid_t parent)
{
	struct watch_process *p = watch_process_get(w, parent), *best = NULL;
	struct watch_process **ended;

	if (w->start->means == RECORD_PTRACE || (p != NULL && p->unborn > 0))
		return p;
	vec_foreach(ended, &w->ended)
		if ((*ended)->unborn > 0 &&
		    (best == NULL || (*ended)->forked_at > best->forked_at))
			best = *ended;
	return best != NULL ? best : p;
}

static void
tell_birth(struct watcher *w, struct watch_process *p,
    struct watch_process *parent, int64_t at)
{
	struct watch_call c = { .process = parent,
		.tid = parent->pid,
		.at = at };

	c.args[0] = (uint64_t)p->pid;
	c.args[1] = p->inner;
	event_open(w, RECORD_FORK, &c);
	event_close(w);
}

struct watch_process *
watch_process_add(struct watcher *w, pid_t pid, pid_t parent, int64_t at)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)pid };
	int64_t inner = watch_status(pid, "\nNSpid:");
	struct watch_process *p = mem_alloc(sizeof(*p)), *maker = NULL;

	p->pid = pid;
	p->inner = inner > 0 ? (uint32_t)inner : (uint32_t)pid;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->exit_status = -1;
	buf_init(&p->exec_path, 8192);
	buf_init(&p->exec_failed, 65536);
	if (p->pidfd >= 0 && w->epoll >= 0)
		(void)epoll_ctl(w->epoll, EPOLL_CTL_ADD, p->pidfd, &e);
	if (map_put(w->processes, str_n(&pid, sizeof(pid)), p) < 0) {
		watch_process_free(p);
		w->dropped++;
		return NULL;
	}
	if (parent > 0)
		maker = find_parent(w, parent);
	if (maker == NULL)
		return p;
	if (maker->unborn > 0) {
		maker->unborn--;
		at = maker->forked_at;
	}
	tell_birth(w, p, maker, at);
	return p;
}

#define MAX_ENDED 256 /* whose children may still come */

static void
remember(struct watcher *w, struct watch_process *p)
{
	if (w->ended.n >= MAX_ENDED) {
		watch_process_free(w->ended.v[0]);
		w->ended.n--;
		memmove(w->ended.v, w->ended.v + 1,
		    w->ended.n * sizeof(w->ended.v[0]));
	}
	vec_push(&w->ended, p);
}

void
watch_process_end(struct watcher *w, struct watch_process *p, int status)
{
	pid_t pid = p->pid;

	if (p->exec_failed.n != 0) { /* nothing followed: it did not succeed */
		buf_put_str(&w->queue, buf_str(&p->exec_failed));
		buf_reset(&p->exec_failed);
	}
	event_simple(w, RECORD_EXIT, p, NULL, status);
	(void)map_remove(w->processes, str_n(&pid, sizeof(pid)));
	p->dead = true;
	if (p->unborn > 0)
		remember(w, p);
	else
		watch_process_free(p);
}

int
watch_refusal(const struct watcher *w, const struct seccomp_data *d)
{
	for (size_t i = 0; i < RECORD_PROGRAMS; i++) {
		uint32_t answer;

		if (w->start->programs[i].n == 0)
			continue;
		answer = watch_evaluate(w->start->programs[i], d);
		if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
			return (int)(answer & SECCOMP_RET_DATA);
		if ((answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ALLOW)
			return EPERM;
	}
	return 0;
}

bool
watch_root_is_fixed(const struct watcher *w)
{
	static const struct {
		int call;
		uint64_t flags;
	} ways[] = { { SYS_chroot, 0 }, { SYS_pivot_root, 0 }, { SYS_setns, 0 },
		{ SYS_unshare, CLONE_NEWNS }, { SYS_clone, CLONE_NEWNS },
		{ SYS_clone3, 0 } };

	for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
		struct seccomp_data d = { .nr = ways[i].call,
			.arch = WATCH_ARCH,
			.args = { ways[i].flags } };

		if (watch_refusal(w, &d) == 0)
			return false;
	}
	return true;
}
