/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
cuts_at_each_separator(void **state)
{
	struct str s = STR_LIT("a//b"), part;

	(void)state;
	assert_true(str_cut(&s, '/', &part) && str_is(part, "a"));
	assert_true(str_cut(&s, '/', &part) && part.n == 0);
	assert_true(str_cut(&s, '/', &part) && str_is(part, "b"));
	assert_false(str_cut(&s, '/', &part));
}

static void
reads_numbers_up_to_the_limit(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(str_to_u64(STR_LIT("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_to_u64(STR_LIT("18446744073709551616"), &v),
	    -ERANGE);
	assert_int_equal(str_to_u64(STR_LIT(""), &v), -EINVAL);
	assert_int_equal(str_to_u64(STR_LIT("-1"), &v), -EINVAL);
}

static void
knows_utf8(void **state)
{
	static const struct {
		struct str s;
		bool good;
	} cases[] = {
		{ { "h\xc3\xa9", 3 }, true },
		{ { "\xf0\x9f\x92\xa9", 4 }, true },
		{ { "\xc0\x80", 2 }, false }, /* overlong */
		{ { "\xed\xa0\x80", 3 }, false }, /* surrogate */
		{ { "\xf4\x90\x80\x80", 4 }, false }, /* past U+10FFFF */
		{ { "\xe2\x82", 2 }, false }, /* cut short */
		{ { "\x80", 1 }, false },
		{ { NULL, 0 }, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(str_is_utf8(cases[i].s), cases[i].good);
}

static void
trims_and_compares(void **state)
{
	(void)state;
	assert_true(str_is(str_trim(STR_LIT(" \t x y\r\n")), "x y"));
	assert_true(str_cmp(STR_LIT("a"), STR_LIT("ab")) < 0);
	assert_true(str_cmp(STR_LIT("b"), STR_LIT("ab")) > 0);
	assert_int_equal(str_find(STR_LIT("abcabc"), STR_LIT("ca")), 2);
	assert_int_equal(str_rchr(STR_LIT("a/b/c"), '/'), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_each_separator),
		cmocka_unit_test(reads_numbers_up_to_the_limit),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(trims_and_compares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
