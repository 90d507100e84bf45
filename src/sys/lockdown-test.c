/* SPDX-License-Identifier: Apache-2.0 */
/* Every filter that was made, in a child each: what it lets through, what it
 * answers, what it kills. Without sanitizers, which would not live under it. */
#include "sys/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sys/lockdown-sets.h"

enum outcome {
	LET,
	REFUSED,
	KILLED,
	NO_LOCKDOWN
};

static long
try_open(void)
{
	return open("/dev/null", O_RDONLY);
}

static long
try_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
try_bpf(void)
{
	return syscall(SYS_bpf, -1, NULL, 0) == -1 && errno == EINVAL ? 0 : -1;
}

static long
try_kill(void)
{
	return kill(getpid(), 0);
}

static long
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
try_execve(void)
{
	char *const none[] = { NULL };

	return execve("/", none, none);
}

/* A process that locks itself down further, and ends. */
static long
try_fork(void)
{
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(lockdown(&l, &err) != 0 || try_open() >= 0);
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* Which would have more of the kernel to try than its parent; the kernel
 * refuses these two together. */
static long
try_namespace(void)
{
	long flags = CLONE_NEWUSER | CLONE_FS | SIGCHLD;

	return syscall(SYS_clone, flags, NULL, NULL, NULL, 0) == -1 &&
		errno == EINVAL ?
	    0 :
	    -1;
}

/* Of a terminal that is nobody's: what types into it. */
static long
try_ioctl(void)
{
	return ioctl(-1, TIOCSTI, "x") == -1 && errno == EBADF ? 0 : -1;
}

/* Who may do it; who may not is killed, or refused. */
static const struct {
	long (*try)(void);
	unsigned rights;
	enum outcome otherwise;
} rows[] = {
	{ try_open, LOCKDOWN_READ_FILES | LOCKDOWN_WRITE_FILES, REFUSED },
	{ try_socket, LOCKDOWN_NETWORK, KILLED },
	{ try_bpf, LOCKDOWN_BPF, KILLED },
	{ try_kill, LOCKDOWN_KILL, KILLED },
	{ try_ptrace, LOCKDOWN_TRACE, KILLED },
	{ try_execve, 0, KILLED },
	{ try_fork, LOCKDOWN_FORK, KILLED },
	{ try_namespace, LOCKDOWN_THREADS, KILLED },
	{ try_ioctl, LOCKDOWN_NETWORK | LOCKDOWN_TRACE, REFUSED },
};

static enum outcome
outcome_of(unsigned rights, long (*try)(void))
{
	static const char *const everywhere[] = { "/", NULL };
	const struct lockdown l = { .rights = rights,
		.read_paths = everywhere };
	struct error err = ERROR_INIT;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (lockdown(&l, &err) != 0) {
			(void)fprintf(stderr, "%s\n", err.msg);
			_exit(NO_LOCKDOWN);
		}
		_exit(try() >= 0 ? LET : REFUSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	return (enum outcome)WEXITSTATUS(status);
}

static void
each_set_does_what_it_says(void **state)
{
	(void)state;
	for (size_t s = 0; s < N_ELEMENTS(lockdown_sets); s++)
		for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
			unsigned set = lockdown_sets[s];
			enum outcome want = (set & rows[i].rights) != 0 ?
			    LET :
			    rows[i].otherwise;

			if (outcome_of(set, rows[i].try) != want)
				fail_msg("set 0x%x, row %zu", set, i);
		}
}

static void
a_set_that_was_not_made_is_no_lockdown(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(1u << 20, try_kill), NO_LOCKDOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_set_does_what_it_says),
		cmocka_unit_test(a_set_that_was_not_made_is_no_lockdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
