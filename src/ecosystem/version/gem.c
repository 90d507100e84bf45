/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RubyGems: runs of digits and runs of letters; letters before numbers;
 * missing parts are 0; zeros at the end, and before the first letter, do not
 * count; "-" starts a pre-release. What Gem::Version refuses OSV orders all the
 * same: whatever is no digit and no dot is a letter then, also "-".
 */
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

#define MAX_PARTS 256

struct gem {
	struct str parts[MAX_PARTS];
	size_t n;
};

static bool
is_zero(struct str s)
{
	return all_digits(s) && digits_compare(s, STR_LIT("0")) == 0;
}

static void
drop_zeros(struct gem *g)
{
	while (g->n != 0 && is_zero(g->parts[g->n - 1]))
		g->n--;
}

static bool
push(struct gem *g, struct str part)
{
	if (g->n == MAX_PARTS)
		return false;
	g->parts[g->n++] = part;
	return true;
}

static bool
is_other(char c)
{
	return !is_digit(c) && c != '.';
}

/* What is no gem version: between dots, runs of digits and runs of all else;
 * nothing between two dots is a word as well. */
static bool
parse_odd(struct str s, struct gem *g)
{
	bool letters = false, ok = true;
	struct str part, run;

	g->n = 0;
	while (ok && str_cut(&s, '.', &part)) {
		do {
			bool digits = part.n != 0 && is_digit(part.p[0]);

			run = take_while(&part, digits ? is_digit : is_other);
			if (!digits && !letters)
				drop_zeros(g);
			letters = letters || !digits;
			ok = push(g, run);
		} while (ok && part.n != 0);
	}
	drop_zeros(g);
	return ok;
}

static bool
parse(struct str s, struct gem *g)
{
	bool letters = false, ok = true;

	g->n = 0;
	while (s.n != 0 && ok) {
		if (is_digit(s.p[0])) {
			ok = push(g, take_while(&s, is_digit));
			continue;
		}
		if (!is_alpha(s.p[0]) && s.p[0] != '-') {
			s = str_sub(s, 1, s.n);
			continue;
		}
		if (!letters)
			drop_zeros(g);
		letters = true;
		if (s.p[0] == '-') {
			s = str_sub(s, 1, s.n);
			ok = push(g, STR_LIT("pre"));
		} else {
			ok = push(g, take_while(&s, is_alpha));
		}
	}
	drop_zeros(g);
	return ok;
}

static int
part_compare(struct str a, struct str b)
{
	bool na = all_digits(a), nb = all_digits(b);

	if (na && nb)
		return digits_compare(a, b);
	if (na != nb)
		return na ? 1 : -1;
	return sign(str_cmp(a, b));
}

static bool
is_word(char c)
{
	return is_digit(c) || is_alpha(c);
}

static bool
is_word_or_dash(char c)
{
	return is_word(c) || c == '-';
}

/* Parts with a dot between them, none of them empty. */
static bool
take_parts(struct str *s, bool (*in_part)(char c))
{
	for (;;) {
		if (take_while(s, in_part).n == 0)
			return false;
		if (s->n == 0 || s->p[0] != '.')
			return true;
		*s = str_sub(*s, 1, s->n);
	}
}

/* What Gem::Version takes: a number first, then parts, then "-" and parts that
 * may have more of them; nothing at all is 0. */
static bool
is_correct(struct str s)
{
	s = str_trim(s);
	if (s.n == 0)
		return true;
	if (take_while(&s, is_digit).n == 0)
		return false;
	if (s.n != 0 && s.p[0] == '.') {
		s = str_sub(s, 1, s.n);
		if (!take_parts(&s, is_word))
			return false;
	}
	if (s.n != 0 && s.p[0] == '-') {
		s = str_sub(s, 1, s.n);
		if (!take_parts(&s, is_word_or_dash))
			return false;
	}
	return s.n == 0;
}

bool
version_gem(struct str a, struct str b, int *ret)
{
	struct gem ga, gb;

	if (!(is_correct(a) ? parse : parse_odd)(a, &ga) ||
	    !(is_correct(b) ? parse : parse_odd)(b, &gb))
		return false;
	*ret = 0;
	for (size_t i = 0; *ret == 0 && (i < ga.n || i < gb.n); i++)
		*ret = part_compare(i < ga.n ? ga.parts[i] : STR_LIT("0"),
		    i < gb.n ? gb.parts[i] : STR_LIT("0"));
	return true;
}
