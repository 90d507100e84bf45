/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ecosystems as the index compares them. Pure functions. */
#include "base/buf.h"
#include "osv/osv.h"
#include "snapshot/format_priv.h"

/* The parts of a folded name, one character at a time. */
struct letters {
	struct name_key k;
	size_t at;
};

static bool
separator(char c)
{
	return c == '-' || c == '_' || c == '.';
}

static int
next_letter(struct letters *l)
{
	struct str s = l->k.s;
	char c;

	if (l->at >= s.n)
		return -1;
	c = s.p[l->at++];
	if (l->k.fold == FOLD_PYPI && separator(c)) {
		while (l->at < s.n && separator(s.p[l->at]))
			l->at++;
		return '-';
	}
	if (l->k.fold != FOLD_NONE && c >= 'A' && c <= 'Z')
		c = (char)(c + ('a' - 'A'));
	return (unsigned char)c;
}

/* Without scheme, ".git" and slashes at the end. */
static struct str
repository(struct str s)
{
	ptrdiff_t at = str_find(s, STR_LIT("://"));

	if (at >= 0)
		s = str_sub(s, (size_t)at + 3, s.n);
	while (str_ends(s, "/"))
		s.n--;
	if (str_ends(s, ".git"))
		s.n -= 4;
	while (str_ends(s, "/"))
		s.n--;
	return s;
}

struct name_key
name_key(struct str base, struct str name)
{
	if (str_is(base, "PyPI"))
		return (struct name_key){ name, FOLD_PYPI };
	if (str_is(base, "NuGet") || str_is(base, "GitHub Actions"))
		return (struct name_key){ name, FOLD_CASE };
	if (str_is(base, "GIT"))
		return (struct name_key){ repository(name), FOLD_NONE };
	return (struct name_key){ name, FOLD_NONE };
}

/* FNV-1a, then mixed so that the high bits are as good as the low ones. */
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t
add_bytes(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * FNV_PRIME;
	return h;
}

static uint64_t
mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

uint64_t
bytes_hash(struct str s)
{
	return mix(add_bytes(FNV_BASIS, s));
}

uint64_t
name_hash(struct str base, struct name_key k)
{
	struct letters l = { .k = k };
	uint64_t h = add_bytes(FNV_BASIS, base);
	int c;

	h *= FNV_PRIME; /* a NUL between the two */
	if (k.fold == FOLD_NONE)
		return mix(add_bytes(h, k.s));
	while ((c = next_letter(&l)) >= 0)
		h = (h ^ (unsigned)c) * FNV_PRIME;
	return mix(h);
}

bool
name_equal(struct name_key k, struct str canonical)
{
	struct letters l = { .k = k };

	if (k.fold == FOLD_NONE)
		return str_eq(k.s, canonical);
	for (size_t i = 0; i < canonical.n; i++)
		if (next_letter(&l) != (unsigned char)canonical.p[i])
			return false;
	return next_letter(&l) < 0;
}

void
name_write(struct name_key k, struct buf *out)
{
	struct letters l = { .k = k };
	int c;

	while ((c = next_letter(&l)) >= 0)
		buf_putc(out, (char)c);
}

bool
ecosystem_finds(struct str asked, struct str row)
{
	if (str_eq(asked, row))
		return true;
	if (str_chr(asked, ':') < 0)
		return str_eq(asked, osv_ecosystem_base(row));
	return osv_release_finds(asked, row);
}
