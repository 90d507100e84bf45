/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SemVer 2.0.0 read leniently: a leading "v", any count of numbers (missing
 * ones are 0, those past the expected count belong to the suffix), anything
 * as a suffix. The suffix orders as a pre-release (§11); "+build" does not
 * count, except in Pub.
 */
#include <stdbool.h>

#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

#define MAX_NUMBERS 256

struct loose {
	struct str numbers[MAX_NUMBERS];
	size_t n;
	struct str rest; /* from the first character that is no number or dot */
};

static bool
parse(struct str s, struct loose *ret)
{
	if (str_starts(s, "v"))
		s = str_sub(s, 1, s.n);
	ret->n = 0;
	while (s.n != 0 && (is_digit(s.p[0]) || s.p[0] == '.')) {
		if (s.p[0] == '.') {
			s = str_sub(s, 1, s.n);
			continue;
		}
		if (ret->n == MAX_NUMBERS)
			return false;
		ret->numbers[ret->n++] = take_while(&s, is_digit);
	}
	ret->rest = s;
	return true;
}

/* The suffix as a sequence of identifiers: those of the rest (cut at '+'),
 * then the numbers past `max`, each behind a dot: where the rest is empty, an
 * empty identifier comes before them. */
struct suffix {
	struct str text; /* what is left of the rest */
	bool more; /* text has not ended */
	const struct loose *v;
	size_t next; /* index of the next number */
};

static struct suffix
suffix_of(const struct loose *v, size_t max)
{
	ptrdiff_t plus = str_chr(v->rest, '+');
	struct str text =
	    plus >= 0 ? str_sub(v->rest, 0, (size_t)plus) : v->rest;
	/* What "+" cuts off includes the numbers that would be appended. */
	size_t next = plus >= 0 ? v->n : MIN_OF(max, v->n);

	/* The hyphen that begins a pre-release is no part of it: "-2" would be
	 * a word otherwise, and after "-11". */
	if (str_starts(text, "-"))
		text = str_sub(text, 1, text.n);
	return (struct suffix){ text, text.n != 0 || next < v->n, v, next };
}

static bool
suffix_empty(const struct suffix *s)
{
	return !s->more;
}

static bool
suffix_next(struct suffix *s, struct str *ret)
{
	if (s->more) {
		if (!str_cut(&s->text, '.', ret))
			*ret = STR_LIT("");
		s->more = s->text.p != NULL;
		return true;
	}
	if (s->next >= s->v->n)
		return false;
	*ret = s->v->numbers[s->next++];
	return true;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* As str_cmp() would have it of both in lower case. */
static int
folded_compare(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int d =
		    (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);

		if (d != 0)
			return sign(d);
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int
identifier_compare(struct str a, struct str b, bool fold)
{
	bool na = all_digits(a), nb = all_digits(b);

	if (na && nb)
		return digits_compare(a, b);
	if (na != nb)
		return na ? -1 : 1;
	return fold ? folded_compare(a, b) : sign(str_cmp(a, b));
}

static int
suffix_compare(struct suffix a, struct suffix b, bool fold)
{
	struct str ia, ib;
	bool more_a, more_b;
	int d;

	if (suffix_empty(&a) || suffix_empty(&b))
		return suffix_empty(&a) - suffix_empty(&b);
	for (;;) {
		more_a = suffix_next(&a, &ia);
		more_b = suffix_next(&b, &ib);
		if (!more_a || !more_b)
			return more_a - more_b;
		d = identifier_compare(ia, ib, fold);
		if (d != 0)
			return d;
	}
}

static int
numbers_compare(const struct loose *a, const struct loose *b, size_t max)
{
	int d = 0;

	for (size_t i = 0; i < max && d == 0; i++)
		d = digits_compare(i < a->n ? a->numbers[i] : STR_LIT("0"),
		    i < b->n ? b->numbers[i] : STR_LIT("0"));
	return d;
}

static bool
compare(struct str a, struct str b, size_t max, bool fold, int *ret)
{
	struct loose va, vb;

	if (!parse(a, &va) || !parse(b, &vb))
		return false;
	*ret = numbers_compare(&va, &vb, max);
	if (*ret == 0)
		*ret = suffix_compare(suffix_of(&va, max), suffix_of(&vb, max),
		    fold);
	return true;
}

bool
version_semver(struct str a, struct str b, int *ret)
{
	return compare(a, b, 3, false, ret);
}

bool
version_nuget(struct str a, struct str b, int *ret)
{
	return compare(a, b, 4, true, ret);
}

static struct str
build_of(struct str v)
{
	ptrdiff_t plus = str_chr(v, '+');

	return plus < 0 ? STR_LIT("") : str_sub(v, (size_t)plus + 1, v.n);
}

bool
version_pub(struct str a, struct str b, int *ret)
{
	if (!compare(a, b, 3, false, ret))
		return false;
	if (*ret == 0)
		*ret = sign(str_cmp(build_of(a), build_of(b)));
	return true;
}

/* Dot-separated identifiers of [0-9A-Za-z-]; numbers without leading zeros
 * where `numeric` says that numbers are numbers. */
static bool
identifiers_valid(struct str s, bool numeric)
{
	struct str part;

	while (str_cut(&s, '.', &part)) {
		if (part.n == 0)
			return false;
		for (size_t i = 0; i < part.n; i++)
			if (!is_digit(part.p[i]) && !is_alpha(part.p[i]) &&
			    part.p[i] != '-')
				return false;
		if (numeric && part.n > 1 && part.p[0] == '0' &&
		    all_digits(part))
			return false;
	}
	return true;
}

bool
version_semver_valid(struct str v)
{
	struct str number, build = STR_NONE, pre = STR_NONE;
	ptrdiff_t at = str_chr(v, '+');
	int n = 0;

	if (at >= 0) {
		build = str_sub(v, (size_t)at + 1, v.n);
		v = str_sub(v, 0, (size_t)at);
	}
	at = str_chr(v, '-');
	if (at >= 0) {
		pre = str_sub(v, (size_t)at + 1, v.n);
		v = str_sub(v, 0, (size_t)at);
	}
	while (str_cut(&v, '.', &number)) {
		if (!all_digits(number) || (number.n > 1 && number.p[0] == '0'))
			return false;
		n++;
	}
	return n == 3 && identifiers_valid(pre, true) &&
	    identifiers_valid(build, false);
}
