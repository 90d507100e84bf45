/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stable form of a document: members in the order of the schema, those of
 * free-form objects sorted by key, two spaces of indentation, a newline at
 * the end. Same content, same bytes. Pure functions.
 */
#include <stdlib.h>

#include <yyjson.h>

#include "base/json.h"
#include "base/mem.h"
#include "osv/osv.h"

static int
by_key(const void *a, const void *b)
{
	yyjson_val *ka = *(yyjson_val *const *)a;
	yyjson_val *kb = *(yyjson_val *const *)b;

	return str_cmp(str_n(yyjson_get_str(ka), yyjson_get_len(ka)),
	    str_n(yyjson_get_str(kb), yyjson_get_len(kb)));
}

static void
scalar(struct json *j, yyjson_val *v)
{
	char *number;
	size_t n;

	if (yyjson_is_str(v)) {
		json_str(j, str_n(yyjson_get_str(v), yyjson_get_len(v)));
		return;
	}
	/* Numbers in yyjson's shortest form, true, false and null. */
	number = yyjson_val_write(v, 0, &n);
	json_raw(j, number != NULL ? str_n(number, n) : STR_LIT("null"));
	free(number);
}

/* Depth was limited when the document was read. */
void
osv_value_write(struct json *j, yyjson_val *v)
{
	size_t n = yyjson_get_len(v), i = 0;
	yyjson_obj_iter oi;
	yyjson_arr_iter ai;
	yyjson_val *item, **keys;

	if (yyjson_is_arr(v)) {
		json_array_begin(j);
		ai = yyjson_arr_iter_with(v);
		while ((item = yyjson_arr_iter_next(&ai)) != NULL)
			osv_value_write(j, item);
		json_array_end(j);
		return;
	}
	if (!yyjson_is_obj(v)) {
		scalar(j, v);
		return;
	}
	keys = mem_array(n, sizeof(*keys));
	oi = yyjson_obj_iter_with(v);
	while ((item = yyjson_obj_iter_next(&oi)) != NULL)
		keys[i++] = item;
	qsort(keys, n, sizeof(*keys), by_key);
	json_object_begin(j);
	for (i = 0; i < n; i++) {
		json_key_str(j,
		    str_n(yyjson_get_str(keys[i]), yyjson_get_len(keys[i])));
		osv_value_write(j, yyjson_obj_iter_get_val(keys[i]));
	}
	json_object_end(j);
	free(keys);
}

/* Inline, so that the lengths of keys are known when it is compiled. */
static inline void __attribute__((always_inline))
text(struct json *j, const char *key, struct str s)
{
	if (s.p == NULL)
		return;
	json_key(j, key);
	json_str(j, s);
}

static void
free_form(struct json *j, const char *key, yyjson_val *v)
{
	if (v == NULL)
		return;
	json_key(j, key);
	osv_value_write(j, v);
}

static void
strings(struct json *j, const char *key, const struct str *v, size_t n)
{
	if (n == 0)
		return;
	json_key(j, key);
	json_array_begin(j);
	for (size_t i = 0; i < n; i++)
		json_str(j, v[i]);
	json_array_end(j);
}

static void
severities(struct json *j, const struct osv_severity *v, size_t n)
{
	if (n == 0)
		return;
	json_key(j, "severity");
	json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		json_object_begin(j);
		text(j, "type", v[i].type);
		text(j, "score", v[i].score);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
write_range(struct json *j, const struct osv_range *r)
{

	json_object_begin(j);
	text(j, "type", str_of(osv_range_types[r->type]));
	text(j, "repo", r->repo);
	json_key(j, "events");
	json_array_begin(j);
	for (size_t i = 0; i < r->n_events; i++) {
		json_object_begin(j);
		text(j, osv_event_kinds[r->events[i].kind], r->events[i].value);
		json_object_end(j);
	}
	json_array_end(j);
	free_form(j, "database_specific", r->database_specific);
	json_object_end(j);
}

static void
write_affected(struct json *j, const struct osv_affected *a)
{
	json_object_begin(j);
	if (a->has_package) {
		json_key(j, "package");
		json_object_begin(j);
		text(j, "ecosystem", a->ecosystem);
		text(j, "name", a->name);
		text(j, "purl", a->purl);
		json_object_end(j);
	}
	severities(j, a->severity, a->n_severity);
	if (a->n_ranges != 0) {
		json_key(j, "ranges");
		json_array_begin(j);
		for (size_t i = 0; i < a->n_ranges; i++)
			write_range(j, &a->ranges[i]);
		json_array_end(j);
	}
	strings(j, "versions", a->versions, a->n_versions);
	free_form(j, "ecosystem_specific", a->ecosystem_specific);
	free_form(j, "database_specific", a->database_specific);
	json_object_end(j);
}

static void
write_references(struct json *j, const struct osv_document *d)
{
	if (d->n_references == 0)
		return;
	json_key(j, "references");
	json_array_begin(j);
	for (size_t i = 0; i < d->n_references; i++) {
		json_object_begin(j);
		text(j, "type", d->references[i].type);
		text(j, "url", d->references[i].url);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
write_credits(struct json *j, const struct osv_document *d)
{
	if (d->n_credits == 0)
		return;
	json_key(j, "credits");
	json_array_begin(j);
	for (size_t i = 0; i < d->n_credits; i++) {
		const struct osv_credit *c = &d->credits[i];

		json_object_begin(j);
		text(j, "name", c->name);
		strings(j, "contact", c->contacts, c->n_contacts);
		text(j, "type", c->type);
		json_object_end(j);
	}
	json_array_end(j);
}

void
osv_write(const struct osv_document *d, int indent, struct buf *out)
{
	struct json j;

	json_init(&j, out, indent);
	json_object_begin(&j);
	text(&j, "schema_version", d->schema_version);
	text(&j, "id", d->id);
	text(&j, "modified", d->modified);
	text(&j, "published", d->published);
	text(&j, "withdrawn", d->withdrawn);
	strings(&j, "aliases", d->aliases, d->n_aliases);
	strings(&j, "upstream", d->upstream, d->n_upstream);
	strings(&j, "related", d->related, d->n_related);
	text(&j, "summary", d->summary);
	text(&j, "details", d->details);
	severities(&j, d->severity, d->n_severity);
	if (d->n_affected != 0) {
		json_key(&j, "affected");
		json_array_begin(&j);
		for (size_t i = 0; i < d->n_affected; i++)
			write_affected(&j, &d->affected[i]);
		json_array_end(&j);
	}
	write_references(&j, d);
	write_credits(&j, d);
	free_form(&j, "database_specific", d->database_specific);
	json_object_end(&j);
	if (indent != 0)
		buf_putc(out, '\n');
}
