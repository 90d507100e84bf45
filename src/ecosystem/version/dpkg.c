/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian and Ubuntu (deb-version(7)): epoch, upstream version, revision; runs
 * of non-digits with '~' before everything and letters before other signs,
 * runs of digits as numbers. opam orders alike, without epoch and revision.
 */
#include "base/cleanup.h"
#include "ecosystem/version/version_priv.h"

static int
weight(struct str s, size_t i)
{
	if (i >= s.n || is_digit(s.p[i]))
		return 0;
	if (s.p[i] == '~')
		return -1;
	if (is_alpha(s.p[i]))
		return s.p[i];
	return (unsigned char)s.p[i] + 256;
}

static bool
no_digit(char c)
{
	return !is_digit(c);
}

static int
part_compare(struct str a, struct str b)
{
	struct str wa, wb;
	int d;

	while (a.n != 0 || b.n != 0) {
		wa = take_while(&a, no_digit);
		wb = take_while(&b, no_digit);
		for (size_t i = 0; i < wa.n || i < wb.n; i++)
			if (weight(wa, i) != weight(wb, i))
				return sign(weight(wa, i) - weight(wb, i));
		d = digits_compare(take_while(&a, is_digit),
		    take_while(&b, is_digit));
		if (d != 0)
			return d;
	}
	return 0;
}

struct dpkg {
	struct str epoch, upstream, revision;
};

static bool
has_space(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r'))
			return true;
	return false;
}

/* Refused is what dpkg refuses to compare: an epoch that is no number, and
 * parts that are announced and empty. It warns of other characters than the
 * policy has and of a first letter, and compares: so do we. Its limit of an
 * epoch is one of its own numbers, not of the policy. */
static bool
parse(struct str s, struct dpkg *v)
{
	ptrdiff_t colon, dash;

	s = str_trim(s);
	if (has_space(s))
		return false;
	colon = str_chr(s, ':');
	v->epoch = STR_LIT("0");
	if (colon >= 0) {
		v->epoch = str_sub(s, 0, (size_t)colon);
		s = str_sub(s, (size_t)colon + 1, s.n);
		if (!all_digits(v->epoch))
			return false;
	}
	dash = str_rchr(s, '-');
	v->revision = STR_LIT("0");
	if (dash >= 0) {
		v->revision = str_sub(s, (size_t)dash + 1, s.n);
		s = str_sub(s, 0, (size_t)dash);
	}
	v->upstream = s;
	return v->upstream.n != 0 && v->revision.n != 0;
}

bool
version_dpkg(struct str a, struct str b, int *ret)
{
	struct dpkg va, vb;

	if (!parse(a, &va) || !parse(b, &vb))
		return false;
	*ret = digits_compare(va.epoch, vb.epoch);
	if (*ret == 0)
		*ret = part_compare(va.upstream, vb.upstream);
	if (*ret == 0)
		*ret = part_compare(va.revision, vb.revision);
	return true;
}

bool
version_opam(struct str a, struct str b, int *ret)
{
	*ret = part_compare(a, b);
	return true;
}
