/* SPDX-License-Identifier: Apache-2.0 */
/* From GitHub's advisories to OSV documents. Pure functions. */
#include "report/ghsa.h"

#include <errno.h>

#include <yyjson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/vec.h"
#include "osv/osv.h"

#define MAX_PACKAGES 1000

/* One range of one package, as OSV says it. */
struct span {
	struct str introduced, fixed, last; /* p NULL: not said */
};

struct package {
	struct str ecosystem, name;
	VEC(struct str) versions;
	VEC(struct span) spans;
};

struct advisory {
	yyjson_val *root;
	VEC(struct package) packages;
};

/* --- members under either name ---------------------------------------------
 */

static yyjson_val *
member(yyjson_val *o, const char *rest, const char *graphql)
{
	yyjson_val *v = yyjson_obj_get(o, rest);

	return v != NULL ? v : yyjson_obj_get(o, graphql);
}

static struct str
text(yyjson_val *v)
{
	return yyjson_is_str(v) ? str_n(yyjson_get_str(v), yyjson_get_len(v)) :
				  STR_NONE;
}

/* A list, or the nodes of a GraphQL connection. */
static yyjson_val *
list(yyjson_val *o, const char *rest, const char *graphql)
{
	yyjson_val *v = member(o, rest, graphql);

	return yyjson_is_obj(v) ? yyjson_obj_get(v, "nodes") : v;
}

/* --- versions ---------------------------------------------------------------
 */

/* In both interfaces' spelling, without regard to letter case. */
static const struct {
	const char *name, *osv;
	bool semver;
} ecosystems[] = {
	{ "npm", "npm", true },
	{ "pip", "PyPI", false },
	{ "rubygems", "RubyGems", false },
	{ "maven", "Maven", false },
	{ "nuget", "NuGet", false },
	{ "composer", "Packagist", false },
	{ "go", "Go", true },
	{ "rust", "crates.io", true },
	{ "erlang", "Hex", true },
	{ "actions", "GitHub Actions", false },
	{ "pub", "Pub", false },
	{ "swift", "SwiftURL", true },
};

static bool
is_semver(struct str osv)
{
	for (size_t i = 0; i < N_ELEMENTS(ecosystems); i++)
		if (str_is(osv, ecosystems[i].osv))
			return ecosystems[i].semver;
	return false;
}

static bool
is_zero(struct str v)
{
	return str_is(v, "0") || str_is(v, "0.0.0");
}

static int
take_comparison(struct span *s, struct str *ret_exact, struct str part,
    struct error *err)
{
	size_t n = 0;
	struct str op, version;

	while (n < part.n && strchr("<>=", part.p[n]) != NULL)
		n++;
	op = str_sub(part, 0, n);
	version = str_trim(str_sub(part, n, part.n));
	if (version.n == 0)
		return error_set(err, -EINVAL, "range part \"%.*s\" is none",
		    STR_ARG(str_sub(part, 0, 60)));
	if (str_is(op, "=") || op.n == 0)
		*ret_exact = version;
	else if (str_is(op, ">=") || (str_is(op, ">") && is_zero(version)))
		s->introduced = is_zero(version) ? STR_LIT("0") : version;
	else if (str_is(op, "<"))
		s->fixed = version;
	else if (str_is(op, "<="))
		s->last = version;
	else
		/* OSV cannot say "after this version". */
		return error_set(err, -EINVAL,
		    "range \"%.*s\" cannot be said in OSV",
		    STR_ARG(str_sub(part, 0, 60)));
	return 0;
}

/* ">= 1.0, < 2.0", "= 1.2.3", "< 2", "" (everything). */
static int
take_range(struct package *p, struct str range, struct error *err)
{
	struct span s = { STR_NONE, STR_NONE, STR_NONE };
	struct str part, exact = STR_NONE, rest = str_trim(range);
	int rc = 0;

	while (rc == 0 && rest.n != 0 && str_cut(&rest, ',', &part))
		if (!str_is(str_trim(part), "*"))
			rc = take_comparison(&s, &exact, str_trim(part), err);
	if (rc != 0)
		return rc;
	if (exact.p != NULL && s.introduced.p == NULL && s.fixed.p == NULL &&
	    s.last.p == NULL) {
		vec_push(&p->versions, exact);
		return 0;
	}
	if (exact.p != NULL || (s.fixed.p != NULL && s.last.p != NULL))
		return error_set(err, -EINVAL,
		    "range \"%.*s\" cannot be said in OSV",
		    STR_ARG(str_sub(range, 0, 60)));
	if (s.introduced.p == NULL)
		s.introduced = STR_LIT("0");
	vec_push(&p->spans, s);
	return 0;
}

static struct package *
package_of(struct advisory *a, yyjson_val *v, struct error *err)
{
	yyjson_val *o = yyjson_obj_get(v, "package");
	struct str ecosystem = text(yyjson_obj_get(o, "ecosystem"));
	struct str name = text(yyjson_obj_get(o, "name"));
	struct package *p;
	size_t i = 0;

	while (i < N_ELEMENTS(ecosystems) &&
	    !str_eq_nocase(ecosystem, str_of(ecosystems[i].name)))
		i++;
	if (i == N_ELEMENTS(ecosystems) || name.n == 0) {
		(void)error_set(err, -EINVAL,
		    "package \"%.*s\" of ecosystem \"%.*s\" is none of ours",
		    STR_ARG(str_sub(name, 0, 80)),
		    STR_ARG(str_sub(ecosystem, 0, 40)));
		return NULL;
	}
	vec_foreach(p, &a->packages)
		if (str_is(p->ecosystem, ecosystems[i].osv) &&
		    osv_same_name(p->ecosystem, p->name, name))
			return p;
	if (a->packages.n == MAX_PACKAGES) {
		(void)error_set(err, -EINVAL, "is about too many packages");
		return NULL;
	}
	p = vec_add(&a->packages);
	p->ecosystem = str_of(ecosystems[i].osv);
	p->name = name;
	return p;
}

static int
take_vulnerabilities(struct advisory *a, struct error *err)
{
	yyjson_val *all = list(a->root, "vulnerabilities", "vulnerabilities");
	yyjson_arr_iter it = yyjson_arr_iter_with(all);
	yyjson_val *v;
	int rc = 0;

	while (rc == 0 && (v = yyjson_arr_iter_next(&it)) != NULL) {
		struct package *p = package_of(a, v, err);

		rc = p == NULL ? -EINVAL :
				 take_range(p,
				     text(member(v, "vulnerable_version_range",
					 "vulnerableVersionRange")),
				     err);
	}
	if (rc == 0 && a->packages.n == 0)
		rc = error_set(err, -EINVAL, "has no vulnerabilities");
	return rc;
}

/* --- the document ------------------------------------------------------------
 */

static void
pair(struct json *j, const char *key, struct str s)
{
	if (s.p == NULL)
		return;
	json_key(j, key);
	json_str(j, s);
}

static void
put_event(struct json *j, const char *key, struct str version)
{
	if (version.p == NULL)
		return;
	json_object_begin(j);
	pair(j, key, version);
	json_object_end(j);
}

static void
put_spans(struct json *j, const struct package *p)
{
	if (p->spans.n == 0)
		return;
	json_key(j, "ranges");
	json_array_begin(j);
	for (size_t i = 0; i < p->spans.n; i++) {
		const struct span *s = &p->spans.v[i];

		json_object_begin(j);
		pair(j, "type",
		    is_semver(p->ecosystem) ? STR_LIT("SEMVER") :
					      STR_LIT("ECOSYSTEM"));
		json_key(j, "events");
		json_array_begin(j);
		put_event(j, "introduced", s->introduced);
		put_event(j, "fixed", s->fixed);
		put_event(j, "last_affected", s->last);
		json_array_end(j);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
put_cwes(struct json *j, yyjson_val *root)
{
	yyjson_val *cwes = list(root, "cwes", "cwes"), *v;
	yyjson_arr_iter it = yyjson_arr_iter_with(cwes);

	if (yyjson_arr_size(cwes) == 0)
		return;
	json_key(j, "database_specific");
	json_object_begin(j);
	json_key(j, "cwes");
	json_array_begin(j);
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		json_object_begin(j);
		pair(j, "cweId", text(member(v, "cwe_id", "cweId")));
		pair(j, "name", text(yyjson_obj_get(v, "name")));
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

static void
put_affected(struct json *j, const struct advisory *a)
{
	json_key(j, "affected");
	json_array_begin(j);
	for (size_t i = 0; i < a->packages.n; i++) {
		const struct package *p = &a->packages.v[i];

		json_object_begin(j);
		json_key(j, "package");
		json_object_begin(j);
		pair(j, "ecosystem", p->ecosystem);
		pair(j, "name", p->name);
		json_object_end(j);
		if (p->versions.n != 0) {
			json_key(j, "versions");
			json_array_begin(j);
			for (size_t k = 0; k < p->versions.n; k++)
				json_str(j, p->versions.v[k]);
			json_array_end(j);
		}
		put_spans(j, p);
		put_cwes(j, a->root);
		json_object_end(j);
	}
	json_array_end(j);
}

static void
put_aliases(struct json *j, yyjson_val *root, struct str id)
{
	yyjson_val *all = yyjson_obj_get(root, "identifiers"), *v;
	yyjson_arr_iter it = yyjson_arr_iter_with(all);
	struct str value;

	json_key(j, "aliases");
	json_array_begin(j);
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		value = text(yyjson_obj_get(v, "value"));
		if (value.n != 0 && !str_eq(value, id))
			json_str(j, value);
	}
	json_array_end(j);
}

static void
put_reference(struct json *j, const char *type, struct str url)
{
	if (url.n == 0)
		return;
	json_object_begin(j);
	pair(j, "type", str_of(type));
	pair(j, "url", url);
	json_object_end(j);
}

static void
put_references(struct json *j, yyjson_val *root)
{
	yyjson_val *all = list(root, "references", "references"), *v;
	yyjson_arr_iter it = yyjson_arr_iter_with(all);
	struct str own = text(member(root, "html_url", "permalink")), url;

	json_key(j, "references");
	json_array_begin(j);
	put_reference(j, "ADVISORY", own);
	while ((v = yyjson_arr_iter_next(&it)) != NULL) {
		url =
		    yyjson_is_obj(v) ? text(yyjson_obj_get(v, "url")) : text(v);
		if (own.p == NULL || !str_eq(url, own))
			put_reference(j, "WEB", url);
	}
	json_array_end(j);
}

static void
write_document(const struct advisory *a, struct str id, struct buf *out)
{
	yyjson_val *root = a->root;
	struct json j;

	json_init(&j, out, 0);
	json_object_begin(&j);
	pair(&j, "schema_version", STR_LIT(OSV_SCHEMA_VERSION));
	pair(&j, "id", id);
	pair(&j, "modified", text(member(root, "updated_at", "updatedAt")));
	pair(&j, "published",
	    text(member(root, "published_at", "publishedAt")));
	pair(&j, "withdrawn",
	    text(member(root, "withdrawn_at", "withdrawnAt")));
	pair(&j, "summary", text(yyjson_obj_get(root, "summary")));
	pair(&j, "details", text(yyjson_obj_get(root, "description")));
	put_aliases(&j, root, id);
	put_references(&j, root);
	put_affected(&j, a);
	json_object_end(&j);
}

static int
convert(struct advisory *a, struct buf *out, struct error *err)
{
	struct str id = text(member(a->root, "ghsa_id", "ghsaId"));
	struct str class = text(member(a->root, "type", "classification"));
	int rc;

	if (id.n == 0 || class.n == 0)
		return error_set(err, -EINVAL,
		    "is no advisory of GitHub: ghsa_id and type (or ghsaId "
		    "and classification) are missing");
	if (!str_eq_nocase(class, STR_LIT("malware")))
		return 1;
	rc = take_vulnerabilities(a, err);
	if (rc == 0)
		write_document(a, id, out);
	return rc;
}

int
ghsa_convert(struct str json, struct buf *out, struct error *err)
{
	struct advisory a = { .root = NULL };
	struct package *p;
	yyjson_doc *doc = NULL;
	int rc = osv_json_read(json, &doc, err);

	if (rc != 0)
		return rc;
	a.root = yyjson_doc_get_root(doc);
	rc = convert(&a, out, err);
	vec_foreach(p, &a.packages) {
		vec_done(&p->versions);
		vec_done(&p->spans);
	}
	vec_done(&a.packages);
	osv_json_free(doc);
	return rc;
}
