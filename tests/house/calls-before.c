/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls-before PROGRAM ARG…: how many system calls PROGRAM makes before it
 * becomes another one, and how many of them are others than a beginning
 * without a library needs (fcntl, readlink, access): "CALLS OTHERS". Status 1
 * where it becomes none.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* To the next stop; false: it has ended. */
static bool
next(pid_t pid, int *ret_status)
{
	static int sig;

	if (ptrace(PTRACE_SYSCALL, pid, 0, sig) != 0 ||
	    waitpid(pid, ret_status, 0) != pid || !WIFSTOPPED(*ret_status))
		return false;
	sig = WSTOPSIG(*ret_status);
	if ((sig & 0x7f) == SIGTRAP)
		sig = 0;
	return true;
}

static bool
is_exec(int status)
{
	return status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
}

static bool
is_plain(unsigned long long call)
{
	return call == SYS_fcntl || call == SYS_readlink ||
	    call == SYS_access || call == SYS_execve;
}

int
main(int argc, char **argv)
{
	struct __ptrace_syscall_info call;
	int status, execs = 0, calls = 0, others = 0;
	pid_t pid = argc > 1 ? fork() : -1;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, 0, 0);
		(void)raise(SIGSTOP);
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0,
		PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
		    PTRACE_O_EXITKILL) != 0)
		return 2;
	while (execs < 2 && next(pid, &status)) {
		execs += is_exec(status);
		if (execs != 1 || is_exec(status) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call) <=
			0 ||
		    call.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		calls++;
		others += !is_plain(call.entry.nr);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	(void)printf("%d %d\n", calls, others);
	return execs < 2;
}
