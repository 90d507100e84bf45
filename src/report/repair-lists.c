/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that a report can do without, or with fewer items: references,
 * credits, severities, ids. What is of no use is dropped and named, so that it
 * does not cost the report. Pure functions over JSON.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "osv/osv.h"
#include "report/repair_priv.h"

#define SHOWN(s) (int)MIN_OF((s).n, (size_t)120), ((s).p != NULL ? (s).p : "")

struct str
repair_text(yyjson_mut_val *v)
{
	return yyjson_mut_is_str(v) ?
	    str_n(yyjson_mut_get_str(v), yyjson_mut_get_len(v)) :
	    STR_NONE;
}

void
repair_put(struct repair *r, yyjson_mut_val *object, const char *key,
    struct str s)
{
	(void)yyjson_mut_obj_put(object, yyjson_mut_str(r->m, key),
	    yyjson_mut_strncpy(r->m, s.p, s.n));
}

void
repair_drop(struct repair *r, yyjson_mut_val *object, const char *key,
    const char *why)
{
	(void)yyjson_mut_obj_remove_key(object, key);
	r->in->lost = true;
	intake_note(r->in, "%s %s: dropped", key, why);
}

yyjson_mut_val *
repair_take(yyjson_mut_val *list, size_t *left)
{
	if (*left == 0)
		return NULL;
	(*left)--;
	return yyjson_mut_arr_remove_first(list);
}

yyjson_mut_val *
repair_list(struct repair *r, yyjson_mut_val *object, const char *key,
    char kind)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(object, key), *list;

	if (v == NULL || yyjson_mut_is_arr(v))
		return v;
	if (!(kind == 's' ? yyjson_mut_is_str(v) : yyjson_mut_is_obj(v))) {
		repair_drop(r, object, key, "is no list");
		return NULL;
	}
	list = yyjson_mut_arr(r->m);
	(void)yyjson_mut_arr_append(list, yyjson_mut_val_mut_copy(r->m, v));
	(void)yyjson_mut_obj_put(object, yyjson_mut_str(r->m, key), list);
	intake_note(r->in, "%s: one value made a list", key);
	return yyjson_mut_obj_get(object, key);
}

/* --- references -------------------------------------------------------------
 */

/* NULL: dropped. */
static yyjson_mut_val *
reference(struct repair *r, yyjson_mut_val *v)
{
	struct str url = repair_text(v), type;
	const char *word;

	if (url.p != NULL) { /* a link alone */
		v = yyjson_mut_obj(r->m);
		repair_put(r, v, "url", url);
	}
	url = repair_text(yyjson_mut_obj_get(v, "url"));
	if (!osv_url_valid(str_trim(url))) {
		r->in->lost = true;
		intake_note(r->in, "reference \"%.*s\" is no link: dropped",
		    SHOWN(url));
		return NULL;
	}
	if (str_trim(url).n != url.n)
		repair_put(r, v, "url", str_trim(url));
	type = repair_text(yyjson_mut_obj_get(v, "type"));
	word = osv_word(OSV_REFERENCE_TYPES, type);
	if (word != NULL && str_is(type, word))
		return v;
	if (word == NULL)
		word = "WEB";
	intake_note(r->in, "reference type \"%.*s\" written as %s", SHOWN(type),
	    word);
	repair_put(r, v, "type", str_of(word));
	return v;
}

void
repair_references(struct repair *r, yyjson_mut_val *root)
{
	yyjson_mut_val *list = repair_list(r, root, "references", 'o'), *v;
	size_t left = yyjson_mut_arr_size(list);

	while ((v = repair_take(list, &left)) != NULL) {
		v = reference(r, v);
		if (v != NULL)
			(void)yyjson_mut_arr_append(list, v);
	}
}

/* --- credits ---------------------------------------------------------------
 */

static yyjson_mut_val *
credit(struct repair *r, yyjson_mut_val *v)
{
	struct str name = repair_text(v), type;
	const char *word;

	if (name.p != NULL) { /* a name alone */
		v = yyjson_mut_obj(r->m);
		repair_put(r, v, "name", name);
	}
	if (str_trim(repair_text(yyjson_mut_obj_get(v, "name"))).n == 0) {
		r->in->lost = true;
		intake_note(r->in, "a credit without a name: dropped");
		return NULL;
	}
	if (yyjson_mut_is_null(yyjson_mut_obj_get(v, "contact")))
		(void)yyjson_mut_obj_remove_key(v, "contact");
	repair_strings(r, v, "contact");
	if (yyjson_mut_obj_get(v, "type") == NULL)
		return v;
	type = repair_text(yyjson_mut_obj_get(v, "type"));
	word = osv_word(OSV_CREDIT_TYPES, type);
	if (word != NULL && str_is(type, word))
		return v;
	if (word == NULL)
		word = "OTHER";
	intake_note(r->in, "credit type \"%.*s\" written as %s", SHOWN(type),
	    word);
	repair_put(r, v, "type", str_of(word));
	return v;
}

void
repair_credits(struct repair *r, yyjson_mut_val *root)
{
	yyjson_mut_val *list = repair_list(r, root, "credits", 'o'), *v;
	size_t left = yyjson_mut_arr_size(list);

	while ((v = repair_take(list, &left)) != NULL) {
		v = credit(r, v);
		if (v != NULL)
			(void)yyjson_mut_arr_append(list, v);
	}
}

/* --- severity --------------------------------------------------------------
 */

/* There is none of malware, and a merge leaves it out: one that is no score is
 * not worth the report. */
void
repair_severity(struct repair *r, yyjson_mut_val *object)
{
	yyjson_mut_val *list = repair_list(r, object, "severity", 'o'), *v;
	size_t left = yyjson_mut_arr_size(list);

	while ((v = repair_take(list, &left)) != NULL) {
		struct str type = repair_text(yyjson_mut_obj_get(v, "type"));
		struct str score = repair_text(yyjson_mut_obj_get(v, "score"));
		const char *word = osv_word(OSV_SEVERITY_TYPES, type);

		if (word != NULL && str_is(type, word) && score.p != NULL &&
		    osv_cvss_complaint(type, score) == NULL) {
			(void)yyjson_mut_arr_append(list, v);
			continue;
		}
		r->in->lost = true;
		intake_note(r->in, "severity \"%.*s\" is no score: dropped",
		    SHOWN(score.p != NULL ? score : type));
	}
}

/* --- ids and versions ------------------------------------------------------
 */

static bool
is_version_list(const char *key)
{
	return strcmp(key, "versions") == 0;
}

void
repair_strings(struct repair *r, yyjson_mut_val *object, const char *key)
{
	yyjson_mut_val *list = repair_list(r, object, key, 's'), *v;
	size_t left = yyjson_mut_arr_size(list), n_kept = 0;
	yyjson_mut_val **kept = mem_array(left, sizeof(*kept));
	bool small = left < 1000, drop;

	while ((v = repair_take(list, &left)) != NULL) {
		/* A version that is no text (1.10 as a number would be 1.1) is
		 * no small matter: the report is refused for it. */
		drop = yyjson_mut_is_str(v) ? yyjson_mut_get_len(v) == 0 :
					      !is_version_list(key);
		for (size_t i = 0; i < n_kept && small && !drop; i++)
			drop = yyjson_mut_equals(kept[i], v);
		if (drop) {
			r->in->lost = r->in->lost || !yyjson_mut_is_str(v);
			intake_note(r->in, "%s: %s dropped", key,
			    yyjson_mut_is_str(v) ?
				"an empty or repeated value" :
				"a value that is no text");
			continue;
		}
		kept[n_kept++] = v;
		(void)yyjson_mut_arr_append(list, v);
	}
	free(kept);
}
