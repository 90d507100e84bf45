/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed strings. Runs in every process. */
#include "base/str.h"

#include <errno.h>
#include <strings.h>

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n != 0 ? memcmp(a.p, b.p, n) : 0;

	if (d != 0)
		return d;
	return (a.n > b.n) - (a.n < b.n);
}

bool
str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool
str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool
str_ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

ptrdiff_t
str_chr(struct str s, char c)
{
	const char *at = s.n != 0 ? memchr(s.p, c, s.n) : NULL;

	return at != NULL ? at - s.p : -1;
}

ptrdiff_t
str_rchr(struct str s, char c)
{
	const char *at = s.n != 0 ? memrchr(s.p, c, s.n) : NULL;

	return at != NULL ? at - s.p : -1;
}

ptrdiff_t
str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n == 0)
		return -1;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at != NULL ? at - s.p : -1;
}

struct str
str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ s.p != NULL ? s.p + from : NULL, to - from };
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str
str_trim(struct str s)
{
	while (s.n != 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n != 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
str_cut(struct str *s, char c, struct str *ret_part)
{
	ptrdiff_t at;

	if (s->p == NULL)
		return false;
	at = str_chr(*s, c);
	if (at < 0) {
		*ret_part = *s;
		*s = STR_NONE;
		return true;
	}
	*ret_part = str_sub(*s, 0, (size_t)at);
	*s = str_sub(*s, (size_t)at + 1, s->n);
	return true;
}

int
str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

/* Length of the well-formed sequence at p (RFC 3629 table 3-7), 0 if none. */
static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < need)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	if (p[0] == 0xed)
		hi = 0x9f;
	if (p[0] == 0xf0)
		lo = 0x90;
	if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

size_t
str_utf8_length(struct str s)
{
	return s.n != 0 ? utf8_sequence((const unsigned char *)s.p, s.n) : 0;
}

bool
str_is_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = s.n, step;

	while (n != 0) {
		step = utf8_sequence(p, n);
		if (step == 0)
			return false;
		p += step;
		n -= step;
	}
	return true;
}

uint64_t
str_hash(struct str s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return h;
}
