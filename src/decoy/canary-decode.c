/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing encodings of hostile bytes. Runs in judge; pure functions. */
#include <limits.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/canary-find_priv.h"

/* Shorter runs are words, not data. */
#define MIN_BASE64_RUN 12
#define MIN_HEX_RUN    16

static int
hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
decode_url(struct str in, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.p;
	bool any = false;

	if (str_chr(in, '%') < 0)
		return false;
	buf_reset(out);
	for (size_t i = 0; i < in.n; i++) {
		if (p[i] == '%' && i + 2 < in.n && hex_value(p[i + 1]) >= 0 &&
		    hex_value(p[i + 2]) >= 0) {
			buf_putc(out,
			    (char)(hex_value(p[i + 1]) * 16 +
				hex_value(p[i + 2])));
			i += 2;
			any = true;
		} else {
			buf_putc(out, in.p[i]);
		}
	}
	return any;
}

static void
decode_hex_run(const unsigned char *p, size_t n, struct buf *out)
{
	char *to = buf_reserve(out, n / 2 + 1);

	if (to == NULL)
		return;
	for (size_t i = 0; i + 1 < n; i += 2)
		to[i / 2] = (char)(hex_value(p[i]) * 16 + hex_value(p[i + 1]));
	buf_added(out, n / 2);
	buf_putc(out, '\0'); /* runs do not touch each other */
}

bool
decode_hex(struct str in, int alignment, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t from = 0, i;

	buf_reset(out);
	for (i = 0; i <= in.n; i++) {
		if (i < in.n && hex_value(p[i]) >= 0)
			continue;
		if (i - from >= MIN_HEX_RUN)
			decode_hex_run(p + from + alignment,
			    i - from - (size_t)alignment, out);
		from = i + 1;
	}
	return out->n != 0;
}

static int
base64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static void
decode_base64_run(const unsigned char *p, size_t n, int alignment,
    struct buf *out)
{
	char *to = buf_reserve(out, n);
	uint32_t bits = 0;
	size_t used = 0;
	int have = 0, v;

	if (to == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		v = base64_value(p[i]);
		if (v < 0)
			continue; /* a line break */
		if (alignment > 0) {
			alignment--;
			continue;
		}
		bits = (bits << 6) | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		to[used++] = (char)(unsigned char)(bits >> have);
		bits &= (1u << have) - 1;
	}
	buf_added(out, used);
	buf_putc(out, '\0');
}

/* Runs of the alphabet, line breaks inside allowed. */
bool
decode_base64(struct str in, int alignment, struct buf *out)
{
	static uint8_t kind[256]; /* 1: alphabet, 2: line break */
	const unsigned char *p = (const unsigned char *)in.p;
	size_t from = 0, letters = 0;

	if (kind['A'] == 0)
		for (int c = 0; c < 256; c++)
			kind[c] = base64_value((unsigned char)c) >= 0 ? 1 :
			    c == '\n' || c == '\r'                    ? 2 :
									0;
	buf_reset(out);
	for (size_t i = 0; i <= in.n; i++) {
		uint8_t k = i < in.n ? kind[p[i]] : 0;

		if (k != 0) {
			letters += k == 1;
			continue;
		}
		if (letters >= MIN_BASE64_RUN)
			decode_base64_run(p + from, i - from, alignment, out);
		from = i + 1;
		letters = 0;
	}
	return out->n != 0;
}

static bool
run_zlib(struct str in, int window, struct buf *out)
{
	z_stream z = { 0 };
	char chunk[16 * KIB];
	int rc = Z_OK;

	buf_reset(out);
	if (inflateInit2(&z, window) != Z_OK)
		fatal("no memory for zlib");
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)MIN_OF(in.n, (size_t)UINT_MAX);
	while (rc == Z_OK && !out->full) {
		z.next_out = (Bytef *)chunk;
		z.avail_out = sizeof(chunk);
		rc = inflate(&z, Z_NO_FLUSH);
		buf_put(out, chunk, sizeof(chunk) - z.avail_out);
		if (z.avail_out != 0 && z.avail_in == 0)
			break; /* cut short: what there is counts */
	}
	(void)inflateEnd(&z);
	return out->n >= 8 &&
	    (rc == Z_STREAM_END || rc == Z_OK || rc == Z_BUF_ERROR ||
		out->n >= 64);
}

static bool
run_zstd(struct str in, struct buf *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer i = { in.p, in.n, 0 };
	char chunk[16 * KIB];
	size_t rc = 1;

	if (z == NULL)
		fatal("no memory for zstd");
	buf_reset(out);
	/* A frame may not ask for more window than its output may have. */
	(void)ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 25);
	while (rc != 0 && !ZSTD_isError(rc) && !out->full) {
		ZSTD_outBuffer o = { chunk, sizeof(chunk), 0 };
		size_t before = i.pos;

		rc = ZSTD_decompressStream(z, &o, &i);
		if (!ZSTD_isError(rc))
			buf_put(out, chunk, o.pos);
		if (o.pos == 0 && i.pos == before)
			break;
	}
	(void)ZSTD_freeDStream(z);
	return out->n >= 8;
}

static bool
is_zlib(const unsigned char *p)
{
	return (p[0] & 0x0f) == 8 && (p[0] >> 4) <= 7 &&
	    (p[0] * 256 + p[1]) % 31 == 0 && (p[1] & 0x20) == 0;
}

bool
decode_packed(struct str in, size_t *at, struct buf *out, const char **ret_name)
{
	const unsigned char *p = (const unsigned char *)in.p;

	for (; *at + 4 < in.n; (*at)++) {
		const unsigned char *q = p + *at;
		struct str rest = str_sub(in, *at, in.n);
		const char *name = NULL;

		if (q[0] == 0x1f && q[1] == 0x8b && q[2] == 8)
			name = run_zlib(rest, 15 + 32, out) ? "gzip" : NULL;
		else if (q[0] == 0x28 && memcmp(q, "\x28\xb5\x2f\xfd", 4) == 0)
			name = run_zstd(rest, out) ? "zstd" : NULL;
		else if (q[0] == 0x78 && is_zlib(q))
			name = run_zlib(rest, 15, out) ? "zlib" : NULL;
		if (name == NULL)
			continue;
		*ret_name = name;
		(*at)++;
		return true;
	}
	return false;
}

bool
decode_deflate(struct str in, struct buf *out)
{
	/* The block type 3 is not valid; most other data dies soon. */
	if (in.n < 8 || (in.p[0] & 6) == 6)
		return false;
	return run_zlib(in, -15, out);
}
