/* SPDX-License-Identifier: Apache-2.0 */
/* Queries of the API. Runs in role listener. */
#include "serve/query.h"

#include <stddef.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "osv/osv.h"

/* The API's limit for an id. */
#define MAX_ID_BYTES 100
/* Bytes shown on either side of what cannot be read. */
#define CONTEXT_BYTES 20

/* --- JSON -------------------------------------------------------------------
 */

/* What, the bytes around it, and a mark below them, as the gateway says it. */
static int
bad_json(struct str body, size_t at, struct error *err)
{
	size_t from = at > CONTEXT_BYTES ? at - CONTEXT_BYTES : 0;
	struct str context = str_sub(body, from, at + CONTEXT_BYTES);

	return error_set(err, -EINVAL, "%s\n%.*s\n%*s^",
	    at >= body.n ? "Unexpected end of string. Expected a value." :
			   "Unexpected token.",
	    STR_ARG(context), (int)(at - from), "");
}

int
query_json(struct str body, struct yyjson_doc **ret, struct error *err)
{
	yyjson_read_err e;
	yyjson_doc *doc;

	*ret = NULL;
	if (str_trim(body).n == 0)
		return 1;
	/* Not in place: the flag says that the bytes stay as they are. */
	doc = yyjson_read_opts((char *)(uintptr_t)body.p, body.n,
	    YYJSON_READ_NOFLAG, NULL, &e);
	if (doc == NULL)
		return bad_json(body, e.pos, err);
	if (yyjson_is_null(yyjson_doc_get_root(doc))) {
		yyjson_doc_free(doc);
		return 1;
	}
	*ret = doc;
	return 0;
}

void
query_json_free(struct yyjson_doc *doc)
{
	yyjson_doc_free(doc);
}

/* A member of type string, under both its names. */
struct member {
	const char *name, *camel;
	size_t at; /* of a struct str in struct query */
	bool one_of; /* the query's commit or version: one of them, once */
};

static const struct member query_members[] = {
	{ "commit", "commit", offsetof(struct query, commit), true },
	{ "version", "version", offsetof(struct query, version), true },
	{ "page_token", "pageToken", offsetof(struct query, page_token),
	    false },
};
static const struct member package_members[] = {
	{ "name", "name", offsetof(struct query, name), false },
	{ "ecosystem", "ecosystem", offsetof(struct query, ecosystem), false },
	{ "purl", "purl", offsetof(struct query, purl), false },
};

static const struct member *
find_member(const struct member *rows, size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(key, rows[i].name) || str_is(key, rows[i].camel))
			return &rows[i];
	return NULL;
}

static int
bad_type(struct str path, const char *wanted, struct yyjson_val *v,
    struct error *err)
{
	return error_set(err, -EINVAL,
	    "(%.*s): invalid value of type %s, wanted: %s", STR_ARG(path),
	    yyjson_get_type_desc(v), wanted);
}

static int
set_member(const struct member *m, struct yyjson_val *v, struct query *q,
    struct error *err)
{
	struct str *to = (struct str *)(void *)((char *)q + m->at);

	if (yyjson_is_null(v))
		return 0;
	if (!yyjson_is_str(v))
		return bad_type(str_of(m->name), "string", v, err);
	if (m->one_of && (q->commit.p != NULL || q->version.p != NULL))
		return error_set(err, -EINVAL,
		    ": invalid value oneof field 'param' is already set. "
		    "Cannot set '%s' for type oneof",
		    m->name);
	*to = str_n(yyjson_get_str(v), yyjson_get_len(v));
	return 0;
}

static int
unknown_member(struct str key, bool strict, struct error *err)
{
	if (!strict)
		return 0;
	return error_set(err, -EINVAL, "unknown member \"%.*s\"", STR_ARG(key));
}

static int
parse_package(struct yyjson_val *v, bool strict, struct query *q,
    struct error *err)
{
	yyjson_obj_iter i;
	yyjson_val *key;
	int rc = 0;

	if (yyjson_is_null(v))
		return 0;
	if (!yyjson_is_obj(v))
		return bad_type(STR_LIT("package"), "object", v, err);
	q->has_package = true;
	yyjson_obj_iter_init(v, &i);
	while (rc == 0 && (key = yyjson_obj_iter_next(&i)) != NULL) {
		struct str name =
		    str_n(yyjson_get_str(key), yyjson_get_len(key));
		const struct member *m = find_member(package_members,
		    N_ELEMENTS(package_members), name);

		rc = m != NULL ?
		    set_member(m, yyjson_obj_iter_get_val(key), q, err) :
		    unknown_member(name, strict, err);
	}
	return rc;
}

int
query_parse(struct yyjson_val *v, bool strict, struct query *ret,
    struct error *err)
{
	yyjson_obj_iter i;
	yyjson_val *key, *value;
	int rc = 0;

	*ret = (struct query){ .has_package = false };
	if (yyjson_is_null(v))
		return error_set(err, -EINVAL, "no query provided");
	if (!yyjson_is_obj(v))
		return bad_type(STR_LIT("query"), "object", v, err);
	yyjson_obj_iter_init(v, &i);
	while (rc == 0 && (key = yyjson_obj_iter_next(&i)) != NULL) {
		struct str name =
		    str_n(yyjson_get_str(key), yyjson_get_len(key));
		const struct member *m =
		    find_member(query_members, N_ELEMENTS(query_members), name);

		value = yyjson_obj_iter_get_val(key);
		if (m != NULL)
			rc = set_member(m, value, ret, err);
		else if (str_is(name, "package"))
			rc = parse_package(value, strict, ret, err);
		else
			rc = unknown_member(name, strict, err);
	}
	return rc;
}

/* --- rules ------------------------------------------------------------------
 */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
resolve_commit(struct str text, struct arena *a, struct question *ret,
    struct error *err)
{
	char *hash = arena_alloc(a, text.n / 2 + 1);

	if (text.n == 0 || text.n % 2 != 0)
		return error_set(err, -EINVAL, "invalid hash");
	for (size_t i = 0; i < text.n; i += 2) {
		int high = hex_digit(text.p[i]);
		int low = hex_digit(text.p[i + 1]);

		if (high < 0 || low < 0)
			return error_set(err, -EINVAL, "invalid hash");
		hash[i / 2] = (char)(high << 4 | low);
	}
	ret->kind = QUERY_COMMIT;
	ret->hash = str_n(hash, text.n / 2);
	return 0;
}

/* Types that the service does not know: such packages are silently clean
 * there. */
static bool
is_silent(struct str type)
{
	static const char *const types[] = { "github", "vscode",
		"vscode-extension" };

	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if (str_is(type, types[i]))
			return true;
	return false;
}

static int
resolve_purl(const struct query *q, bool strict, struct arena *a,
    struct question *ret, struct error *err)
{
	struct packageurl *p = arena_alloc(a, sizeof(*p));
	int rc;

	if (q->name.n != 0)
		return error_set(err, -EINVAL,
		    "name specified in a PURL query");
	if (q->ecosystem.n != 0)
		return error_set(err, -EINVAL,
		    "ecosystem specified in a PURL query");
	rc = packageurl_parse_loose(a, q->purl, p, err);
	if (rc != 0)
		return rc;
	if (p->version.n != 0 && q->version.n != 0)
		return error_set(err, -EINVAL,
		    "version specified in params and PURL query");
	if (!strict && is_silent(p->type))
		return 0;
	if (!packageurl_to_osv(a, p, &ret->package.ecosystem,
		&ret->package.name))
		return strict ? error_set(err, -EINVAL,
				    "no ecosystem for purls of type \"%.*s\"",
				    STR_ARG(p->type)) :
				0;
	if (p->version.n != 0)
		ret->package.version = p->version;
	ret->kind = QUERY_PACKAGE;
	return 0;
}

static int
resolve_name(const struct query *q, struct question *ret, struct error *err)
{
	if (q->ecosystem.n != 0 &&
	    !osv_ecosystem_valid(osv_ecosystem_base(q->ecosystem)))
		return error_set(err, -EINVAL, "invalid ecosystem");
	if (q->name.n == 0 || (q->ecosystem.n == 0 && q->version.n == 0))
		return error_set(err, -EINVAL, "invalid query");
	ret->kind = QUERY_PACKAGE;
	ret->package.name = q->name;
	if (q->ecosystem.n != 0)
		ret->package.ecosystem = q->ecosystem;
	return 0;
}

int
query_resolve(const struct query *q, bool strict, struct arena *a,
    struct question *ret, struct error *err)
{
	int rc;

	*ret = (struct question){ .kind = QUERY_NOTHING };
	rc = query_token_read(q->page_token, a, ret, err);
	if (rc != 0)
		return rc;
	if (q->commit.p != NULL)
		return resolve_commit(q->commit, a, ret, err);
	if (!q->has_package)
		return error_set(err, -EINVAL, "invalid query");
	ret->package.names = strict ? SNAPSHOT_ANY_CASE : SNAPSHOT_EXACT_CASE;
	if (q->version.n != 0)
		ret->package.version = q->version;
	if (q->purl.n != 0)
		return resolve_purl(q, strict, a, ret, err);
	return resolve_name(q, ret, err);
}

/* --- page tokens -------------------------------------------------------------
 *
 * "P:CURSOR:ID", the id in base64, as the service writes them: its cursor is
 * one of its store's, ours is always 0, and neither is needed, since pages are
 * in the order of ids.
 */

void
query_token_write(struct str id, struct buf *out)
{
	buf_puts(out, "P:0:");
	base64_write(id, out);
}

static bool
is_id(struct str s)
{
	if (s.n == 0 || s.n > MAX_ID_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

int
query_token_read(struct str token, struct arena *a, struct question *q,
    struct error *err)
{
	ptrdiff_t at = str_rchr(token, ':');
	struct buf id;
	bool good;

	if (token.n == 0 || str_is(token, QUERY_FIRST_PAGE))
		return 0;
	if (!str_starts(token, "P:") || at < 2)
		return error_set(err, -EINVAL, "invalid cursor");
	buf_init(&id, LIMIT_TEXT_BYTES);
	good = base64_read(str_sub(token, (size_t)at + 1, token.n), &id) &&
	    is_id(buf_str(&id));
	if (good) {
		q->after = arena_str(a, buf_str(&id));
		q->resumed = true;
	}
	buf_done(&id);
	return good ? 0 : error_set(err, -EINVAL, "invalid cursor");
}
