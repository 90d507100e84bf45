/* SPDX-License-Identifier: Apache-2.0 */
/* Dates of publication. Runs in lazaret scan. */
#include "gate/ages.h"

#include <errno.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/packageurl.h"
#include "gate/gate.h"
#include "lockfile/lockfile.h"
#include "osv/osv.h"

#define MAX_AGES 2000000

struct ages {
	struct map *by_purl; /* canonical -> int64_t in the arena */
};

/* RFC 3339 in any offset that lockfiles write: "Z" or "+00:00". */
static bool
time_parse(struct arena *a, struct str s, int64_t *ret)
{
	if (str_ends(s, "+00:00"))
		s = str_of(arena_printf(a, "%.*sZ", (int)(s.n - 6), s.p));
	return osv_time_parse(s, ret) == 0;
}

static int
add(struct arena *a, struct ages *g, struct str purl, struct str time,
    struct error *err)
{
	int64_t *at = arena_alloc(a, sizeof(*at));
	struct packageurl u;
	struct lock_package p = { .purl = STR_NONE };
	int rc = packageurl_parse(a, purl, &u, err);

	if (rc != 0)
		return rc;
	if (u.version.p == NULL ||
	    !packageurl_to_osv(a, &u, &p.ecosystem, &p.name))
		return error_set(err, -EINVAL,
		    "%.*s: a purl of a package and its version is wanted",
		    (int)MIN_OF(purl.n, (size_t)100), purl.p);
	if (!time_parse(a, time, at))
		return error_set(err, -EINVAL,
		    "%.*s: a time in UTC such as 2026-01-31T10:00:00Z is "
		    "wanted",
		    (int)MIN_OF(purl.n, (size_t)100), purl.p);
	p.version = u.version;
	rc = map_put(g->by_purl, gate_purl(a, &p), at);
	return rc < 0 ? error_set(err, rc, "too many entries") : 0;
}

int
ages_parse(struct arena *a, struct str json, struct ages **ret,
    struct error *err)
{
	yyjson_doc *doc = yyjson_read(json.p, json.n, 0);
	yyjson_val *root = yyjson_doc_get_root(doc), *key, *v;
	struct ages *g = mem_alloc(sizeof(*g));
	yyjson_obj_iter it = { 0 };
	int rc = 0;

	g->by_purl = map_new(MAX_AGES);
	if (!yyjson_is_obj(root) || !yyjson_obj_iter_init(root, &it))
		rc = error_set(err, -EINVAL,
		    "a JSON object of purls and times is wanted");
	while (rc == 0 && (key = yyjson_obj_iter_next(&it)) != NULL) {
		v = yyjson_obj_iter_get_val(key);
		rc = add(a, g, str_n(yyjson_get_str(key), yyjson_get_len(key)),
		    str_n(yyjson_get_str(v),
			yyjson_is_str(v) ? yyjson_get_len(v) : 0),
		    err);
	}
	yyjson_doc_free(doc);
	if (rc != 0)
		ages_free(g);
	else
		*ret = g;
	return rc;
}

void
ages_free(struct ages *a)
{
	if (a == NULL)
		return;
	map_free(a->by_purl);
	free(a);
}

void
ages_freep(struct ages **a)
{
	ages_free(*a);
}

bool
ages_of(const struct ages *g, struct arena *scratch,
    const struct lock_package *p, int64_t *ret_s)
{
	struct lock_package plain = *p;
	const int64_t *at;
	struct str purl;

	if (p->published.p != NULL && time_parse(scratch, p->published, ret_s))
		return true;
	if (g == NULL)
		return false;
	plain.purl = STR_NONE; /* without the file's own qualifiers */
	purl = gate_purl(scratch, &plain);
	at = purl.p != NULL ? map_get(g->by_purl, purl) : NULL;
	if (at == NULL)
		return false;
	*ret_s = *at;
	return true;
}
