/* SPDX-License-Identifier: Apache-2.0 */
/* Versions and ranges as npm reads them. */
#include "ecosystem/npm/semver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"

/* Ascending; all pairs are compared both ways. */
static const char *const ascending[] = { "0.0.0-0", "0.0.0", "0.0.1-alpha",
	"0.0.1", "0.1.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha",
	"1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
	"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0",
	"2.0.0", "10.0.0", "9007199254740991.0.0" };

static void
order(void **state)
{
	struct semver a, b;
	int c;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(ascending); i++)
		for (size_t j = 0; j < N_ELEMENTS(ascending); j++) {
			assert_int_equal(semver_parse(str_of(ascending[i]), &a),
			    0);
			assert_int_equal(semver_parse(str_of(ascending[j]), &b),
			    0);
			c = semver_compare(&a, &b);
			if ((i < j && c >= 0) || (i == j && c != 0) ||
			    (i > j && c <= 0))
				fail_msg("%s ? %s gives %d", ascending[i],
				    ascending[j], c);
		}
}

static void
spelling(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: no version */
	} rows[] = {
		{ "1.2.3", "1.2.3" },
		{ " v1.2.3 ", "1.2.3" },
		{ "=1.2.3", "1.2.3" },
		{ "= v1.2.3", "1.2.3" },
		{ "1.2.3-rc.1+build.5", "1.2.3-rc.1" },
		{ "1.2.3+01", "1.2.3" },
		{ "1.2.3--x", "1.2.3--x" },
		{ "", NULL },
		{ "1", NULL },
		{ "1.2", NULL },
		{ "1.2.3.4", NULL },
		{ "01.2.3", NULL },
		{ "1.2.3-01", NULL },
		{ "1.2.3-", NULL },
		{ "1.2.3-a..b", NULL },
		{ "1.2.3-\xc3\xa4", NULL },
		{ "1.2.x", NULL },
		{ "9007199254740992.0.0", NULL },
		{ "99999999999999999999999.0.0", NULL },
		{ "latest", NULL },
	};
	struct semver v;
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int rc = semver_parse(str_of(rows[i].in), &v);

		assert_int_equal(rc, rows[i].out != NULL ? 0 : -EINVAL);
		if (rc != 0)
			continue;
		buf_reset(&b);
		semver_write(&v, &b);
		assert_string_equal(b.p, rows[i].out);
	}
	buf_done(&b);
}

/* A range, a version, whether it is in ('y', 'n'), or no range ('!'). */
static const struct {
	const char *range, *version;
	char in;
} ranges[] = {
	{ "1.2.3", "1.2.3", 'y' },
	{ "1.2.3", "1.2.4", 'n' },
	{ "=1.2.3", "1.2.3", 'y' },
	{ "v1.2.3", "1.2.3", 'y' },
	{ "", "1.2.3", 'y' },
	{ "*", "1.2.3", 'y' },
	{ "x", "0.0.0", 'y' },
	{ "*", "1.2.3-rc", 'n' },
	{ "||", "1.0.0", 'y' },
	{ "1", "1.9.9", 'y' },
	{ "1", "2.0.0", 'n' },
	{ "1.x", "1.2.3", 'y' },
	{ "1.2.x", "1.2.9", 'y' },
	{ "1.2.x", "1.3.0", 'n' },
	{ "1.x.3", "1.9.9", 'y' },
	{ "^1.2.3", "1.2.3", 'y' },
	{ "^1.2.3", "1.9.0", 'y' },
	{ "^1.2.3", "1.2.2", 'n' },
	{ "^1.2.3", "2.0.0", 'n' },
	{ "^1.2.3", "2.0.0-alpha", 'n' },
	{ "^0.2.3", "0.2.9", 'y' },
	{ "^0.2.3", "0.3.0", 'n' },
	{ "^0.0.3", "0.0.3", 'y' },
	{ "^0.0.3", "0.0.4", 'n' },
	{ "^0.0", "0.0.9", 'y' },
	{ "^0.0", "0.1.0", 'n' },
	{ "^0", "0.9.9", 'y' },
	{ "^0.x", "1.0.0", 'n' },
	{ "^1.2.3-beta.2", "1.2.3-beta.4", 'y' },
	{ "^1.2.3-beta.2", "1.2.4-beta.2", 'n' },
	{ "^1.2.3-beta.2", "1.5.0", 'y' },
	{ "^ 1.2.3", "1.3.0", 'y' },
	{ "~1.2.3", "1.2.9", 'y' },
	{ "~1.2.3", "1.3.0", 'n' },
	{ "~1.2", "1.2.9", 'y' },
	{ "~1", "1.9.9", 'y' },
	{ "~>1.2.3", "1.2.5", 'y' },
	{ "~0.0.1", "0.0.2", 'y' },
	{ "~1.2.3-rc.1", "1.2.3-rc.2", 'y' },
	{ ">1.2.3", "1.2.4", 'y' },
	{ ">1.2.3", "1.2.3", 'n' },
	{ ">1", "1.9.9", 'n' },
	{ ">1", "2.0.0", 'y' },
	{ ">1.2", "1.2.9", 'n' },
	{ ">1.2", "1.3.0", 'y' },
	{ ">=1.2", "1.2.0", 'y' },
	{ "<1", "0.9.9", 'y' },
	{ "<1", "1.0.0-alpha", 'n' },
	{ "<1.2", "1.2.0", 'n' },
	{ "<=1", "1.9.9", 'y' },
	{ "<=1.2", "1.3.0", 'n' },
	{ "<=1.2.3", "1.2.3", 'y' },
	{ ">= 1.2.3 < 2", "1.5.0", 'y' },
	{ ">=1.2.3 <2", "2.0.0", 'n' },
	{ ">*", "1.0.0", 'n' },
	{ ">=*", "1.0.0", 'y' },
	{ "1.2.3 - 2.3.4", "2.3.4", 'y' },
	{ "1.2.3 - 2.3.4", "2.3.5", 'n' },
	{ "1.2 - 2.3", "2.3.9", 'y' },
	{ "1.2 - 2", "2.9.9", 'y' },
	{ "1.2 - 2", "3.0.0", 'n' },
	{ "1 - *", "9.0.0", 'y' },
	{ "1.0.0 || >=2.5.0 || 5 - 7", "2.4.0", 'n' },
	{ "1.0.0||>=2.5.0||5 - 7", "6.1.0", 'y' },
	{ "1.2.3+build", "1.2.3", 'y' },
	{ ">=1.2.3-rc", "1.2.3-rc.1", 'y' },
	{ ">=1.2.3-rc", "1.3.0-rc.1", 'n' },
	{ "2.0.0-rc.1", "2.0.0-rc.1", 'y' },
	{ "latest", NULL, '!' },
	{ "^", NULL, '!' },
	{ ">=", NULL, '!' },
	{ "1.2.3.4", NULL, '!' },
	{ "^1.2.3 beta", NULL, '!' },
	{ "1.0.0 -2.0.0", NULL, '!' },
	{ "01.2.3", NULL, '!' },
	{ "git+ssh://x", NULL, '!' },
};

static void
membership(void **state)
{
	struct arena *a = arena_new(MIB);
	struct semver_range *r;
	struct semver v;
	char got;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(ranges); i++) {
		got = '!';
		if (semver_range_parse(a, str_of(ranges[i].range), &r, NULL) ==
		    0) {
			got = 'n';
			if (ranges[i].version != NULL) {
				assert_int_equal(semver_parse(str_of(
								  ranges[i]
								      .version),
						     &v),
				    0);
				if (semver_range_has(r, &v, false))
					got = 'y';
			}
		}
		if (got != ranges[i].in)
			fail_msg("\"%s\" and %s: %c, not %c", ranges[i].range,
			    ranges[i].version, got, ranges[i].in);
	}
	arena_free(a);
}

static void
prereleases_can_be_included(void **state)
{
	struct arena *a = arena_new(MIB);
	struct semver_range *r;
	struct semver v;

	(void)state;
	assert_int_equal(semver_range_parse(a, STR_LIT(">=18"), &r, NULL), 0);
	assert_int_equal(semver_parse(STR_LIT("24.0.0-nightly"), &v), 0);
	assert_false(semver_range_has(r, &v, false));
	assert_true(semver_range_has(r, &v, true));
	arena_free(a);
}

static void
long_input_is_refused_quickly(void **state)
{
	struct arena *a = arena_new(16 * (size_t)MIB);
	struct semver_range *r;
	struct buf b;

	(void)state;
	buf_init(&b, MIB);
	for (int i = 0; i < 3000; i++)
		buf_puts(&b, "1 ||");
	assert_int_equal(semver_range_parse(a, buf_str(&b), &r, NULL), -EINVAL);
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "1 ||");
	assert_int_equal(semver_range_parse(a, buf_str(&b), &r, NULL), -EINVAL);
	buf_done(&b);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(spelling),
		cmocka_unit_test(membership),
		cmocka_unit_test(prereleases_can_be_included),
		cmocka_unit_test(long_input_is_refused_quickly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
