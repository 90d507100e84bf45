/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching bytes and everything they decode to. Runs in judge. All runs of
 * one encoding in the bytes are decoded into one buffer, which is searched
 * like the bytes themselves, to a depth; the budget bounds it all.
 */
#include "decoy/canary-find.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "decoy/canary-find_priv.h"

#define MAGIC     0x63616e66
#define MAX_DEPTH 4
/* Beginnings of compressed data that are tried in one buffer. */
#define MAX_PACKED 64
/* Above this all four alignments of base64 cost more than they find. */
#define ALL_ALIGNMENTS_BYTES (16 * MIB)

struct canary_finder *
canary_finder_new(int64_t budget)
{
	struct canary_finder *f = mem_alloc(sizeof(*f));

	f->magic = MAGIC;
	f->budget = budget;
	return f;
}

void
canary_finder_free(struct canary_finder *f)
{
	if (f == NULL)
		return;
	assert(f->magic == MAGIC);
	matcher_done(&f->secrets);
	matcher_done(&f->identities);
	matcher_done(&f->deltas);
	gram_index_free(f->grams);
	free(f);
}

void
canary_finder_freep(struct canary_finder **f)
{
	canary_finder_free(*f);
	*f = NULL;
}

int
canary_finder_add(struct canary_finder *f, int64_t canary, bool identity,
    struct str value)
{
	assert(f->magic == MAGIC && f->secrets.shift == NULL);
	if (value.n < (identity ? MIN_IDENTITY : MIN_SECRET))
		return 1;
	needles_make(f, canary, identity, value);
	return 0;
}

bool
canary_finder_spent(const struct canary_finder *f)
{
	return f->spent;
}

void
canary_matches_done(struct canary_matches *m)
{
	vec_done(&m->list);
}

static uint32_t
block(const unsigned char *p)
{
	uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return v * 2654435761u >> (32 - MATCHER_BITS);
}

static void
matcher_build(struct matcher *m)
{
	size_t size = (size_t)1 << MATCHER_BITS;
	size_t most = MIN_OF(m->shortest - 2, (size_t)255);
	uint32_t h;

	m->shift = mem_alloc(size);
	memset(m->shift, (int)most, size);
	m->heads = mem_array(size, sizeof(*m->heads));
	memset(m->heads, 0xff, size * sizeof(*m->heads));
	for (size_t i = 0; i < m->needles.n; i++) {
		struct needle *n = &m->needles.v[i];
		const unsigned char *p = (const unsigned char *)n->p;

		for (size_t at = 0; at + 3 <= m->shortest; at++) {
			size_t left = m->shortest - 3 - at;

			h = block(p + at);
			if (left < m->shift[h])
				m->shift[h] = (uint8_t)left;
		}
		h = block(p + m->shortest - 3);
		n->next = m->heads[h];
		m->heads[h] = (int)i;
	}
}

struct search {
	struct canary_finder *f;
	struct canary_matches *out;
	unsigned what;
	char path[CANARY_ENCODING_SIZE]; /* encodings undone so far */
	int depth;
	size_t first; /* matches of this call begin here in out */
};

static void
report(struct search *s, const struct needle *n, size_t offset)
{
	struct canary_match m = { .canary = n->canary, .row = -1 };
	bool raw = strcmp(n->encoding, "raw") == 0;

	if (s->path[0] != '\0' && raw)
		(void)snprintf(m.encoding, sizeof(m.encoding), "%s", s->path);
	else
		(void)snprintf(m.encoding, sizeof(m.encoding), "%s%s%s",
		    s->path, s->path[0] != '\0' ? "+" : "", n->encoding);
	m.offset = s->depth == 0 ? (int64_t)offset : -1;
	/* One per canary and encoding; decoding again what a direct form
	 * found (base64, hex) says nothing new. */
	for (size_t i = s->first; i < s->out->list.n; i++)
		if (s->out->list.v[i].canary == m.canary &&
		    strcmp(s->out->list.v[i].encoding, m.encoding) == 0)
			return;
	vec_push(&s->out->list, m);
}

static bool
is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static bool
is_word(struct str in, size_t at, size_t n)
{
	return (at == 0 || !is_alnum((unsigned char)in.p[at - 1])) &&
	    (at + n == in.n || !is_alnum((unsigned char)in.p[at + n]));
}

static void
check_needles(struct search *s, const struct matcher *m, struct str in,
    size_t at, int i)
{
	for (; i >= 0; i = m->needles.v[i].next) {
		const struct needle *n = &m->needles.v[i];

		if (n->n <= in.n - at && memcmp(in.p + at, n->p, n->n) == 0 &&
		    (!n->word || is_word(in, at, n->n)))
			report(s, n, at);
	}
}

static void
match(struct search *s, struct matcher *m, struct str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t end = m->shortest;

	if (m->needles.n == 0 || in.n < m->shortest)
		return;
	if (m->shift == NULL)
		matcher_build(m);
	while (end <= in.n) {
		uint32_t h = block(p + end - 3);

		if (m->shift[h] != 0) {
			end += m->shift[h];
			continue;
		}
		check_needles(s, m, in, end - m->shortest, m->heads[h]);
		end++;
	}
}

static void
match_xor(struct search *s, struct str in)
{
	struct matcher *m = &s->f->deltas;
	struct buf b;
	char *p;

	if (m->needles.n == 0 || in.n <= m->shortest)
		return;
	buf_init(&b, in.n);
	p = buf_reserve(&b, in.n - 1);
	for (size_t i = 0; i + 1 < in.n; i++)
		p[i] = (char)(in.p[i] ^ in.p[i + 1]);
	buf_added(&b, in.n - 1);
	match(s, m, buf_str(&b));
	buf_done(&b);
}

static void search(struct search *s, struct str in);

static void
descend(struct search *s, const char *encoding, struct str in)
{
	size_t n = strlen(s->path);

	if (n + strlen(encoding) + 2 > sizeof(s->path))
		return;
	(void)snprintf(s->path + n, sizeof(s->path) - n, "%s%s",
	    n != 0 ? "+" : "", encoding);
	s->depth++;
	search(s, in);
	s->depth--;
	s->path[n] = '\0';
}

static void
search_text_forms(struct search *s, struct str in, struct buf *b)
{
	int alignments = in.n <= ALL_ALIGNMENTS_BYTES ? 4 : 1;

	if (decode_url(in, b))
		descend(s, "url", buf_str(b));
	for (int a = 0; a < 2; a++)
		if (decode_hex(in, a, b))
			descend(s, "hex", buf_str(b));
	for (int a = 0; a < alignments; a++)
		if (decode_base64(in, a, b))
			descend(s, "base64", buf_str(b));
}

static void
search_packed_forms(struct search *s, struct str in)
{
	const char *name = NULL;
	size_t at = 0;
	struct buf b;

	buf_init(&b, LIMIT_CANARY_INFLATED_BYTES);
	for (int i = 0; i < MAX_PACKED && decode_packed(in, &at, &b, &name);
	     i++) {
		descend(s, name, buf_str(&b));
		b.full = false;
	}
	if (decode_deflate(in, &b))
		descend(s, "deflate", buf_str(&b));
	buf_done(&b);
}

static void
search(struct search *s, struct str in)
{
	struct buf b;

	if (in.n == 0)
		return;
	s->f->budget -= (int64_t)in.n;
	if (s->f->budget < 0) {
		s->f->spent = true;
		return;
	}
	if (s->what & CANARY_SECRETS) {
		match(s, &s->f->secrets, in);
		match_xor(s, in);
	}
	if (s->what & CANARY_IDENTITIES)
		match(s, &s->f->identities, in);
	if (s->depth >= MAX_DEPTH)
		return;
	buf_init(&b, 2 * in.n + 64);
	search_text_forms(s, in, &b);
	buf_done(&b);
	search_packed_forms(s, in);
}

/* Is "base64" found where "base64+url" was as well? The shorter way says it.
 * XOR with a key of 0 is no XOR. */
static void
drop_longer_ways(struct canary_matches *out, size_t first)
{
	size_t kept = first;

	for (size_t i = first; i < out->list.n; i++) {
		bool shorter = false;

		for (size_t j = first; j < out->list.n; j++)
			if (j != i &&
			    out->list.v[j].canary == out->list.v[i].canary &&
			    (strlen(out->list.v[j].encoding) <
				    strlen(out->list.v[i].encoding) ||
				(strlen(out->list.v[j].encoding) ==
					strlen(out->list.v[i].encoding) &&
				    j < i)))
				shorter = true;
		if (!shorter)
			out->list.v[kept++] = out->list.v[i];
	}
	out->list.n = kept;
}

void
canary_find(struct canary_finder *f, struct str bytes, unsigned what,
    struct canary_matches *out)
{
	struct search s = { .f = f,
		.out = out,
		.what = what,
		.first = out->list.n };

	assert(f->magic == MAGIC);
	search(&s, bytes);
	drop_longer_ways(out, s.first);
}
