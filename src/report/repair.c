/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What real feeds get wrong and can be put right without guessing: times with
 * an offset, null lists, links that are none, older names of members. Each
 * repair is named. Pure functions over JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"
#include "report/repair_priv.h"
#include "sys/clock.h"

#define SHOWN(s) (int)MIN_OF((s).n, (size_t)120), ((s).p != NULL ? (s).p : "")

/* "+02:00", "Z", or nothing; seconds east of UTC. */
static bool
read_offset(struct str zone, int64_t *ret)
{
	uint64_t h, m;

	*ret = 0;
	if (zone.n == 0 || str_is(zone, "Z") || str_is(zone, "z"))
		return true;
	if (zone.n != 6 || zone.p[3] != ':' ||
	    (zone.p[0] != '+' && zone.p[0] != '-'))
		return false;
	if (str_to_u64(str_sub(zone, 1, 3), &h) != 0 ||
	    str_to_u64(str_sub(zone, 4, 6), &m) != 0 || h > 23 || m > 59)
		return false;
	*ret = (int64_t)(h * 3600 + m * 60);
	if (zone.p[0] == '-')
		*ret = -*ret;
	return true;
}

/* "2026-01-02T03:04:05.6+02:00" → "2026-01-02T01:04:05Z"; also " " for "T",
 * and no zone at all, which every feed that does so means as UTC. */
static bool
repair_time(struct str s, char ret[CLOCK_RFC3339_SIZE])
{
	char plain[21] = "";
	int64_t seconds, offset;
	size_t i = 19;

	if (s.n < 19)
		return false;
	memcpy(plain, s.p, 19);
	plain[10] = 'T';
	plain[19] = 'Z';
	if (osv_time_parse(str_n(plain, 20), &seconds) != 0)
		return false;
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9';)
			i++;
	if (!read_offset(str_sub(s, i, s.n), &offset))
		return false;
	seconds -= offset;
	/* Nanoseconds end in the year 2262. */
	if (seconds > INT64_MAX / NS_PER_SEC ||
	    seconds < INT64_MIN / NS_PER_SEC)
		return false;
	clock_rfc3339(seconds * NS_PER_SEC, ret);
	return true;
}

/* A day alone, or seconds or milliseconds since 1970. */
static bool
repair_short_time(yyjson_mut_val *v, char ret[CLOCK_RFC3339_SIZE])
{
	struct str s = repair_text(v);
	uint64_t n = yyjson_mut_get_uint(v);
	char day[CLOCK_RFC3339_SIZE];
	int64_t seconds;

	if (s.n == 10) {
		(void)snprintf(day, sizeof(day), "%.10sT00:00:00Z", s.p);
		if (osv_time_parse(str_of(day), &seconds) != 0)
			return false;
		memcpy(ret, day, sizeof(day));
		return true;
	}
	if (!yyjson_mut_is_uint(v) || n == 0)
		return false;
	if (n >= 100000000000)
		n /= 1000;
	if (n > (uint64_t)(INT64_MAX / NS_PER_SEC))
		return false;
	clock_rfc3339((int64_t)n * NS_PER_SEC, ret);
	return true;
}

static void
repair_time_of(struct repair *r, yyjson_mut_val *root, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(root, key);
	struct str s = repair_text(v);
	char fixed[CLOCK_RFC3339_SIZE];
	int64_t seconds;

	if (v == NULL || (s.p != NULL && osv_time_parse(s, &seconds) == 0))
		return;
	if (!(s.p != NULL && repair_time(s, fixed)) &&
	    !repair_short_time(v, fixed))
		return;
	if (s.p != NULL)
		intake_note(r->in, "%s: \"%.*s\" written as %s", key, SHOWN(s),
		    fixed);
	else
		intake_note(r->in, "%s: a number written as %s", key, fixed);
	repair_put(r, root, key, str_of(fixed));
}

/* Without a time that can be read a report cannot be newer or older than
 * another, and a withdrawal must not be overheard: the report is refused for
 * these. Publication is of less use. */
static void
repair_times(struct repair *r, yyjson_mut_val *root)
{
	yyjson_mut_val *v;
	int64_t seconds;

	repair_time_of(r, root, "modified");
	repair_time_of(r, root, "published");
	repair_time_of(r, root, "withdrawn");
	v = yyjson_mut_obj_get(root, "published");
	if (v != NULL && osv_time_parse(repair_text(v), &seconds) != 0)
		repair_drop(r, root, "published", "is no time");
	v = yyjson_mut_obj_get(root, "withdrawn");
	if (yyjson_mut_is_false(v) || repair_text(v).p != NULL)
		if (repair_text(v).n == 0)
			repair_drop(r, root, "withdrawn", "is no time");
	if (yyjson_mut_obj_get(root, "modified") == NULL &&
	    yyjson_mut_obj_get(root, "published") != NULL) {
		(void)yyjson_mut_obj_add_val(r->m, root, "modified",
		    yyjson_mut_val_mut_copy(r->m,
			yyjson_mut_obj_get(root, "published")));
		intake_note(r->in,
		    "modified is missing: published stands in for it");
	}
}

/* --- members ---------------------------------------------------------------
 */

static void
drop_nulls(yyjson_mut_val *object)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL)
		if (yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(key)))
			(void)yyjson_mut_obj_iter_remove(&it);
}

/* Keys that the house rules do not know: a source's own data, not ours. */
static void
keep_keys(struct repair *r, yyjson_mut_val *object, const char *where,
    const char *const *keys)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		struct str k = repair_text(key);
		bool known = keys == NULL && osv_member_known(k);

		for (size_t i = 0; keys != NULL && keys[i] != NULL; i++)
			known = known || str_is(k, keys[i]);
		if (known)
			continue;
		intake_note(r->in, "%s%.*s is the source's own: dropped", where,
		    SHOWN(k));
		(void)yyjson_mut_obj_iter_remove(&it);
	}
}

/* An optional member of another type than the schema's is of no use. */
static void
drop_other_types(struct repair *r, yyjson_mut_val *object)
{
	static const struct {
		const char *key;
		char kind; /* 's' string, 'o' object */
	} optional[] = { { "schema_version", 's' }, { "summary", 's' },
		{ "details", 's' }, { "database_specific", 'o' },
		{ "purl", 's' } };

	for (size_t i = 0; i < N_ELEMENTS(optional); i++) {
		yyjson_mut_val *v = yyjson_mut_obj_get(object, optional[i].key);
		bool string = optional[i].kind == 's';

		if (v == NULL ||
		    (string ? yyjson_mut_is_str(v) : yyjson_mut_is_obj(v)))
			continue;
		repair_drop(r, object, optional[i].key,
		    string ? "is no text" : "is no object");
	}
}

/* A purl that none is, or that has a version (which stands elsewhere), is not
 * needed: the export makes one. One that names another package stays, and the
 * report is refused: nobody knows which of the two is meant. */
static void
repair_purl(struct repair *r, yyjson_mut_val *package)
{
	struct str s = repair_text(yyjson_mut_obj_get(package, "purl"));
	struct arena *a;
	struct packageurl p;
	struct buf b;

	if (s.p == NULL)
		return;
	a = arena_new(MIB);
	if (packageurl_parse(a, s, &p, NULL) != 0) {
		repair_drop(r, package, "purl", "is none");
	} else if (p.version.p != NULL) {
		buf_init(&b, 16 * LIMIT_PURL_BYTES);
		p.version = STR_NONE;
		packageurl_write(&p, &b);
		intake_note(r->in, "purl: its version taken away");
		repair_put(r, package, "purl", buf_str(&b));
		buf_done(&b);
	}
	arena_free(a);
}

/* The spelling of range types alone; what a range says is not touched. */
static void
repair_ranges(struct repair *r, yyjson_mut_val *a)
{
	yyjson_mut_arr_iter it =
	    yyjson_mut_arr_iter_with(yyjson_mut_obj_get(a, "ranges"));
	yyjson_mut_val *v;

	while ((v = yyjson_mut_arr_iter_next(&it)) != NULL) {
		struct str type = repair_text(yyjson_mut_obj_get(v, "type"));
		const char *word = osv_word(OSV_RANGE_TYPES, type);

		/* It would go with the first merge: versions and ranges are
		 * kept for each origin, and nothing beside them. */
		if (yyjson_mut_obj_remove_key(v, "database_specific") != NULL)
			intake_note(r->in,
			    "a range's database_specific is the source's own: "
			    "dropped");
		if (word == NULL || str_is(type, word))
			continue;
		intake_note(r->in, "range type \"%.*s\" written as %s",
		    SHOWN(type), word);
		repair_put(r, v, "type", str_of(word));
	}
}

static void
repair_affected(struct repair *r, yyjson_mut_val *a)
{
	static const char *const keys[] = { "cwes", "indicators", "iocs",
		"ghsa", NULL };
	yyjson_mut_val *package = yyjson_mut_obj_get(a, "package"), *own;

	drop_nulls(a);
	drop_nulls(package);
	drop_other_types(r, a);
	drop_other_types(r, package);
	repair_purl(r, package);
	own = yyjson_mut_obj_get(a, "database_specific");
	keep_keys(r, own, "affected.database_specific.", keys);
	repair_indicators(r, own, "iocs");
	repair_indicators(r, own, "indicators");
	(void)yyjson_mut_obj_remove_key(a, "ecosystem_specific");
	repair_severity(r, a);
	repair_ranges(r, a);
	repair_strings(r, a, "versions");
}

static void
repair_entries(struct repair *r, yyjson_mut_val *root)
{
	yyjson_mut_val *list = repair_list(r, root, "affected", 'o'), *v;
	size_t left = yyjson_mut_arr_size(list);
	bool severity = yyjson_mut_obj_get(root, "severity") != NULL;

	while ((v = repair_take(list, &left)) != NULL) {
		if (yyjson_mut_is_null(v))
			continue;
		repair_affected(r, v);
		if (severity && yyjson_mut_obj_get(v, "severity") != NULL)
			repair_drop(r, v, "severity", "stands twice");
		(void)yyjson_mut_arr_append(list, v);
	}
}

/* Upstream are other bugs than this one, which aliases and related are not. */
static void
repair_upstream(struct repair *r, yyjson_mut_val *root)
{
	static const char *const others[] = { "aliases", "related" };
	yyjson_mut_val *list = yyjson_mut_obj_get(root, "upstream"), *v;
	size_t left = yyjson_mut_arr_size(list);
	bool twice;

	while (left < 1000 && (v = repair_take(list, &left)) != NULL) {
		twice = false;
		for (size_t i = 0; i < N_ELEMENTS(others); i++) {
			yyjson_mut_arr_iter it = yyjson_mut_arr_iter_with(
			    yyjson_mut_obj_get(root, others[i]));
			yyjson_mut_val *o;

			while ((o = yyjson_mut_arr_iter_next(&it)) != NULL)
				twice = twice || yyjson_mut_equals(o, v);
		}
		if (twice)
			intake_note(r->in, "upstream: an alias dropped");
		else
			(void)yyjson_mut_arr_append(list, v);
	}
}

/* The id at its source, by which updates are known again. */
static void
take_id(struct repair *r, yyjson_mut_val *root)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(root, "id");
	struct str id = repair_text(v);
	bool good = id.n != 0 && id.n <= 512;

	for (size_t i = 0; i < id.n; i++)
		good = good && (unsigned char)id.p[i] >= ' ';
	if (good)
		r->in->source_id = mem_strndup(id);
	else if (yyjson_mut_is_uint(v))
		r->in->source_id =
		    mem_printf("%" PRIu64, yyjson_mut_get_uint(v));
	else if (v != NULL)
		intake_note(r->in, "the id is none: not kept");
	(void)yyjson_mut_obj_remove_key(root, "id");
}

static void
repair_document(struct repair *r, yyjson_mut_val *root)
{
	static const char *const keys[] = { "malicious-packages-origins",
		"iocs", NULL };
	static const char *const lists[] = { "aliases", "related", "upstream" };
	yyjson_mut_val *own;

	take_id(r, root);
	drop_nulls(root);
	keep_keys(r, root, "", NULL);
	drop_other_types(r, root);
	repair_times(r, root);
	repair_references(r, root);
	repair_credits(r, root);
	repair_severity(r, root);
	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		repair_strings(r, root, lists[i]);
	repair_upstream(r, root);
	own = yyjson_mut_obj_get(root, "database_specific");
	keep_keys(r, own, "database_specific.", keys);
	repair_indicators(r, own, "iocs");
	repair_entries(r, root);
}

/* Some programs write a mark of their own before UTF-8. */
static struct str
without_mark(struct intake *in, struct str bytes)
{
	if (!str_starts(bytes, "\xef\xbb\xbf"))
		return bytes;
	intake_note(in, "a byte order mark taken away");
	return str_sub(bytes, 3, bytes.n);
}

int
intake_repair(struct intake *in, struct str bytes, yyjson_mut_doc **ret_doc,
    struct error *err)
{
	struct repair r = { .in = in };
	yyjson_doc *json = NULL;
	yyjson_mut_doc *m;
	int rc = osv_json_read(without_mark(in, bytes), &json, err);

	if (rc != 0)
		return rc;
	if (!yyjson_is_obj(yyjson_doc_get_root(json))) {
		osv_json_free(json);
		return error_set(err, -EINVAL, "is no JSON object");
	}
	m = yyjson_doc_mut_copy(json, NULL);
	osv_json_free(json);
	if (m == NULL)
		fatal("no memory for a JSON value");
	r.m = m;
	repair_document(&r, yyjson_mut_doc_get_root(m));
	*ret_doc = m;
	return 0;
}
