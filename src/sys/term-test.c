/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/term.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define SECOND 1000000000ll

static void
nothing_acts_on_the_terminal(void **state)
{
	static const char *const cases[][2] = {
		{ "a\x1b[2Jb", "a\\u{1b}[2Jb" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "\xff", "\\xff" },
		{ "x\xe2\x80\xaey", "x\\u{202e}y" },
		{ "\xc2\x9b", "\\u{9b}" },
		{ "a\nb\t", "a\\u{a}b\\u{9}" },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		term_safe(&b, str_of(cases[i][0]));
		assert_string_equal(b.p, cases[i][1]);
	}
	buf_done(&b);
}

/* What f writes to standard error. */
static void
assert_said(void (*f)(struct progress *), struct progress *p, const char *want)
{
	char got[400];
	int fds[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	(void)fflush(stderr);
	assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
	f(p);
	(void)fflush(stderr);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	n = read(fds[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	(void)close(old);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_string_equal(got, want);
}

static void
say_install(struct progress *p)
{
	progress_say(p, "install");
}

static void
say_import(struct progress *p)
{
	progress_say(p, "import");
}

static void
pass(struct progress *p, int64_t seconds)
{
	p->begun_at -= seconds * SECOND;
	p->said_at -= seconds * SECOND;
	p->shown_at -= seconds * SECOND;
}

/* What is said before there is anything to wait for is shown once there is. */
static void
what_takes_long_is_shown(void **state)
{
	struct progress p;

	(void)state;
	progress_begin(&p);
	p.tty = false;
	assert_said(progress_turn, &p, "");
	assert_said(say_install, &p, "");
	assert_said(progress_turn, &p, "");
	pass(&p, 12);
	assert_said(progress_turn, &p, "install\n");
	pass(&p, 12);
	assert_said(progress_turn, &p, "");
	assert_said(say_import, &p, "import\n");
	assert_said(say_install, &p, "");
	pass(&p, 12);
	assert_said(progress_turn, &p, "install\n");

	progress_begin(&p);
	p.tty = true;
	assert_said(say_install, &p, "");
	pass(&p, 3);
	assert_said(progress_turn, &p, "\r\x1b[Kinstall (3 s)");
	assert_said(progress_turn, &p, "");
	pass(&p, 1);
	assert_said(progress_turn, &p, "\r\x1b[Kinstall (4 s)");
	assert_said(progress_end, &p, "\r\x1b[K");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acts_on_the_terminal),
		cmocka_unit_test(what_takes_long_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
