/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and nothing else: CRAN (dots and dashes) and Hackage (dots). When
 * one is a prefix of the other, the longer one is larger.
 */
#include "ecosystem/version/version_priv.h"

static bool
cut(struct str *s, const char *separators, struct str *ret)
{
	size_t i = 0;

	if (s->p == NULL)
		return false;
	while (i < s->n &&
	    (s->p[i] == '\0' || strchr(separators, s->p[i]) == NULL))
		i++;
	*ret = str_sub(*s, 0, i);
	*s = i < s->n ? str_sub(*s, i + 1, s->n) : STR_NONE;
	return true;
}

static bool
valid(struct str s, const char *separators)
{
	struct str part;

	while (cut(&s, separators, &part))
		if (!all_digits(part))
			return false;
	return true;
}

static bool
compare(struct str a, struct str b, const char *separators, int *ret)
{
	struct str pa, pb;
	bool more_a, more_b;

	if (a.n == 0 || b.n == 0 || !valid(a, separators) ||
	    !valid(b, separators))
		return false;
	for (*ret = 0; *ret == 0;) {
		more_a = cut(&a, separators, &pa);
		more_b = cut(&b, separators, &pb);
		if (!more_a || !more_b) {
			*ret = more_a - more_b;
			break;
		}
		*ret = digits_compare(pa, pb);
	}
	return true;
}

bool
version_cran(struct str a, struct str b, int *ret)
{
	return compare(a, b, ".-", ret);
}

bool
version_hackage(struct str a, struct str b, int *ret)
{
	return compare(a, b, ".", ret);
}
