/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packagist: PHP's version_compare() after a leading "v": dev < alpha = a <
 * beta = b < RC = rc < a number < pl = p; any other word is below them all.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

static bool
is_mark(char c)
{
	return c == '-' || c == '_' || c == '+';
}

static void
dot(struct buf *b)
{
	if (b->n != 0 && b->p[b->n - 1] != '.')
		buf_putc(b, '.');
}

static bool
is_word(char c)
{
	return !is_digit(c) && c != '.';
}

/* Dots at marks and at changes between digits and others. */
static void
canonical(struct str s, struct buf *out)
{
	char last = '\0';

	if (s.n != 0 && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = str_sub(s, 1, s.n);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (i == 0) {
			buf_putc(out, c);
		} else if (is_mark(c)) {
			dot(out);
		} else if ((is_word(last) && !is_mark(last) && is_digit(c)) ||
		    (is_digit(last) && is_word(c))) {
			dot(out);
			buf_putc(out, c);
		} else if (!is_digit(c) && !is_alpha(c)) {
			dot(out);
		} else {
			buf_putc(out, c);
		}
		last = c;
	}
}

static int
form(struct str s)
{
	static const struct {
		const char *word;
		int rank;
	} forms[] = { { "dev", 0 }, { "alpha", 1 }, { "a", 1 }, { "beta", 2 },
		{ "b", 2 }, { "RC", 3 }, { "rc", 3 }, { "#", 4 }, { "pl", 5 },
		{ "p", 5 } };

	for (size_t i = 0; i < N_ELEMENTS(forms); i++)
		if (str_starts(s, forms[i].word))
			return forms[i].rank;
	return -1;
}

static int
part_compare(struct str a, struct str b)
{
	bool na = all_digits(a), nb = all_digits(b);

	if (na && nb)
		return digits_compare(a, b);
	return sign(form(na ? STR_LIT("#") : a) - form(nb ? STR_LIT("#") : b));
}

/* What is left over: a number makes a version larger, a word as its form. */
static int
rest_compare(struct str part)
{
	return all_digits(part) ? 1 : sign(form(part) - form(STR_LIT("#")));
}

bool
version_php(struct str a, struct str b, int *ret)
{
	struct buf ba, bb;
	struct str sa, sb, pa, pb;
	bool more_a, more_b;

	/* A dot before each byte at most: nothing is cut off. */
	buf_init(&ba, 2 * a.n + 16);
	buf_init(&bb, 2 * b.n + 16);
	canonical(a, &ba);
	canonical(b, &bb);
	sa = buf_str(&ba);
	sb = buf_str(&bb);
	for (*ret = 0; *ret == 0;) {
		more_a = str_cut(&sa, '.', &pa);
		more_b = str_cut(&sb, '.', &pb);
		if (!more_a && !more_b)
			break;
		if (more_a && more_b)
			*ret = part_compare(pa, pb);
		else if (more_a)
			*ret = rest_compare(pa);
		else
			*ret = -rest_compare(pb);
		if (more_a != more_b)
			break;
	}
	buf_done(&ba);
	buf_done(&bb);
	return true;
}
