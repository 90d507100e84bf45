/* SPDX-License-Identifier: Apache-2.0 */
/* Versions: parsing and order. Ranges are in range.c. Pure. */
#include "ecosystem/npm/semver.h"

#include <errno.h>

#include "base/buf.h"
#include "base/limits.h"
#include "ecosystem/npm/semver_priv.h"

/* The largest integer that every client agrees on. */
#define NUMBER_MAX ((1ull << 53) - 1)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_identifier_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '-';
}

static bool
all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n != 0;
}

int
semver_number(struct str s, uint64_t *ret)
{
	uint64_t v;

	if (!all_digits(s) || (s.n > 1 && s.p[0] == '0') ||
	    str_to_u64(s, &v) != 0 || v > NUMBER_MAX)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Dot-separated identifiers; numeric ones without leading zeros where
 * numbers matter (prerelease, not build). */
static bool
identifiers_valid(struct str s, bool numbers)
{
	struct str part;

	if (s.n == 0)
		return false;
	while (str_cut(&s, '.', &part)) {
		if (part.n == 0)
			return false;
		for (size_t i = 0; i < part.n; i++)
			if (!is_identifier_char(part.p[i]))
				return false;
		if (numbers && all_digits(part) && part.n > 1 &&
		    part.p[0] == '0')
			return false;
	}
	return true;
}

int
semver_split_tail(struct str *s, struct str *ret_prerelease,
    struct str *ret_build)
{
	ptrdiff_t plus = str_chr(*s, '+'), minus;

	*ret_prerelease = *ret_build = STR_NONE;
	if (plus >= 0) {
		*ret_build = str_sub(*s, (size_t)plus + 1, s->n);
		*s = str_sub(*s, 0, (size_t)plus);
		if (!identifiers_valid(*ret_build, false))
			return -EINVAL;
	}
	minus = str_chr(*s, '-');
	if (minus >= 0) {
		*ret_prerelease = str_sub(*s, (size_t)minus + 1, s->n);
		*s = str_sub(*s, 0, (size_t)minus);
		if (!identifiers_valid(*ret_prerelease, true))
			return -EINVAL;
	}
	return 0;
}

int
semver_parse(struct str s, struct semver *ret)
{
	struct semver v = { 0 };
	struct str part[3];

	s = str_trim(s);
	if (s.n > LIMIT_VERSION_BYTES)
		return -EINVAL;
	if (s.n != 0 && (s.p[0] == '=' || s.p[0] == 'v'))
		s = str_trim(str_sub(s, 1, s.n));
	if (s.n != 0 && s.p[0] == 'v')
		s = str_sub(s, 1, s.n);
	if (semver_split_tail(&s, &v.prerelease, &v.build) != 0)
		return -EINVAL;
	for (size_t i = 0; i < 3; i++)
		if (!str_cut(&s, '.', &part[i]))
			return -EINVAL;
	if (s.p != NULL || semver_number(part[0], &v.major) != 0 ||
	    semver_number(part[1], &v.minor) != 0 ||
	    semver_number(part[2], &v.patch) != 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int
compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Numbers are below words; numbers by value (they have no leading zeros, so
 * the longer is the larger, whatever its length). */
static int
compare_identifier(struct str a, struct str b)
{
	bool na = all_digits(a), nb = all_digits(b);

	if (na != nb)
		return na ? -1 : 1;
	if (na && a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return str_cmp(a, b);
}

static int
compare_prerelease(struct str a, struct str b)
{
	struct str pa, pb;
	bool ha, hb;
	int c;

	if (a.n == 0 || b.n == 0)
		return a.n == b.n ? 0 : a.n == 0 ? 1 : -1;
	for (;;) {
		ha = str_cut(&a, '.', &pa);
		hb = str_cut(&b, '.', &pb);
		if (!ha || !hb)
			return ha == hb ? 0 : ha ? 1 : -1;
		c = compare_identifier(pa, pb);
		if (c != 0)
			return c;
	}
}

int
semver_compare(const struct semver *a, const struct semver *b)
{
	int c = compare_u64(a->major, b->major);

	if (c == 0)
		c = compare_u64(a->minor, b->minor);
	if (c == 0)
		c = compare_u64(a->patch, b->patch);
	return c != 0 ? c : compare_prerelease(a->prerelease, b->prerelease);
}

void
semver_write(const struct semver *v, struct buf *out)
{
	buf_printf(out, "%ju.%ju.%ju", (uintmax_t)v->major, (uintmax_t)v->minor,
	    (uintmax_t)v->patch);
	if (v->prerelease.n != 0) {
		buf_putc(out, '-');
		buf_put_str(out, v->prerelease);
	}
}
