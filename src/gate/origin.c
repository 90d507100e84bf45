/* SPDX-License-Identifier: Apache-2.0 */
/* Origins of packages. Runs in lazaret scan. */
#include "gate/origin.h"

#include <errno.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "gate/address.h"
#include "lockfile/lockfile.h"
#include "osv/osv.h"
#include "snapshot/snapshot.h"

int
origins_init(struct origins *o, struct arena *a,
    const struct snapshot *const *snapshots, size_t n_snapshots,
    const struct str *configured, size_t n_configured, struct error *err)
{
	*o = (struct origins){ .arena = a,
		.snapshots = snapshots,
		.n_snapshots = n_snapshots,
		.configured =
		    arena_array(a, n_configured + 1, sizeof(*o->configured)) };
	for (size_t i = 0; i < n_configured; i++) {
		struct origin_registries *row = &o->configured[o->n_configured];
		ptrdiff_t eq = str_chr(configured[i], '=');
		struct str name =
		    str_sub(configured[i], 0, eq > 0 ? (size_t)eq : 0);

		for (size_t k = 0; osv_ecosystems[k] != NULL; k++)
			if (str_eq_nocase(name, str_of(osv_ecosystems[k])))
				row->ecosystem = str_of(osv_ecosystems[k]);
		row->v = arena_alloc(a, sizeof(*row->v));
		row->v[0] =
		    str_sub(configured[i], (size_t)eq + 1, configured[i].n);
		row->n = 1;
		if (row->ecosystem.p == NULL ||
		    str_find(row->v[0], STR_LIT("://")) <= 0)
			return error_set(err, -EINVAL,
			    "public registry %.*s: wanted is ECOSYSTEM=URL",
			    (int)MIN_OF(configured[i].n, (size_t)100),
			    configured[i].p);
		o->n_configured++;
	}
	return 0;
}

void
origins_done(struct origins *o)
{
	vec_done(&o->known);
}

/* --- registries -----------------------------------------------------------
 */

static void
add_all(struct origins *o, struct origin_registries *to, const struct str *v,
    size_t n)
{
	struct str *all = arena_array(o->arena, to->n + n + 1, sizeof(*all));

	for (size_t i = 0; i < to->n; i++)
		all[i] = to->v[i];
	for (size_t i = 0; i < n; i++)
		all[to->n++] = v[i];
	to->v = all;
}

/* Of all snapshots and of the configuration, remembered. */
static int
registries_of(struct origins *o, struct str ecosystem,
    const struct origin_registries **ret, struct error *err)
{
	struct origin_registries row = { .ecosystem =
					     osv_ecosystem_base(ecosystem) };
	struct str *v;
	size_t n;
	int rc;

	for (size_t i = 0; i < o->known.n; i++) {
		*ret = &o->known.v[i];
		if (str_eq((*ret)->ecosystem, row.ecosystem))
			return 0;
	}
	for (size_t i = 0; i < o->n_snapshots; i++) {
		rc = snapshot_registries(o->snapshots[i], row.ecosystem,
		    o->arena, &v, &n, err);
		if (rc != 0)
			return rc;
		add_all(o, &row, v, n);
	}
	for (size_t i = 0; i < o->n_configured; i++)
		if (str_eq(o->configured[i].ecosystem, row.ecosystem))
			add_all(o, &row, o->configured[i].v, 1);
	vec_push(&o->known, row);
	*ret = &o->known.v[o->known.n - 1];
	return 0;
}

static int
public_among(struct origins *o, struct str ecosystem, struct str url,
    bool below, enum origin *ret, struct error *err)
{
	const struct origin_registries *r;
	int rc = registries_of(o, ecosystem, &r, err);

	if (rc != 0)
		return rc;
	*ret = r->n == 0 && !below ? ORIGIN_UNKNOWN : ORIGIN_OTHER;
	for (size_t i = 0; i < r->n && *ret == ORIGIN_OTHER; i++)
		if (below ? address_below(r->v[i], url) :
			    address_same(r->v[i], url))
			*ret = ORIGIN_PUBLIC;
	return 0;
}

int
origin_is_public(struct origins *o, struct str ecosystem, struct str url,
    enum origin *ret, struct error *err)
{
	return public_among(o, ecosystem, url, false, ret, err);
}

/* A packed package in the project may be anybody's; a folder is the
 * project's own. */
static bool
is_archive(struct str path)
{
	static const char *const ends[] = { ".tgz", ".tar.gz", ".tar",
		".tar.bz2", ".zip", ".whl", ".gem", ".crate", ".nupkg",
		".jar" };

	for (size_t i = 0; i < N_ELEMENTS(ends); i++)
		if (str_ends(path, ends[i]))
			return true;
	return false;
}

/* The package is the repository: there is no other place to have it from. */
static bool
is_repository(struct str ecosystem)
{
	return str_is(ecosystem, "SwiftURL") ||
	    str_is(ecosystem, "GitHub Actions");
}

int
origin_of(struct origins *o, const struct lock_package *p, enum origin *ret,
    struct error *err)
{
	struct str s = p->origin;

	*ret = ORIGIN_OTHER;
	if (p->relation == LOCK_ROOT || str_is(s, "root"))
		*ret = ORIGIN_LOCAL;
	else if (str_is(s, "registry") ||
	    (str_starts(s, "git:") && is_repository(p->ecosystem)))
		*ret = ORIGIN_PUBLIC;
	else if (str_is(s, "installed"))
		*ret = ORIGIN_INSTALLED;
	else if (str_starts(s, "path:") && !is_archive(s))
		*ret = ORIGIN_LOCAL;
	else if (str_starts(s, "registry:"))
		return public_among(o, p->ecosystem, str_sub(s, 9, s.n), false,
		    ret, err);
	else if (str_starts(s, "url:"))
		return public_among(o, p->ecosystem, str_sub(s, 4, s.n), true,
		    ret, err);
	return 0;
}
