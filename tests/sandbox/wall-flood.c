/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: more than anybody can write down, inside the sandbox. Status 0:
 * all of it was done. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wall-probe.h"

/* So many processes, each with its number; 0: all ended well. */
static int
crowd(int n, int (*run)(int number, long times), long times)
{
	int bad = 0, status;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(run(i, times));
		bad += pid < 0;
	}
	while (wait(&status) > 0)
		bad += status != 0;
	return bad != 0;
}

static int
fork_often(int number, long times)
{
	(void)number;
	for (long i = 0; i < times; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 && errno != EAGAIN)
			return 1;
		if (pid > 0 && waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

int
flood_forks(const char *times)
{
	return crowd(8, fork_often, strtol(times, NULL, 10));
}

static int
open_often(int number, long times)
{
	char name[64];

	for (long i = 0; i < times; i++) {
		int fd;

		(void)snprintf(name, sizeof(name), "/tmp/flood-%d-%ld", number,
		    i % 100);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			return 1;
		(void)close(fd);
	}
	return 0;
}

int
flood_opens(const char *times)
{
	return crowd(8, open_often, strtol(times, NULL, 10));
}

static int
write_often(int number, long times)
{
	static char block[4096];
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "/tmp/flood-%d", number);
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	for (long i = 0; i < times; i++)
		if (pwrite(fd, block, sizeof(block), 0) != sizeof(block))
			return 1;
	return 0;
}

int
flood_writes(const char *times)
{
	return crowd(32, write_often, strtol(times, NULL, 10));
}

#define ONE_ARGUMENT (128 * 1024 - 1)

static void
exec_with(size_t n)
{
	char *one = malloc(ONE_ARGUMENT + 1);
	char **argv = calloc(n + 3, sizeof(*argv));

	if (one == NULL || argv == NULL)
		_exit(3);
	memset(one, 'a', ONE_ARGUMENT);
	one[ONE_ARGUMENT] = '\0';
	argv[0] = (char[]){ "wall-probe" };
	argv[1] = (char[]){ "nothing" };
	for (size_t i = 0; i < n; i++)
		argv[i + 2] = one;
	(void)execv("/bin/probe", argv);
	_exit(errno == E2BIG ? 4 : 3);
}

static int
exec_status(size_t n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		exec_with(n);
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As much as the kernel takes, twice; and more. */
int
flood_arguments(const char *a)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };

	(void)a;
	(void)setrlimit(RLIMIT_STACK, &l);
	return exec_status(40) != 0 || exec_status(40) != 0 ||
	    exec_status(80) != 4;
}

int
nothing(const char *a)
{
	(void)a;
	return 0;
}
