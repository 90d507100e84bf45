/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions and ranges of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "serve/answer.h"
#include "serve/entity.h"
#include "serve/http.h"

#define BYTES "123456789"
#define TAG   "\"25f9e794323b453885f5181f1b624d0b\""
#define DATE  "Sun, 06 Nov 1994 08:49:37 GMT"

struct row {
	const char *range, *if_range, *if_none_match, *if_modified_since;
	int status;
	const char *body;
};

static const struct row rows[] = {
	{ NULL, NULL, NULL, NULL, 200, BYTES },
	{ "bytes=0-0", NULL, NULL, NULL, 206, "1" },
	{ "bytes=2-4", NULL, NULL, NULL, 206, "345" },
	{ "bytes=7-", NULL, NULL, NULL, 206, "89" },
	{ "bytes=7-99", NULL, NULL, NULL, 206, "89" },
	{ "bytes=-3", NULL, NULL, NULL, 206, "789" },
	{ "bytes=-99", NULL, NULL, NULL, 206, BYTES },
	{ "bytes=9-", NULL, NULL, NULL, 416, NULL },
	{ "bytes=-0", NULL, NULL, NULL, 416, NULL },
	/* No range, or more than one: the whole. */
	{ "bytes=4-2", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=0-1,3-4", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=-", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=a-b", NULL, NULL, NULL, 200, BYTES },
	{ "lines=1-2", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=99999999999999999999-", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=18446744073709551615-", NULL, NULL, NULL, 200, BYTES },
	{ "bytes=0-0", TAG, NULL, NULL, 206, "1" },
	{ "bytes=0-0", "\"other\"", NULL, NULL, 200, BYTES },
	{ "bytes=0-0", DATE, NULL, NULL, 206, "1" },
	{ NULL, NULL, TAG, NULL, 304, NULL },
	{ NULL, NULL, "\"x\", W/" TAG, NULL, 304, NULL },
	{ NULL, NULL, "*", NULL, 304, NULL },
	{ NULL, NULL, "\"x\"", NULL, 200, BYTES },
	{ "bytes=0-0", NULL, TAG, NULL, 304, NULL },
	{ NULL, NULL, NULL, DATE, 304, NULL },
	{ NULL, NULL, NULL, "Sun, 06 Nov 1994 08:49:36 GMT", 200, BYTES },
	{ NULL, NULL, NULL, "yesterday", 200, BYTES },
	/* The tag is what counts. */
	{ NULL, NULL, "\"x\"", DATE, 200, BYTES },
};

static void
conditions_and_ranges_hold(void **state)
{
	struct entity_sums *sums = entity_sums_new();
	struct answer a;
	struct entity e;

	(void)state;
	entity_sums_add(sums, STR_LIT("1234"));
	entity_sums_add(sums, STR_LIT("56789"));
	entity_sums_end(sums, 9, 784111777500000000, &e);
	entity_sums_free(sums);
	answer_init(&a);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct http_request r = { .method = HTTP_METHOD_GET };

		r.headers[HTTP_HEADER_RANGE] = str_of(rows[i].range);
		r.headers[HTTP_HEADER_IF_RANGE] = str_of(rows[i].if_range);
		r.headers[HTTP_HEADER_IF_NONE_MATCH] =
		    str_of(rows[i].if_none_match);
		r.headers[HTTP_HEADER_IF_MODIFIED_SINCE] =
		    str_of(rows[i].if_modified_since);
		answer_reset(&a);
		buf_puts(&a.body, BYTES);
		entity_answer(&e, &r, &a);
		if (a.status != rows[i].status)
			fail_msg("row %zu: %d", i, a.status);
		if (rows[i].body != NULL &&
		    !str_is(buf_str(&a.body), rows[i].body))
			fail_msg("row %zu: %.*s", i, STR_ARG(buf_str(&a.body)));
	}
	assert_true(str_find(buf_str(&a.headers),
			STR_LIT("X-Goog-Hash: crc32c=4waSgw==\r\n")) > 0);
	assert_true(
	    str_find(buf_str(&a.headers),
		STR_LIT("X-Goog-Hash: md5=JfnnlDI7RTiF9RgfG2JNCw==")) > 0);
	assert_true(str_find(buf_str(&a.headers),
			STR_LIT("Last-Modified: " DATE "\r\n")) > 0);
	answer_done(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_and_ranges_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
