/* SPDX-License-Identifier: Apache-2.0 */
/* wall-probe: on what a process is, where its memory lies and how soon it
 * runs. */
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wall-probe.h"

#define LOCKED_BYTES (32 << 20) /* more than the limit */
#define MAX_LAYERS   64 /* the kernel has 16 */
#define CLASS_RT     (1 << 13) /* IOPRIO_CLASS_RT */

/* Memory that no other process can read: a recorder which stops calls would
 * not see what is named there. */
int
secret_memory(const char *a)
{
	(void)a;
	return worked(syscall(SYS_memfd_secret, 0));
}

int
other_personality(const char *flags)
{
	return worked(personality(strtoul(flags, NULL, 0)));
}

/* To be another program to whoever looks at /proc/PID/exe. */
int
forge_program(const char *a)
{
	struct prctl_mm_map map = { 0 };
	unsigned size = 0;

	(void)a;
	map.exe_fd = (unsigned)open("/proc/self/exe", O_RDONLY);
	map.start_code = map.start_data = map.start_brk = map.start_stack =
	    0x10000;
	map.end_code = map.end_data = map.brk = 0x20000;
	map.arg_start = map.env_start = 0x10000;
	map.arg_end = map.env_end = 0x10000;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) != 0 ||
	    size != sizeof(map))
		return 0; /* this kernel cannot */
	return beyond(prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0),
	    EPERM);
}

/* A child whose number it chooses. */
int
choose_pid(const char *a)
{
	pid_t wanted = 30000;
	struct clone_args args = { .exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&wanted,
		.set_tid_size = 1 };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	(void)a;
	if (pid == 0)
		_exit(0);
	return worked(pid);
}

int
lock_everything(const char *a)
{
	void *p = mmap(NULL, LOCKED_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)a;
	if (p == MAP_FAILED)
		return 0;
	return worked(mlockall(MCL_CURRENT));
}

/* Before the recorder, on every processor. */
int
real_time(const char *a)
{
	struct sched_param param = { .sched_priority = 1 };

	(void)a;
	return worked(sched_setscheduler(0, SCHED_FIFO, &param));
}

int
real_time_disk(const char *a)
{
	(void)a;
	return worked(syscall(SYS_ioprio_set, 1, 0, CLASS_RT));
}

int
before_others(const char *a)
{
	(void)a;
	return worked(setpriority(PRIO_PROCESS, 0, -5));
}

/* As many layers of Landlock as the kernel lets anybody have. */
int
stack_layers(const char *a)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK
	};
	int fd, n = 0;

	(void)a;
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	while (fd >= 0 && n < MAX_LAYERS &&
	    syscall(SYS_landlock_restrict_self, fd, 0) == 0)
		n++;
	/* Not refused, and there is an end of it. */
	return fd >= 0 && (n == 0 || n == MAX_LAYERS);
}

/* Everybody that it may stop, itself last; ended by others alone. */
int
stop_everybody(const char *a)
{
	(void)a;
	(void)kill(-1, SIGSTOP);
	for (;;)
		(void)raise(SIGSTOP);
}

/* In a session of its own, nobody's child, deaf to what asks it to end; it has
 * our standard output for as long as it lives, where it tells its number. */
int
leave_daemon(const char *a)
{
	pid_t pid = fork();

	(void)a;
	if (pid < 0)
		return 1;
	if (pid > 0) {
		(void)waitpid(pid, NULL, 0);
		return 0;
	}
	(void)setsid();
	if (fork() != 0)
		_exit(0);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)dprintf(STDOUT_FILENO, "%d\n", (int)getpid());
	for (;;)
		(void)pause();
}
