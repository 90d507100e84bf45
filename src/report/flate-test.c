/* SPDX-License-Identifier: Apache-2.0 */
/* What two libraries make of the pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "report/flate.h"

#define MAX (2 * FLATE_MAX_BYTES)

static char text[MAX], back[2 * MAX];

/* n bytes at `text`, as one piece after the other in a stream. */
static void
check(const struct buf *packed, size_t n, size_t pieces)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	z_stream z = { .next_in = (Bytef *)(uintptr_t)packed->p,
		.avail_in = (uInt)packed->n,
		.next_out = (Bytef *)back,
		.avail_out = sizeof(back) };
	size_t n_in, n_out;

	assert_non_null(d);
	assert_int_equal(libdeflate_deflate_decompress_ex(d, packed->p,
			     packed->n, back, sizeof(back), &n_in, &n_out),
	    LIBDEFLATE_SUCCESS);
	libdeflate_free_decompressor(d);
	assert_int_equal(n_in, packed->n);
	assert_int_equal(n_out, n * pieces);
	for (size_t i = 0; i < pieces; i++)
		assert_memory_equal(back + i * n, text, n);
	memset(back, 0, sizeof(back));
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, n * pieces);
	assert_memory_equal(back, text, n);
	(void)inflateEnd(&z);
}

/* False: it is not like what the code is for. */
static bool
there_and_back(size_t n)
{
	struct str s = str_n(text, n);
	struct buf b;
	bool whole;

	buf_init(&b, 4 * MAX);
	whole = flate_piece(s, &b);
	if (whole) {
		assert_true(flate_piece(s, &b));
		buf_put(&b, "\x03\x00", 2);
		check(&b, n, 2);
	} else {
		assert_int_equal(b.n, 0);
	}
	buf_done(&b);
	return whole;
}

/* Of every length, at every distance that a piece can have. */
static void
repetitions(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t distance = 4; distance < FLATE_MAX_BYTES / 2;
	     distance += 1 + distance / 7)
		for (size_t length = 3; length < 300; length += 5) {
			memset(text, ' ', 2 * distance + length);
			for (size_t i = 0; i < 5; i++)
				text[i] = "\"id\":"[i];
			memcpy(text + distance, text,
			    length < distance ? length : distance);
			n += there_and_back(distance + length);
		}
	assert_true(n > 1000);
	for (size_t i = 0; i < FLATE_MAX_BYTES; i++)
		text[i] = 'e';
	for (size_t i = 1; i <= 600; i++)
		assert_true(there_and_back(i));
	assert_true(there_and_back(FLATE_MAX_BYTES));
}

/* A match at the farthest distance, and every literal. */
static void
extremes(void **state)
{
	struct buf b;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "versions", 8);
	memcpy(text + FLATE_MAX_BYTES - 8, "versions", 8);
	assert_true(there_and_back(FLATE_MAX_BYTES));
	for (size_t i = 0; i < 256; i++) {
		memset(text, 'a', 600);
		text[300] = (char)i;
		assert_true(there_and_back(600));
	}
	assert_true(there_and_back(0));
	buf_init(&b, 4 * MAX);
	assert_false(flate_piece(str_n(text, FLATE_MAX_BYTES + 1), &b));
	assert_int_equal(b.n, 0);
	buf_done(&b);
	buf_init(&b, 1000);
	assert_false(flate_piece(str_n(text, 600), &b));
	buf_done(&b);
}

/* Of words a half, and of noise nothing: that is refused. */
static void
random_text(void **state)
{
	static const char *const words[] = { "{\"name\":\"", "version", "1.0.",
		"package", "\",\"type\":", " the ", "https://", "[\"", "\"]}",
		"0a9f", "\xc3\xa9", "malicious" };
	size_t taken = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 3000; i++) {
		size_t most = (size_t)random() % FLATE_MAX_BYTES / 4, n = 0;

		while (n < most) {
			const char *w = words[(size_t)random() % 12];

			memcpy(text + n, w, strlen(w));
			n += strlen(w);
			if (random() % 8 == 0)
				text[n++] = (char)random();
		}
		taken += there_and_back(n);
	}
	assert_true(taken > 2000);
	for (size_t i = 0; i < FLATE_MAX_BYTES; i++)
		text[i] = (char)random();
	for (size_t n = 300; n <= FLATE_MAX_BYTES; n += 97)
		assert_false(there_and_back(n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repetitions),
		cmocka_unit_test(extremes),
		cmocka_unit_test(random_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
