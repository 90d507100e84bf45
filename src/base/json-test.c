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

/* Text is looked at in words: each byte at each place of one. */
static void
words(void **state)
{
	char text[24], one[16];

	(void)state;
	for (int c = 0; c < 0x80; c++)
		for (size_t at = 0; at < sizeof(text); at++) {
			struct buf b, want;

			memset(text, 'x', sizeof(text));
			text[at] = (char)c;
			buf_init(&b, 200);
			buf_init(&want, 200);
			json_quote(&b, str_n(text, sizeof(text)));
			json_quote(&want, str_n(text + at, 1));
			(void)snprintf(one, sizeof(one), "%.*s",
			    (int)want.n - 2, want.p + 1);
			buf_reset(&want);
			buf_printf(&want, "\"%.*s%s%.*s\"", (int)at,
			    "xxxxxxxxxxxxxxxxxxxxxxxx", one,
			    (int)(sizeof(text) - at - 1),
			    "xxxxxxxxxxxxxxxxxxxxxxxx");
			assert_string_equal(b.p, want.p);
			buf_done(&b);
			buf_done(&want);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_nested_values),
		cmocka_unit_test(escapes_what_must_not_stand),
		cmocka_unit_test(indents),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
