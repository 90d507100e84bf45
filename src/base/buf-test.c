/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
drops_what_is_over_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	buf_puts(&b, "abc");
	assert_false(b.full);
	buf_puts(&b, "de");
	assert_true(b.full);
	assert_true(str_is(buf_str(&b), "abc"));
	buf_done(&b);
}

static void
formats_and_gives_away(void **state)
{
	struct buf b;
	char *p;

	(void)state;
	buf_init(&b, 1000);
	buf_printf(&b, "%d-", 42);
	buf_put_hex(&b, "\x01\xff", 2);
	buf_consume(&b, 1);
	p = buf_steal(&b);
	assert_string_equal(p, "2-01ff");
	assert_int_equal(b.n, 0);
	free(p);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_is_over_the_maximum),
		cmocka_unit_test(formats_and_gives_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
