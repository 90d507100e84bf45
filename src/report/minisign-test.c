/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b with every length of block, and what is signed. (Keys and whole
 * signatures: tests/report/sign.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "report/blake2b.h"
#include "report/minisign.h"

static void
hash_in_hex(const void *p, size_t n, size_t part, size_t bytes, struct buf *out)
{
	uint8_t digest[BLAKE2B_MAX_BYTES];
	struct blake2b b;

	blake2b_init(&b, bytes);
	for (size_t i = 0; i < n; i += part)
		blake2b_add(&b, (const char *)p + i, MIN_OF(part, n - i));
	blake2b_final(&b, digest);
	buf_init(out, 1000);
	buf_put_hex(out, digest, bytes);
}

/* RFC 7693, appendix A; the others as Python gives them. */
static const struct {
	const char *text;
	size_t bytes;
	const char *digest;
} vectors[] = {
	{ "abc", 64,
	    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd400992"
	    "3" },
	{ "", 32,
	    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a"
	    "8" },
	{ "abc", 32,
	    "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d5231"
	    "9" },
};

static void
blake2b_vectors(void **state)
{
	struct buf out;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(vectors); i++) {
		hash_in_hex(vectors[i].text, strlen(vectors[i].text), 1,
		    vectors[i].bytes, &out);
		assert_string_equal(out.p, vectors[i].digest);
		buf_done(&out);
	}
}

/* The bytes may come in any parts; blocks have 128. */
static void
blake2b_parts(void **state)
{
	static const size_t lengths[] = { 127, 128, 129, 255, 256, 257, 1000 };
	char bytes[1000];
	struct buf whole, parts;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	for (size_t i = 0; i < N_ELEMENTS(lengths); i++)
		for (size_t part = 1; part < 300; part += 13) {
			hash_in_hex(bytes, lengths[i], lengths[i], 64, &whole);
			hash_in_hex(bytes, lengths[i], part, 64, &parts);
			assert_string_equal(whole.p, parts.p);
			buf_done(&whole);
			buf_done(&parts);
		}
}

/* Same key, bytes and comment: same signature; both kinds differ. */
static void
signatures_are_stable(void **state)
{
	const struct minisign_key k = { .number = { 1, 2, 3 },
		.seed = { 4, 5, 6 } };
	struct error err = ERROR_INIT;
	struct buf a, b, legacy;

	(void)state;
	buf_init(&a, 4096);
	buf_init(&b, 4096);
	buf_init(&legacy, 4096);
	assert_int_equal(minisign_sign(&k, STR_LIT("x"), STR_LIT("c"), false,
			     &a, &err),
	    0);
	assert_int_equal(minisign_sign(&k, STR_LIT("x"), STR_LIT("c"), false,
			     &b, &err),
	    0);
	assert_int_equal(minisign_sign(&k, STR_LIT("x"), STR_LIT("c"), true,
			     &legacy, &err),
	    0);
	assert_string_equal(a.p, b.p);
	assert_string_not_equal(a.p, legacy.p);
	buf_done(&a);
	buf_done(&b);
	buf_done(&legacy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blake2b_vectors),
		cmocka_unit_test(blake2b_parts),
		cmocka_unit_test(signatures_are_stable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
