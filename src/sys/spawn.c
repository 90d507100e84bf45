/* SPDX-License-Identifier: Apache-2.0 */
/* fork and exec with a clean descriptor table. Runs in supervisors. */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "sys/fd.h"

/* What one child can wait for. */
#define MAX_AFTER 2

/* Children nobody waits for. More than these at a time are waited for. */
#define MAX_LEAVING 16
static pid_t leaving[MAX_LEAVING];

static void
reap_leaving(void)
{
	for (size_t i = 0; i < MAX_LEAVING; i++)
		if (leaving[i] != 0 && waitpid(leaving[i], NULL, WNOHANG) != 0)
			leaving[i] = 0;
}

void
spawn_leave(struct child *c)
{
	size_t i = 0;

	reap_leaving();
	while (i < MAX_LEAVING && leaving[i] != 0)
		i++;
	if (c->pid > 0 && i == MAX_LEAVING)
		(void)waitpid(c->pid, NULL, 0);
	else if (c->pid > 0)
		leaving[i] = c->pid;
	c->pid = 0;
	if (c->pidfd >= 0)
		closep(&c->pidfd);
}

static void
child_standard(int fd, int target)
{
	if (fd < 0 && target != 0)
		return;
	if (fd < 0)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)dup2(fd, target);
}

/* Wanted descriptors become 3, 4, …; report_fd the one after them, and those
 * of s->after what follows. Nothing else stays open. */
static int
child_arrange(const struct spawn *s, int report_fd)
{
	int fds[LIMIT_MESSAGE_FDS * 2];

	if (s->n_fds + 1 + s->n_after > N_ELEMENTS(fds))
		return -E2BIG;
	if (s->n_fds != 0)
		memcpy(fds, s->fds, s->n_fds * sizeof(int));
	fds[s->n_fds] = report_fd;
	if (s->n_after != 0)
		memcpy(fds + s->n_fds + 1, s->after, s->n_after * sizeof(int));
	return fd_arrange(fds, s->n_fds + 1 + s->n_after);
}

/* Until one of those of s->after has something to say or is closed. */
static int
child_hold(const struct spawn *s)
{
	struct pollfd fds[MAX_AFTER];
	int first = 3 + (int)s->n_fds + 1;

	if (s->n_after > N_ELEMENTS(fds))
		return -E2BIG;
	for (int i = 0; i < (int)s->n_after; i++)
		fds[i] = (struct pollfd){ first + i, POLLIN, 0 };
	if (s->n_after != 0 && poll(fds, s->n_after, -1) < 0)
		return -errno;
	return s->n_after == 0 || close_range((unsigned)first, ~0u, 0) == 0 ?
	    0 :
	    -errno;
}

/* Between vfork and exec, in the memory of the parent: system calls only. */
static void __attribute__((noreturn))
child_exec(const struct spawn *s, pid_t parent, int report_fd)
{
	int standard[3];
	sigset_t none;
	int rc;

	(void)signal(SIGPIPE, SIG_DFL);
	if (s->die_with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	if (s->new_session)
		(void)setsid();
	/* Duplicates first: a wanted descriptor may be 0, 1 or 2 itself. */
	standard[0] = s->in_fd >= 0 ? fcntl(s->in_fd, F_DUPFD_CLOEXEC, 3) : -1;
	standard[1] =
	    s->out_fd >= 0 ? fcntl(s->out_fd, F_DUPFD_CLOEXEC, 3) : -1;
	standard[2] =
	    s->err_fd >= 0 ? fcntl(s->err_fd, F_DUPFD_CLOEXEC, 3) : -1;
	for (int i = 0; i < 3; i++)
		child_standard(standard[i], i);
	rc = child_arrange(s, report_fd);
	if (rc == 0) {
		report_fd = 3 + (int)s->n_fds;
		rc = child_hold(s);
	}
	if (rc == 0) {
		(void)fcntl(report_fd, F_SETFD, FD_CLOEXEC);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)execve(s->path, (char *const *)(uintptr_t)s->argv,
		    s->env != NULL ? (char *const *)(uintptr_t)s->env :
				     environ);
		rc = -errno;
	}
	rc = -rc;
	if (write(report_fd, &rc, sizeof(rc)) < 0)
		_exit(126);
	_exit(127);
}

/* fork() copies our page tables, for a child that wants none; but with vfork()
 * we stand still until it is executed. */
static pid_t
start_child(const struct spawn *s, int report_fd)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	/* No handler of ours may run in the child, which has our memory. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	pid = s->n_after != 0 ? fork() : vfork();
	if (pid == 0)
		child_exec(s, parent, report_fd);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

void
spawn_become(const struct spawn *s)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	child_exec(s, getppid(), open("/dev/null", O_WRONLY | O_CLOEXEC));
}

int
spawn_start(const struct spawn *s, struct child *ret, struct error *err)
{
	_cleanup_(closep) int read_end = -1;
	_cleanup_(closep) int write_end = -1;
	int report[2], failure = 0, pidfd;
	pid_t pid;

	reap_leaving();
	if (pipe2(report, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	read_end = report[0];
	write_end = report[1];
	pid = start_child(s, write_end);
	if (pid < 0)
		return error_errno(err, "vfork");
	closep(&write_end);
	if (s->n_after == 0 && read(read_end, &failure, sizeof(failure)) > 0) {
		(void)waitpid(pid, NULL, 0);
		errno = failure;
		return error_errno(err, "cannot run %s", s->path);
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		int rc = error_errno(err, "pidfd_open");

		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return rc;
	}
	*ret = (struct child){ pid, pidfd };
	return 0;
}

int
spawn_wait(struct child *c, int timeout_ms, int *ret_status, struct error *err)
{
	struct pollfd pfd = { .fd = c->pidfd, .events = POLLIN };
	int rc, status;

	do
		rc = poll(&pfd, 1, timeout_ms);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return error_set(err, -ETIMEDOUT, "process %d still runs",
		    (int)c->pid);
	if (rc < 0 || waitpid(c->pid, &status, 0) != c->pid)
		return error_errno(err, "waiting for process %d", (int)c->pid);
	closep(&c->pidfd);
	c->pid = 0;
	*ret_status = status;
	return 0;
}

void
spawn_kill(struct child *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
		c->pid = 0;
	}
	if (c->pidfd >= 0)
		closep(&c->pidfd);
}

/* The last line of what the tool wrote, for the error sentence. */
static struct str
last_line(struct str s)
{
	ptrdiff_t at;

	s = str_trim(s);
	at = str_rchr(s, '\n');
	return str_sub(s, (size_t)(at + 1), s.n);
}

/* "nft" becomes "/usr/sbin/nft": the places where tools live, PATH aside. */
static int
find_tool(const char *name, char *ret, size_t size, struct error *err)
{
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin",
		"/bin", "/usr/local/sbin", "/usr/local/bin" };

	if (strchr(name, '/') != NULL) {
		(void)snprintf(ret, size, "%s", name);
		return 0;
	}
	for (size_t i = 0; i < N_ELEMENTS(dirs); i++) {
		(void)snprintf(ret, size, "%s/%s", dirs[i], name);
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return error_set(err, -ENOENT, "%s is not installed", name);
}

int
spawn_run(const char *const *argv, struct error *err)
{
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	struct buf said;
	struct error ignored = ERROR_INIT;
	char path[512];
	int p[2], status = 0, rc;

	rc = find_tool(argv[0], path, sizeof(path), err);
	if (rc != 0)
		return rc;
	if (pipe2(p, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	s.path = path;
	s.argv = argv;
	s.out_fd = s.err_fd = p[1];
	rc = spawn_start(&s, &c, err);
	(void)close(p[1]);
	buf_init(&said, 256 * KIB);
	if (rc == 0) {
		(void)fd_read_all(p[0], &said, &ignored);
		(void)close(steal_fd(&p[0]));
		rc = spawn_wait(&c, -1, &status, err);
	}
	closep(&p[0]);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		struct str line = last_line(buf_str(&said));

		rc = error_set(err, -EIO, "%s failed: %.*s", argv[0],
		    STR_ARG(line));
	}
	buf_done(&said);
	return rc;
}

int
spawn_libexec_path(const char *name, char *ret, size_t size, struct error *err)
{
	const char *dir = getenv("LAZARET_LIBEXEC_DIR");
	char exe[4096];
	ssize_t n;
	char *slash;

	if (dir != NULL && dir[0] == '/') {
		(void)snprintf(ret, size, "%s/%s", dir, name);
		return 0;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return error_errno(err, "/proc/self/exe");
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash == NULL)
		return error_set(err, -ENOENT, "%s has no folder", exe);
	*slash = '\0';
	(void)snprintf(ret, size, "%s/%s", exe, name);
	if (access(ret, X_OK) != 0)
		return error_set(err, -ENOENT,
		    "%s is missing: the installation is not complete", ret);
	return 0;
}
