/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maven's version order specification (POM reference, as of Maven 3.9):
 * tokens between '.' and '-' and at changes between digits and others; empty
 * tokens are 0; null values at the end of each hyphen's run do not count; the
 * shorter version is padded with null values. A word after '.' comes before
 * one after '-', as OSV has it; Maven's own program takes them for the same.
 */
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

#define MAX_TOKENS 512

struct token {
	char prefix; /* '.' or '-' */
	struct str text;
	bool before_digit; /* a qualifier with a number right behind it */
};

struct maven {
	struct token v[MAX_TOKENS];
	size_t n;
};

static bool
is_word(char c)
{
	return !is_digit(c) && c != '.' && c != '-';
}

static bool
is_null(const struct token *t)
{
	static const char *const words[] = { "", "final", "ga", "release" };

	if (all_digits(t->text))
		return digits_compare(t->text, STR_LIT("0")) == 0;
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (str_eq_nocase(t->text, str_of(words[i])))
			return true;
	return false;
}

/* One token, and in *ret_next the prefix of the one after it. */
static struct token
take(struct str *s, char prefix, char *ret_next)
{
	struct token t = { .prefix = prefix };

	t.text = s->n != 0 && is_digit(s->p[0]) ? take_while(s, is_digit) :
						  take_while(s, is_word);
	*ret_next = '-'; /* a change between digits and others */
	if (s->n != 0 && (is_digit(s->p[0]) || is_word(s->p[0]))) {
		t.before_digit = !all_digits(t.text);
	} else if (s->n != 0) {
		*ret_next = s->p[0] == '.' ? '.' : '-';
		*s = str_sub(*s, 1, s->n);
		if (s->n == 0)
			*s = str_n("", 0); /* one more, empty token */
	} else {
		*s = STR_NONE;
	}
	if (t.text.n == 0)
		t.text = STR_LIT("0");
	return t;
}

/* Drops null tokens at the end, and at the end of each run before a '-'. */
static void
trim(struct maven *m)
{
	size_t end = m->n;

	while (end > 1) {
		size_t from = end;

		while (from > 1 && is_null(&m->v[from - 1]))
			from--;
		memmove(&m->v[from], &m->v[end],
		    (m->n - end) * sizeof(m->v[0]));
		m->n -= end - from;
		/* On to the hyphen before: its run ends where it stands. */
		end = from;
		while (end > 1 && m->v[end - 1].prefix != '-')
			end--;
		end = end > 1 ? end - 1 : 0;
	}
}

static bool
parse(struct str s, struct maven *m)
{
	char prefix = '.', next;

	m->n = 0;
	if (s.p == NULL)
		s = STR_LIT("");
	while (s.p != NULL) {
		if (m->n == MAX_TOKENS)
			return false;
		m->v[m->n++] = take(&s, prefix, &next);
		prefix = next;
	}
	trim(m);
	return true;
}

/* Place among the known qualifiers; the unknown ones come after them all. */
static int
rank(const struct token *t)
{
	static const struct {
		const char *word;
		int rank;
	} words[] = { { "alpha", 0 }, { "beta", 1 }, { "milestone", 2 },
		{ "rc", 3 }, { "cr", 3 }, { "snapshot", 4 }, { "", 5 },
		{ "final", 5 }, { "ga", 5 }, { "release", 5 }, { "sp", 6 } };
	static const char shorts[] = "abm";

	if (t->before_digit && t->text.n == 1)
		for (int i = 0; i < 3; i++)
			if ((t->text.p[0] | 32) == shorts[i])
				return i;
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (str_eq_nocase(t->text, str_of(words[i].word)))
			return words[i].rank;
	return 7;
}

static int
nocase_compare(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		char ca = is_alpha(a.p[i]) ? (char)(a.p[i] | 32) : a.p[i];
		char cb = is_alpha(b.p[i]) ? (char)(b.p[i] | 32) : b.p[i];

		if (ca != cb)
			return sign((unsigned char)ca - (unsigned char)cb);
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* ".word" < "-word" < "-number" < ".number" */
static int
place(const struct token *t, bool number)
{
	if (number)
		return t->prefix == '-' ? 2 : 3;
	return t->prefix == '-' ? 1 : 0;
}

static int
token_compare(const struct token *a, const struct token *b)
{
	bool na = all_digits(a->text), nb = all_digits(b->text);
	int d;

	if (a->prefix != b->prefix)
		return place(a, na) - place(b, nb);
	if (na && nb)
		return digits_compare(a->text, b->text);
	if (na != nb)
		return na ? 1 : -1;
	d = sign(rank(a) - rank(b));
	return d != 0 || rank(a) != 7 ? d : nocase_compare(a->text, b->text);
}

bool
version_maven(struct str a, struct str b, int *ret)
{
	struct maven ma, mb;
	struct token pad = { 0 };

	if (!parse(a, &ma) || !parse(b, &mb))
		return false;
	*ret = 0;
	for (size_t i = 0; *ret == 0 && (i < ma.n || i < mb.n); i++) {
		const struct token *ta = i < ma.n ? &ma.v[i] : NULL;
		const struct token *tb = i < mb.n ? &mb.v[i] : NULL;
		const struct token *other = ta != NULL ? ta : tb;

		/* The null value of the other one's kind. */
		pad.prefix = other->prefix;
		pad.text = all_digits(other->text) && other->prefix == '.' ?
		    STR_LIT("0") :
		    STR_LIT("");
		if (ta == NULL)
			ta = &pad;
		if (tb == NULL)
			tb = &pad;
		*ret = token_compare(ta, tb);
	}
	return true;
}
