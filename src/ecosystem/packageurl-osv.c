/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs and OSV packages, both ways. Pure functions. */
#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/packageurl_priv.h"

/* "bookworm", "12" and "debian-12" all mean 12; other distributions have the
 * release, with or without their name before it. */
static struct str
release_of(const struct purl_osv_row *row, struct str distro)
{
	size_t n = strlen(row->namespace);
	const char *release;

	if (str_starts(distro, row->namespace) && distro.n > n &&
	    distro.p[n] == '-')
		distro = str_sub(distro, n + 1, distro.n);
	if (!str_is(STR_LIT("debian"), row->namespace))
		return distro;
	release = purl_debian_release(distro);
	return release != NULL ? str_of(release) : distro;
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
		buf_put_str(&b, suffix);
	}
	*ret_ecosystem = arena_str(a, buf_str(&b));
	buf_reset(&b);
	if (row->namespace == NULL && p->namespace.n != 0) {
		buf_put_str(&b, p->namespace);
		buf_putc(&b, separator(row->rules));
	}
	buf_put_str(&b, p->name);
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
	const char *code_name = NULL;

	if (suffix.n == 0)
		return;
	if (row->rules & PURL_OSV_REGISTRY)
		add(p, "repository_url", suffix);
	if ((row->rules & PURL_OSV_DISTRO) == 0)
		return;
	if (str_is(STR_LIT("debian"), row->namespace))
		code_name = purl_debian_code_name(suffix);
	add(p, "distro", code_name != NULL ? str_of(code_name) : suffix);
}

/* The name's last separator divides namespace and name; actions of a GitHub
 * repository have their folder as the subpath. */
static void
put_name(const struct purl_osv_row *row, struct str name, struct packageurl *p)
{
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
	p->namespace = at < 0 ? STR_NONE : str_sub(name, 0, (size_t)at);
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
	put_name(row, name, &p);
	put_suffix(row, suffix, &p);
	rc = packageurl_normalise(a, &p, err);
	if (rc == 0)
		*ret = p;
	return rc;
}
