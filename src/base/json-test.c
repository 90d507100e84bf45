/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void
writes_nested_values(void **state)
{
	struct buf b;
	struct json j;

	(void)state;
	buf_init(&b, 1000);
	json_init(&j, &b, 0);
	json_object_begin(&j);
	json_key(&j, "a");
	json_array_begin(&j);
	json_int(&j, -1);
	json_bool(&j, true);
	json_null(&j);
	json_array_end(&j);
	json_key(&j, "b");
	json_strz(&j, "x");
	json_object_end(&j);
	assert_string_equal(b.p, "{\"a\":[-1,true,null],\"b\":\"x\"}");
	buf_done(&b);
}

static void
escapes_what_must_not_stand(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	json_quote(&b, str_n("a\"\n\x01\xff\xc3\xa9\0", 8));
	assert_string_equal(b.p,
	    "\"a\\\"\\n\\u0001\xef\xbf\xbd\xc3\xa9\\u0000\"");
	buf_done(&b);
}

static void
indents(void **state)
{
	struct buf b;
	struct json j;

	(void)state;
	buf_init(&b, 1000);
	json_init(&j, &b, 2);
	json_object_begin(&j);
	json_key(&j, "a");
	json_array_begin(&j);
	json_array_end(&j);
	json_key(&j, "b");
	json_int(&j, 1);
	json_object_end(&j);
	assert_string_equal(b.p, "{\n  \"a\": [],\n  \"b\": 1\n}");
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_nested_values),
		cmocka_unit_test(escapes_what_must_not_stand),
		cmocka_unit_test(indents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
