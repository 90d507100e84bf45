/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of reports with their origins. Pure functions. */
#include "report/report.h"

#include <errno.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "report/malicious.h"
#include "report/name.h"
#include "report/report_priv.h"

#define ORIGINS "malicious-packages-origins"

struct report *
report_new(void)
{
	struct report *r = mem_alloc(sizeof(*r));

	r->arena = arena_new(LIMIT_ARENA_BYTES);
	return r;
}

void
report_free(struct report *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->docs.n; i++)
		osv_json_free(r->docs.v[i]);
	vec_done(&r->docs);
	vec_done(&r->origins);
	arena_free(r->arena);
	free(r);
}

void
report_freep(struct report **r)
{
	report_free(*r);
	*r = NULL;
}

static struct str
text(yyjson_val *object, const char *key)
{
	yyjson_val *v = yyjson_obj_get(object, key);

	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

static void
read_origin(struct report *r, yyjson_val *v)
{
	struct report_origin *o = vec_add(&r->origins);
	yyjson_val *list = yyjson_obj_get(v, "versions"), *item;
	yyjson_arr_iter it = yyjson_arr_iter_with(list);

	o->source = text(v, "source");
	o->sha256 = text(v, "sha256");
	o->import_time = text(v, "import_time");
	o->modified_time = text(v, "modified_time");
	o->id = text(v, "id");
	o->versions = arena_array(r->arena, yyjson_arr_size(list) + 1,
	    sizeof(*o->versions));
	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		if (yyjson_is_str(item))
			o->versions[o->n_versions++] =
			    str_n(yyjson_get_str(item), yyjson_get_len(item));
	list = yyjson_obj_get(v, "ranges");
	it = yyjson_arr_iter_with(list);
	o->ranges = arena_array(r->arena, yyjson_arr_size(list) + 1,
	    sizeof(*o->ranges));
	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		if (osv_range_read(r->arena, item, &o->ranges[o->n_ranges]))
			o->n_ranges++;
}

/* The origins become structs; the rest of database_specific stays JSON. */
static void
take_origins(struct report *r)
{
	yyjson_val *all = r->d.database_specific;
	yyjson_arr_iter it = yyjson_arr_iter_with(yyjson_obj_get(all, ORIGINS));
	yyjson_mut_doc *m;
	yyjson_val *v;

	while ((v = yyjson_arr_iter_next(&it)) != NULL)
		read_origin(r, v);
	if (yyjson_obj_get(all, ORIGINS) == NULL)
		return;
	m = yyjson_mut_doc_new(NULL);
	yyjson_mut_doc_set_root(m, yyjson_val_mut_copy(m, all));
	(void)yyjson_mut_obj_remove_key(yyjson_mut_doc_get_root(m), ORIGINS);
	r->d.database_specific = report_keep(r, m);
}

static bool
claimed(const struct report *r, const struct osv_range *range)
{
	for (size_t i = 0; i < r->origins.n; i++)
		for (size_t k = 0; k < r->origins.v[i].n_ranges; k++)
			if (report_range_equal(&r->origins.v[i].ranges[k],
				range))
				return true;
	return false;
}

/* Versions of all origins together: ten that list as many as one may. */
#define MAX_SAID 1000000

void
report_drop_claimed(struct report *r)
{
	struct map *said = map_new(MAX_SAID);
	size_t n = 0;

	for (size_t i = 0; i < r->origins.n; i++)
		for (size_t k = 0; k < r->origins.v[i].n_versions; k++)
			(void)map_put(said, r->origins.v[i].versions[k], said);
	for (size_t i = 0; i < r->n_own_versions; i++)
		if (!map_has(said, r->own_versions[i]))
			r->own_versions[n++] = r->own_versions[i];
	r->n_own_versions = n;
	map_free(said);
	n = 0;
	for (size_t i = 0; i < r->n_own_ranges; i++)
		if (!claimed(r, &r->own_ranges[i]))
			r->own_ranges[n++] = r->own_ranges[i];
	r->n_own_ranges = n;
}

/* What is published and no origin claims. */
static void
find_own(struct report *r)
{
	const struct osv_affected *a = r->d.affected;

	if (r->d.n_affected != 1)
		return;
	r->n_own_versions = a->n_versions;
	r->own_versions =
	    arena_array(r->arena, a->n_versions + 1, sizeof(struct str));
	r->n_own_ranges = a->n_ranges;
	r->own_ranges =
	    arena_array(r->arena, a->n_ranges + 1, sizeof(*a->ranges));
	if (a->n_versions != 0)
		memcpy(r->own_versions, a->versions,
		    a->n_versions * sizeof(*a->versions));
	if (a->n_ranges != 0)
		memcpy(r->own_ranges, a->ranges,
		    a->n_ranges * sizeof(*a->ranges));
	report_drop_claimed(r);
}

yyjson_val *
report_keep(struct report *r, yyjson_mut_doc *m)
{
	yyjson_doc *doc = yyjson_mut_doc_imut_copy(m, NULL);
	yyjson_val *root = yyjson_doc_get_root(doc);

	yyjson_mut_doc_free(m);
	if (doc == NULL)
		fatal("no memory for a JSON value");
	vec_push(&r->docs, doc);
	return yyjson_is_obj(root) && yyjson_obj_size(root) == 0 ? NULL : root;
}

int
report_read(struct str bytes, enum osv_profile profile, int64_t now_s,
    struct osv_findings *f, struct report **ret, struct error *err)
{
	_cleanup_(report_freep) struct report *r = report_new();
	struct osv_input in = { .bytes = arena_str(r->arena, bytes),
		.profile = profile,
		.now_s = now_s };
	struct yyjson_doc *json = NULL;
	size_t before = f->n;

	if (profile == OSV_PROFILE_MALICIOUS)
		in.extra = malicious_check;
	if (osv_validate(r->arena, &in, f, &r->d, &json) == 0)
		vec_push(&r->docs, json);
	for (size_t i = before; i < f->n; i++)
		if (f->v[i].level == OSV_ERROR)
			return error_set(err, -EINVAL, "%s: %s", f->v[i].path,
			    f->v[i].message);
	take_origins(r);
	find_own(r);
	*ret = steal(&r);
	return 0;
}

void
report_package(struct report *r, struct str *ret_ecosystem,
    struct str *ret_name)
{
	struct osv_affected *a = r->d.n_affected != 0 ? r->d.affected : NULL;
	struct str url;

	*ret_ecosystem = *ret_name = STR_LIT("");
	if (a == NULL)
		return;
	if (a->has_package) {
		*ret_ecosystem = a->ecosystem;
		*ret_name = a->name;
		return;
	}
	*ret_ecosystem = STR_LIT("GIT");
	if (a->n_ranges == 0 ||
	    !report_git_name(r->arena, a->ranges[0].repo, &url, ret_name))
		*ret_name = STR_LIT("");
}

bool
report_folder(struct report *r, struct buf *ret)
{
	struct str ecosystem, name;

	report_package(r, &ecosystem, &name);
	return report_path(ecosystem,
	    report_canonical_name(r->arena, ecosystem, name), ret);
}

static bool
has_capitals(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

void
report_key(struct report *r, struct str folder, struct buf *ret)
{
	struct str ecosystem, name;
	char *lower;

	buf_put_str(ret, folder);
	report_package(r, &ecosystem, &name);
	name = report_canonical_name(r->arena, ecosystem, name);
	if (!has_capitals(name))
		return;
	lower = arena_strz(r->arena, name);
	for (size_t i = 0; i < name.n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] + 32);
	if (osv_same_name(ecosystem, name, str_n(lower, name.n)))
		return;
	buf_putc(ret, '\n');
	buf_put_str(ret, name);
}

/* --- writing -------------------------------------------------------------- */

static void
add_str(yyjson_mut_doc *m, yyjson_mut_val *o, const char *key, struct str s)
{
	if (s.p != NULL)
		(void)yyjson_mut_obj_add_strn(m, o, key, s.p, s.n);
}

static yyjson_mut_val *
range_value(yyjson_mut_doc *m, const struct osv_range *r)
{
	yyjson_mut_val *o = yyjson_mut_obj(m), *events = yyjson_mut_arr(m);

	add_str(m, o, "type", str_of(osv_range_types[r->type]));
	add_str(m, o, "repo", r->repo);
	for (size_t i = 0; i < r->n_events; i++) {
		yyjson_mut_val *e = yyjson_mut_obj(m);

		add_str(m, e, osv_event_kinds[r->events[i].kind],
		    r->events[i].value);
		(void)yyjson_mut_arr_append(events, e);
	}
	(void)yyjson_mut_obj_add_val(m, o, "events", events);
	return o;
}

static yyjson_mut_val *
origin_value(yyjson_mut_doc *m, const struct report_origin *origin)
{
	yyjson_mut_val *o = yyjson_mut_obj(m), *list;

	add_str(m, o, "source", origin->source);
	add_str(m, o, "sha256", origin->sha256);
	add_str(m, o, "import_time", origin->import_time);
	add_str(m, o, "modified_time", origin->modified_time);
	add_str(m, o, "id", origin->id);
	if (origin->n_versions != 0) {
		list = yyjson_mut_arr(m);
		for (size_t i = 0; i < origin->n_versions; i++)
			(void)yyjson_mut_arr_add_strn(m, list,
			    origin->versions[i].p, origin->versions[i].n);
		(void)yyjson_mut_obj_add_val(m, o, "versions", list);
	}
	if (origin->n_ranges != 0) {
		list = yyjson_mut_arr(m);
		for (size_t i = 0; i < origin->n_ranges; i++)
			(void)yyjson_mut_arr_append(list,
			    range_value(m, &origin->ranges[i]));
		(void)yyjson_mut_obj_add_val(m, o, "ranges", list);
	}
	return o;
}

static int
by_origin(const void *pa, const void *pb)
{
	const struct report_origin *a = pa, *b = pb;
	int d = str_cmp(a->source, b->source);

	return d != 0 ? d : str_cmp(a->sha256, b->sha256);
}

void
report_write(struct report *r, struct buf *out)
{
	struct osv_document d;
	yyjson_mut_doc *m;
	yyjson_mut_val *root, *list;

	report_sort(r);
	d = r->d;
	d.schema_version = STR_LIT(OSV_SCHEMA_VERSION);
	if (r->origins.n != 0) {
		if (r->origins.n > 1)
			qsort(r->origins.v, r->origins.n, sizeof(*r->origins.v),
			    by_origin);
		m = yyjson_mut_doc_new(NULL);
		root = d.database_specific != NULL ?
		    yyjson_val_mut_copy(m, d.database_specific) :
		    yyjson_mut_obj(m);
		list = yyjson_mut_arr(m);
		for (size_t i = 0; i < r->origins.n; i++)
			(void)yyjson_mut_arr_append(list,
			    origin_value(m, &r->origins.v[i]));
		(void)yyjson_mut_obj_add_val(m, root, ORIGINS, list);
		yyjson_mut_doc_set_root(m, root);
		d.database_specific = report_keep(r, m);
	}
	osv_write(&d, 2, out);
}

struct report *
report_copy(struct report *r)
{
	struct osv_findings f;
	struct report *copy = NULL;
	struct error err = ERROR_INIT;
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	report_write(r, &b);
	osv_findings_init(&f, r->arena);
	if (report_read(buf_str(&b), OSV_PROFILE_REPORT, INT64_MAX / 2, &f,
		&copy, &err) != 0)
		fatal("a report cannot be read back: %s", err.msg);
	osv_findings_done(&f);
	buf_done(&b);
	return copy;
}
