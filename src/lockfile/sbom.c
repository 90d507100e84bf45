/* SPDX-License-Identifier: Apache-2.0 */
/* From a purl to an entry. Pure functions. */
#include "lockfile/sbom_priv.h"

#include "base/arena.h"
#include "base/error.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"

/* Which registry it is stands in the origin, not in a suffix of the
 * ecosystem. */
static struct str
take_qualifier(struct packageurl *p, const char *key)
{
	for (size_t i = 0; i < p->n_qualifiers; i++) {
		struct str value = p->qualifiers[i].value;

		if (!str_is(p->qualifiers[i].key, key))
			continue;
		p->n_qualifiers--;
		memmove(&p->qualifiers[i], &p->qualifiers[i + 1],
		    (p->n_qualifiers - i) * sizeof(p->qualifiers[0]));
		return value;
	}
	return STR_NONE;
}

/* s without "/part" at its end; p NULL when it ends otherwise. */
static struct str
without(struct str s, struct str part)
{
	size_t n = part.n + 1;

	if (s.n <= n || s.p[s.n - n] != '/' ||
	    !str_eq(str_sub(s, s.n - part.n, s.n), part))
		return STR_NONE;
	return str_sub(s, 0, s.n - n);
}

/* "BASE/NAME/-/FILE" is how npm registries spell their archives. */
static struct str
npm_registry(const struct packageurl *p, struct str address)
{
	ptrdiff_t at = str_find(address, STR_LIT("/-/"));
	struct str base;

	if (!str_is(p->type, "npm") || at < 0)
		return STR_NONE;
	base = without(str_sub(address, 0, (size_t)at), p->name);
	if (base.p != NULL && p->namespace.n != 0)
		base = without(base, p->namespace);
	return base;
}

/* What a document says beside the purl counts only where it tells of another
 * kind of place: without a qualifier a purl means the default registry. */
static struct str
origin_of_address(struct arena *a, const struct packageurl *p,
    struct str address)
{
	struct str vcs = lock_origin_vcs(a, address);

	if (vcs.p != NULL)
		return vcs;
	if (str_starts(address, "file:"))
		return lock_origin(a, "path",
		    lock_after(lock_after(address, "file:"), "//"));
	return lock_origin(a, "registry", npm_registry(p, address));
}

static struct str
origin_of(struct arena *a, struct packageurl *p, struct str address)
{
	struct str registry = take_qualifier(p, "repository_url"),
		   vcs = take_qualifier(p, "vcs_url"),
		   download = take_qualifier(p, "download_url"), origin;

	if (vcs.n != 0) {
		origin = lock_origin_vcs(a, vcs);
		return origin.p != NULL ? origin : lock_origin(a, "url", vcs);
	}
	if (registry.n != 0)
		return lock_origin(a, "registry", registry);
	if (download.n == 0)
		return origin_of_address(a, p, address);
	registry = npm_registry(p, download);
	return registry.n != 0 ? lock_origin(a, "registry", registry) :
				 lock_origin(a, "url", download);
}

static struct lock_package *
add_known(struct lock_list *l, struct packageurl *p, struct str address,
    uint32_t line)
{
	struct str origin = origin_of(l->arena, p, address);
	struct str ecosystem = STR_NONE, name = p->name, version = p->version;
	struct lock_package *e;

	if (str_is(p->type, "github")) /* an action is its repository */
		p->subpath = STR_NONE;
	if (!packageurl_to_osv(l->arena, p, &ecosystem, &name)) {
		if (p->namespace.n != 0)
			name = str_of(arena_printf(l->arena, "%.*s/%.*s",
			    STR_ARG(p->namespace), STR_ARG(p->name)));
	} else if (str_is(ecosystem, "Go")) {
		version = lock_after(version, "v");
	}
	if (version.n == 0)
		version = STR_NONE;
	e = lock_add(l, NULL, name, version, line);
	e->ecosystem = ecosystem;
	e->origin = origin;
	return e;
}

struct lock_package *
sbom_add(struct lock_list *l, struct packageurl *scratch,
    const struct sbom_entry *e)
{
	struct error err = ERROR_INIT;
	struct lock_package *p;

	if (e->purl.n == 0) {
		if (e->name.n == 0) {
			lock_error(l, e->line, "a package without a name");
			return NULL;
		}
		return lock_add(l, NULL, e->name,
		    e->version.n != 0 ? e->version : STR_NONE, e->line);
	}
	if (packageurl_parse_loose(l->arena, e->purl, scratch, &err) != 0) {
		lock_error(l, e->line, "\"%.*s\" is no purl: %s",
		    STR_ARG(str_sub(e->purl, 0, 80)), err.msg);
		return NULL;
	}
	p = add_known(l, scratch, e->address, e->line);
	if (p->version.p == NULL && e->version.n != 0)
		p->version = e->version;
	p->purl = e->purl;
	return p;
}
