/* SPDX-License-Identifier: Apache-2.0 */
/* One deflate block for one document: the last place where four bytes were
 * seen is the only one that is tried. Runs in the confined workers of `lazaret
 * report export`. */
#include "report/flate.h"

#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/flate-code.h"

#define HASH_BITS 13 /* four times as many as most documents have places */
#define MATCH_MIN 4
#define MATCH_MAX 258
#define END       256
/* The rarest literal has 13 bits; head, end, flush, eight bytes to write to. */
#define ROOM(n) (2 * (n) + sizeof(flate_head) + 32)
/* English and JSON come to half of their size: what does not come to this much
 * is something else. */
#define GOOD(n) ((n) / 8 * 5 + sizeof(flate_head) + 16)

struct bits {
	uint64_t bits; /* not yet written, the lowest first */
	unsigned n;
	unsigned char *p;
};

/* 56 bits at most. */
static inline void
put(struct bits *b, uint64_t v, unsigned n)
{
	uint64_t le;

	b->bits |= v << b->n;
	b->n += n;
	le = htole64(b->bits);
	memcpy(b->p, &le, sizeof(le));
	b->p += b->n / 8;
	b->bits >>= b->n & ~7u;
	b->n &= 7;
}

static inline void
put_code(struct bits *b, uint32_t code)
{
	put(b, code & 0xffffff, code >> 24);
}

/* Two codes for each doubling of a distance, and the bits that say which. */
static inline void
put_distance(struct bits *b, unsigned distance)
{
	unsigned v = distance - 1, extra, k;

	if (v < 4) {
		put_code(b, flate_distances[v]);
		return;
	}
	extra = 30 - (unsigned)__builtin_clz(v);
	k = 2 * extra + (v >> extra);
	put_code(b, flate_distances[k]);
	put(b, v & ((1u << extra) - 1), extra);
}

static inline uint32_t
load_32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
load_64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline size_t
hash(uint32_t v)
{
	return v * 2654435761u >> (32 - HASH_BITS);
}

/* How many bytes are the same, up to max. */
static inline size_t
match_length(const char *a, const char *b, size_t max)
{
	size_t n = 0;

	for (; n + 8 <= max; n += 8) {
		uint64_t d = load_64(a + n) ^ load_64(b + n);

		if (d != 0)
			return n + (size_t)__builtin_ctzll(d) / 8;
	}
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

static void
put_bytes(struct bits *to, const char *p, size_t n)
{
	uint16_t heads[1 << HASH_BITS] = { 0 }; /* place and one; 0: none */
	/* Its own: a byte that is written might be one of *to otherwise. */
	struct bits b = *to;
	size_t at = 0, past, end;

	while (at + MATCH_MIN <= n) {
		uint32_t now = load_32(p + at);
		uint16_t *head = &heads[hash(now)];

		past = *head;
		*head = (uint16_t)(at + 1);
		if (past == 0 || load_32(p + past - 1) != now) {
			put_code(&b, flate_literals[(unsigned char)p[at++]]);
			continue;
		}
		end = MATCH_MIN +
		    match_length(p + past - 1 + MATCH_MIN, p + at + MATCH_MIN,
			MIN_OF(n - at, (size_t)MATCH_MAX) - MATCH_MIN);
		put_code(&b, flate_lengths[end]);
		put_distance(&b, (unsigned)(at + 1 - past));
		end += at;
		/* Every second place is as good as each. */
		while ((at += 2) < end && at + MATCH_MIN <= n)
			heads[hash(load_32(p + at))] = (uint16_t)(at + 1);
		at = end;
	}
	while (at < n)
		put_code(&b, flate_literals[(unsigned char)p[at++]]);
	*to = b;
}

bool
flate_piece(struct str bytes, struct buf *out)
{
	struct bits b = { .bits = 0 };
	unsigned char *p;
	size_t n;

	if (bytes.n > FLATE_MAX_BYTES)
		return false;
	p = (unsigned char *)buf_reserve(out, ROOM(bytes.n));
	if (p == NULL)
		return false;
	memcpy(p, flate_head, sizeof(flate_head));
	b.p = p + FLATE_HEAD_BITS / 8;
	b.n = FLATE_HEAD_BITS % 8;
	if (b.n != 0)
		b.bits = *b.p;
	put_bytes(&b, bytes.p, bytes.n);
	put_code(&b, flate_literals[END]);
	/* An empty stored block ends at a byte. */
	put(&b, 0, 3);
	put(&b, 0, (8 - b.n) % 8);
	put(&b, 0xffff0000, 32);
	n = (size_t)(b.p - p);
	assert(n + sizeof(b.bits) <= ROOM(bytes.n));
	if (n > GOOD(bytes.n))
		return false;
	buf_added(out, n);
	return true;
}
