/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs and OSV packages, both ways. Pure functions. */
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/packageurl_priv.h"

/* "alpine-3.18.4" is 3.18.4, "rocky-9" is 9: a name before it says nothing
 * that the namespace has not said. */
static struct str
without_name(struct str distro)
{
	for (size_t i = 0; i + 1 < distro.n; i++) {
		char c = distro.p[i], next = distro.p[i + 1];

		if (c >= '0' && c <= '9')
			break;
		if (c == '-' && next >= '0' && next <= '9')
			return str_sub(distro, i + 1, distro.n);
	}
	return distro;
}

/* "9.3.1" is 9 or 9.3 where OSV's suffixes end there. */
static struct str
first_parts(struct str release, int n)
{
	for (size_t i = 0; i < release.n; i++)
		if (release.p[i] == '.' && --n == 0)
			return str_sub(release, 0, i);
	return release;
}

/* The release as OSV's suffix has it; distributions have it with and without
 * their name, in more parts, and as a code name. */
static struct str
release_of(const struct purl_osv_row *row, struct str distro)
{
	struct str release = without_name(distro);
	const char *number = purl_release(row->namespace, release);

	if (number != NULL)
		return str_of(number);
	if (row->rules & PURL_OSV_MAJOR)
		return first_parts(release, 1);
	return row->rules & PURL_OSV_MINOR ? first_parts(release, 2) : release;
}

static struct str
suffix_of(const struct purl_osv_row *row, const struct packageurl *p)
{
	if (row->rules & PURL_OSV_REGISTRY)
		return packageurl_qualifier(p, "repository_url");
	if (row->rules & PURL_OSV_DISTRO)
		return release_of(row, packageurl_qualifier(p, "distro"));
	return STR_NONE;
}

/* PEP 503, which OSV goes by and purls do not: runs of "-", "_" and "." are one
 * "-". */
static void
put_osv_name(const struct purl_osv_row *row, struct str name, struct buf *out)
{
	bool run = false;

	if ((row->rules & PURL_OSV_PEP503) == 0) {
		buf_put_str(out, name);
		return;
	}
	for (size_t i = 0; i < name.n; i++) {
		bool mark =
		    name.p[i] != '\0' && strchr("-_.", name.p[i]) != NULL;

		if (!mark)
			buf_putc(out, name.p[i]);
		else if (!run)
			buf_putc(out, '-');
		run = mark;
	}
}

static char
separator(unsigned rules)
{
	if (rules & PURL_OSV_COLON)
		return ':';
	return rules & PURL_OSV_DOT ? '.' : '/';
}

bool
packageurl_to_osv(struct arena *a, const struct packageurl *p,
    struct str *ret_ecosystem, struct str *ret_name)
{
	const struct purl_osv_row *row =
	    purl_osv_of_type(p->type, p->namespace);
	struct str suffix;
	struct buf b;

	if (row == NULL)
		return false;
	buf_init(&b, 2 * LIMIT_PURL_BYTES);
	suffix = suffix_of(row, p);
	buf_puts(&b, row->ecosystem);
	if (suffix.n != 0) {
		buf_putc(&b, ':');
		if ((row->rules & PURL_OSV_V) && suffix.p[0] >= '0' &&
		    suffix.p[0] <= '9')
			buf_putc(&b, 'v');
		buf_put_str(&b, suffix);
	}
	*ret_ecosystem = arena_str(a, buf_str(&b));
	buf_reset(&b);
	if (row->namespace == NULL && p->namespace.n != 0) {
		buf_put_str(&b, p->namespace);
		buf_putc(&b, separator(row->rules));
	}
	put_osv_name(row, p->name, &b);
	if ((row->rules & PURL_OSV_SUBPATH) && p->subpath.n != 0) {
		buf_putc(&b, '/');
		buf_put_str(&b, p->subpath);
	}
	*ret_name = arena_str(a, buf_str(&b));
	buf_done(&b);
	return true;
}

static void
add(struct packageurl *p, const char *key, struct str value)
{
	p->qualifiers[p->n_qualifiers].key = str_of(key);
	p->qualifiers[p->n_qualifiers++].value = value;
}

static void
put_suffix(const struct purl_osv_row *row, struct str suffix,
    struct packageurl *p)
{
	const char *code_name;

	if (suffix.n == 0)
		return;
	if (row->rules & PURL_OSV_REGISTRY)
		add(p, "repository_url", suffix);
	if ((row->rules & PURL_OSV_DISTRO) == 0)
		return;
	code_name = purl_code_name(row->namespace, suffix);
	add(p, "distro", code_name != NULL ? str_of(code_name) : suffix);
}

/* The name's last separator divides namespace and name; actions of a GitHub
 * repository have their folder as the subpath. */
static void
put_name(const struct purl_osv_row *row, struct str name, struct arena *a,
    struct packageurl *p)
{
	struct buf b;
	char c = separator(row->rules);
	ptrdiff_t at = c == '.' ? str_chr(name, c) : str_rchr(name, c);

	if (row->namespace != NULL) {
		p->namespace = str_of(row->namespace);
		p->name = name;
		return;
	}
	if (str_is(p->type, "github")) {
		struct str owner, repository, rest = name;

		if (str_cut(&rest, '/', &owner) && rest.p != NULL &&
		    str_cut(&rest, '/', &repository)) {
			p->namespace = owner;
			p->name = repository;
			p->subpath = rest;
			return;
		}
	}
	p->name = at < 0 ? name : str_sub(name, (size_t)at + 1, name.n);
	if (row->rules & PURL_OSV_PEP503) {
		buf_init(&b, p->name.n + 1);
		put_osv_name(row, p->name, &b);
		p->name = arena_str(a, buf_str(&b));
		buf_done(&b);
	}
	p->namespace = at < 0 ? STR_NONE : str_sub(name, 0, (size_t)at);
}

bool
packageurl_for_ecosystem(struct str ecosystem)
{
	struct str base;

	(void)str_cut(&ecosystem, ':', &base);
	return purl_osv_of_ecosystem(base) != NULL;
}

int
packageurl_of_osv(struct arena *a, struct str ecosystem, struct str name,
    struct packageurl *ret, struct error *err)
{
	struct packageurl p = { .n_qualifiers = 0 };
	const struct purl_osv_row *row;
	struct str base = ecosystem, suffix = STR_NONE;
	ptrdiff_t colon = str_chr(ecosystem, ':');
	int rc;

	if (colon >= 0) {
		base = str_sub(ecosystem, 0, (size_t)colon);
		suffix = str_sub(ecosystem, (size_t)colon + 1, ecosystem.n);
	}
	row = purl_osv_of_ecosystem(base);
	if (row == NULL)
		return error_set(err, -ENOENT,
		    "ecosystem \"%.*s\" has no purl type", STR_ARG(ecosystem));
	p.type = str_of(row->type);
	put_name(row, name, a, &p);
	put_suffix(row, suffix, &p);
	/* OSV's Go has "stdlib" and "toolchain", and writes their purls. */
	if (row->rules & PURL_OSV_BARE)
		rc = packageurl_normalise_loose(a, &p, err);
	else
		rc = packageurl_normalise(a, &p, err);
	if (rc == 0)
		*ret = p;
	return rc;
}
