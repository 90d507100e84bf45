/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PyPI: PEP 440, and below all of it what PEP 440 does not allow, in the old
 * order of setuptools.
 */
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

enum pre_kind {
	PRE_A = 0,
	PRE_B = 1,
	PRE_RC = 2,
};

struct pep440 {
	struct str epoch, release, local; /* release: digits and dots */
	bool has_pre, has_post, has_dev, has_local;
	enum pre_kind pre;
	struct str pre_n, post_n, dev_n; /* digits, possibly empty: 0 */
};

struct word {
	const char *text;
	int kind;
};

static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
take_word(struct str *s, const struct word *words, size_t n, int *ret_kind)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(words[i].text);

		if (s->n < len ||
		    !str_eq_nocase(str_sub(*s, 0, len), str_of(words[i].text)))
			continue;
		*s = str_sub(*s, len, s->n);
		*ret_kind = words[i].kind;
		return true;
	}
	return false;
}

/* [-_.]? word [-_.]? digits? — leaves *s alone when the word is not there. */
static bool
take_segment(struct str *s, const struct word *words, size_t n, int *ret_kind,
    struct str *ret_number)
{
	struct str t = *s;

	if (t.n != 0 && is_separator(t.p[0]))
		t = str_sub(t, 1, t.n);
	if (!take_word(&t, words, n, ret_kind))
		return false;
	/* Also without a number behind it: "1.0b-" is 1.0b0. */
	if (t.n != 0 && is_separator(t.p[0]))
		t = str_sub(t, 1, t.n);
	*ret_number = take_while(&t, is_digit);
	*s = t;
	return true;
}

static bool
take_release(struct str *s, struct pep440 *v)
{
	const char *from = s->p;
	struct str digits = take_while(s, is_digit);

	if (digits.n == 0)
		return false;
	while (s->n > 1 && s->p[0] == '.' && is_digit(s->p[1])) {
		*s = str_sub(*s, 1, s->n);
		(void)take_while(s, is_digit);
	}
	v->release = str_n(from, (size_t)(s->p - from));
	return true;
}

static bool
take_local(struct str *s, struct pep440 *v)
{
	bool empty = true;

	if (s->n == 0 || s->p[0] != '+')
		return s->n == 0;
	v->has_local = true;
	v->local = str_sub(*s, 1, s->n);
	for (size_t i = 0; i < v->local.n; i++) {
		if (is_separator(v->local.p[i])) {
			if (empty)
				return false;
			empty = true;
		} else if (is_digit(v->local.p[i]) || is_alpha(v->local.p[i])) {
			empty = false;
		} else {
			return false;
		}
	}
	return !empty;
}

static void
take_post(struct str *s, struct pep440 *v)
{
	static const struct word words[] = { { "post", 0 }, { "rev", 0 },
		{ "r", 0 } };
	struct str t = *s;
	int kind;

	v->has_post =
	    take_segment(s, words, N_ELEMENTS(words), &kind, &v->post_n);
	if (v->has_post || t.n < 2 || t.p[0] != '-' || !is_digit(t.p[1]))
		return;
	*s = str_sub(t, 1, t.n);
	v->post_n = take_while(s, is_digit);
	v->has_post = true;
}

static bool
parse(struct str s, struct pep440 *v)
{
	static const struct word pre[] = { { "alpha", PRE_A },
		{ "beta", PRE_B }, { "preview", PRE_RC }, { "pre", PRE_RC },
		{ "rc", PRE_RC }, { "a", PRE_A }, { "b", PRE_B },
		{ "c", PRE_RC } };
	static const struct word dev[] = { { "dev", 0 } };
	struct str t;
	int kind = 0;

	*v = (struct pep440){ .epoch = STR_NONE };
	s = str_trim(s);
	if (s.n != 0 && lower(s.p[0]) == 'v')
		s = str_sub(s, 1, s.n);
	t = s;
	v->epoch = take_while(&t, is_digit);
	if (v->epoch.n != 0 && t.n != 0 && t.p[0] == '!')
		s = str_sub(t, 1, t.n);
	else
		v->epoch = STR_NONE;
	if (!take_release(&s, v))
		return false;
	v->has_pre = take_segment(&s, pre, N_ELEMENTS(pre), &kind, &v->pre_n);
	v->pre = (enum pre_kind)kind;
	take_post(&s, v);
	v->has_dev = take_segment(&s, dev, N_ELEMENTS(dev), &kind, &v->dev_n);
	return take_local(&s, v);
}

static int
release_compare(struct str a, struct str b)
{
	struct str pa, pb;
	bool more_a, more_b;
	int d = 0;

	while (d == 0) {
		more_a = str_cut(&a, '.', &pa);
		more_b = str_cut(&b, '.', &pb);
		if (!more_a && !more_b)
			break;
		d = digits_compare(more_a ? pa : STR_LIT("0"),
		    more_b ? pb : STR_LIT("0"));
	}
	return d;
}

/* Where a version without a pre-release stands: before all when it is only a
 * dev release, otherwise after all. */
static int
pre_rank(const struct pep440 *v)
{
	if (v->has_pre)
		return (int)v->pre;
	return !v->has_post && v->has_dev ? -1 : 3;
}

static bool
cut_local(struct str *s, struct str *ret)
{
	size_t i = 0;

	if (s->p == NULL)
		return false;
	while (i < s->n && !is_separator(s->p[i]))
		i++;
	*ret = str_sub(*s, 0, i);
	*s = i < s->n ? str_sub(*s, i + 1, s->n) : STR_NONE;
	return true;
}

static int
local_part_compare(struct str a, struct str b)
{
	bool na = all_digits(a), nb = all_digits(b);
	int d;

	if (na && nb)
		return digits_compare(a, b);
	if (na != nb)
		return na ? 1 : -1;
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		d = lower(a.p[i]) - lower(b.p[i]);
		if (d != 0)
			return sign(d);
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int
local_compare(const struct pep440 *a, const struct pep440 *b)
{
	struct str la = a->local, lb = b->local, pa, pb;
	bool more_a, more_b;
	int d;

	if (!a->has_local || !b->has_local)
		return a->has_local - b->has_local;
	for (;;) {
		more_a = cut_local(&la, &pa);
		more_b = cut_local(&lb, &pb);
		if (!more_a || !more_b)
			return more_a - more_b;
		d = local_part_compare(pa, pb);
		if (d != 0)
			return d;
	}
}

static int
valid_compare(const struct pep440 *a, const struct pep440 *b)
{
	int d = digits_compare(a->epoch, b->epoch);

	if (d == 0)
		d = release_compare(a->release, b->release);
	if (d == 0)
		d = sign(pre_rank(a) - pre_rank(b));
	if (d == 0 && a->has_pre)
		d = digits_compare(a->pre_n, b->pre_n);
	if (d == 0)
		d = a->has_post - b->has_post;
	if (d == 0)
		d = digits_compare(a->post_n, b->post_n);
	if (d == 0)
		d = b->has_dev - a->has_dev;
	if (d == 0)
		d = digits_compare(a->dev_n, b->dev_n);
	return d != 0 ? d : local_compare(a, b);
}

/* --- the old order ---------------------------------------------------- */

#define LEGACY_PARTS 512
#define LEGACY_BYTES 512 /* one part a byte at most: none is left out */

struct legacy {
	struct str parts[LEGACY_PARTS];
	size_t n;
	struct buf room;
};

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_odd(char c)
{
	return !is_digit(c) && !is_lower(c) && c != '.' && c != '-';
}

static const char *
replacement(struct str part)
{
	static const char *const table[][2] = { { "pre", "c" },
		{ "preview", "c" }, { "-", "final-" }, { "rc", "c" },
		{ "dev", "@" } };

	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (str_is(part, table[i][0]))
			return table[i][1];
	return NULL;
}

static void
drop_while(struct legacy *l, const char *part)
{
	while (l->n != 0 && str_is(l->parts[l->n - 1], part))
		l->n--;
}

/* Numbers padded to eight digits, words behind a star: so they compare as
 * strings, with "final" in its place among the words. */
static void
legacy_push(struct legacy *l, struct str part)
{
	size_t from = l->room.n;
	const char *other = replacement(part);
	struct str s;

	if (l->n == LEGACY_PARTS)
		return;
	if (is_digit(part.p[0]))
		buf_printf(&l->room, "%.*s%.*s",
		    (int)(part.n < 8 ? 8 - part.n : 0), "00000000",
		    STR_ARG(part));
	else if (other != NULL)
		buf_printf(&l->room, "*%s", other);
	else
		buf_printf(&l->room, "*%.*s", STR_ARG(part));
	/* The buffer was made large enough: it does not move. */
	s = str_n(l->room.p + from, l->room.n - from);
	if (s.n != 0 && s.p[0] == '*') {
		if (str_cmp(s, STR_LIT("*final")) < 0)
			drop_while(l, "*final-");
		drop_while(l, "00000000");
	}
	l->parts[l->n++] = s;
}

static void
legacy_parse(struct str v, struct legacy *l)
{
	char folded[LEGACY_BYTES];
	struct str s, part;
	size_t n = MIN_OF(v.n, sizeof(folded));

	for (size_t i = 0; i < n; i++)
		folded[i] = lower(v.p[i]);
	s = str_n(folded, n);
	l->n = 0;
	buf_init(&l->room, 16384);
	(void)buf_reserve(&l->room, 16000);
	while (s.n != 0) {
		if (s.p[0] == '.' || s.p[0] == '-') {
			part = str_sub(s, 0, 1);
			s = str_sub(s, 1, s.n);
		} else if (is_digit(s.p[0])) {
			part = take_while(&s, is_digit);
		} else {
			part = take_while(&s,
			    is_lower(s.p[0]) ? is_lower : is_odd);
		}
		if (!str_is(part, "."))
			legacy_push(l, part);
	}
	legacy_push(l, STR_LIT("final"));
}

static int
legacy_compare(struct str a, struct str b)
{
	struct legacy la = { .n = 0 }, lb = { .n = 0 };
	int d = 0;

	legacy_parse(a, &la);
	legacy_parse(b, &lb);
	for (size_t i = 0; d == 0 && i < la.n && i < lb.n; i++)
		d = sign(str_cmp(la.parts[i], lb.parts[i]));
	if (d == 0)
		d = (la.n > lb.n) - (la.n < lb.n);
	buf_done(&la.room);
	buf_done(&lb.room);
	return d;
}

bool
version_pep440(struct str a, struct str b, int *ret)
{
	struct pep440 va, vb;
	bool good_a, good_b;

	good_a = parse(a, &va);
	good_b = parse(b, &vb);
	if (!good_a && !good_b && (a.n > LEGACY_BYTES || b.n > LEGACY_BYTES))
		return false;
	if (good_a != good_b)
		*ret = good_a ? 1 : -1;
	else
		*ret = good_a ? valid_compare(&va, &vb) : legacy_compare(a, b);
	return true;
}
