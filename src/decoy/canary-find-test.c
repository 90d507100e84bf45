/* SPDX-License-Identifier: Apache-2.0 */
/* Every encoding and split in which a planted secret may leave. */
#include "decoy/canary-find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "sys/clock.h"

#define TOKEN "npm_Zx81kQpLw93NfTbVcY72hGdJrM5sAe0uKo4i"
#define HOST  "kestrel-4417"
#define KEY \
	"-----BEGIN KEY-----\n" \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n" \
	"c2gtZWQyNTUxOQAAACD2kq0pD8wZ7vQyXr5bT1mLhC9sGf3uJeN6aWiRoKxVtA\n" \
	"-----END KEY-----\n"

static struct canary_finder *
finder(void)
{
	struct canary_finder *f = canary_finder_new(1 << 30);

	assert_int_equal(canary_finder_add(f, 1, false, STR_LIT(TOKEN)), 0);
	assert_int_equal(canary_finder_add(f, 2, true, STR_LIT(HOST)), 0);
	assert_int_equal(canary_finder_add(f, 3, false, STR_LIT(KEY)), 0);
	assert_int_equal(canary_finder_add(f, 4, false, STR_LIT("short")), 1);
	return f;
}

/* "canary encoding[, …]" of what is found. */
static const char *
found(struct str in)
{
	_cleanup_(canary_finder_freep) struct canary_finder *f = finder();
	struct canary_matches m = { 0 };
	static char text[512];
	size_t n = 0;

	text[0] = '\0';
	canary_find(f, in, CANARY_ANY, &m);
	for (size_t i = 0; i < m.list.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d %s",
		    i != 0 ? ", " : "", (int)m.list.v[i].canary,
		    m.list.v[i].encoding);
	canary_matches_done(&m);
	return text;
}

/* Shell tools made these: base64, base32, xxd, rev. */
static const struct {
	const char *in, *want;
} rows[] = {
	{ "nothing of interest", "" },
	{ "x=" TOKEN "&y", "1 raw" },
	{ "x=npm_Zx81kQpLw93NfTbVcY72hGdJrM5sAe0uKo4", "" },
	{ "i4oKu0eAs5MrJdGh27YcVbTfN39wLpQk18xZ_mpn", "1 reversed" },
	{ "npm_zx81kqplw93nftbvcy72hgdjrm5sae0uko4i.a.test", "1 lower-case" },
	{ "bnBtX1p4ODFrUXBMdzkzTmZUYlZjWTcyaEdkSnJNNXNBZTB1S280aQ==",
	    "1 base64" },
	/* one and two bytes before */
	{ "Om5wbV9aeDgxa1FwTHc5M05mVGJWY1k3MmhHZEpyTTVzQWUwdUtvNGk=",
	    "1 base64" },
	{ "PTpucG1fWng4MWtRcEx3OTNOZlRiVmNZNzJoR2RKck01c0FlMHVLbzRp",
	    "1 base64" },
	{ "bnBtX1p4ODFrUXBMdzkzTmZUYlZj\r\nWTcyaEdkSnJNNXNBZTB1S280aQ==",
	    "1 base64" },
	{ "/v1/bnBtX1p4ODFrUXBMdzkzTmZUYlZjWTcyaEdkSnJNNXNBZTB1S280aQ",
	    "1 base64" },
	{ "6e706d5f5a7838316b51704c7739334e66546256635937326847644a724d3573"
	  "416530754b6f3469",
	    "1 hex" },
	{ "6E706D5F5A7838316B51704C7739334E66546256635937326847644A724D3573"
	  "416530754B6F3469",
	    "1 hex" },
	{ "a6e706d5f5a7838316b51704c7739334e66546256635937326847644a724d3573"
	  "416530754b6f3469",
	    "1 hex" },
	{ "NZYG2X22PA4DC22ROBGHOOJTJZTFIYSWMNMTOMTII5SEU4SNGVZUCZJQOVFW6NDJ",
	    "1 base32" },
	{ "nzyg2x22pa4dc22robghoojtjztfiyswmnmtomtii5seu4sngvzuczjqovfw6ndj",
	    "1 base32" },
	{ "t=npm%5FZx81kQpLw93NfTbVcY72hGdJrM5sAe0uKo4i", "1 url" },
	{ "t=%6e%70%6d%5f%5a%78%38%31%6b%51%70%4c%77%39%33%4e%66%54%62%56%63"
	  "%59%37%32%68%47%64%4a%72%4d%35%73%41%65%30%75%4b%6f%34%69",
	    "1 url" },
	/* the address of the token, decoded twice */
	{ "d=Ym5CdFgxcDRPREZyVVhCTWR6a3pUbVpVWWxaaldUY3lhRWRrU25KTk5YTkJaVEIx"
	  "UzI4MGFRPT0%3D",
	    "1 base64+base64" },
	{ "=QaRzI2S1UZBZzM0aNJnSkdEaycTWjZ1YipFVm50MzcHTwFVUrFEOXB", "" },
	/* a line of the key is the key; its armour is not */
	{ "c2gtZWQyNTUxOQAAACD2kq0pD8wZ7vQyXr5bT1mLhC9sGf3uJeN6aWiRoKxVtA",
	    "3 raw" },
	{ "-----BEGIN KEY-----", "" },
	/* identities are words */
	{ "host=" HOST ";", "2 raw" },
	{ HOST ".a.test", "2 raw" },
	{ "x" HOST, "" },
	{ HOST "0", "" },
	{ "eyJob3N0Ijoia2VzdHJlbC00NDE3In0=", "2 base64" },
	{ "6b65737472656c2d34343137", "2 hex" },
};

static void
encodings_are_seen_through(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const char *got = found(str_of(rows[i].in));

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: found '%s', not '%s'", rows[i].in, got,
			    rows[i].want);
	}
}

static void
xor_with_any_byte_is_seen_through(void **state)
{
	char x[200] = "before " TOKEN " after";

	(void)state;
	for (int key = 1; key < 256; key++) {
		char y[200];

		for (size_t i = 0; i < strlen(x); i++)
			y[i] = (char)(x[i] ^ key);
		assert_string_equal(found(str_n(y, strlen(x))), "1 xor");
	}
}

static struct str
deflated(int window, struct buf *b)
{
	static const char text[] =
	    "{\"a\":\"some text around it, as there is\",\"token\":\"" TOKEN
	    "\",\"b\":\"some text around it, as there is\"}";
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text;
	z.avail_in = sizeof(text) - 1;
	z.next_out = (Bytef *)buf_reserve(b, 4096);
	z.avail_out = 4096;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_added(b, z.total_out);
	(void)deflateEnd(&z);
	return buf_str(b);
}

static void
put_base64(struct buf *out, struct str in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
				     "mnopqrstuvwxyz0123456789+/";
	unsigned bits = 0;
	int have = 0;

	for (size_t i = 0; i < in.n; i++) {
		bits = (bits << 8 | (unsigned char)in.p[i]) & 0xffffff;
		for (have += 8; have >= 6; have -= 6)
			buf_putc(out, digits[bits >> (have - 6) & 63]);
	}
	if (have != 0)
		buf_putc(out, digits[bits << (6 - have) & 63]);
}

static void
compression_is_seen_through(void **state)
{
	struct buf packed, b;
	char zstd[8192], text[4000];
	uint64_t chance = 1;
	size_t n;

	(void)state;
	buf_init(&packed, 8192);
	buf_init(&b, 8192);
	assert_string_equal(found(deflated(15 + 16, &packed)), "1 gzip");
	put_base64(&b, buf_str(&packed));
	assert_string_equal(found(buf_str(&b)), "1 base64+gzip");
	buf_reset(&b);
	buf_put_hex(&b, packed.p, packed.n);
	assert_string_equal(found(buf_str(&b)), "1 hex+gzip");
	/* cut short, and behind other bytes */
	buf_reset(&b);
	buf_puts(&b, "POST data: ");
	buf_put(&b, packed.p, packed.n - 9);
	assert_string_equal(found(buf_str(&b)), "1 gzip");
	buf_reset(&packed);
	assert_string_equal(found(deflated(15, &packed)), "1 zlib");
	buf_reset(&packed);
	assert_string_equal(found(deflated(-15, &packed)), "1 deflate");
	/* Few letters, so that literals are not stored as they are. */
	for (size_t i = 0; i < sizeof(text); i++) {
		chance = chance * 6364136223846793005u + 1442695040888963407u;
		text[i] = "eeeettao"[chance >> 61];
	}
	memcpy(text + 3000, TOKEN, strlen(TOKEN));
	n = ZSTD_compress(zstd, sizeof(zstd), text, sizeof(text), 3);
	assert_string_equal(found(str_n(zstd, n)), "1 zstd");
	buf_done(&packed);
	buf_done(&b);
}

/* What several pieces hold together. */
static const char *
split(const char *const *pieces)
{
	_cleanup_(canary_finder_freep) struct canary_finder *f = finder();
	struct canary_split *s = canary_split_new(f);
	struct canary_matches m = { 0 };
	static char text[128];

	for (int i = 0; pieces[i] != NULL; i++)
		canary_split_add(s, 100 + i, str_of(pieces[i]));
	canary_split_end(s, &m);
	(void)snprintf(text, sizeof(text), "%s", "");
	if (m.list.n != 0)
		(void)snprintf(text, sizeof(text), "%d %s in %d, last %d",
		    (int)m.list.v[0].canary, m.list.v[0].encoding,
		    (int)m.list.v[0].split, (int)m.list.v[0].row);
	canary_matches_done(&m);
	return text;
}

static void
pieces_are_put_together(void **state)
{
	const char *const hex[] = { "0-6e706d5f5a7838316b51.x.test",
		"1-704c7739334e66546256.x.test",
		"2-635937326847644a724d.x.test",
		"3-3573416530754b6f3469.x.test", NULL };
	const char *const raw[] = { "c=3sAe0uKo4i", "a=npm_Zx81kQpLw93Nf",
		"b=TbVcY72hGdJrM5", NULL };
	const char *const part[] = { "npm_Zx81kQ", "unrelated", NULL };
	const char *const one[] = { "all " TOKEN, "npm_Zx81kQpLw93Nf", NULL };
	const char *const b64[] = { "bnBtX1p4ODFrUXBM", "dzkzTmZUYlZjWTcy",
		"aEdkSnJNNXNBZTB1", "S280aQ==", NULL };

	(void)state;
	assert_string_equal(split(hex), "1 hex in 4, last 103");
	assert_string_equal(split(raw), "1 raw in 3, last 102");
	assert_string_equal(split(b64), "1 base64 in 3, last 102");
	assert_string_equal(split(part), "");
	assert_string_equal(split(one), "");
}

static void
bombs_and_floods_end(void **state)
{
	struct canary_finder *f = canary_finder_new(30 * 1000 * 1000);
	struct canary_matches m = { 0 };
	size_t n = 16 * 1000 * 1000;
	char *big = malloc(n);
	int64_t begun = clock_ns();

	(void)state;
	assert_non_null(big);
	assert_int_equal(canary_finder_add(f, 1, false, STR_LIT(TOKEN)), 0);
	memset(big, 'A', n); /* base64, hex: all of it */
	canary_find(f, str_n(big, n), CANARY_ANY, &m);
	assert_true(canary_finder_spent(f));
	assert_int_equal(m.list.n, 0);
	/* Generous: this is a sanitizer build on a busy machine. */
	assert_true(clock_ns() - begun < 60 * NS_PER_SEC);
	canary_matches_done(&m);
	canary_finder_free(f);
	free(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings_are_seen_through),
		cmocka_unit_test(xor_with_any_byte_is_seen_through),
		cmocka_unit_test(compression_is_seen_through),
		cmocka_unit_test(pieces_are_put_together),
		cmocka_unit_test(bombs_and_floods_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
