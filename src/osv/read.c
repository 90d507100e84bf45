/* SPDX-License-Identifier: Apache-2.0 */
/* The document as structs. The schema has been checked. Pure functions. */
#include <yyjson.h>

#include "base/arena.h"
#include "osv/osv_priv.h"

static struct str
text(yyjson_val *v)
{
	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

static struct str
member(yyjson_val *object, const char *key)
{
	return text(yyjson_obj_get(object, key));
}

static struct str *
strings(struct arena *a, yyjson_val *array, size_t *ret_n)
{
	size_t n = yyjson_arr_size(array), i = 0;
	struct str *v = n != 0 ? arena_array(a, n, sizeof(*v)) : NULL;
	yyjson_arr_iter it = yyjson_arr_iter_with(array);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		v[i++] = text(item);
	*ret_n = n;
	return v;
}

static struct osv_severity *
severities(struct arena *a, yyjson_val *array, size_t *ret_n)
{
	size_t n = yyjson_arr_size(array), i = 0;
	struct osv_severity *v = n != 0 ? arena_array(a, n, sizeof(*v)) : NULL;
	yyjson_arr_iter it = yyjson_arr_iter_with(array);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&it)) != NULL) {
		v[i].type = member(item, "type");
		v[i++].score = member(item, "score");
	}
	*ret_n = n;
	return v;
}

static struct osv_event
event(yyjson_val *v)
{
	struct osv_event e = { .kind = OSV_INTRODUCED };

	for (int k = 0; k < OSV_EVENT_KIND__MAX; k++)
		if (yyjson_obj_get(v, osv_event_kinds[k]) != NULL) {
			e.kind = (enum osv_event_kind)k;
			e.value = member(v, osv_event_kinds[k]);
		}
	return e;
}

static struct osv_range
range(struct arena *a, yyjson_val *v)
{
	struct osv_range r = { .type = OSV_ECOSYSTEM,
		.repo = member(v, "repo") };
	struct str type = member(v, "type");
	yyjson_val *events = yyjson_obj_get(v, "events"), *item;
	yyjson_arr_iter it = yyjson_arr_iter_with(events);

	for (int t = 0; t < OSV_RANGE_TYPE__MAX; t++)
		if (str_is(type, osv_range_types[t]))
			r.type = (enum osv_range_type)t;
	r.events =
	    arena_array(a, yyjson_arr_size(events) + 1, sizeof(*r.events));
	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		r.events[r.n_events++] = event(item);
	r.database_specific = yyjson_obj_get(v, "database_specific");
	return r;
}

static struct osv_affected
affected(struct arena *a, yyjson_val *v)
{
	struct osv_affected r = { .has_package = false };
	yyjson_val *package = yyjson_obj_get(v, "package");
	yyjson_val *ranges = yyjson_obj_get(v, "ranges"), *item;
	yyjson_arr_iter it = yyjson_arr_iter_with(ranges);

	r.has_package = package != NULL;
	r.ecosystem = member(package, "ecosystem");
	r.name = member(package, "name");
	r.purl = member(package, "purl");
	r.ranges =
	    arena_array(a, yyjson_arr_size(ranges) + 1, sizeof(*r.ranges));
	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		r.ranges[r.n_ranges++] = range(a, item);
	r.versions = strings(a, yyjson_obj_get(v, "versions"), &r.n_versions);
	r.severity =
	    severities(a, yyjson_obj_get(v, "severity"), &r.n_severity);
	r.ecosystem_specific = yyjson_obj_get(v, "ecosystem_specific");
	r.database_specific = yyjson_obj_get(v, "database_specific");
	return r;
}

static void
read_lists(struct arena *a, yyjson_val *root, struct osv_document *d)
{
	yyjson_val *list = yyjson_obj_get(root, "affected"), *v;
	yyjson_arr_iter it = yyjson_arr_iter_with(list);
	struct osv_credit *c;

	d->affected =
	    arena_array(a, yyjson_arr_size(list) + 1, sizeof(*d->affected));
	while ((v = yyjson_arr_iter_next(&it)) != NULL)
		d->affected[d->n_affected++] = affected(a, v);

	list = yyjson_obj_get(root, "references");
	it = yyjson_arr_iter_with(list);
	d->references =
	    arena_array(a, yyjson_arr_size(list) + 1, sizeof(*d->references));
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		d->references[d->n_references].type = member(v, "type");
		d->references[d->n_references++].url = member(v, "url");
	}

	list = yyjson_obj_get(root, "credits");
	it = yyjson_arr_iter_with(list);
	d->credits =
	    arena_array(a, yyjson_arr_size(list) + 1, sizeof(*d->credits));
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		c = &d->credits[d->n_credits++];
		c->name = member(v, "name");
		c->type = member(v, "type");
		c->contacts =
		    strings(a, yyjson_obj_get(v, "contact"), &c->n_contacts);
	}
}

void
document_read(struct arena *a, yyjson_val *root, struct osv_document *ret)
{
	struct osv_document d = { .n_aliases = 0 };

	d.schema_version = member(root, "schema_version");
	d.id = member(root, "id");
	d.modified = member(root, "modified");
	d.published = member(root, "published");
	d.withdrawn = member(root, "withdrawn");
	d.summary = member(root, "summary");
	d.details = member(root, "details");
	d.aliases = strings(a, yyjson_obj_get(root, "aliases"), &d.n_aliases);
	d.related = strings(a, yyjson_obj_get(root, "related"), &d.n_related);
	d.upstream =
	    strings(a, yyjson_obj_get(root, "upstream"), &d.n_upstream);
	d.severity =
	    severities(a, yyjson_obj_get(root, "severity"), &d.n_severity);
	read_lists(a, root, &d);
	d.database_specific = yyjson_obj_get(root, "database_specific");
	*ret = d;
}

bool
osv_range_read(struct arena *a, yyjson_val *v, struct osv_range *ret)
{
	bool known = false;

	for (size_t i = 0; i < OSV_RANGE_TYPE__MAX; i++)
		known = known ||
		    yyjson_equals_str(yyjson_obj_get(v, "type"),
			osv_range_types[i]);
	if (!known || !yyjson_is_arr(yyjson_obj_get(v, "events")))
		return false;
	*ret = range(a, v);
	return true;
}
