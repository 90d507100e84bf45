/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: on the first process of the sandbox, which starts commands and
 * tells how they end. */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wall-probe.h"

int
read_init(const char *a)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };

	(void)a;
	return worked(process_vm_readv(1, &here, 1, &there, 1, 0));
}

int
write_init(const char *a)
{
	(void)a;
	return worked(open("/proc/1/mem", O_RDWR));
}

int
trace_init(const char *a)
{
	(void)a;
	return worked(ptrace(PTRACE_SEIZE, 1, 0, 0));
}

int
files_of_init(const char *a)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)a;
	return worked(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

/* Where its memory or its descriptors are the same as ours. */
int
compare_init(const char *a)
{
	(void)a;
	return worked(syscall(SYS_kcmp, 1, getpid(), KCMP_FILE, 0, 0));
}

/* Its pages out to the disk. */
int
drain_init(const char *a)
{
	struct iovec there = { (void *)0x400000, 4096 };
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)a;
	return worked(
	    syscall(SYS_process_madvise, fd, &there, 1, MADV_PAGEOUT, 0));
}

/* Nothing comes of either, or nobody would be told how this ended. */
int
end_init(const char *a)
{
	(void)a;
	(void)kill(1, SIGKILL);
	(void)kill(1, SIGTERM);
	return 0;
}

int
stop_init(const char *a)
{
	char text[256] = "";
	int fd = open("/proc/1/stat", O_RDONLY);
	const char *state;

	(void)a;
	(void)kill(1, SIGSTOP);
	(void)usleep(100000);
	(void)!read(fd, text, sizeof(text) - 1);
	state = strrchr(text, ')');
	return state != NULL && state[2] == 'T';
}
