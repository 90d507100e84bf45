/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of RFC 4648 §10, and what is no base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"

static void
bytes_come_back(void **state)
{
	static const char *const rows[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" } };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		buf_reset(&b);
		base64_write(str_of(rows[i][0]), &b);
		assert_true(str_is(buf_str(&b), rows[i][1]));
		buf_reset(&b);
		assert_true(base64_read(str_of(rows[i][1]), &b));
		assert_true(str_is(buf_str(&b), rows[i][0]));
	}
	buf_done(&b);
}

static void
what_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Z===", "====", "Zm9v\n", "Zg==Zg==", "Zm-_", "Z g=" };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_false(base64_read(str_of(bad[i]), &b));
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
