/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the format: writing and taking apart. Pure functions; what is
 * taken apart is hostile. */
#include <endian.h>
#include <string.h>

#include "base/buf.h"
#include "snapshot/format_priv.h"
#include "sys/crc32c.h"

/* What versions are mostly made of. */
static const char alphabet[16] = { '0', '1', '2', '3', '4', '5', '6', '7', '8',
	'9', '.', '-', 'a', 'b', 'r', 'c' };

uint32_t
load_u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint64_t
load_u64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

uint32_t
place_checksum(enum section_kind kind, uint32_t place, struct str s)
{
	uint32_t where[2] = { htole32((uint32_t)kind), htole32(place) };

	return crc32c(crc32c(0, where, sizeof(where)), s.p, s.n);
}

void
filter_mask(uint64_t hash, uint32_t ret[8])
{
	/* Odd, otherwise of no meaning; part of the format. */
	static const uint32_t salts[8] = { 0x2b7e1517u, 0x9c30d539u,
		0x58f2a1cdu, 0xe4b96a0bu, 0x71c53d2fu, 0xb8e10795u, 0x3f6d84e3u,
		0xc6a2f951u };
	uint32_t x = (uint32_t)(hash >> 32);

	for (int i = 0; i < 8; i++)
		ret[i] = 1u << ((x * salts[i]) >> 27);
}

void
put_varint(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(0x80 | (v & 0x7f)));
	buf_putc(out, (char)v);
}

void
put_str(struct buf *out, struct str s)
{
	put_varint(out, s.n);
	buf_put_str(out, s);
}

void
put_u32(struct buf *out, uint32_t v)
{
	v = htole32(v);
	buf_put(out, &v, sizeof(v));
}

void
put_u64(struct buf *out, uint64_t v)
{
	v = htole64(v);
	buf_put(out, &v, sizeof(v));
}

static int
nibble(char c)
{
	const char *at = memchr(alphabet, c, sizeof(alphabet));

	return at != NULL ? (int)(at - alphabet) : -1;
}

void
put_version(struct buf *out, struct str v)
{
	bool packed = v.n >= 2;

	for (size_t i = 0; i < v.n && packed; i++)
		packed = nibble(v.p[i]) >= 0;
	put_varint(out, (uint64_t)v.n << 1 | packed);
	if (!packed) {
		buf_put_str(out, v);
		return;
	}
	for (size_t i = 0; i < v.n; i += 2) {
		int high = i + 1 < v.n ? nibble(v.p[i + 1]) : 0;

		buf_putc(out, (char)(nibble(v.p[i]) | high << 4));
	}
}

/* --- taking apart --------------------------------------------------------- */

struct str
take_bytes(struct take *t, uint64_t n)
{
	struct str part = STR_LIT("");

	if (t->bad || n > t->rest.n) {
		t->bad = true;
		return part;
	}
	part = str_sub(t->rest, 0, (size_t)n);
	t->rest = str_sub(t->rest, (size_t)n, t->rest.n);
	return part;
}

uint64_t
take_varint(struct take *t)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < t->rest.n && i < 10 && !t->bad; i++) {
		uint8_t c = (uint8_t)t->rest.p[i];

		if (i == 9 && c > 1)
			break;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if ((c & 0x80) == 0) {
			t->rest.p += i + 1;
			t->rest.n -= i + 1;
			return v;
		}
	}
	t->bad = true;
	return 0;
}

uint32_t
take_count(struct take *t)
{
	uint64_t v = take_varint(t);

	if (v > UINT32_MAX)
		t->bad = true;
	return t->bad ? 0 : (uint32_t)v;
}

uint8_t
take_byte(struct take *t)
{
	struct str s = take_bytes(t, 1);

	return t->bad ? 0 : (uint8_t)s.p[0];
}

struct str
take_str(struct take *t)
{
	return take_bytes(t, take_varint(t));
}

struct version_text
take_version(struct take *t)
{
	uint64_t head = take_varint(t);
	struct version_text v = { .n = head >> 1, .packed = (head & 1) != 0 };

	v.bytes = take_bytes(t, v.packed ? (v.n + 1) / 2 : v.n);
	if (t->bad)
		v = (struct version_text){ .n = 0 };
	return v;
}

static char
letter(const struct version_text *v, size_t i)
{
	uint8_t c;

	if (!v->packed)
		return v->bytes.p[i];
	c = (uint8_t)v->bytes.p[i / 2];
	return alphabet[(i & 1) != 0 ? c >> 4 : c & 15];
}

void
version_unpack(const struct version_text *v, char *ret)
{
	for (size_t i = 0; i < v->n; i++)
		ret[i] = letter(v, i);
}

bool
version_is(const struct version_text *v, struct str s)
{
	if (v->n != s.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (letter(v, i) != s.p[i])
			return false;
	return true;
}
