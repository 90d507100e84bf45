/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acts_on_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
