/* SPDX-License-Identifier: Apache-2.0 */
/* Requests out of bytes: the same, however they are cut; nothing that could be
 * read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "serve/http.h"

/* What was read: "METHOD path?query [body] host" of each, then the status of
 * a refusal; bytes are given n at a time. */
static void
read_all(struct str s, size_t n, struct buf *out)
{
	struct http *h = http_new();
	const struct http_request *r;
	const char *why;
	size_t taken;

	while (s.n != 0) {
		enum http_step step = http_feed(h, str_sub(s, 0, n), &taken);

		s = str_sub(s, taken, s.n);
		if (step == HTTP_STEP_REFUSED) {
			buf_printf(out, "%d", http_status(h, &why));
			break;
		}
		if (step != HTTP_STEP_REQUEST)
			continue;
		r = http_request(h);
		buf_printf(out, "%.*s %.*s?%.*s [%.*s] %.*s%s\n",
		    STR_ARG(r->method_name), STR_ARG(r->path),
		    STR_ARG(r->query), STR_ARG(r->body),
		    STR_ARG(r->headers[HTTP_HEADER_HOST]),
		    r->keep_alive ? "" : " close");
	}
	http_free(h);
}

struct row {
	const char *bytes, *want;
};

#define HOST "Host: a\r\n"

static const struct row rows[] = {
	{ "GET /x?y=1#z HTTP/1.1\r\n" HOST "\r\n", "GET /x?y=1 [] a\n" },
	{ "GET http://b/x HTTP/1.1\r\n" HOST "\r\n", "GET /x? [] a\n" },
	{ "GET / HTTP/1.0\r\n\r\n", "GET /? []  close\n" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}"
	  "GET /2 HTTP/1.1\r\nX:\r\nHost:b\r\n\r\n",
	    "POST /? [{}] a\nGET /2? [] b\n" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	  "1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: 1\r\n\r\n"
	  "GET /2 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
	    "POST /? [{}] a\nGET /2? [] a close\n" },
	{ "GET / HTTP/1.1\r\n" HOST
	  "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
	  "GET /2 HTTP/1.1\r\n" HOST "\r\n",
	    "GET /? [] a\nGET /2? [] a\n" },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS *? [] a\n" },
	/* What could be two requests to one, and one to another. */
	{ "POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", "501" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n{}", "400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 2 2\r\n\r\n{}", "400" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length : 2\r\n\r\n{}", "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
	    "400" },
	{ "POST / HTTP/1.1\r\n" HOST
	  "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
	    "400" },
	{ "GET / HTTP/1.1\r\n" HOST "X: 1\r\n folded\r\n\r\n", "400" },
	{ "GET / HTTP/1.1\n" HOST "\n", "400" },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", "400" },
	{ "GET / HTTP/1.1\r\n\r\n", "400" },
	{ "GET x HTTP/1.1\r\n" HOST "\r\n", "400" },
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", "505" },
	{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400" },
	{ "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "400" },
	{ "\x16\x03\x01\x02\x00\x01\x00", "400" },
	{ "GET / HTTP/1.1\r\n" HOST "Expect: cake\r\n\r\n", "417" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999\r\n\r\n",
	    "413" },
};

static void
requests_are_read(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 100000 };
	struct buf b;

	(void)state;
	buf_init(&b, MIB);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		for (size_t k = 0; k < N_ELEMENTS(sizes); k++) {
			buf_reset(&b);
			buf_putc(&b, ' ');
			buf_reset(&b);
			read_all(str_of(rows[i].bytes), sizes[k], &b);
			if (!str_is(buf_str(&b), rows[i].want))
				fail_msg("row %zu by %zu: wanted %s, have %.*s",
				    i, sizes[k], rows[i].want,
				    STR_ARG(buf_str(&b)));
		}
	buf_done(&b);
}

static void
large_heads_and_bodies_are_refused(void **state)
{
	struct buf b, out;

	(void)state;
	buf_init(&b, 16 * (size_t)MIB);
	buf_init(&out, MIB);
	buf_puts(&b, "GET / HTTP/1.1\r\n" HOST "X: ");
	for (size_t i = 0; i < LIMIT_SERVE_HEAD_BYTES; i++)
		buf_putc(&b, 'x');
	read_all(buf_str(&b), 1000, &out);
	assert_string_equal(out.p, "431");
	buf_reset(&b);
	buf_reset(&out);
	buf_puts(&b,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i <= LIMIT_SERVE_BODY_BYTES / 4096; i++)
		buf_printf(&b, "1000\r\n%4096s\r\n", "x");
	read_all(buf_str(&b), 60000, &out);
	assert_string_equal(out.p, "413");
	buf_done(&b);
	buf_done(&out);
}

static void
who_waits_is_told_to_go_on(void **state)
{
	struct str head =
	    STR_LIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
		    "Expect: 100-Continue\r\n\r\n");
	struct http *h = http_new();
	size_t n;

	(void)state;
	assert_int_equal(http_feed(h, head, &n), HTTP_STEP_MORE);
	assert_int_equal(http_phase(h), HTTP_IN_BODY);
	assert_true(http_take_continue(h));
	assert_false(http_take_continue(h));
	assert_int_equal(http_feed(h, STR_LIT("{}"), &n), HTTP_STEP_REQUEST);
	assert_int_equal(http_phase(h), HTTP_IDLE);
	assert_false(http_take_continue(h));
	http_free(h);
}

static void
dates_come_back(void **state)
{
	static const char *const bad[] = { "", "now",
		"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 99:49:37 GMT" };
	char text[HTTP_DATE_SIZE];
	int64_t at = 0;

	(void)state;
	http_date(784111777, text);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(http_date_parse(str_of(text), &at), 0);
	assert_int_equal(at, 784111777);
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_true(http_date_parse(str_of(bad[i]), &at) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(large_heads_and_bodies_are_refused),
		cmocka_unit_test(who_waits_is_told_to_go_on),
		cmocka_unit_test(dates_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
