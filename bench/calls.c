/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one system call takes, for bench/profile, which runs it in sandboxes
 * with and without a recorder: a line each, name and processor time in
 * nanoseconds, the least of five rounds. Links nothing of the project and is
 * no part of the product.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static int file, zero, pair[2];
static char bytes[4096];

static void
call_getppid(void)
{
	(void)syscall(SYS_getppid);
}

static void
call_futex(void)
{
	(void)syscall(SYS_futex, bytes, 1, 1, NULL, NULL, 0);
}

static void
call_stat(void)
{
	struct stat st;

	(void)stat("/usr/bin/env", &st);
}

static void
call_read(void)
{
	(void)!pread(file, bytes, 100, 0);
}

static void
call_read_device(void)
{
	(void)!read(zero, bytes, 100);
}

static void
call_socket(void)
{
	(void)!write(pair[0], bytes, 1);
	(void)!read(pair[1], bytes, 1);
}

static void
call_mmap(void)
{
	void *p = mmap(NULL, sizeof(bytes), PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)munmap(p, sizeof(bytes));
}

static void
call_open(void)
{
	(void)close(open("/usr/bin/env", O_RDONLY | O_CLOEXEC));
}

static void
call_open_nothing(void)
{
	(void)!open("/usr/bin/nothing", O_RDONLY | O_CLOEXEC);
}

static void
call_rename(void)
{
	(void)rename("/tmp/one", "/tmp/two");
	(void)rename("/tmp/two", "/tmp/one");
}

static const struct {
	const char *name;
	void (*call)(void);
	int times, calls;
} rows[] = {
	{ "getppid", call_getppid, 50000, 1 },
	{ "futex", call_futex, 50000, 1 },
	{ "stat", call_stat, 20000, 1 },
	{ "pread of a file", call_read, 20000, 1 },
	{ "read of a device", call_read_device, 20000, 1 },
	{ "write, read of a socket", call_socket, 10000, 2 },
	{ "mmap, munmap", call_mmap, 10000, 2 },
	{ "open, close", call_open, 5000, 2 },
	{ "open of nothing", call_open_nothing, 5000, 1 },
	{ "rename", call_rename, 1000, 2 },
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double
measure(size_t row, int times)
{
	double least = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double begin = now(), taken;

		for (int i = 0; i < times; i++)
			rows[row].call();
		taken = (now() - begin) / times / rows[row].calls;
		if (round == 0 || taken < least)
			least = taken;
	}
	return least;
}

int
main(int argc, char **argv)
{
	int divisor = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	file = open("/usr/bin/env", O_RDONLY | O_CLOEXEC);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	(void)close(open("/tmp/one", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	if (file < 0 || zero < 0 || divisor < 1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%s\t%.0f\n", rows[i].name,
		    measure(i, rows[i].times / divisor));
	return 0;
}
