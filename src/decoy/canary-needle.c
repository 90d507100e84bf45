/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which a planted value is looked for. Runs in judge. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "decoy/canary-find_priv.h"

/* Shorter values in other case, or XORed, turn up by chance. */
#define MIN_WEAK_FORM 12
/* Lines of a longer secret (a key file) that are secrets themselves. */
#define MIN_LINE  16
#define MAX_LINES 40
#define MAX_VALUE (32 * KIB)

static const char base64_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char base32_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void
needle_add(struct matcher *m, int64_t canary, bool identity,
    const char *encoding, struct str bytes)
{
	struct needle *n;

	for (size_t i = 0; i < m->needles.n; i++)
		if (m->needles.v[i].canary == canary &&
		    str_eq(str_n(m->needles.v[i].p, m->needles.v[i].n), bytes))
			return;
	n = vec_add(&m->needles);
	n->p = mem_strndup(bytes);
	n->n = bytes.n;
	n->canary = canary;
	n->identity = identity;
	n->encoding = encoding;
	n->next = -1;
	if (m->shortest == 0 || bytes.n < m->shortest)
		m->shortest = bytes.n;
}

/* The digits of `skip` unknown bytes and then v that depend on v alone, in an
 * alphabet of 2^width digits. */
static void
put_digits(struct buf *b, struct str v, size_t skip, unsigned width,
    const char *alphabet)
{
	size_t first = (skip * 8 + width - 1) / width;
	size_t last = (skip + v.n) * 8 / width, bit;
	unsigned value;

	buf_reset(b);
	for (size_t d = first; d < last; d++) {
		value = 0;
		for (unsigned k = 0; k < width; k++) {
			bit = d * width + k - skip * 8;
			value = value << 1 |
			    ((unsigned char)v.p[bit / 8] >> (7 - bit % 8) & 1);
		}
		buf_putc(b, alphabet[value]);
	}
}

static void
reverse(struct buf *b, struct str v)
{
	buf_reset(b);
	for (size_t i = v.n; i > 0; i--)
		buf_putc(b, v.p[i - 1]);
}

static void
change_case(struct buf *b, struct str v, bool upper)
{
	buf_reset(b);
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (upper && c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		else if (!upper && c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		buf_putc(b, c);
	}
}

struct forms {
	struct matcher *m;
	int64_t canary;
	bool identity;
	size_t least; /* bytes; what is shorter is left out */
};

static void
add(const struct forms *f, const char *encoding, const struct buf *b)
{
	if (b->n >= f->least)
		needle_add(f->m, f->canary, f->identity, encoding, buf_str(b));
}

static void
add_base64(const struct forms *f, struct str v, struct buf *b, struct buf *back)
{
	for (size_t skip = 0; skip < 3; skip++) {
		put_digits(b, v, skip, 6, base64_std);
		add(f, "base64", b);
		reverse(back, buf_str(b));
		add(f, "reversed+base64", back);
		put_digits(b, v, skip, 6, base64_url);
		add(f, "base64", b);
	}
}

static void
add_base32(const struct forms *f, struct str v, struct buf *b,
    struct buf *lower)
{
	for (size_t skip = 0; skip < 5; skip++) {
		put_digits(b, v, skip, 5, base32_std);
		add(f, "base32", b);
		change_case(lower, buf_str(b), false);
		add(f, "base32", lower);
	}
}

static void
add_forms(const struct forms *f, struct str v)
{
	struct buf a, b;
	size_t first = f->m->needles.n;

	buf_init(&a, 4 * MAX_VALUE);
	buf_init(&b, 4 * MAX_VALUE);
	buf_put_str(&a, v);
	add(f, "raw", &a);
	reverse(&a, v);
	add(f, "reversed", &a);
	/* Words: "alice" in "malice" is nobody. */
	for (size_t i = first; f->identity && i < f->m->needles.n; i++)
		f->m->needles.v[i].word = true;
	if (v.n >= MIN_WEAK_FORM && !f->identity) {
		change_case(&a, v, false);
		add(f, "lower-case", &a);
		change_case(&a, v, true);
		add(f, "upper-case", &a);
	}
	buf_reset(&a);
	buf_put_hex(&a, v.p, v.n);
	add(f, "hex", &a);
	change_case(&b, buf_str(&a), true);
	add(f, "hex", &b);
	add_base64(f, v, &a, &b);
	add_base32(f, v, &a, &b);
	buf_done(&a);
	buf_done(&b);
}

/* h[i] ^ h[i+1] is the same for h and for h XORed with any one byte. */
static void
add_delta(struct canary_finder *f, int64_t canary, struct str v)
{
	struct buf b;

	if (v.n < MIN_WEAK_FORM)
		return;
	buf_init(&b, MAX_VALUE);
	for (size_t i = 0; i + 1 < v.n; i++)
		buf_putc(&b, (char)(v.p[i] ^ v.p[i + 1]));
	needle_add(&f->deltas, canary, false, "xor", buf_str(&b));
	buf_done(&b);
}

void
needles_make(struct canary_finder *f, int64_t canary, bool identity,
    struct str value)
{
	struct forms forms = {
		.m = identity ? &f->identities : &f->secrets,
		.canary = canary,
		.identity = identity,
		.least = identity ? MIN_IDENTITY : MIN_SECRET,
	};
	struct str rest = value, line;
	int lines = 0;

	value = str_sub(value, 0, MAX_VALUE);
	add_forms(&forms, value);
	if (identity)
		return;
	add_delta(f, canary, value);
	if (str_chr(value, '\n') < 0)
		return;
	while (str_cut(&rest, '\n', &line) && lines < MAX_LINES) {
		line = str_trim(line);
		if (line.n < MIN_LINE || str_starts(line, "-----"))
			continue;
		add_forms(&forms, line);
		add_delta(f, canary, line);
		lines++;
	}
}

void
matcher_done(struct matcher *m)
{
	for (size_t i = 0; i < m->needles.n; i++)
		free(m->needles.v[i].p);
	vec_done(&m->needles);
	free(m->shift);
	free(m->heads);
}
