/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What real feeds get wrong and can be put right without guessing: times with
 * an offset, null lists, links that are none, older names of members. Each
 * repair is named. Pure functions over JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "osv/checker.h"
#include "osv/osv.h"
#include "report/intake_priv.h"
#include "report/iocs.h"
#include "sys/clock.h"

static struct str
text(yyjson_mut_val *v)
{
	return yyjson_mut_is_str(v) ?
	    str_n(yyjson_mut_get_str(v), yyjson_mut_get_len(v)) :
	    STR_NONE;
}

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

static void
repair_times(struct intake *in, yyjson_mut_doc *m, yyjson_mut_val *root)
{
	static const char *const keys[] = { "modified", "published",
		"withdrawn" };
	char fixed[CLOCK_RFC3339_SIZE];
	int64_t seconds;

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		yyjson_mut_val *v = yyjson_mut_obj_get(root, keys[i]);
		struct str s = text(v);

		if (yyjson_mut_is_null(v)) {
			(void)yyjson_mut_obj_remove_key(root, keys[i]);
			continue;
		}
		if (s.p == NULL || osv_time_parse(s, &seconds) == 0 ||
		    !repair_time(s, fixed))
			continue;
		intake_note(in, "%s: \"%.*s\" written as %s", keys[i],
		    STR_ARG(s), fixed);
		(void)yyjson_mut_obj_put(root, yyjson_mut_str(m, keys[i]),
		    yyjson_mut_strcpy(m, fixed));
	}
	if (yyjson_mut_obj_get(root, "modified") == NULL &&
	    yyjson_mut_obj_get(root, "published") != NULL)
		(void)yyjson_mut_obj_add_val(m, root, "modified",
		    yyjson_mut_val_mut_copy(m,
			yyjson_mut_obj_get(root, "published")));
}

static bool
http_url(struct str s)
{
	return (str_starts(s, "https://") || str_starts(s, "http://")) &&
	    iocs_url_valid(s) && str_chr(str_sub(s, 8, s.n), '.') > 0;
}

/* The items of a list, one after the other, each taken off its front: who
 * keeps one appends it again. (Removing through an iterator skips the item
 * after the removed one in some versions of yyjson.) */
static yyjson_mut_val *
take_item(yyjson_mut_val *list, size_t *left)
{
	if (*left == 0)
		return NULL;
	(*left)--;
	return yyjson_mut_arr_remove_first(list);
}

/* References that are no links are not needed: dropped, and named. */
static void
repair_references(struct intake *in, yyjson_mut_val *root)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(root, "references"), *v;
	size_t left = yyjson_mut_arr_size(list);

	while ((v = take_item(list, &left)) != NULL) {
		struct str url = text(yyjson_mut_obj_get(v, "url"));

		if (http_url(url) && yyjson_mut_obj_get(v, "type") != NULL) {
			(void)yyjson_mut_arr_append(list, v);
			continue;
		}
		in->lost = true;
		intake_note(in, "reference \"%.*s\" is no link: dropped",
		    (int)MIN_OF(url.n, (size_t)200),
		    url.p != NULL ? url.p : "");
	}
}

static void
drop_nulls(yyjson_mut_val *object)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL)
		if (yyjson_mut_is_null(yyjson_mut_obj_iter_get_val(key)))
			(void)yyjson_mut_obj_iter_remove(&it);
}

/* Strings that are empty or stand twice. */
static void
repair_strings(struct intake *in, yyjson_mut_val *list, const char *name)
{
	size_t left = yyjson_mut_arr_size(list), n_kept = 0;
	yyjson_mut_val **kept = mem_array(left, sizeof(*kept)), *v;
	bool small = left < 1000, drop;

	while ((v = take_item(list, &left)) != NULL) {
		drop = yyjson_mut_is_str(v) && yyjson_mut_get_len(v) == 0;
		for (size_t i = 0; i < n_kept && small && !drop; i++)
			drop = yyjson_mut_equals(kept[i], v);
		if (drop) {
			intake_note(in,
			    "%s: an empty or repeated value dropped", name);
			continue;
		}
		kept[n_kept++] = v;
		(void)yyjson_mut_arr_append(list, v);
	}
	free(kept);
}

/* ip_addresses is the older name of ips; values that are none are dropped. */
static void
repair_iocs(struct intake *in, yyjson_mut_doc *m, yyjson_mut_val *iocs)
{
	static const struct {
		const char *key;
		bool (*valid)(struct str);
	} kinds[] = { { "domains", iocs_domain_valid },
		{ "ips", iocs_ip_valid }, { "urls", iocs_url_valid } };
	yyjson_mut_val *old = yyjson_mut_obj_get(iocs, "ip_addresses");

	if (old != NULL) {
		old = yyjson_mut_val_mut_copy(m, old);
		(void)yyjson_mut_obj_remove_key(iocs, "ip_addresses");
		if (yyjson_mut_obj_get(iocs, "ips") == NULL)
			(void)yyjson_mut_obj_add_val(m, iocs, "ips", old);
	}
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		yyjson_mut_val *list = yyjson_mut_obj_get(iocs, kinds[i].key),
			       *v;
		size_t left = yyjson_mut_arr_size(list);

		while ((v = take_item(list, &left)) != NULL) {
			struct str s = text(v);

			if (kinds[i].valid(s)) {
				(void)yyjson_mut_arr_append(list, v);
				continue;
			}
			in->lost = true;
			intake_note(in, "iocs.%s: \"%.*s\" is none: dropped",
			    kinds[i].key, (int)MIN_OF(s.n, (size_t)100),
			    s.p != NULL ? s.p : "");
		}
	}
}

/* Keys that the house rules do not know: a source's own data, not ours. */
static void
keep_keys(struct intake *in, yyjson_mut_val *object, const char *where,
    const char *const *keys)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(object);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it)) != NULL) {
		bool known = false;

		for (size_t i = 0; keys[i] != NULL; i++)
			known = known || yyjson_mut_equals_str(key, keys[i]);
		if (known)
			continue;
		intake_note(in, "%s.%s is the source's own: dropped", where,
		    yyjson_mut_get_str(key));
		(void)yyjson_mut_obj_iter_remove(&it);
	}
}

static void
repair_affected(struct intake *in, yyjson_mut_doc *m, yyjson_mut_val *a)
{
	static const char *const keys[] = { "cwes", "indicators", "iocs",
		"ghsa", NULL };
	yyjson_mut_val *own = yyjson_mut_obj_get(a, "database_specific");

	drop_nulls(a);
	drop_nulls(yyjson_mut_obj_get(a, "package"));
	keep_keys(in, own, "affected.database_specific", keys);
	repair_iocs(in, m, yyjson_mut_obj_get(own, "iocs"));
	if (yyjson_mut_obj_get(a, "ecosystem_specific") != NULL)
		(void)yyjson_mut_obj_remove_key(a, "ecosystem_specific");
	repair_strings(in, yyjson_mut_obj_get(a, "versions"), "versions");
}

static void
repair_document(struct intake *in, yyjson_mut_doc *m, yyjson_mut_val *root)
{
	static const char *const keys[] = { "malicious-packages-origins",
		"iocs", NULL };
	static const char *const lists[] = { "aliases", "related", "upstream" };
	yyjson_mut_val *own = yyjson_mut_obj_get(root, "database_specific");
	yyjson_mut_val *affected = yyjson_mut_obj_get(root, "affected"), *v;
	yyjson_mut_arr_iter it = yyjson_mut_arr_iter_with(affected);
	struct str id = text(yyjson_mut_obj_get(root, "id"));

	if (id.n != 0 && id.n <= 512)
		in->source_id = mem_strndup(id);
	(void)yyjson_mut_obj_remove_key(root, "id");
	drop_nulls(root);
	repair_times(in, m, root);
	repair_references(in, root);
	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		repair_strings(in, yyjson_mut_obj_get(root, lists[i]),
		    lists[i]);
	keep_keys(in, own, "database_specific", keys);
	repair_iocs(in, m, yyjson_mut_obj_get(own, "iocs"));
	while ((v = yyjson_mut_arr_iter_next(&it)) != NULL)
		repair_affected(in, m, v);
}

int
intake_repair(struct intake *in, struct str bytes, yyjson_mut_doc **ret_doc,
    struct error *err)
{
	yyjson_doc *json = NULL;
	yyjson_mut_doc *m;
	int rc = osv_json_read(bytes, &json, err);

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
	repair_document(in, m, yyjson_mut_doc_get_root(m));
	*ret_doc = m;
	return 0;
}
