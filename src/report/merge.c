/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two reports about one package become one. Lists are united in the order in
 * which they are first seen; sort.c gives what is published its one order.
 * Pure functions.
 */
#include <errno.h>
#include <stdlib.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "report/details.h"
#include "report/name.h"
#include "report/report_priv.h"

/* --- lists ---------------------------------------------------------------- */

static void
unite_strings(struct arena *arena, struct str **a, size_t *na,
    const struct str *b, size_t nb)
{
	struct map *seen = map_new(*na + nb + 1);
	struct str *v = arena_array(arena, *na + nb + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < *na + nb; i++) {
		struct str s = i < *na ? (*a)[i] : b[i - *na];

		if (map_put(seen, s, seen) == 0)
			v[n++] = arena_str(arena, s);
	}
	map_free(seen);
	*a = v;
	*na = n;
}

static bool
limit_equal(const struct osv_range *a, const struct osv_range *b)
{
	size_t na = 0, nb = 0, found = 0;

	for (size_t i = 0; i < a->n_events; i++)
		na += a->events[i].kind == OSV_LIMIT &&
		    !str_is(a->events[i].value, "*");
	for (size_t i = 0; i < b->n_events; i++) {
		if (b->events[i].kind != OSV_LIMIT ||
		    str_is(b->events[i].value, "*"))
			continue;
		nb++;
		for (size_t j = 0; j < a->n_events; j++)
			if (a->events[j].kind == OSV_LIMIT &&
			    str_eq(a->events[j].value, b->events[i].value)) {
				found++;
				break;
			}
	}
	return na == nb && found == nb;
}

/* Limits are a set (none means "*"); the other events a sequence per kind. */
bool
report_range_equal(const struct osv_range *a, const struct osv_range *b)
{
	if (a->type != b->type || !str_eq(a->repo, b->repo) ||
	    a->database_specific != NULL || b->database_specific != NULL)
		return false;
	for (int k = 0; k < OSV_LIMIT; k++) {
		size_t i = 0, j = 0;

		for (;;) {
			while (i < a->n_events && (int)a->events[i].kind != k)
				i++;
			while (j < b->n_events && (int)b->events[j].kind != k)
				j++;
			if (i == a->n_events || j == b->n_events)
				break;
			if (!str_eq(a->events[i++].value, b->events[j++].value))
				return false;
		}
		if (i != a->n_events || j != b->n_events)
			return false;
	}
	return limit_equal(a, b);
}

static struct osv_range
copy_range(struct arena *a, const struct osv_range *r)
{
	struct osv_range c = *r;

	c.database_specific = NULL; /* of the other report, and of no origin */
	c.repo = arena_str(a, r->repo);
	c.events = arena_array(a, r->n_events + 1, sizeof(*c.events));
	for (size_t i = 0; i < r->n_events; i++) {
		c.events[i].kind = r->events[i].kind;
		c.events[i].value = arena_str(a, r->events[i].value);
	}
	return c;
}

static void
unite_ranges(struct arena *arena, struct osv_range **a, size_t *na,
    const struct osv_range *b, size_t nb)
{
	struct osv_range *v = arena_array(arena, *na + nb + 1, sizeof(*v));
	size_t n = *na;
	bool there;

	if (n != 0)
		memcpy(v, *a, n * sizeof(*v));
	for (size_t i = 0; i < nb; i++) {
		there = false;
		for (size_t j = 0; j < n && !there; j++) {
			there = report_range_equal(&v[j], &b[i]);
			/* Written otherwise: not the first, but always the
			 * same of the two. */
			if (there && report_range_compare(&b[i], &v[j]) < 0)
				v[j] = copy_range(arena, &b[i]);
		}
		if (!there)
			v[n++] = copy_range(arena, &b[i]);
	}
	*a = v;
	*na = n;
}

/* Two texts as one key. */
static struct str
pair_key(struct buf *b, struct str x, struct str y)
{
	buf_reset(b);
	buf_put_str(b, x);
	buf_putc(b, '\0');
	buf_put_str(b, y);
	return buf_str(b);
}

/* Appends those of v that are not there yet: of the own document as well, so
 * that what stands twice in one does not depend on which came first. */
static size_t
add_references(struct arena *a, struct map *seen, struct osv_reference *to,
    size_t n, const struct osv_reference *v, size_t n_v)
{
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	for (size_t i = 0; i < n_v; i++) {
		if (map_put(seen, pair_key(&b, v[i].type, v[i].url), seen) != 0)
			continue;
		to[n].type = arena_str(a, v[i].type);
		to[n++].url = arena_str(a, v[i].url);
	}
	buf_done(&b);
	return n;
}

static void
unite_references(struct report *r, const struct osv_document *o)
{
	struct osv_document *d = &r->d;
	size_t most = d->n_references + o->n_references + 1, n;
	struct osv_reference *v = arena_array(r->arena, most, sizeof(*v));
	struct map *seen = map_new(most);

	n = add_references(r->arena, seen, v, 0, d->references,
	    d->n_references);
	d->n_references = add_references(r->arena, seen, v, n, o->references,
	    o->n_references);
	d->references = v;
	map_free(seen);
}

static size_t
add_credits(struct arena *a, struct map *seen, struct osv_credit *to, size_t n,
    const struct osv_credit *v, size_t n_v)
{
	struct osv_credit *c;
	struct buf b;

	buf_init(&b, 64 * (size_t)MIB);
	for (size_t i = 0; i < n_v; i++) {
		c = map_get(seen, pair_key(&b, v[i].type, v[i].name));
		if (c == NULL) {
			c = &to[n++];
			c->name = arena_str(a, v[i].name);
			c->type = arena_str(a, v[i].type);
			(void)map_put(seen, buf_str(&b), c);
		}
		unite_strings(a, &c->contacts, &c->n_contacts, v[i].contacts,
		    v[i].n_contacts);
	}
	buf_done(&b);
	return n;
}

static void
unite_credits(struct report *r, const struct osv_document *o)
{
	struct osv_document *d = &r->d;
	size_t most = d->n_credits + o->n_credits + 1, n;
	struct osv_credit *v = arena_array(r->arena, most, sizeof(*v));
	struct map *seen = map_new(most);

	n = add_credits(r->arena, seen, v, 0, d->credits, d->n_credits);
	d->n_credits =
	    add_credits(r->arena, seen, v, n, o->credits, o->n_credits);
	d->credits = v;
	map_free(seen);
}

/* --- free-form members ---------------------------------------------------- */

/* An item and its text, members in one order: the same however written. */
struct item {
	char *text; /* owned */
	yyjson_mut_val *v;
};

static int
by_text(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	return strcmp(a->text, b->text);
}

static char *
text_of(yyjson_val *v)
{
	struct json j;
	struct buf b;
	char *text;

	buf_init(&b, 64 * (size_t)MIB);
	json_init(&j, &b, 0);
	osv_value_write(&j, v);
	text = mem_strndup(buf_str(&b));
	buf_done(&b);
	return text;
}

/* The united array's items, each once, in the order of their JSON text. */
static yyjson_mut_val *
unite_arrays(yyjson_mut_doc *m, yyjson_mut_val *a, yyjson_val *b)
{
	yyjson_doc *old = yyjson_mut_val_imut_copy(a, NULL);
	yyjson_val *const from[] = { yyjson_doc_get_root(old), b };
	yyjson_mut_val *all = yyjson_mut_arr(m);
	struct item *v =
	    mem_array(yyjson_arr_size(from[0]) + yyjson_arr_size(b) + 1,
		sizeof(*v));
	yyjson_val *item;
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMENTS(from); i++) {
		yyjson_arr_iter it = yyjson_arr_iter_with(from[i]);

		while ((item = yyjson_arr_iter_next(&it)) != NULL)
			v[n++] = (struct item){ text_of(item),
				yyjson_val_mut_copy(m, item) };
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(v[i - 1].text, v[i].text) != 0)
			(void)yyjson_mut_arr_append(all, v[i].v);
	for (size_t i = 0; i < n; i++)
		free(v[i].text);
	free(v);
	yyjson_doc_free(old);
	return all;
}

/* What both have under one key: objects member by member, arrays united; of
 * two scalars the one whose text is smaller, so that order does not matter. */
static yyjson_mut_val *
unite_values(yyjson_mut_doc *m, yyjson_mut_val *a, yyjson_val *b, int depth)
{
	yyjson_mut_val *copy, *mine;
	yyjson_obj_iter it;
	yyjson_val *key, *v;
	char *ta, *tb;
	int d;

	if (yyjson_mut_is_arr(a) && yyjson_is_arr(b))
		return unite_arrays(m, a, b);
	if (yyjson_mut_is_obj(a) && yyjson_is_obj(b) && depth < 60) {
		it = yyjson_obj_iter_with(b);
		while ((key = yyjson_obj_iter_next(&it)) != NULL) {
			v = yyjson_obj_iter_get_val(key);
			mine = yyjson_mut_obj_getn(a, yyjson_get_str(key),
			    yyjson_get_len(key));
			copy = mine == NULL ?
			    yyjson_val_mut_copy(m, v) :
			    unite_values(m, mine, v, depth + 1);
			(void)yyjson_mut_obj_put(a, yyjson_val_mut_copy(m, key),
			    copy);
		}
		return yyjson_mut_val_mut_copy(m, a);
	}
	copy = yyjson_val_mut_copy(m, b);
	ta = yyjson_mut_val_write(a, 0, NULL);
	tb = yyjson_mut_val_write(copy, 0, NULL);
	d = strcmp(ta != NULL ? ta : "", tb != NULL ? tb : "");
	free(ta);
	free(tb);
	return d <= 0 ? yyjson_mut_val_mut_copy(m, a) : copy;
}

/* Scalars go: which of two would count, nobody knows. */
static yyjson_val *
unite_maps(struct report *r, yyjson_val *a, yyjson_val *b)
{
	yyjson_mut_doc *m = yyjson_mut_doc_new(NULL);
	yyjson_mut_obj_iter it;
	yyjson_mut_val *key;
	yyjson_mut_val *root =
	    a != NULL ? yyjson_val_mut_copy(m, a) : yyjson_mut_obj(m);

	if (b != NULL)
		root = unite_values(m, root, b, 0);
	it = yyjson_mut_obj_iter_with(root);
	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL)
		if (!yyjson_mut_is_ctn(yyjson_mut_obj_iter_get_val(key)))
			(void)yyjson_mut_obj_iter_remove(&it);
	yyjson_mut_doc_set_root(m, root);
	return report_keep(r, m);
}

/* --- the whole ------------------------------------------------------------ */

static struct report_origin
copy_origin(struct arena *a, const struct report_origin *o)
{
	struct report_origin c = { .source = arena_str(a, o->source),
		.sha256 = arena_str(a, o->sha256),
		.import_time = arena_str(a, o->import_time),
		.modified_time = arena_str(a, o->modified_time),
		.id = arena_str(a, o->id) };

	/* Word for word: also what stands twice in it. */
	c.versions = arena_array(a, o->n_versions + 1, sizeof(*c.versions));
	for (size_t i = 0; i < o->n_versions; i++)
		c.versions[c.n_versions++] = arena_str(a, o->versions[i]);
	c.ranges = arena_array(a, o->n_ranges + 1, sizeof(*c.ranges));
	for (size_t i = 0; i < o->n_ranges; i++)
		c.ranges[c.n_ranges++] = copy_range(a, &o->ranges[i]);
	return c;
}

static int
unite_details(struct report *r, const struct report *other, bool dry,
    struct error *err)
{
	struct details a, b, all;
	struct buf out;
	int rc = details_parse(r->arena, r->d.details, &a, err);

	if (rc == 0)
		rc = details_parse(r->arena, other->d.details, &b, err);
	if (rc != 0)
		return rc;
	if (a.user.n != 0 && b.user.n != 0)
		return error_set(err, -EINVAL,
		    "both reports have text of a contributor");
	if (dry)
		return 0;
	all.user = a.user.n != 0 ? a.user : b.user;
	all.n_sections = a.n_sections + b.n_sections;
	all.sections =
	    arena_array(r->arena, all.n_sections + 1, sizeof(*all.sections));
	if (a.n_sections != 0)
		memcpy(all.sections, a.sections,
		    a.n_sections * sizeof(*all.sections));
	if (b.n_sections != 0)
		memcpy(all.sections + a.n_sections, b.sections,
		    b.n_sections * sizeof(*all.sections));
	buf_init(&out, 64 * (size_t)MIB);
	details_write(&all, &out);
	r->d.details = arena_str(r->arena, buf_str(&out));
	buf_done(&out);
	return 0;
}

static int
check(struct report *r, struct report *other, struct error *err)
{
	struct str ea, na, eb, nb;

	report_package(r, &ea, &na);
	report_package(other, &eb, &nb);
	if (!report_same_package(ea, na, eb, nb))
		return error_set(err, -EINVAL,
		    "reports about different packages: %.*s %.*s, %.*s %.*s",
		    STR_ARG(ea), STR_ARG(na), STR_ARG(eb), STR_ARG(nb));
	if (other->d.id.p != NULL)
		return error_set(err, -EINVAL,
		    "the report to be merged has an id of its own");
	for (size_t i = 0; i < r->origins.n; i++)
		for (size_t j = 0; j < other->origins.n; j++)
			if (str_eq(r->origins.v[i].source,
				other->origins.v[j].source) &&
			    str_eq(r->origins.v[i].sha256,
				other->origins.v[j].sha256))
				return error_set(err, -EINVAL,
				    "the origin %.*s is in both",
				    STR_ARG(r->origins.v[i].source));
	return unite_details(r, other, true, err);
}

static bool
refers_to(struct str url, struct str id)
{
	size_t n = id.n + 6;

	return id.p != NULL && url.n >= n && url.p[url.n - n] == '/' &&
	    str_eq(str_sub(url, url.n - n + 1, url.n - 5), id) &&
	    str_ends(url, ".json");
}

static void
drop_self(struct osv_document *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_aliases; i++)
		if (d->id.p == NULL || !str_eq(d->aliases[i], d->id))
			d->aliases[n++] = d->aliases[i];
	d->n_aliases = n;
	n = 0;
	for (size_t i = 0; i < d->n_references; i++)
		if (!refers_to(d->references[i].url, d->id))
			d->references[n++] = d->references[i];
	d->n_references = n;
}

static void
earliest_published(struct report *r, const struct osv_document *o)
{
	struct osv_document *d = &r->d;
	int64_t mine, other;

	if (o->published.p != NULL &&
	    (d->published.p == NULL ||
		(osv_time_parse(o->published, &other) == 0 &&
		    osv_time_parse(d->published, &mine) == 0 && other < mine)))
		d->published = arena_str(r->arena, o->published);
	if (d->published.p == NULL)
		d->published = d->modified;
}

/* Where letter case is no difference, of two spellings always the same. */
static void
unite_names(struct report *r, const struct osv_affected *o)
{
	struct osv_affected *a = &r->d.affected[0];
	struct str usual =
	    str_of(arena_printf(r->arena, "Malicious code in %.*s (%.*s)",
		STR_ARG(a->name), STR_ARG(a->ecosystem)));

	if (!a->has_package || str_cmp(o->name, a->name) >= 0)
		return;
	if (str_eq(r->d.summary, usual))
		r->d.summary = str_of(
		    arena_printf(r->arena, "Malicious code in %.*s (%.*s)",
			STR_ARG(o->name), STR_ARG(a->ecosystem)));
	a->name = arena_str(r->arena, o->name);
}

static void
unite_affected(struct report *r, const struct osv_affected *o)
{
	struct osv_affected *a = &r->d.affected[0];

	unite_names(r, o);
	unite_strings(r->arena, &a->versions, &a->n_versions, o->versions,
	    o->n_versions);
	unite_ranges(r->arena, &a->ranges, &a->n_ranges, o->ranges,
	    o->n_ranges);
	if (a->purl.p == NULL ||
	    (o->purl.p != NULL && str_cmp(o->purl, a->purl) < 0))
		a->purl = arena_str(r->arena, o->purl);
	a->n_severity = 0;
	a->ecosystem_specific = NULL;
	a->database_specific =
	    unite_maps(r, a->database_specific, o->database_specific);
}

int
report_merge(struct report *r, struct report *other, struct str now,
    struct error *err)
{
	const struct osv_document *o = &other->d;
	struct osv_document *d = &r->d;
	int rc = check(r, other, err);

	if (rc != 0)
		return rc;
	(void)unite_details(r, other, false, err);
	unite_affected(r, &o->affected[0]);
	unite_strings(r->arena, &d->aliases, &d->n_aliases, o->aliases,
	    o->n_aliases);
	unite_strings(r->arena, &d->related, &d->n_related, o->related,
	    o->n_related);
	unite_strings(r->arena, &d->upstream, &d->n_upstream, o->upstream,
	    o->n_upstream);
	unite_strings(r->arena, &r->own_versions, &r->n_own_versions,
	    other->own_versions, other->n_own_versions);
	unite_ranges(r->arena, &r->own_ranges, &r->n_own_ranges,
	    other->own_ranges, other->n_own_ranges);
	unite_references(r, o);
	unite_credits(r, o);
	d->n_severity = 0;
	d->database_specific =
	    unite_maps(r, d->database_specific, o->database_specific);
	for (size_t i = 0; i < other->origins.n; i++)
		vec_push(&r->origins,
		    copy_origin(r->arena, &other->origins.v[i]));
	d->modified = arena_str(r->arena, now);
	earliest_published(r, o);
	drop_self(d);
	return 0;
}

/* --- versions by origin ----------------------------------------------------
 */

/* "Every version from the first, with no end." */
static bool
is_everything(const struct osv_range *r)
{
	bool from_zero = false;

	for (size_t i = 0; i < r->n_events; i++) {
		if (r->events[i].kind != OSV_INTRODUCED &&
		    !(r->events[i].kind == OSV_LIMIT &&
			str_is(r->events[i].value, "*")))
			return false;
		from_zero = from_zero ||
		    (r->events[i].kind == OSV_INTRODUCED &&
			str_is(r->events[i].value, "0"));
	}
	return from_zero && r->type != OSV_GIT;
}

/* Something narrower than everything: versions, or a range with an end. */
static bool
is_exact(const struct report_origin *o)
{
	if (o->n_versions == 0 && o->n_ranges == 0)
		return false;
	for (size_t i = 0; i < o->n_ranges; i++)
		if (is_everything(&o->ranges[i]))
			return false;
	return true;
}

int
report_publish_versions(struct report *r)
{
	struct osv_affected *a = &r->d.affected[0];
	bool exact = false, left_out = false;

	report_drop_claimed(r);
	for (size_t i = 0; i < r->origins.n; i++)
		exact = exact || is_exact(&r->origins.v[i]);
	a->n_versions = 0;
	a->n_ranges = 0;
	unite_strings(r->arena, &a->versions, &a->n_versions, r->own_versions,
	    r->n_own_versions);
	unite_ranges(r->arena, &a->ranges, &a->n_ranges, r->own_ranges,
	    r->n_own_ranges);
	exact = exact || r->n_own_versions != 0;
	for (size_t i = 0; i < r->n_own_ranges; i++)
		exact = exact || !is_everything(&r->own_ranges[i]);
	for (size_t i = 0; i < r->origins.n; i++) {
		const struct report_origin *o = &r->origins.v[i];

		unite_strings(r->arena, &a->versions, &a->n_versions,
		    o->versions, o->n_versions);
		for (size_t k = 0; k < o->n_ranges; k++)
			if (exact && is_everything(&o->ranges[k]))
				left_out = true;
			else
				unite_ranges(r->arena, &a->ranges, &a->n_ranges,
				    &o->ranges[k], 1);
	}
	return left_out;
}

int
report_retract(struct report *r, struct str source, struct str sha256,
    struct error *err)
{
	struct details d;
	struct buf out;
	size_t n = 0, before = r->origins.n, kept = 0;
	int rc;

	report_drop_claimed(r);
	for (size_t i = 0; i < before; i++)
		if (!str_eq(r->origins.v[i].source, source) ||
		    (sha256.p != NULL &&
			!str_eq(r->origins.v[i].sha256, sha256)))
			r->origins.v[n++] = r->origins.v[i];
	if (n == before)
		return error_set(err, -ENOENT, "%.*s is no origin of it",
		    STR_ARG(source));
	r->origins.n = n;
	rc = details_parse(r->arena, r->d.details, &d, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < d.n_sections; i++)
		for (size_t k = 0; k < n; k++)
			if (str_eq(d.sections[i].source,
				r->origins.v[k].source) &&
			    str_eq(d.sections[i].sha256,
				r->origins.v[k].sha256)) {
				d.sections[kept++] = d.sections[i];
				break;
			}
	d.n_sections = kept;
	buf_init(&out, 64 * (size_t)MIB);
	details_write(&d, &out);
	r->d.details = arena_str(r->arena, buf_str(&out));
	buf_done(&out);
	/* What a person wrote needs no origin. */
	if (n == 0 && r->n_own_versions + r->n_own_ranges == 0)
		return 1;
	(void)report_publish_versions(r);
	return 0;
}
