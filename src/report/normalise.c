/* SPDX-License-Identifier: Apache-2.0 */
/* A source's report in the form of the database. Pure functions. */
#include <errno.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/details.h"
#include "report/name.h"
#include "report/report_priv.h"

/* The map without its scalars, NULL when nothing is left. */
static yyjson_val *
without_scalars(struct report *r, yyjson_val *map)
{
	yyjson_mut_doc *m;
	yyjson_mut_val *root;
	yyjson_obj_iter it;
	yyjson_val *key, *v;

	if (map == NULL)
		return NULL;
	m = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(m);
	yyjson_mut_doc_set_root(m, root);
	it = yyjson_obj_iter_with(map);
	while ((key = yyjson_obj_iter_next(&it)) != NULL) {
		v = yyjson_obj_iter_get_val(key);
		if (yyjson_is_ctn(v))
			(void)yyjson_mut_obj_add(root,
			    yyjson_val_mut_copy(m, key),
			    yyjson_val_mut_copy(m, v));
	}
	return report_keep(r, m);
}

static void
canonical_repositories(struct report *r, struct osv_range *v, size_t n)
{
	struct str storage;

	for (size_t i = 0; i < n; i++)
		if (v[i].type == OSV_GIT)
			(void)report_git_name(r->arena, v[i].repo, &v[i].repo,
			    &storage);
}

static void
canonical_package(struct report *r, struct osv_affected *a)
{
	/* A crate keeps its spelling: lockfiles have it, and whoever compares
	 * names letter by letter would not find the other one. */
	if (a->has_package &&
	    !str_is(osv_ecosystem_base(a->ecosystem), "crates.io"))
		a->name =
		    report_canonical_name(r->arena, a->ecosystem, a->name);
	canonical_repositories(r, a->ranges, a->n_ranges);
	canonical_repositories(r, r->own_ranges, r->n_own_ranges);
	for (size_t i = 0; i < r->origins.n; i++)
		canonical_repositories(r, r->origins.v[i].ranges,
		    r->origins.v[i].n_ranges);
}

static int
move_details(struct report *r, struct error *err)
{
	struct details_section section;
	struct details d = { .sections = &section, .n_sections = 1 };
	struct buf b;

	if (details_has_header(r->d.details))
		return error_set(err, -EINVAL,
		    "details already has the header of per-source details");
	if (r->origins.n > 1)
		return error_set(err, -EINVAL,
		    "%zu origins; a new report has one", r->origins.n);
	if (r->origins.n == 0)
		return 0;
	section.source = r->origins.v[0].source;
	section.sha256 = r->origins.v[0].sha256;
	section.text = r->d.details;
	buf_init(&b, 32 * (size_t)MIB);
	details_write(&d, &b);
	r->d.details = arena_str(r->arena, buf_str(&b));
	buf_done(&b);
	return 0;
}

int
report_normalise(struct report *r, struct error *err)
{
	struct str ecosystem, name;
	int rc;

	if (r->d.id.p != NULL)
		return error_set(err, -EINVAL, "the report has an id already");
	if (r->d.n_affected != 1)
		return error_set(err, -EINVAL,
		    "%zu entries in affected; a report is about one package",
		    r->d.n_affected);
	rc = move_details(r, err);
	if (rc != 0)
		return rc;
	canonical_package(r, &r->d.affected[0]);
	report_package(r, &ecosystem, &name);
	name = report_canonical_name(r->arena, ecosystem, name);
	r->d.summary =
	    str_of(arena_printf(r->arena, "Malicious code in %.*s (%.*s)",
		STR_ARG(name), STR_ARG(ecosystem)));
	r->d.database_specific = without_scalars(r, r->d.database_specific);
	r->d.affected[0].database_specific =
	    without_scalars(r, r->d.affected[0].database_specific);
	/* A range that stands twice, as a merge would have it. */
	(void)report_publish_versions(r);
	return 0;
}
