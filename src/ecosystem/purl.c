/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs and their short spellings. Pure. */
#include "ecosystem/purl.h"

#include <assert.h>
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/name.h"

static const struct {
	const char *names[ECOSYSTEM_NAME__MAX];
	/* NULL: any text without control characters */
	int (*check)(struct str name, struct error *err);
} ecosystems[] = {
	[ECOSYSTEM_NPM] = { { "npm", "npm", "npm" }, npm_name_check },
	[ECOSYSTEM_PYPI] = { { "pypi", "pypi", "PyPI" }, NULL },
	[ECOSYSTEM_RUBYGEMS] = { { "rubygems", "gem", "RubyGems" }, NULL },
	[ECOSYSTEM_CRATES] = { { "crates.io", "cargo", "crates.io" }, NULL },
	[ECOSYSTEM_PACKAGIST] = { { "packagist", "composer", "Packagist" },
	    NULL },
};
static_assert(N_ELEMENTS(ecosystems) == ECOSYSTEM__MAX, "a row each");

const char *
ecosystem_name(enum ecosystem e, enum ecosystem_name which)
{
	assert(e < ECOSYSTEM__MAX && which < ECOSYSTEM_NAME__MAX);
	return ecosystems[e].names[which];
}

int
ecosystem_parse(struct str s, enum ecosystem *ret, struct error *err)
{
	for (size_t e = 0; e < ECOSYSTEM__MAX; e++)
		for (size_t w = 0; w < ECOSYSTEM_NAME__MAX; w++)
			if (str_eq_nocase(s, str_of(ecosystems[e].names[w]))) {
				*ret = (enum ecosystem)e;
				return 0;
			}
	return error_set(err, -EINVAL,
	    "\"%.*s\" is no ecosystem (npm, pypi, rubygems, crates.io, "
	    "packagist)",
	    STR_ARG(str_sub(s, 0, 60)));
}

bool
purl_is_local(struct str s)
{
	if (str_starts(s, "pkg:"))
		return false;
	return str_starts(s, "/") || str_starts(s, "./") ||
	    str_starts(s, "../") || str_is(s, ".") || str_is(s, "..") ||
	    str_starts(s, "file:") || str_ends(s, ".tgz") ||
	    str_ends(s, ".tar.gz");
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %XX undone; -EINVAL for a broken escape or a NUL or control character. */
static int
decode(struct arena *a, struct str s, struct str *ret, struct error *err)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	int high, low;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '%') {
			high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
			if (low < 0)
				return error_set(err, -EINVAL,
				    "\"%.*s\" has a broken %% escape",
				    STR_ARG(str_sub(s, 0, 100)));
			c = (unsigned char)(high * 16 + low);
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return error_set(err, -EINVAL,
			    "a package name has a control character");
		p[n++] = (char)c;
	}
	*ret = str_n(p, n);
	return 0;
}

static void
encode(struct buf *out, struct str s, const char *keep)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr(keep, c) != NULL))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static int
check(struct purl *p, struct error *err)
{
	if (p->name.n == 0)
		return error_set(err, -EINVAL, "the package has no name");
	if (p->name.n > LIMIT_PACKAGE_NAME_BYTES)
		return error_set(err, -EINVAL, "the package name is too long");
	if (p->version.p != NULL &&
	    (p->version.n == 0 || p->version.n > LIMIT_VERSION_BYTES))
		return error_set(err, -EINVAL, "the version of %.*s is %s",
		    STR_ARG(p->name), p->version.n == 0 ? "empty" : "too long");
	if (ecosystems[p->ecosystem].check == NULL)
		return 0;
	return ecosystems[p->ecosystem].check(p->name, err);
}

static int
parse_qualifiers(struct arena *a, struct str s, struct purl *p,
    struct error *err)
{
	struct str pair, value;
	ptrdiff_t eq;
	int rc = 0;

	while (rc == 0 && str_cut(&s, '&', &pair)) {
		eq = str_chr(pair, '=');
		if (eq <= 0)
			return error_set(err, -EINVAL,
			    "the purl has a qualifier without a value");
		value = str_sub(pair, (size_t)eq + 1, pair.n);
		if (str_is(str_sub(pair, 0, (size_t)eq), "repository_url"))
			rc = decode(a, value, &p->repository_url, err);
	}
	return rc;
}

/* Takes what follows the last c off *s. */
static struct str
take_tail(struct str *s, char c)
{
	ptrdiff_t at = str_rchr(*s, c);
	struct str tail;

	if (at < 0)
		return STR_NONE;
	tail = str_sub(*s, (size_t)at + 1, s->n);
	*s = str_sub(*s, 0, (size_t)at);
	return tail;
}

/* "@" separates the version, but not the one that begins a scope. */
static struct str
take_version(struct str *s)
{
	ptrdiff_t at = str_rchr(*s, '@'), slash = str_rchr(*s, '/');

	if (at <= 0 || at < slash)
		return STR_NONE;
	return take_tail(s, '@');
}

static int
parse_purl(struct arena *a, struct str s, struct purl *p, struct error *err)
{
	struct str qualifiers, type, version;
	ptrdiff_t slash;
	int rc;

	while (s.n != 0 && s.p[0] == '/')
		s = str_sub(s, 1, s.n);
	p->subpath = take_tail(&s, '#');
	qualifiers = take_tail(&s, '?');
	slash = str_chr(s, '/');
	if (slash < 0)
		return error_set(err, -EINVAL, "the purl has no name");
	type = str_sub(s, 0, (size_t)slash);
	s = str_sub(s, (size_t)slash + 1, s.n);
	rc = ecosystem_parse(type, &p->ecosystem, err);
	version = take_version(&s);
	if (rc == 0 && version.p != NULL)
		rc = decode(a, version, &p->version, err);
	if (rc == 0)
		rc = decode(a, s, &p->name, err);
	if (rc == 0 && qualifiers.p != NULL)
		rc = parse_qualifiers(a, qualifiers, p, err);
	return rc;
}

/* npm/name@version */
static int
parse_short(struct arena *a, struct str s, struct purl *p, struct error *err)
{
	ptrdiff_t slash = str_chr(s, '/');
	struct str version;
	int rc;

	if (slash <= 0)
		return error_set(err, -EINVAL,
		    "\"%.*s\" names no package; write pkg:npm/NAME@VERSION "
		    "or npm/NAME@VERSION",
		    STR_ARG(str_sub(s, 0, 100)));
	rc = ecosystem_parse(str_sub(s, 0, (size_t)slash), &p->ecosystem, err);
	if (rc != 0)
		return rc;
	s = str_sub(s, (size_t)slash + 1, s.n);
	version = take_version(&s);
	p->name = arena_str(a, s);
	p->version = arena_str(a, version);
	return 0;
}

int
purl_parse(struct arena *a, struct str s, struct purl *ret, struct error *err)
{
	struct purl p = { 0 };
	int rc;

	s = str_trim(s);
	if (s.n > LIMIT_PURL_BYTES)
		return error_set(err, -EINVAL, "a purl of %zu bytes", s.n);
	if (str_starts(s, "pkg:"))
		rc = parse_purl(a, str_sub(s, 4, s.n), &p, err);
	else
		rc = parse_short(a, s, &p, err);
	if (rc == 0)
		rc = check(&p, err);
	if (rc == 0)
		*ret = p;
	return rc;
}

int
purl_of_words(struct arena *a, struct str ecosystem, struct str name,
    struct str version, struct purl *ret, struct error *err)
{
	struct purl p = { 0 };
	int rc = ecosystem_parse(ecosystem, &p.ecosystem, err);

	if (rc != 0)
		return rc;
	p.name = arena_str(a, name);
	p.version = arena_str(a, version);
	rc = check(&p, err);
	if (rc == 0)
		*ret = p;
	return rc;
}

void
purl_write(const struct purl *p, struct buf *out)
{
	buf_printf(out, "pkg:%s/",
	    ecosystem_name(p->ecosystem, ECOSYSTEM_PURL));
	encode(out, p->name, "-._~/");
	if (p->version.p != NULL) {
		buf_putc(out, '@');
		encode(out, p->version, "-._~:");
	}
	if (p->repository_url.p != NULL) {
		buf_puts(out, "?repository_url=");
		encode(out, p->repository_url, "-._~:/");
	}
	if (p->subpath.p != NULL) {
		buf_putc(out, '#');
		encode(out, p->subpath, "-._~/");
	}
}

char *
purl_print(struct arena *a, const struct purl *p)
{
	struct buf b;
	char *z;

	buf_init(&b, (size_t)4 * LIMIT_PURL_BYTES);
	purl_write(p, &b);
	z = arena_strz(a, buf_str(&b));
	buf_done(&b);
	return z;
}
