/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges: alternatives ("||") of comparators that all must hold. Every
 * spelling (^, ~, x, hyphen) is rewritten to plain comparators on parsing.
 * Pure.
 */
#include <errno.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/semver.h"
#include "ecosystem/npm/semver_priv.h"

/* Real ranges have a handful; the longest known below a hundred. */
#define MAX_COMPARATORS 1024
#define MAX_RANGE_BYTES (16 * KIB)

enum op {
	OP_ANY,
	OP_NONE, /* never holds: ">*" */
	OP_EQ,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP__MAX
};

struct comparator {
	enum op op;
	struct semver v;
	size_t alternative; /* comparators of one alternative are together */
};

struct semver_range {
	struct comparator *v;
	size_t n, max, n_alternatives;
};

/* "1", "1.x", "1.2.3-rc": what is given, the rest is open. */
struct partial {
	struct semver v;
	int given; /* 0 (*), 1, 2 or 3 numbers */
};

static void
add(struct semver_range *r, enum op op, const struct semver *v)
{
	struct comparator *c;

	if (r->n == r->max)
		return; /* range_full() tells */
	c = &r->v[r->n++];
	c->op = op;
	c->alternative = r->n_alternatives - 1;
	if (v != NULL)
		c->v = *v;
	c->v.build = STR_NONE;
}

/* Below every version of that triple, prereleases included: "<2.0.0-0". */
static void
add_below(struct semver_range *r, uint64_t major, uint64_t minor,
    uint64_t patch)
{
	struct semver v = { major, minor, patch, STR_LIT("0"), STR_NONE };

	add(r, OP_LT, &v);
}

static bool
is_wildcard(struct str s)
{
	return str_is(s, "x") || str_is(s, "X") || str_is(s, "*");
}

static int
partial_parse(struct str s, struct partial *ret)
{
	struct partial p = { 0 };
	uint64_t *numbers[] = { &p.v.major, &p.v.minor, &p.v.patch };
	struct str part;
	int i = 0;
	bool open = false;

	while (s.n != 0 && (s.p[0] == 'v' || s.p[0] == '='))
		s = str_trim(str_sub(s, 1, s.n));
	if (semver_split_tail(&s, &p.v.prerelease, &p.v.build) != 0)
		return -EINVAL;
	if (s.n == 0)
		return -EINVAL;
	for (; str_cut(&s, '.', &part); i++) {
		if (i == 3)
			return -EINVAL;
		open = open || is_wildcard(part);
		if (is_wildcard(part))
			continue;
		if (semver_number(part, numbers[i]) != 0)
			return -EINVAL;
		if (!open)
			p.given = i + 1;
		else
			*numbers[i] = 0;
	}
	if (p.given < 3)
		p.v.prerelease = STR_NONE;
	*ret = p;
	return 0;
}

static void
add_tilde(struct semver_range *r, const struct partial *p)
{
	if (p->given == 0) {
		add(r, OP_ANY, NULL);
		return;
	}
	add(r, OP_GE, &p->v);
	if (p->given == 1)
		add_below(r, p->v.major + 1, 0, 0);
	else
		add_below(r, p->v.major, p->v.minor + 1, 0);
}

/* The leftmost number that is not zero must stay. */
static void
add_caret(struct semver_range *r, const struct partial *p)
{
	if (p->given == 0) {
		add(r, OP_ANY, NULL);
		return;
	}
	add(r, OP_GE, &p->v);
	if (p->v.major != 0 || p->given == 1)
		add_below(r, p->v.major + 1, 0, 0);
	else if (p->v.minor != 0 || p->given == 2)
		add_below(r, 0, p->v.minor + 1, 0);
	else
		add_below(r, 0, 0, p->v.patch + 1);
}

/* The first version after everything that p covers: 1 → 2.0.0. */
static struct semver
after(const struct partial *p)
{
	struct semver v = { p->v.major, p->v.minor, 0, STR_NONE, STR_NONE };

	if (p->given == 1) {
		v.major++;
		v.minor = 0;
	} else {
		v.minor++;
	}
	return v;
}

/* Plain operators on a version that is not whole. */
static void
add_open(struct semver_range *r, enum op op, const struct partial *p)
{
	struct semver next = after(p);

	if (p->given == 0) {
		add(r, op == OP_LT || op == OP_GT ? OP_NONE : OP_ANY, NULL);
		return;
	}
	switch (op) {
	case OP_GE:
		add(r, OP_GE, &p->v);
		return;
	case OP_GT:
		add(r, OP_GE, &next);
		return;
	case OP_LT:
		add_below(r, p->v.major, p->v.minor, 0);
		return;
	case OP_LE:
		add_below(r, next.major, next.minor, 0);
		return;
	case OP_EQ:
		add(r, OP_GE, &p->v);
		add_below(r, next.major, next.minor, 0);
		return;
	case OP_ANY:
	case OP_NONE:
	case OP__MAX:
		return;
	}
}

static const struct {
	const char *text; /* longer ones first */
	enum op op;
	void (*special)(struct semver_range *, const struct partial *);
} operators[] = {
	{ ">=", OP_GE, NULL },
	{ "<=", OP_LE, NULL },
	{ "~>", OP_ANY, add_tilde },
	{ ">", OP_GT, NULL },
	{ "<", OP_LT, NULL },
	{ "=", OP_EQ, NULL },
	{ "~", OP_ANY, add_tilde },
	{ "^", OP_ANY, add_caret },
	{ "", OP_EQ, NULL },
};

/* Takes the operator off *s: its row. */
static size_t
take_operator(struct str *s)
{
	size_t i = 0;

	while (!str_starts(*s, operators[i].text))
		i++;
	*s = str_sub(*s, strlen(operators[i].text), s->n);
	return i;
}

static struct str
skip_space(struct str s)
{
	while (s.n != 0 && strchr(" \t\r\n", s.p[0]) != NULL)
		s = str_sub(s, 1, s.n);
	return s;
}

/* The next word of *s; n 0 at the end. */
static struct str
take_word(struct str *s)
{
	struct str word;
	size_t n = 0;

	*s = skip_space(*s);
	while (n < s->n && strchr(" \t\r\n", s->p[n]) == NULL)
		n++;
	word = str_sub(*s, 0, n);
	*s = str_sub(*s, n, s->n);
	return word;
}

static int
add_word(struct semver_range *r, size_t row, struct str word)
{
	struct partial p;

	if (partial_parse(word, &p) != 0)
		return -EINVAL;
	if (operators[row].special != NULL)
		operators[row].special(r, &p);
	else if (p.given == 3)
		add(r, operators[row].op, &p.v);
	else
		add_open(r, operators[row].op, &p);
	return 0;
}

/* "A - B": 1 when it is one. */
static int
parse_hyphen(struct semver_range *r, struct str s)
{
	ptrdiff_t at = str_find(s, STR_LIT(" - "));
	struct partial low, high;

	if (at < 0)
		return 0;
	if (partial_parse(str_trim(str_sub(s, 0, (size_t)at)), &low) != 0 ||
	    partial_parse(str_trim(str_sub(s, (size_t)at + 3, s.n)), &high) !=
		0)
		return -EINVAL;
	add_open(r, OP_GE, &low);
	if (high.given == 3)
		add(r, OP_LE, &high.v);
	else
		add_open(r, OP_LE, &high);
	return 1;
}

static int
parse_alternative(struct semver_range *r, struct str s)
{
	struct str word;
	size_t row;
	int rc;

	r->n_alternatives++;
	s = str_trim(s);
	if (s.n == 0) {
		add(r, OP_ANY, NULL);
		return 0;
	}
	rc = parse_hyphen(r, s);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	for (s = skip_space(s); s.n != 0; s = skip_space(s)) {
		row = take_operator(&s);
		word = take_word(&s); /* ">= 1" has a space */
		/* ">=" alone is an operator without a version. */
		if (word.n == 0 || add_word(r, row, word) != 0)
			return -EINVAL;
	}
	return 0;
}

int
semver_range_parse(struct arena *a, struct str s, struct semver_range **ret,
    struct error *err)
{
	struct semver_range *r = arena_alloc(a, sizeof(*r));
	struct str whole = s, part;
	ptrdiff_t at;
	int rc = 0;

	if (s.n > MAX_RANGE_BYTES)
		return error_set(err, -EINVAL, "a range of %zu bytes", s.n);
	/* At most two comparators come from two bytes of text. */
	r->max = MIN_OF(s.n + 2, (size_t)MAX_COMPARATORS);
	r->v = arena_array(a, r->max, sizeof(*r->v));
	do {
		at = str_find(s, STR_LIT("||"));
		part = at < 0 ? s : str_sub(s, 0, (size_t)at);
		s = at < 0 ? STR_NONE : str_sub(s, (size_t)at + 2, s.n);
		rc = parse_alternative(r, part);
	} while (rc == 0 && at >= 0);
	if (rc != 0 || r->n == r->max)
		return error_set(err, -EINVAL, "\"%.*s\" is no version range",
		    STR_ARG(str_sub(whole, 0, 100)));
	*ret = r;
	return 0;
}

static bool
holds(const struct comparator *c, const struct semver *v)
{
	int order = semver_compare(v, &c->v);

	switch (c->op) {
	case OP_ANY:
		return true;
	case OP_EQ:
		return order == 0;
	case OP_LT:
		return order < 0;
	case OP_LE:
		return order <= 0;
	case OP_GT:
		return order > 0;
	case OP_GE:
		return order >= 0;
	case OP_NONE:
	case OP__MAX:
		return false;
	}
	return false;
}

/* A prerelease is meant only by who names a prerelease of the same triple. */
static bool
names_prerelease(const struct comparator *c, const struct semver *v)
{
	return c->op != OP_ANY && c->v.prerelease.n != 0 &&
	    c->v.major == v->major && c->v.minor == v->minor &&
	    c->v.patch == v->patch;
}

bool
semver_range_has(const struct semver_range *r, const struct semver *v,
    bool include_prerelease)
{
	size_t i = 0, alternative;
	bool all, named;

	while (i < r->n) {
		alternative = r->v[i].alternative;
		all = true;
		named = include_prerelease || v->prerelease.n == 0;
		for (; i < r->n && r->v[i].alternative == alternative; i++) {
			all = all && holds(&r->v[i], v);
			named = named || names_prerelease(&r->v[i], v);
		}
		if (all && named)
			return true;
	}
	return false;
}
