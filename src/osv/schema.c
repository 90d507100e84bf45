/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the JSON Schema of OSV 1.7.5 says: types, required members, closed
 * lists. Its patterns for identifiers and times are checked by beyond.c,
 * which anchors them. Pure functions.
 */
#include <yyjson.h>

#include "base/cleanup.h"
#include "osv/osv_priv.h"

typedef void check_fn(struct checker *c, yyjson_val *v);

enum member_flag {
	REQUIRED = 1 << 0,
	NULLABLE = 1 << 1,
};

/* kind: 's' string, 'o' object, 'a' array of what `check` checks. */
struct member {
	const char *key;
	char kind;
	unsigned flags;
	check_fn *check; /* NULL: anything goes */
};

static const char *const credit_types[] = { "FINDER", "REPORTER", "ANALYST",
	"COORDINATOR", "REMEDIATION_DEVELOPER", "REMEDIATION_REVIEWER",
	"REMEDIATION_VERIFIER", "TOOL", "SPONSOR", "OTHER", NULL };
static const char *const range_types[] = { "GIT", "SEMVER", "ECOSYSTEM", NULL };
static const char *const reference_types[] = { "ADVISORY", "ARTICLE",
	"DETECTION", "DISCUSSION", "REPORT", "FIX", "INTRODUCED", "GIT",
	"PACKAGE", "EVIDENCE", "WEB", NULL };
static const char *const severity_types[] = { "CVSS_V2", "CVSS_V3", "CVSS_V4",
	"Ubuntu", NULL };

static const char *const *const words[OSV_WORDS__MAX] = {
	[OSV_CREDIT_TYPES] = credit_types,
	[OSV_RANGE_TYPES] = range_types,
	[OSV_REFERENCE_TYPES] = reference_types,
	[OSV_SEVERITY_TYPES] = severity_types,
};

static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	return c == '-' || c == ' ' ? '_' : c;
}

const char *
osv_word(enum osv_words list, struct str s)
{
	for (const char *const *w = words[list]; *w != NULL; w++) {
		size_t n = strlen(*w), i = 0;

		while (n == s.n && i < n && fold((*w)[i]) == fold(s.p[i]))
			i++;
		if (n == s.n && i == n)
			return *w;
	}
	return NULL;
}

static const char *
type_name(yyjson_val *v)
{
	return yyjson_is_num(v) ? "a number" : yyjson_get_type_desc(v);
}

static bool
has_kind(yyjson_val *v, char kind)
{
	if (kind == 's')
		return yyjson_is_str(v);
	return kind == 'o' ? yyjson_is_obj(v) : yyjson_is_arr(v);
}

static const char *
kind_name(char kind)
{
	if (kind == 's')
		return "a string";
	return kind == 'o' ? "an object" : "an array";
}

static void
check_items(struct checker *c, yyjson_val *array, check_fn *check)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(array);
	yyjson_val *v;
	size_t at, i = 0;

	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		at = checker_index(c, i++);
		check(c, v);
		checker_back(c, at);
	}
}

static void
check_member(struct checker *c, const struct member *m, yyjson_val *v)
{
	if ((m->flags & NULLABLE) && yyjson_is_null(v))
		return;
	if (!has_kind(v, m->kind)) {
		checker_error(c, "schema-type", "is %s; must be %s%s",
		    type_name(v), kind_name(m->kind),
		    m->flags & NULLABLE ? " or null" : "");
		return;
	}
	if (m->check == NULL)
		return;
	if (m->kind == 'a')
		check_items(c, v, m->check);
	else
		m->check(c, v);
}

static void
check_members(struct checker *c, yyjson_val *object,
    const struct member *members)
{
	size_t at;

	for (; members->key != NULL; members++) {
		yyjson_val *v = yyjson_obj_get(object, members->key);

		if (v == NULL && (members->flags & REQUIRED) == 0)
			continue;
		at = checker_key(c, members->key);
		if (v != NULL)
			check_member(c, members, v);
		else
			checker_error(c, "schema-required",
			    "is missing; must be %s", kind_name(members->kind));
		checker_back(c, at);
	}
}

/* Items that are objects with these members. */
static bool
is_object(struct checker *c, yyjson_val *v)
{
	if (!yyjson_is_obj(v))
		checker_error(c, "schema-type", "is %s; must be an object",
		    type_name(v));
	return yyjson_is_obj(v);
}

static void
string_item(struct checker *c, yyjson_val *v)
{
	if (!yyjson_is_str(v))
		checker_error(c, "schema-type", "is %s; must be a string",
		    type_name(v));
}

static bool
in_list(yyjson_val *v, const char *const *list)
{
	struct str s = str_n(yyjson_get_str(v), yyjson_get_len(v));

	for (; *list != NULL; list++)
		if (s.n != 0 && s.p[0] == **list && str_is(s, *list))
			return true;
	return false;
}

static void
check_enum(struct checker *c, yyjson_val *v, const char *const *list)
{
	struct buf b;

	if (in_list(v, list))
		return;
	buf_init(&b, 1024);
	for (const char *const *w = list; *w != NULL; w++)
		buf_printf(&b, "%s%s", w == list ? "" : ", ", *w);
	checker_error(c, "schema-enum", "\"%.*s\" is none of %s",
	    (int)MIN_OF(yyjson_get_len(v), (size_t)100), yyjson_get_str(v),
	    buf_str(&b).p);
	buf_done(&b);
}

static void
severity_type(struct checker *c, yyjson_val *v)
{
	check_enum(c, v, words[OSV_SEVERITY_TYPES]);
}

static void
severity_item(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = { { "type", 's', REQUIRED,
						     severity_type },
		{ "score", 's', REQUIRED, NULL }, { NULL, 0, 0, NULL } };

	if (is_object(c, v))
		check_members(c, v, members);
}

static void
event_item(struct checker *c, yyjson_val *v)
{
	size_t n = 0;

	if (!is_object(c, v))
		return;
	for (size_t i = 0; i < OSV_EVENT_KIND__MAX; i++) {
		yyjson_val *e = yyjson_obj_get(v, osv_event_kinds[i]);
		size_t at = checker_key(c, osv_event_kinds[i]);

		if (e != NULL)
			string_item(c, e);
		checker_back(c, at);
		n += e != NULL;
	}
	if (n != 1)
		checker_error(c, "schema-event",
		    "has %zu of introduced, fixed, last_affected, limit; "
		    "must have exactly one",
		    n);
}

static bool
any_event(yyjson_val *events, const char *kind)
{
	yyjson_arr_iter it = yyjson_arr_iter_with(events);
	yyjson_val *v;

	while ((v = yyjson_arr_iter_next(&it)) != NULL)
		if (yyjson_obj_get(v, kind) != NULL)
			return true;
	return false;
}

static void
check_events(struct checker *c, yyjson_val *events)
{
	size_t at = checker_key(c, "events");

	if (yyjson_arr_size(events) == 0)
		checker_error(c, "schema-event",
		    "is empty; needs at least "
		    "one introduced event");
	else if (!any_event(events, "introduced"))
		checker_error(c, "schema-event",
		    "has no introduced event (\"0\" means every version)");
	if (any_event(events, "fixed") && any_event(events, "last_affected"))
		checker_error(c, "schema-event",
		    "has both fixed and "
		    "last_affected; one range may have only one of them");
	checker_back(c, at);
}

static void
range_type(struct checker *c, yyjson_val *v)
{
	check_enum(c, v, words[OSV_RANGE_TYPES]);
}

static void
range_item(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = {
		{ "type", 's', REQUIRED, range_type }, { "repo", 's', 0, NULL },
		{ "events", 'a', REQUIRED, event_item },
		{ "database_specific", 'o', 0, NULL }, { NULL, 0, 0, NULL }
	};
	yyjson_val *events;

	if (!is_object(c, v))
		return;
	check_members(c, v, members);
	events = yyjson_obj_get(v, "events");
	if (yyjson_is_arr(events))
		check_events(c, events);
	if (yyjson_equals_str(yyjson_obj_get(v, "type"), "GIT") &&
	    yyjson_obj_get(v, "repo") == NULL)
		checker_error(c, "schema-required",
		    "a GIT range needs repo, a URL that can be cloned");
}

static void
package_object(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = { { "ecosystem", 's', REQUIRED,
						     NULL },
		{ "name", 's', REQUIRED, NULL }, { "purl", 's', 0, NULL },
		{ NULL, 0, 0, NULL } };

	check_members(c, v, members);
}

static void
affected_item(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = { { "package", 'o', 0,
						     package_object },
		{ "severity", 'a', NULLABLE, severity_item },
		{ "ranges", 'a', 0, range_item },
		{ "versions", 'a', 0, string_item },
		{ "ecosystem_specific", 'o', 0, NULL },
		{ "database_specific", 'o', 0, NULL }, { NULL, 0, 0, NULL } };

	if (is_object(c, v))
		check_members(c, v, members);
}

static void
reference_type(struct checker *c, yyjson_val *v)
{
	check_enum(c, v, words[OSV_REFERENCE_TYPES]);
}

static void
reference_item(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = { { "type", 's', REQUIRED,
						     reference_type },
		{ "url", 's', REQUIRED, NULL }, { NULL, 0, 0, NULL } };

	if (is_object(c, v))
		check_members(c, v, members);
}

static void
credit_type(struct checker *c, yyjson_val *v)
{
	check_enum(c, v, words[OSV_CREDIT_TYPES]);
}

static void
credit_item(struct checker *c, yyjson_val *v)
{
	static const struct member members[] = { { "name", 's', REQUIRED,
						     NULL },
		{ "contact", 'a', 0, string_item },
		{ "type", 's', 0, credit_type }, { NULL, 0, 0, NULL } };

	if (is_object(c, v))
		check_members(c, v, members);
}

static const struct member document_members[] = {
	{ "schema_version", 's', 0, NULL },
	{ "id", 's', REQUIRED, NULL },
	{ "modified", 's', REQUIRED, NULL },
	{ "published", 's', 0, NULL },
	{ "withdrawn", 's', 0, NULL },
	{ "aliases", 'a', NULLABLE, string_item },
	{ "related", 'a', 0, string_item },
	{ "upstream", 'a', 0, string_item },
	{ "summary", 's', 0, NULL },
	{ "details", 's', 0, NULL },
	{ "severity", 'a', NULLABLE, severity_item },
	{ "affected", 'a', NULLABLE, affected_item },
	{ "references", 'a', NULLABLE, reference_item },
	{ "credits", 'a', 0, credit_item },
	{ "database_specific", 'o', 0, NULL },
	{ NULL, 0, 0, NULL },
};

static const struct member version_members[] = {
	{ "schema_version", 's', 0, NULL },
	{ NULL, 0, 0, NULL },
};

/* A report of the house profile gets its id when it is assigned. */
static const struct member unassigned_members[] = {
	{ "id", 's', 0, NULL },
	{ NULL, 0, 0, NULL },
};

bool
osv_member_known(struct str key)
{
	for (size_t i = 0; document_members[i].key != NULL; i++)
		if (str_is(key, document_members[i].key))
			return true;
	return false;
}

/* Of our major version and after it: readers ignore what is new there. */
static bool
is_later(yyjson_val *root)
{
	yyjson_val *v = yyjson_obj_get(root, "schema_version");
	struct str version = str_n(yyjson_get_str(v), yyjson_get_len(v));
	struct str ours = str_of(OSV_SCHEMA_VERSION);
	struct str a = STR_NONE, b = STR_NONE;
	uint64_t x = 0, y = 0;

	for (int i = 0; i < 3; i++) {
		if (!str_cut(&version, '.', &a) || !str_cut(&ours, '.', &b) ||
		    str_to_u64(a, &x) != 0 || str_to_u64(b, &y) != 0)
			return false;
		if (x != y)
			return i > 0 && x > y;
	}
	return false;
}

static void
check_unknown(struct checker *c, yyjson_val *root)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(root);
	yyjson_val *key;

	while ((key = yyjson_obj_iter_next(&it)) != NULL) {
		struct str k = str_n(yyjson_get_str(key), yyjson_get_len(key));

		if (!osv_member_known(k))
			checker_error(c, "schema-additional",
			    "\"%.*s\" is no member of an OSV document; use "
			    "database_specific",
			    (int)MIN_OF(k.n, (size_t)100), k.p);
	}
}

/* Severity stands at the top or in the entries, never in both. */
static void
check_severity_places(struct checker *c, yyjson_val *root)
{
	yyjson_arr_iter it =
	    yyjson_arr_iter_with(yyjson_obj_get(root, "affected"));
	yyjson_val *v, *s;
	size_t i = 0;

	if (yyjson_obj_get(root, "severity") == NULL)
		return;
	for (; (v = yyjson_arr_iter_next(&it)) != NULL; i++) {
		size_t list, entry, at;

		s = yyjson_obj_get(v, "severity");
		if (s == NULL || yyjson_is_null(s))
			continue;
		list = checker_key(c, "affected");
		entry = checker_index(c, i);
		at = checker_key(c, "severity");
		checker_error(c, "schema-severity",
		    "stands here, and the document has one as well; only one "
		    "of the two may");
		checker_back(c, at);
		checker_back(c, entry);
		checker_back(c, list);
	}
}

void
schema_check(struct checker *c, yyjson_val *root)
{
	const struct member *m = document_members;
	bool no_id = (c->profile == OSV_PROFILE_MALICIOUS ||
			 c->profile == OSV_PROFILE_REPORT ||
			 c->profile == OSV_PROFILE_QUESTION) &&
	    yyjson_obj_get(root, "id") == NULL;

	if (!is_object(c, root))
		return;
	if (no_id) {
		check_members(c, root, unassigned_members);
		check_members(c, root, m + 2);
		check_members(c, root, version_members);
	} else {
		check_members(c, root, m);
	}
	if (c->profile != OSV_PROFILE_QUESTION &&
	    (c->profile != OSV_PROFILE_READER || !is_later(root)))
		check_unknown(c, root);
	check_severity_places(c, root);
}
