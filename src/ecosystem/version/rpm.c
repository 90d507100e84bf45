/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RPM: epoch, version, release, each by rpmvercmp: runs of letters or digits,
 * numbers above letters, '~' before the end, '^' after it but before anything
 * else.
 */
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

static bool
is_noise(char c)
{
	return !is_digit(c) && !is_alpha(c) && c != '~' && c != '^';
}

/* Both begin, or one of them begins, with mark: decided (true), or skipped. */
static bool
mark_compare(struct str *a, struct str *b, char mark, int *ret)
{
	bool in_a = a->n != 0 && a->p[0] == mark;
	bool in_b = b->n != 0 && b->p[0] == mark;

	*ret = 0;
	if (!in_a && !in_b)
		return false;
	if (in_a && in_b) {
		*a = str_sub(*a, 1, a->n);
		*b = str_sub(*b, 1, b->n);
		return false;
	}
	if (mark == '~')
		*ret = in_a ? -1 : 1;
	else if (in_a) /* '^': above the end, below anything else */
		*ret = b->n == 0 ? 1 : -1;
	else
		*ret = a->n == 0 ? -1 : 1;
	return true;
}

/* Takes the next run of digits or of letters, as a has it, off both. */
static int
segment_compare(struct str *a, struct str *b)
{
	bool digits = is_digit(a->p[0]);
	struct str pa = take_while(a, digits ? is_digit : is_alpha);
	struct str pb = take_while(b, digits ? is_digit : is_alpha);

	if (pb.n == 0)
		return digits ? 1 : -1;
	return digits ? digits_compare(pa, pb) : sign(str_cmp(pa, pb));
}

static int
rpmvercmp(struct str a, struct str b)
{
	bool tilde;
	int d;

	while (a.n != 0 || b.n != 0) {
		(void)take_while(&a, is_noise);
		(void)take_while(&b, is_noise);
		tilde = a.n != 0 && b.n != 0 && a.p[0] == '~' && b.p[0] == '~';
		if (mark_compare(&a, &b, '~', &d))
			return d;
		if (tilde)
			continue;
		tilde = a.n != 0 && b.n != 0 && a.p[0] == '^' && b.p[0] == '^';
		if (mark_compare(&a, &b, '^', &d))
			return d;
		if (tilde)
			continue;
		if (a.n == 0 || b.n == 0)
			break;
		d = segment_compare(&a, &b);
		if (d != 0)
			return d;
	}
	return (a.n != 0) - (b.n != 0);
}

struct evr {
	struct str epoch, version, release;
	bool has_release;
};

static struct evr
split(struct str s)
{
	struct evr e = { .epoch = STR_LIT("0") };
	struct str rest = s, digits = take_while(&rest, is_digit);
	ptrdiff_t dash;

	/* An epoch is a number; anything else before a colon is not one. */
	if (rest.n != 0 && rest.p[0] == ':') {
		e.epoch = digits.n != 0 ? digits : STR_LIT("0");
		s = str_sub(rest, 1, rest.n);
	}
	dash = str_rchr(s, '-');
	if (dash >= 0) {
		e.release = str_sub(s, (size_t)dash + 1, s.n);
		e.has_release = true;
		s = str_sub(s, 0, (size_t)dash);
	}
	e.version = s;
	return e;
}

bool
version_rpm(struct str a, struct str b, int *ret)
{
	struct evr ea = split(a), eb = split(b);

	*ret = rpmvercmp(ea.epoch, eb.epoch);
	if (*ret == 0)
		*ret = rpmvercmp(ea.version, eb.version);
	if (*ret == 0) /* no release comes before any, "~rc" too */
		*ret = ea.has_release - eb.has_release;
	if (*ret == 0)
		*ret = rpmvercmp(ea.release, eb.release);
	return true;
}
