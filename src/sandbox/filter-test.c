/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program that was made with the project is the one that would be
 * made now, and what a test leaves out is not in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/filter.h"
#include "sandbox/sandbox.h"

static struct buf
compiled(const char *omitted)
{
	struct sandbox_spec spec = { .test_omit = omitted };
	struct error err = ERROR_INIT;
	struct buf b;

	buf_init(&b, 256 * KIB);
	assert_int_equal(filter_compile(&spec, &b, &err), 0);
	assert_true(b.n > 0 && !b.full);
	return b;
}

static void
made(const char *omitted, struct buf ret[FILTER_PROGRAMS])
{
	struct sandbox_spec spec = { .test_omit = omitted };
	struct error err = ERROR_INIT;

	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_init(&ret[i], 256 * KIB);
	assert_int_equal(filter_make(&spec, ret, &err), 0);
}

static void
test_is_what_libseccomp_makes(void **state)
{
	struct buf want = compiled(NULL), have[FILTER_PROGRAMS];

	(void)state;
	made(NULL, have);
	assert_int_equal(have[0].n, want.n);
	assert_memory_equal(have[0].p, want.p, want.n);
	assert_true(have[1].n > 0);
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_done(&have[i]);
	buf_done(&want);
}

static void
test_without_one_call(void **state)
{
	struct buf whole = compiled(NULL), have[FILTER_PROGRAMS];

	(void)state;
	made("filter:bpf", have);
	assert_true(have[0].n < whole.n);
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_done(&have[i]);
	buf_done(&whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_what_libseccomp_makes),
		cmocka_unit_test(test_without_one_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
