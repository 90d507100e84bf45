/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of the keeper's conversation: see keeper.h. */
#include "record/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/safeguard.h"
#include "sys/message.h"

/* The file of this name in the upper layer; -1 where it is not. */
static int
open_upper(int upper_fd, struct str path)
{
	struct open_how how = { .flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
	char name[LIMIT_PATH_BYTES];
	struct stat st;
	int fd;

	if (upper_fd < 0 || path.n < 2 || path.p[0] != '/' ||
	    path.n > sizeof(name) || memchr(path.p, '\0', path.n) != NULL)
		return -1;
	memcpy(name, path.p + 1, path.n - 1);
	name[path.n - 1] = '\0';
	fd = (int)syscall(SYS_openat2, upper_fd, name, &how, sizeof(how));
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
		closep(&fd);
	return fd;
}

static int
open_below_proc(uint32_t pid, const char *name, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return open(path, flags | O_CLOEXEC);
}

/* Nothing of the image lies there: /dev/shm, memfds. */
static bool
is_in_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* A script that was executed by descriptor is called after it; its interpreter
 * finds it there, and so do we. */
static int
open_passed(uint32_t pid, struct str path)
{
	char name[32];
	struct stat st;
	uint64_t n;
	int fd;

	if (!str_starts(path, "/dev/fd/") ||
	    str_to_u64(str_sub(path, 8, path.n), &n) != 0 || n > INT32_MAX)
		return -1;
	(void)snprintf(name, sizeof(name), "fd/%u", (unsigned)n);
	/* What it is, before anything that can be is opened. */
	fd = open_below_proc(pid, name, O_PATH);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		closep(&fd);
		return -1;
	}
	closep(&fd);
	return open_below_proc(pid, name, O_RDONLY | O_NONBLOCK);
}

/* A file that the upper layer does not have, since it lies in memory. */
static int
open_beside(uint32_t pid, struct str path)
{
	struct open_how how = { .flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	_cleanup_(closep) int root = -1;
	char name[LIMIT_PATH_BYTES];
	int fd;

	if (path.n < 2 || path.n >= sizeof(name) ||
	    memchr(path.p, '\0', path.n) != NULL)
		return -1;
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	root = open_below_proc(pid, "root", O_PATH | O_DIRECTORY);
	fd = root < 0 ?
	    -1 :
	    (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
	if (fd >= 0 && !is_in_memory(fd))
		closep(&fd);
	return fd;
}

/*
 * A file with a name counts as written by the sandbox when the upper layer
 * has it, or it lies in memory. One that has lost its name by now is below
 * /proc, if the process still lives.
 */
static int
open_executed(int upper_fd, uint32_t pid, struct str path)
{
	struct stat st;
	int fd = open_upper(upper_fd, path);

	if (fd < 0 && SAFEGUARD(fileless))
		fd = open_passed(pid, path);
	if (fd < 0 && SAFEGUARD(in_memory))
		fd = open_beside(pid, path);
	if (fd >= 0)
		return fd;
	if (SAFEGUARD(nameless))
		fd = open_below_proc(pid, "exe", O_RDONLY | O_NONBLOCK);
	if (fd >= 0 &&
	    (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		(st.st_nlink != 0 && !is_in_memory(fd))))
		closep(&fd);
	return fd;
}

int
keeper_answer(struct channel *c, struct message *m, int upper_fd,
    pid_t *ret_pid, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	int64_t pid, is_stopped;
	struct str path;
	int rc;

	*ret_pid = 0;
	pid = message_get_int(m);
	is_stopped = message_get_int(m);
	path = message_get_str(m);
	rc = message_end(m, err);
	if (rc != 0 || m->type != KEEPER_OPEN || pid <= 0 || pid > INT32_MAX)
		return error_set(err, -EPROTO, "keeper: bad question");
	fd = open_executed(upper_fd, (uint32_t)pid, path);
	*ret_pid = is_stopped != 0 ? (pid_t)pid : 0;
	message_begin(c, KEEPER_OPENED);
	message_put_int(c, fd >= 0 ? 0 : -ENOENT);
	if (fd >= 0)
		message_put_fd(c, fd);
	rc = message_send(c, err);
	return rc != 0 ? rc : channel_flush(c, err);
}

static int
let_go_on(struct message *m, struct error *err)
{
	int64_t pid = message_get_int(m);
	int rc = message_end(m, err);

	if (rc == 0 && pid > 0 && pid <= INT32_MAX)
		(void)kill((pid_t)pid, SIGCONT);
	return rc;
}

int
keeper_serve(int fd, int upper_fd, struct error *err)
{
	struct channel c;
	struct message m;
	pid_t pid = 0;
	int rc;

	channel_init(&c, fd);
	while ((rc = channel_recv(&c, &m, err)) == 1) {
		if (m.type == KEEPER_CONTINUE) {
			rc = let_go_on(&m, err);
			if (rc != 0)
				break;
			continue;
		}
		rc = keeper_answer(&c, &m, upper_fd, &pid, err);
		if (pid > 0)
			(void)kill(pid, SIGCONT);
		if (rc != 0)
			break;
	}
	c.fd = -1; /* borrowed */
	channel_done(&c);
	return rc;
}

int
keeper_open(struct channel *c, uint32_t host_pid, struct str path,
    bool is_stopped)
{
	struct error ignored = ERROR_INIT;
	struct message m;
	int fd = -1;

	message_begin(c, KEEPER_OPEN);
	message_put_int(c, host_pid);
	message_put_int(c, is_stopped);
	message_put_str(c, path);
	if (message_send(c, &ignored) != 0 || channel_flush(c, &ignored) != 0 ||
	    channel_recv(c, &m, &ignored) != 1)
		return -ENOENT;
	if (message_get_int(&m) == 0)
		fd = message_get_fd(&m);
	if (message_end(&m, &ignored) != 0)
		closep(&fd);
	return fd >= 0 ? fd : -ENOENT;
}

int
keeper_mark(struct channel *c, struct error *err)
{
	int rc;

	message_begin(c, KEEPER_MARK);
	rc = message_send(c, err);
	return rc != 0 ? rc : channel_flush(c, err);
}

int
keeper_continue(struct channel *c, uint32_t host_pid, struct error *err)
{
	int rc;

	message_begin(c, KEEPER_CONTINUE);
	message_put_int(c, host_pid);
	rc = message_send(c, err);
	return rc != 0 ? rc : channel_flush(c, err);
}
