/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors. Runs in every process. */
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

static ssize_t
plain_write(int fd, const void *p, size_t n)
{
	return write(fd, p, n);
}

static ssize_t
quiet_send(int fd, const void *p, size_t n)
{
	ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

	/* Tools for people may record facts into a file or a pipe. */
	return w < 0 && errno == ENOTSOCK ? write(fd, p, n) : w;
}

static int
put_all(int fd, const void *p, size_t n,
    ssize_t (*put)(int, const void *, size_t), struct error *err)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	ssize_t w;

	while (n != 0) {
		w = put(fd, p, n);
		if (w < 0 && errno == EAGAIN)
			(void)poll(&pfd, 1, -1);
		else if (w < 0 && errno != EINTR)
			return error_errno(err, "write");
		if (w <= 0)
			continue;
		p = (const char *)p + w;
		n -= (size_t)w;
	}
	return 0;
}

int
fd_write_all(int fd, const void *p, size_t n, struct error *err)
{
	return put_all(fd, p, n, plain_write, err);
}

int
fd_send_all(int fd, const void *p, size_t n, struct error *err)
{
	return put_all(fd, p, n, quiet_send, err);
}

/* As much again as there is: most files are small, and a page that is only
 * reserved is copied and cleared all the same when the buffer grows. */
static size_t
next_bytes(const struct buf *out)
{
	size_t n = MIN_OF(MAX_OF(out->n, 4 * KIB), 64 * KIB);

	return MIN_OF(n, out->max - out->n);
}

int
fd_read_all(int fd, struct buf *out, struct error *err)
{
	char *at;
	size_t want;
	ssize_t r;

	for (;;) {
		want = next_bytes(out);
		at = want != 0 ? buf_reserve(out, want) : NULL;
		if (at == NULL) {
			char tail[1];

			/* Full, unless the next byte is the end. */
			r = read(fd, tail, 1);
			if (r == 0)
				return 0;
			return error_set(err, -EFBIG, "more than %zu bytes",
			    out->max);
		}
		r = read(fd, at, want);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_errno(err, "read");
		if (r == 0)
			return 0;
		buf_added(out, (size_t)r);
	}
}

bool
fd_has_bytes(int fd, struct str bytes)
{
	struct stat st;
	struct buf b;
	bool same = false;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (size_t)st.st_size != bytes.n)
		return false;
	buf_init(&b, bytes.n + 1);
	if (fd_read_all(fd, &b, NULL) == 0)
		same = str_eq(buf_str(&b), bytes);
	buf_done(&b);
	return same;
}

int
fd_socketpair(int ret_fds[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fds) != 0)
		return error_errno(err, "socketpair");
	return 0;
}

static int
flag(int fd, int get, int set, int bit, bool on, struct error *err)
{
	int flags = fcntl(fd, get);

	if (flags < 0 || fcntl(fd, set, on ? flags | bit : flags & ~bit) != 0)
		return error_errno(err, "fcntl");
	return 0;
}

int
fd_set_nonblock(int fd, bool on, struct error *err)
{
	return flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on, err);
}

int
fd_set_cloexec(int fd, bool on, struct error *err)
{
	return flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on, err);
}

int
fd_of_bytes(const char *name, struct str bytes, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int fd = -1;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_errno(err, "memfd_create");
	if (fd_write_all(fd, bytes.p, bytes.n, err) != 0)
		return error_wrap(err, "%s", name);
	if (lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		return error_errno(err, "sealing %s", name);
	*ret_fd = steal_fd(&fd);
	return 0;
}

int
fd_arrange(const int *fds, size_t n)
{
	int up[LIMIT_MESSAGE_FDS * 2];

	if (n > N_ELEMENTS(up))
		return -E2BIG;
	/* First out of the way of every target, then down to its place. */
	for (size_t i = 0; i < n; i++) {
		up[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + (int)n);
		if (up[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(up[i], 3 + (int)i) < 0)
			return -errno;
	return close_range(3 + (unsigned)n, ~0u, 0) == 0 ? 0 : -errno;
}

void
fd_spread(int folder)
{
	int flags; /* of this size, whatever the request's name says */

	if (ioctl(folder, FS_IOC_GETFLAGS, &flags) != 0 ||
	    (flags & FS_TOPDIR_FL) != 0)
		return;
	flags |= FS_TOPDIR_FL;
	(void)ioctl(folder, FS_IOC_SETFLAGS, &flags);
}

int
fd_allow(unsigned least, unsigned wanted, struct error *err)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return error_errno(err, "open files");
	if (l.rlim_max < least)
		return error_set(err, -EMFILE,
		    "%u open files are needed, %llu are allowed; see ulimit -n",
		    least, (unsigned long long)l.rlim_max);
	if (l.rlim_cur >= wanted || l.rlim_cur >= l.rlim_max)
		return 0;
	l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
	return setrlimit(RLIMIT_NOFILE, &l) == 0 ?
	    0 :
	    error_errno(err, "open files");
}
