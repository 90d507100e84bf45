/* SPDX-License-Identifier: Apache-2.0 */
/* Default registries of ecosystems. Runs in the reader of a scan. */
#include "gate/defaults.h"

#include "ecosystem/purl.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree.h"

/* What makes an address: without scheme, credentials and slashes at its end;
 * host names have no letter case. */
static struct str
address(struct str url)
{
	ptrdiff_t at = str_find(url, STR_LIT("://")), slash, user;

	if (at >= 0)
		url = str_sub(url, (size_t)at + 3, url.n);
	slash = str_chr(url, '/');
	user =
	    str_rchr(str_sub(url, 0, slash >= 0 ? (size_t)slash : url.n), '@');
	if (user >= 0)
		url = str_sub(url, (size_t)user + 1, url.n);
	while (url.n != 0 && url.p[url.n - 1] == '/')
		url.n--;
	return url;
}

static bool
same_address(struct str a, struct str b)
{
	ptrdiff_t slash;
	size_t host;

	a = address(a);
	b = address(b);
	slash = str_chr(a, '/');
	host = slash < 0 ? a.n : (size_t)slash;
	return host != 0 && a.n == b.n &&
	    str_eq_nocase(str_sub(a, 0, host), str_sub(b, 0, host)) &&
	    str_eq(str_sub(a, host, a.n), str_sub(b, host, b.n));
}

static void
apply(const char *ecosystem, struct str url, struct lock_list *l)
{
	struct lock_package *p;
	struct str last = STR_NONE; /* usually all have one address */
	bool same = false;

	vec_foreach(p, &l->packages) {
		if (!str_starts(p->origin, "registry:") ||
		    !str_is(p->ecosystem, ecosystem))
			continue;
		if (!str_eq(p->origin, last)) {
			last = p->origin;
			same = same_address(url,
			    str_sub(last, sizeof("registry:") - 1, last.n));
		}
		if (same)
			p->origin = STR_LIT("registry");
	}
}

void
defaults_apply(struct str json, struct lock_list *l)
{
	const struct tree_node *row;
	struct lock_list aside;
	enum ecosystem e;

	if (json.n == 0)
		return;
	lock_list_init(&aside, l->arena);
	tree_foreach(row, tree_json(&aside, json, 0))
		if (ecosystem_parse(row->key, &e, NULL) == 0)
			apply(ecosystem_name(e, ECOSYSTEM_OSV), tree_text(row),
			    l);
	lock_list_done(&aside);
}
