/* SPDX-License-Identifier: Apache-2.0 */
/* From a vendor's records to OSV documents. Pure functions. */
#include "report/mapping.h"

#include <errno.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/vec.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"
#include "sys/clock.h"

#define MAX_PATH_PARTS 16
#define MAX_VALUES     100000 /* versions of one package */

const char *const mapping_names[MAPPING_FIELD__MAX] = {
	[MAPPING_ID] = "id",
	[MAPPING_NAME] = "name",
	[MAPPING_ECOSYSTEM] = "ecosystem",
	[MAPPING_PURL] = "purl",
	[MAPPING_VERSIONS] = "versions",
	[MAPPING_MODIFIED] = "modified",
	[MAPPING_PUBLISHED] = "published",
	[MAPPING_WITHDRAWN] = "withdrawn",
	[MAPPING_SUMMARY] = "summary",
	[MAPPING_DETAILS] = "details",
	[MAPPING_ALIASES] = "aliases",
	[MAPPING_REFERENCES] = "references",
	[MAPPING_DOMAINS] = "domains",
	[MAPPING_IPS] = "ips",
	[MAPPING_URLS] = "urls",
	[MAPPING_SHA256] = "sha256",
};

/* --- paths ------------------------------------------------------------------
 */

bool
mapping_path_valid(struct str path)
{
	struct str part;
	size_t n = 0;

	if (str_starts(path, "="))
		return true;
	while (str_cut(&path, '.', &part)) {
		while (str_ends(part, "[]"))
			part.n -= 2;
		if (part.n == 0 || str_chr(part, '[') >= 0 ||
		    str_chr(part, ']') >= 0 || ++n > MAX_PATH_PARTS)
			return false;
	}
	return n != 0;
}

struct values {
	struct arena *arena;
	struct str separator;
	VEC(struct str) v;
};

static void
add_text(struct values *to, struct str s)
{
	struct str part;

	if (to->separator.n == 0) {
		if (str_trim(s).n != 0 && to->v.n < MAX_VALUES)
			vec_push(&to->v, str_trim(s));
		return;
	}
	while (str_cut(&s, to->separator.p[0], &part))
		if (str_trim(part).n != 0 && to->v.n < MAX_VALUES)
			vec_push(&to->v, str_trim(part));
}

static void
add_value(struct values *to, yyjson_val *v)
{
	if (yyjson_is_str(v))
		add_text(to, str_n(yyjson_get_str(v), yyjson_get_len(v)));
	else if (yyjson_is_uint(v))
		add_text(to,
		    str_of(arena_printf(to->arena, "%llu",
			(unsigned long long)yyjson_get_uint(v))));
	else if (yyjson_is_real(v))
		/* 1.10 would be 1.1: a version is a text. */
		add_text(to, STR_NONE);
}

static void
collect(struct values *to, yyjson_val *v, struct str path)
{
	struct str part, member;
	yyjson_arr_iter it;
	yyjson_val *item;

	if (!str_cut(&path, '.', &part)) {
		add_value(to, v);
		return;
	}
	member = part;
	while (str_ends(member, "[]"))
		member.n -= 2;
	v = yyjson_obj_getn(v, member.p, member.n);
	if (member.n == part.n) {
		collect(to, v, path);
		return;
	}
	it = yyjson_arr_iter_with(v);
	while ((item = yyjson_arr_iter_next(&it)) != NULL)
		collect(to, item, path);
}

/* --- one record --------------------------------------------------------------
 */

struct record {
	const struct mapping *m;
	struct arena *arena;
	yyjson_val *root;
	struct str ecosystem, name;
	struct values versions;
};

static void
values_of(struct record *r, enum mapping_field f, bool cut, struct values *ret)
{
	struct str path = r->m->fields[f];

	*ret = (struct values){ .arena = r->arena };
	if (cut)
		ret->separator = r->m->separator;
	if (path.p == NULL)
		return;
	if (str_starts(path, "="))
		add_text(ret, str_sub(path, 1, path.n));
	else
		collect(ret, r->root, path);
}

/* The first value; p NULL when there is none. */
static struct str
value_of(struct record *r, enum mapping_field f)
{
	struct values v;
	struct str first;

	values_of(r, f, false, &v);
	first = v.v.n != 0 ? v.v.v[0] : STR_NONE;
	vec_done(&v.v);
	return first;
}

/* Names that vendors give ecosystems, beside those of OSV in any case. */
static const struct {
	const char *theirs, *osv;
} synonyms[] = {
	{ "pip", "PyPI" },
	{ "python", "PyPI" },
	{ "gem", "RubyGems" },
	{ "cargo", "crates.io" },
	{ "crates", "crates.io" },
	{ "rust", "crates.io" },
	{ "composer", "Packagist" },
	{ "golang", "Go" },
	{ "node", "npm" },
	{ "javascript", "npm" },
	{ "actions", "GitHub Actions" },
};

static struct str
ecosystem_of(struct str s)
{
	if (s.p == NULL || osv_ecosystem_valid(s))
		return s;
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		if (str_eq_nocase(s, str_of(osv_ecosystems[i])))
			return str_of(osv_ecosystems[i]);
	for (size_t i = 0; i < N_ELEMENTS(synonyms); i++)
		if (str_eq_nocase(s, str_of(synonyms[i].theirs)))
			return str_of(synonyms[i].osv);
	return s;
}

static int
take_purl(struct record *r, struct error *err)
{
	struct packageurl *p = arena_alloc(r->arena, sizeof(*p));
	struct str s = value_of(r, MAPPING_PURL);

	if (s.n == 0)
		return error_set(err, -EINVAL, "the record has no purl");
	if (packageurl_parse(r->arena, s, p, err) != 0)
		return err->code;
	if (!packageurl_to_osv(r->arena, p, &r->ecosystem, &r->name))
		return error_set(err, -EINVAL,
		    "OSV has no ecosystem for \"%.*s\"",
		    STR_ARG(str_sub(s, 0, 100)));
	if (p->version.n != 0)
		vec_push(&r->versions.v, p->version);
	return 0;
}

static int
take_package(struct record *r, struct error *err)
{
	int rc = 0;

	values_of(r, MAPPING_VERSIONS, true, &r->versions);
	if (r->m->fields[MAPPING_PURL].p != NULL)
		rc = take_purl(r, err);
	if (rc != 0)
		return rc;
	if (r->name.p == NULL) {
		r->name = value_of(r, MAPPING_NAME);
		r->ecosystem = ecosystem_of(value_of(r, MAPPING_ECOSYSTEM));
	}
	if (r->name.n == 0 || r->ecosystem.n == 0)
		return error_set(err, -EINVAL, "the record has no %s",
		    r->name.n == 0 ? "name" : "ecosystem");
	if (r->versions.v.n == 0 && !r->m->all_versions)
		return error_set(err, -EINVAL,
		    "the record has no versions (all-versions: true would "
		    "take that as all of them)");
	return 0;
}

/* --- the document ------------------------------------------------------------
 */

static void
pair(struct json *j, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	json_key(j, key);
	json_str(j, s);
}

/* A day, seconds or milliseconds since 1970, or what intake can repair. */
static struct str
time_of(struct record *r, enum mapping_field f)
{
	struct str s = value_of(r, f);
	uint64_t n;
	char *p;

	if (s.n == 10 && s.p[4] == '-' && s.p[7] == '-')
		return str_of(
		    arena_printf(r->arena, "%.*sT00:00:00Z", STR_ARG(s)));
	if (s.n == 0 || str_to_u64(s, &n) != 0)
		return s;
	if (n >= 100000000000)
		n /= 1000;
	if (n > INT64_MAX / NS_PER_SEC)
		return s;
	p = arena_alloc(r->arena, CLOCK_RFC3339_SIZE);
	clock_rfc3339((int64_t)n * NS_PER_SEC, p);
	return str_of(p);
}

static void
put_list(struct record *r, enum mapping_field f, const char *key,
    struct json *j)
{
	struct values v;

	values_of(r, f, true, &v);
	if (v.v.n != 0) {
		json_key(j, key);
		json_array_begin(j);
		for (size_t i = 0; i < v.v.n; i++)
			json_str(j, v.v.v[i]);
		json_array_end(j);
	}
	vec_done(&v.v);
}

static void
put_references(struct record *r, struct json *j)
{
	struct values v;

	values_of(r, MAPPING_REFERENCES, true, &v);
	json_key(j, "references");
	json_array_begin(j);
	for (size_t i = 0; i < v.v.n; i++) {
		json_object_begin(j);
		pair(j, "type", STR_LIT("WEB"));
		pair(j, "url", v.v.v[i]);
		json_object_end(j);
	}
	json_array_end(j);
	vec_done(&v.v);
}

static void
put_affected(const struct record *r, struct json *j)
{
	json_key(j, "affected");
	json_array_begin(j);
	json_object_begin(j);
	json_key(j, "package");
	json_object_begin(j);
	pair(j, "ecosystem", r->ecosystem);
	pair(j, "name", r->name);
	json_object_end(j);
	if (r->versions.v.n != 0) {
		json_key(j, "versions");
		json_array_begin(j);
		for (size_t i = 0; i < r->versions.v.n; i++)
			json_str(j, r->versions.v.v[i]);
		json_array_end(j);
	} else {
		json_key(j, "ranges");
		json_raw(j,
		    STR_LIT("[{\"type\":\"ECOSYSTEM\",\"events\":"
			    "[{\"introduced\":\"0\"}]}]"));
	}
	json_object_end(j);
	json_array_end(j);
}

static void
put_indicators(struct record *r, struct json *j)
{
	struct values v;

	json_key(j, "database_specific");
	json_object_begin(j);
	json_key(j, "iocs");
	json_object_begin(j);
	put_list(r, MAPPING_DOMAINS, "domains", j);
	put_list(r, MAPPING_IPS, "ips", j);
	put_list(r, MAPPING_URLS, "urls", j);
	values_of(r, MAPPING_SHA256, true, &v);
	if (v.v.n != 0) {
		json_key(j, "files");
		json_array_begin(j);
		for (size_t i = 0; i < v.v.n; i++) {
			json_object_begin(j);
			json_key(j, "digests");
			json_object_begin(j);
			pair(j, "sha256", v.v.v[i]);
			json_object_end(j);
			json_object_end(j);
		}
		json_array_end(j);
	}
	vec_done(&v.v);
	json_object_end(j);
	json_object_end(j);
}

static bool
has_indicators(const struct mapping *m)
{
	return m->fields[MAPPING_DOMAINS].p != NULL ||
	    m->fields[MAPPING_IPS].p != NULL ||
	    m->fields[MAPPING_URLS].p != NULL ||
	    m->fields[MAPPING_SHA256].p != NULL;
}

static void
write_document(struct record *r, struct buf *out)
{
	struct json j;

	json_init(&j, out, 0);
	json_object_begin(&j);
	pair(&j, "schema_version", STR_LIT(OSV_SCHEMA_VERSION));
	pair(&j, "id", value_of(r, MAPPING_ID));
	pair(&j, "modified", time_of(r, MAPPING_MODIFIED));
	pair(&j, "published", time_of(r, MAPPING_PUBLISHED));
	pair(&j, "withdrawn", time_of(r, MAPPING_WITHDRAWN));
	pair(&j, "summary", value_of(r, MAPPING_SUMMARY));
	pair(&j, "details", value_of(r, MAPPING_DETAILS));
	put_list(r, MAPPING_ALIASES, "aliases", &j);
	put_references(r, &j);
	put_affected(r, &j);
	if (has_indicators(r->m))
		put_indicators(r, &j);
	json_object_end(&j);
}

const char *
mapping_complaint(const struct mapping *m)
{
	if (m->fields[MAPPING_PURL].p == NULL &&
	    (m->fields[MAPPING_NAME].p == NULL ||
		m->fields[MAPPING_ECOSYSTEM].p == NULL))
		return "a map needs name and ecosystem, or purl";
	if (m->fields[MAPPING_VERSIONS].p == NULL &&
	    m->fields[MAPPING_PURL].p == NULL && !m->all_versions)
		return "a map needs versions, or all-versions: true";
	if (m->fields[MAPPING_MODIFIED].p == NULL &&
	    m->fields[MAPPING_PUBLISHED].p == NULL)
		return "a map needs modified or published";
	if (m->separator.n > 1)
		return "a separator is one character";
	return NULL;
}

int
mapping_convert(const struct mapping *m, struct str json, struct buf *out,
    struct error *err)
{
	struct record r = { .m = m };
	yyjson_doc *doc = NULL;
	int rc = osv_json_read(json, &doc, err);

	if (rc != 0)
		return rc;
	r.arena = arena_new(LIMIT_ARENA_BYTES);
	r.root = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(r.root))
		rc = error_set(err, -EINVAL, "the record is no JSON object");
	if (rc == 0)
		rc = take_package(&r, err);
	if (rc == 0)
		write_document(&r, out);
	vec_done(&r.versions.v);
	arena_free(r.arena);
	osv_json_free(doc);
	return rc;
}
