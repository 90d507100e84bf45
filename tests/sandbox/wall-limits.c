/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: taking more than one's share, inside the sandbox. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wall-probe.h"

int
dump_cores(const char *a)
{
	struct rlimit none = { 0, 0 };

	(void)a;
	return worked(prlimit(0, RLIMIT_CORE, &none, NULL));
}

int
many_files(const char *count)
{
	int want = (int)strtol(count, NULL, 10), n = 0;

	while (n < want && open("/dev/null", O_RDONLY) >= 0)
		n++;
	return n == want;
}

int
long_file(const char *a)
{
	(void)a;
	(void)signal(SIGXFSZ, SIG_IGN);
	return worked(
	    ftruncate(open("/tmp/long", O_WRONLY | O_CREAT, 0600), 1l << 36));
}

int
lock_memory(const char *a)
{
	size_t n = 32u << 20;
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	return p != MAP_FAILED && worked(mlock(p, n));
}

int
queue_signals(const char *a)
{
	sigset_t set;
	int n = 0;

	(void)a;
	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	while (n < 1100 &&
	    sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n }) == 0)
		n++;
	return n == 1100;
}

int
many_processes(const char *count)
{
	int want = (int)strtol(count, NULL, 10), n = 0;
	pid_t pid = 1;

	while (n < want && (pid = fork()) > 0)
		n++;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	(void)signal(SIGTERM, SIG_IGN);
	(void)kill(-1, SIGTERM);
	return n == want;
}

/* Each is counted for whom the sandbox belongs to, on the host. */
int
fanotify_groups(const char *a)
{
	(void)a;
	return worked(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, 0));
}

int
inotify_hoard(const char *count)
{
	int want = (int)strtol(count, NULL, 10), n = 0;

	while (n < want && inotify_init1(IN_CLOEXEC) >= 0)
		n++;
	return n == want;
}

int
many_timers(const char *a)
{
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	timer_t t;
	int n = 0;

	(void)a;
	while (n < 1100 && timer_create(CLOCK_MONOTONIC, &e, &t) == 0)
		n++;
	return n == 1100;
}

/* A descriptor of /dev/null into a message; closed here. */
static int
send_one(int to)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET,
			  SCM_RIGHTS } };
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	int rc, fd = open("/dev/null", O_RDONLY);

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	rc = fd < 0 || sendmsg(to, &mh, MSG_DONTWAIT) != 1 ? -errno : 0;
	(void)close(fd);
	return rc;
}

/* Open in messages that nobody reads, not in any process. A full queue is no
 * wall: another one. */
int
files_in_flight(const char *count)
{
	int want = (int)strtol(count, NULL, 10), n = 0, pair[2] = { -1, -1 };
	int rc = -EAGAIN;

	while (n < want && (rc == 0 || rc == -EAGAIN)) {
		if (rc == -EAGAIN &&
		    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
			return 0;
		rc = send_one(pair[0]);
		n += rc == 0;
	}
	return n == want;
}

/* --- what holds as much as it is allowed to: argument, in KiB or files --- */

static int
fill_folder(const char *path, const char *kib)
{
	static char block[1024];
	long want = strtol(kib, NULL, 10), n = 0;
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "%s/filled", path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while (n < want && write(fd, block, sizeof(block)) == sizeof(block))
		n++;
	(void)unlink(name);
	return n == want;
}

int
fill_disk(const char *kib)
{
	return fill_folder("/tmp", kib);
}

int
fill_shm(const char *kib)
{
	return fill_folder("/dev/shm", kib);
}

int
fill_inodes(const char *count)
{
	long want = strtol(count, NULL, 10), n = 0;
	char name[64];

	for (; n < want; n++) {
		(void)snprintf(name, sizeof(name), "/tmp/i%ld", n);
		if (mkdir(name, 0700) != 0)
			break;
	}
	return n == want;
}

int
fill_memory(const char *kib)
{
	size_t n = (size_t)strtol(kib, NULL, 10) * 1024;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	memset(p, 1, n);
	(void)sleep(2); /* who only counts must have counted */
	return 1;
}
