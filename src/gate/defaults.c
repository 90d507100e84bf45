/* SPDX-License-Identifier: Apache-2.0 */
/* Default registries of ecosystems. Runs in the reader of a scan. */
#include "gate/defaults.h"

#include "ecosystem/purl.h"
#include "gate/address.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree.h"

/* composer.lock does not name the registry but where it is told of
 * installations: another host of the same domain. */
static bool
same_domain(struct str registry, struct str told)
{
	struct str host = address_bare(registry);
	ptrdiff_t slash = str_chr(host, '/');

	told = address_bare(told);
	if (slash >= 0)
		host = str_sub(host, 0, (size_t)slash);
	if (str_chr(told, '.') < 0 || host.n <= told.n)
		return false;
	return host.p[host.n - told.n - 1] == '.' &&
	    str_eq_nocase(str_sub(host, host.n - told.n, host.n), told);
}

static void
apply(struct str ecosystem, struct str url, struct lock_list *l)
{
	struct lock_package *p;
	struct str last = STR_NONE, named; /* usually all have one */
	bool told = str_is(ecosystem, "Packagist"), same = false;

	vec_foreach(p, &l->packages) {
		if (!str_starts(p->origin, "registry:") ||
		    !str_eq(p->ecosystem, ecosystem))
			continue;
		if (!str_eq(p->origin, last)) {
			last = p->origin;
			named = str_sub(last, sizeof("registry:") - 1, last.n);
			same = address_same(url, named) ||
			    (told && same_domain(url, named));
		}
		if (same)
			p->origin = STR_LIT("registry");
	}
}

/* "crates.io", and "crates.io lockfile" for how lockfiles name the same. What
 * is neither is an OSV ecosystem. */
static void
apply_row(struct str key, struct str url, struct lock_list *l)
{
	enum ecosystem e;

	if (str_ends(key, " lockfile"))
		key.n -= strlen(" lockfile");
	if (ecosystem_parse(key, &e, NULL) == 0)
		key = str_of(ecosystem_name(e, ECOSYSTEM_OSV));
	if (key.n != 0 && url.n != 0)
		apply(key, url, l);
}

void
defaults_apply(struct str json, struct lock_list *l)
{
	const struct tree_node *row;
	struct lock_list aside;

	if (json.n == 0)
		return;
	lock_list_init(&aside, l->arena);
	tree_foreach(row, tree_json(&aside, json, 0))
		apply_row(row->key, tree_text(row), l);
	lock_list_done(&aside);
}
