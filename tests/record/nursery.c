/* SPDX-License-Identifier: Apache-2.0 */
/* See nursery.h. What the nursery does itself is as little as init does. */
#include "record/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/fd.h"
#include "sys/message.h"

enum {
	FILTER = 1,
	RUN
};

static void
say(int fd, int value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		_exit(1);
}

static int
hear(int fd)
{
	int value = 0;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		fatal("the nursery died");
	return value;
}

/* Whoever asked has a copy by its next message. */
static int listener = -1;

static void
load(int fd, struct message *m)
{
	struct str bytes = message_get_str(m);
	int64_t listen = message_get_int(m);
	static struct sock_filter program[4096];
	struct sock_fprog p = { 0, program };
	long rc;

	memcpy(program, bytes.p, bytes.n);
	p.len = (unsigned short)(bytes.n / sizeof(program[0]));
	rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (rc == 0)
		rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    listen ? SECCOMP_FILTER_FLAG_NEW_LISTENER |
			    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV :
			     0u,
		    &p);
	if (listen && rc >= 0)
		listener = (int)rc;
	say(fd, rc < 0 ? -errno : (int)rc);
}

static void
run(int fd, struct message *m)
{
	char folder[4096], words[8192], *argv[64];
	struct str f = message_get_str(m), a = message_get_str(m);
	int out = m->n_fds != 0 ? message_get_fd(m) : -1, status = 0;
	size_t n = 0;
	pid_t pid;

	memcpy(folder, f.p, f.n);
	folder[f.n] = '\0';
	memcpy(words, a.p, a.n);
	for (size_t i = 0; i < a.n && n < 63; i += strlen(words + i) + 1)
		argv[n++] = words + i;
	argv[n] = NULL;
	pid = fork();
	if (pid == 0) {
		if (out >= 0 && dup2(out, 1) != 1)
			_exit(125);
		(void)close(out);
		(void)close(fd);
		if (chdir(folder) != 0)
			_exit(125);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)close(out);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 126 << 8;
	say(fd, status);
}

static void __attribute__((noreturn)) nursery_main(int fd)
{
	struct error err = ERROR_INIT;
	struct channel c;
	struct message m;

	channel_init(&c, fd);
	while (channel_recv(&c, &m, &err) == 1) {
		closep(&listener);
		if (m.type == FILTER)
			load(fd, &m);
		else
			run(fd, &m);
	}
	closep(&listener);
	_exit(0);
}

void
nursery_start(struct nursery *n, int cgroup_fd)
{
	struct error err = ERROR_INIT;
	int fds[2];

	if (fd_socketpair(fds, &err) != 0)
		fatal("%s", err.msg);
	n->pid = fork();
	if (n->pid == 0) {
		int procs =
		    openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

		if (cgroup_fd >= 0 && (procs < 0 || write(procs, "0", 1) != 1))
			_exit(125);
		(void)close(procs);
		(void)close(fds[0]);
		nursery_main(fds[1]);
	}
	(void)close(fds[1]);
	n->fd = fds[0];
}

static void
ask(struct nursery *n, struct channel *c)
{
	struct error err = ERROR_INIT;

	(void)n;
	if (message_send(c, &err) != 0 || channel_flush(c, &err) != 0)
		fatal("%s", err.msg);
	c->fd = -1; /* borrowed */
	channel_done(c);
}

int
nursery_filter(struct nursery *n, struct str program, int with_listener)
{
	struct channel c;
	int number, pidfd, fd = -1;

	channel_init(&c, n->fd);
	message_begin(&c, FILTER);
	message_put_str(&c, program);
	message_put_int(&c, with_listener);
	ask(n, &c);
	number = hear(n->fd);
	if (number < 0)
		fatal("seccomp: %s", strerror(-number));
	if (!with_listener)
		return -1;
	pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	(void)close(pidfd);
	if (fd < 0)
		fatal("pidfd_getfd: %s", strerror(errno));
	return fd;
}

void
nursery_run(struct nursery *n, const char *folder, char *const *argv,
    int out_fd)
{
	struct channel c;
	struct buf words;

	buf_init(&words, 8000);
	for (; *argv != NULL; argv++)
		buf_put(&words, *argv, strlen(*argv) + 1);
	channel_init(&c, n->fd);
	message_begin(&c, RUN);
	message_put_str(&c, str_of(folder));
	message_put_str(&c, buf_str(&words));
	if (out_fd >= 0)
		message_put_fd(&c, out_fd);
	ask(n, &c);
	buf_done(&words);
}

int
nursery_wait(struct nursery *n)
{
	return hear(n->fd);
}

void
nursery_stop(struct nursery *n)
{
	int status;

	if (n->pid <= 0)
		return;
	/* Its own exit might have nobody left who lets it. */
	(void)kill(n->pid, SIGKILL);
	(void)close(n->fd);
	(void)waitpid(n->pid, &status, 0);
	n->pid = 0;
}
