/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

static void
only_the_given_descriptors_arrive(void **state)
{
	static const char *const argv[] = { "sh", "-c",
		"echo data >&3; for f in /proc/self/fd/*; do"
		" case $f in */[0123]|*/255) ;; *) [ -e $f ] && exit 9;; esac;"
		" done; exit 3",
		NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	int p[2], stray, status = 0;
	char out[16] = "";

	(void)state;
	assert_int_equal(pipe(p), 0);
	stray = open("/dev/null", O_RDONLY); /* not close-on-exec */
	s.path = "/bin/sh";
	s.argv = argv;
	s.fds = &p[1];
	s.n_fds = 1;
	assert_int_equal(spawn_start(&s, &c, NULL), 0);
	assert_int_equal(spawn_wait(&c, 10000, &status, NULL), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(read(p[0], out, sizeof(out) - 1), 5);
	assert_string_equal(out, "data\n");
	(void)close(stray);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
a_missing_program_is_an_error(void **state)
{
	static const char *const argv[] = { "x", NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	struct error err = ERROR_INIT;

	(void)state;
	s.path = "/nonexistent/x";
	s.argv = argv;
	assert_int_equal(spawn_start(&s, &c, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/x"));
}

static void
a_failing_tool_tells_its_last_line(void **state)
{
	static const char *const argv[] = { "sh", "-c",
		"echo one; echo two >&2; exit 1", NULL };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(spawn_run(argv, &err), -EIO);
	assert_string_equal(err.msg, "sh failed: two");
}

static void
waiting_can_time_out(void **state)
{
	static const char *const argv[] = { "sleep", "100", NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	int status;

	(void)state;
	s.path = "/bin/sleep";
	s.argv = argv;
	assert_int_equal(spawn_start(&s, &c, NULL), 0);
	assert_int_equal(spawn_wait(&c, 10, &status, NULL), -ETIMEDOUT);
	spawn_kill(&c);
	assert_int_equal(c.pidfd, -1);
}

/* One that is to say "x", after there is something to read from fds or they are
 * closed; what it says can be read from ret_out. */
static struct child
start_held(const int fds[2], int *ret_out)
{
	static const char *const argv[] = { "sh", "-c", "echo x >&3", NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	int p[2];

	assert_int_equal(pipe(p), 0);
	s.path = "/bin/sh";
	s.argv = argv;
	s.fds = &p[1];
	s.n_fds = 1;
	s.after = fds;
	s.n_after = 2;
	assert_int_equal(spawn_start(&s, &c, NULL), 0);
	(void)close(p[1]);
	*ret_out = p[0];
	return c;
}

static void
check_held(const int fds[2], int end, bool write_it)
{
	int out, status;
	struct child c = start_held(fds, &out);
	char said[4];

	assert_int_equal(spawn_wait(&c, 100, &status, NULL), -ETIMEDOUT);
	if (write_it)
		assert_int_equal(write(end, "g", 1), 1);
	(void)close(end);
	assert_int_equal(read(out, said, sizeof(said)), 2);
	assert_int_equal(spawn_wait(&c, 10000, &status, NULL), 0);
	assert_int_equal(status, 0);
	(void)close(out);
}

static void
who_is_held_begins_when_told_or_left(void **state)
{
	int told[2], left[2], fds[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe2(told, O_CLOEXEC), 0);
		assert_int_equal(pipe2(left, O_CLOEXEC), 0);
		fds[0] = told[0];
		fds[1] = left[0];
		check_held(fds, i == 0 ? told[1] : left[1], i == 0);
		(void)close(i == 0 ? left[1] : told[1]);
		(void)close(told[0]);
		(void)close(left[0]);
	}
}

/* Nobody has waited for them, but none is left when all have ended. */
static void
who_is_left_is_reaped_later(void **state)
{
	static const char *const argv[] = { "sh", "-c", "exit 7", NULL };
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	siginfo_t info;

	(void)state;
	s.path = "/bin/sh";
	s.argv = argv;
	for (int i = 0; i < 40; i++) {
		assert_int_equal(spawn_start(&s, &c, NULL), 0);
		spawn_leave(&c);
		assert_int_equal(c.pidfd, -1);
		assert_int_equal(c.pid, 0);
	}
	/* Blocks while there are children that have not ended. */
	while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0)
		spawn_leave(&c);
	assert_int_equal(errno, ECHILD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_given_descriptors_arrive),
		cmocka_unit_test(a_missing_program_is_an_error),
		cmocka_unit_test(a_failing_tool_tells_its_last_line),
		cmocka_unit_test(waiting_can_time_out),
		cmocka_unit_test(who_is_held_begins_when_told_or_left),
		cmocka_unit_test(who_is_left_is_reaped_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
