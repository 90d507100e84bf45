/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of clients of lazaret serve: the same, however they are cut. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "serve/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(struct buf *out, const struct http_request *r)
{
	buf_put_str(out, r->method_name);
	buf_put_str(out, r->path);
	buf_putc(out, '?');
	buf_put_str(out, r->query);
	for (size_t i = 0; i < HTTP_HEADER__MAX; i++) {
		buf_putc(out, '\n');
		buf_put_str(out, r->headers[i]);
	}
	buf_put_str(out, r->body);
	buf_putc(out, r->keep_alive ? 'k' : 'c');
}

static void
read_all(struct str s, size_t n, struct buf *out)
{
	struct http *h = http_new();
	const char *why;
	size_t taken;

	while (s.n != 0) {
		enum http_step step = http_feed(h, str_sub(s, 0, n), &taken);

		s = str_sub(s, taken, s.n);
		if (step == HTTP_STEP_REFUSED) {
			buf_printf(out, "%d", http_status(h, &why));
			break;
		}
		if (step == HTTP_STEP_REQUEST)
			put(out, http_request(h));
		(void)http_take_continue(h);
	}
	http_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	int64_t at;

	if (size < 2 || size > 256 * KIB)
		return 0;
	buf_init(&whole, 2 * MIB);
	buf_init(&cut, 2 * MIB);
	read_all(str_n(data + 1, size - 1), size, &whole);
	read_all(str_n(data + 1, size - 1), data[0] % 32 + 1, &cut);
	if (!str_eq(buf_str(&whole), buf_str(&cut)))
		abort();
	buf_reset(&cut);
	(void)http_decode(str_n(data, size), &cut);
	(void)http_date_parse(str_n(data, size), &at);
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
