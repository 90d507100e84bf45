/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The routes of osv.dev's API. Runs in role listener.
 *
 * Documents are answered as they were loaded, white space between members left
 * out: no member is added, dropped, moved or spelled anew. Their order is the
 * document's, then, not that of the service's fields: an order would have to be
 * made by taking documents apart, and JSON has none.
 */
#include "serve/api.h"

#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "serve/answer.h"
#include "serve/db.h"
#include "serve/http.h"
#include "serve/query.h"

/* As the service has them: ids of a page, queries of a batch. */
#define PAGE_HITS       3000
#define BATCH_PAGE_HITS 1000
#define MAX_QUERIES     1000
#define MAX_ID_BYTES    100

/* Where a list of hits begins, and what a page has room for. */
struct page {
	struct snapshot_numbers hits;
	uint32_t from;
	size_t max_hits, max_bytes; /* max_bytes: of the whole answer */
};

static inline void
json_freep(struct yyjson_doc **doc)
{
	query_json_free(*doc);
}

void
api_init(struct api *api, struct db *db, bool strict)
{
	*api = (struct api){
		.db = db,
		.arena = arena_new(LIMIT_ARENA_BYTES),
		.strict = strict,
		.page_hits = PAGE_HITS,
		.batch_page_hits = BATCH_PAGE_HITS,
	};
}

void
api_done(struct api *api)
{
	arena_free(api->arena);
}

static int
get_record(struct api *api, uint32_t number, struct snapshot_record *ret,
    struct error *err)
{
	return snapshot_record(api->db->snapshot, number, api->arena, ret, err);
}

/* --- pages ------------------------------------------------------------------
 */

/* The first hit whose id comes after this one. */
static int
skip_until(struct api *api, struct str after, struct page *p, struct error *err)
{
	uint32_t low = 0, high = p->hits.n;
	struct snapshot_record record;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int rc = get_record(api, p->hits.v[middle], &record, err);

		if (rc != 0)
			return rc;
		if (str_cmp(record.id, after) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	p->from = low;
	return 0;
}

static int
find_hits(struct api *api, const struct question *q, struct page *p,
    struct error *err)
{
	int rc = 0;

	p->hits = (struct snapshot_numbers){ NULL, 0 };
	p->from = 0;
	if (q->kind == QUERY_COMMIT)
		rc = snapshot_by_commit(api->db->snapshot, q->hash, api->arena,
		    &p->hits, err);
	if (q->kind == QUERY_PACKAGE)
		rc =
		    db_package(api->db, &q->package, api->arena, &p->hits, err);
	if (rc == 0 && q->resumed)
		rc = skip_until(api, q->after, p, err);
	return rc;
}

static int
put_document(struct api *api, struct json *j, uint32_t number,
    struct error *err)
{
	struct str document;
	int rc = db_document(api->db, number, api->arena, &document, err);

	if (rc == 0)
		json_raw(j, document);
	return rc;
}

static int
put_id(struct json *j, const struct snapshot_record *r)
{
	json_object_begin(j);
	json_key(j, "id");
	json_str(j, r->id);
	json_key(j, "modified");
	json_str(j, r->modified);
	json_object_end(j);
	return 0;
}

static void
put_token(struct json *j, struct str last)
{
	struct buf token;

	buf_init(&token, LIMIT_TEXT_BYTES);
	if (last.p != NULL)
		query_token_write(last, &token);
	else
		buf_puts(&token, QUERY_FIRST_PAGE);
	json_key(j, "next_page_token");
	json_str(j, buf_str(&token));
	buf_done(&token);
}

/* {}, {"vulns":[…]}, {"vulns":[…],"next_page_token":…} or only the token. */
static int
put_page(struct api *api, struct json *j, const struct question *q,
    const struct page *p, bool whole, struct error *err)
{
	struct str last = q->resumed ? q->after : STR_NONE;
	struct snapshot_record record = { .number = 0 };
	size_t n = 0;
	int rc = 0;

	json_object_begin(j);
	for (uint32_t i = p->from; i < p->hits.n && rc == 0; i++) {
		if (n == p->max_hits || j->out->n >= p->max_bytes)
			break;
		rc = get_record(api, p->hits.v[i], &record, err);
		if (rc != 0)
			break;
		if (n++ == 0) {
			json_key(j, "vulns");
			json_array_begin(j);
		}
		rc = whole ? put_document(api, j, p->hits.v[i], err) :
			     put_id(j, &record);
		last = record.id;
	}
	if (rc != 0)
		return rc;
	if (n != 0)
		json_array_end(j);
	if (p->from + n < p->hits.n)
		put_token(j, last);
	json_object_end(j);
	return 0;
}

/* --- /v1/query --------------------------------------------------------------
 */

static int
query(struct api *api, struct str body, struct answer *ret, struct error *err)
{
	_cleanup_(json_freep) struct yyjson_doc *doc = NULL;
	struct page p = { .max_hits = api->page_hits,
		.max_bytes = LIMIT_SERVE_PAGE_BYTES };
	struct question question;
	struct query q;
	struct json j;
	int rc;

	rc = query_json(body, &doc, err);
	if (rc == 1)
		return error_set(err, -EINVAL, "no query provided");
	if (rc == 0)
		rc =
		    query_parse(yyjson_doc_get_root(doc), api->strict, &q, err);
	if (rc == 0)
		rc = query_resolve(&q, api->strict, api->arena, &question, err);
	if (rc == 0)
		rc = find_hits(api, &question, &p, err);
	if (rc != 0)
		return rc;
	json_init(&j, &ret->body, 0);
	return put_page(api, &j, &question, &p, true, err);
}

static void
finish(struct api *api, int rc, const struct error *err, struct answer *ret)
{
	arena_reset(api->arena);
	if (rc == 0 && ret->body.full)
		answer_error(ret, 500, ANSWER_INTERNAL,
		    STR_LIT("the answer is too large"));
	else if (rc != 0)
		answer_refuse(ret, rc, err->msg);
}

void
api_query(struct api *api, const struct http_request *r, struct str rest,
    struct answer *ret)
{
	struct error err = ERROR_INIT;

	(void)rest;
	finish(api, query(api, r->body, ret, &err), &err, ret);
}

/* --- /v1/querybatch ---------------------------------------------------------
 */

/* Of a document {"queries":[…]}; NULL: there are none. */
static int
get_queries(struct yyjson_val *root, bool strict, struct yyjson_val **ret,
    struct error *err)
{
	struct yyjson_val *v = yyjson_obj_get(root, "queries");

	*ret = NULL;
	if (!yyjson_is_obj(root))
		return error_set(err, -EINVAL,
		    "(body): invalid value of type %s, wanted: object",
		    yyjson_get_type_desc(root));
	/* A batch without queries is answered {}, which reads like clean. */
	if (strict && (v == NULL || yyjson_obj_size(root) != 1))
		return error_set(err, -EINVAL,
		    "a batch has one member: \"queries\"");
	if (v == NULL || yyjson_is_null(v))
		return 0;
	if (!yyjson_is_arr(v))
		return error_set(err, -EINVAL,
		    "(queries): invalid value of type %s, wanted: array",
		    yyjson_get_type_desc(v));
	if (yyjson_arr_size(v) > MAX_QUERIES)
		return error_set(err, -EINVAL, "too many queries");
	if (yyjson_arr_size(v) != 0)
		*ret = v;
	return 0;
}

static int
resolve_all(struct api *api, struct yyjson_val *queries, struct question *ret,
    struct error *err)
{
	yyjson_arr_iter i;
	yyjson_val *v;
	struct query q;
	size_t n = 0;
	int rc = 0;

	yyjson_arr_iter_init(queries, &i);
	while (rc == 0 && (v = yyjson_arr_iter_next(&i)) != NULL) {
		rc = query_parse(v, api->strict, &q, err);
		if (rc == 0)
			rc = query_resolve(&q, api->strict, api->arena,
			    &ret[n++], err);
		else
			n++;
	}
	if (rc == -EINVAL) {
		char what[sizeof(err->msg)];

		memcpy(what, err->msg, sizeof(what));
		(void)error_set(err, -EINVAL,
		    "error in query at index %zu: rpc error: "
		    "code = InvalidArgument desc = %s",
		    n - 1, what);
	}
	return rc;
}

static int
put_results(struct api *api, const struct question *questions, size_t n,
    struct json *j, struct error *err)
{
	struct page p = { .max_hits = api->batch_page_hits,
		.max_bytes = LIMIT_SERVE_PAGE_BYTES };
	int rc = 0;

	json_object_begin(j);
	json_key(j, "results");
	json_array_begin(j);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = find_hits(api, &questions[i], &p, err);
		if (rc == 0)
			rc = put_page(api, j, &questions[i], &p, false, err);
	}
	if (rc != 0)
		return rc;
	json_array_end(j);
	json_object_end(j);
	return 0;
}

static int
querybatch(struct api *api, struct str body, struct answer *ret,
    struct error *err)
{
	_cleanup_(json_freep) struct yyjson_doc *doc = NULL;
	struct yyjson_val *queries = NULL;
	struct question *questions;
	struct json j;
	int rc;

	rc = query_json(body, &doc, err);
	if (rc == 1)
		return error_set(err, -EINVAL, "no query provided");
	if (rc == 0)
		rc = get_queries(yyjson_doc_get_root(doc), api->strict,
		    &queries, err);
	if (rc == 0 && queries == NULL)
		buf_puts(&ret->body, "{}");
	if (rc != 0 || queries == NULL)
		return rc;
	questions = arena_array(api->arena, yyjson_arr_size(queries),
	    sizeof(*questions));
	rc = resolve_all(api, queries, questions, err);
	if (rc != 0)
		return rc;
	json_init(&j, &ret->body, 0);
	return put_results(api, questions, yyjson_arr_size(queries), &j, err);
}

void
api_querybatch(struct api *api, const struct http_request *r, struct str rest,
    struct answer *ret)
{
	struct error err = ERROR_INIT;

	(void)rest;
	finish(api, querybatch(api, r->body, ret, &err), &err, ret);
}

/* --- /v1/vulns/{id} ---------------------------------------------------------
 */

static int
not_found(struct api *api, struct str id, struct answer *ret, struct error *err)
{
	struct snapshot_numbers n;
	struct snapshot_record record;
	struct buf said;
	int rc = snapshot_by_alias(api->db->snapshot, id, api->arena, &n, err);

	if (rc != 0)
		return rc;
	buf_init(&said, LIMIT_BLOB_BYTES);
	buf_puts(&said, "Vulnerability not found");
	if (n.n != 0)
		buf_puts(&said, ", but the following aliases were:");
	for (uint32_t i = 0; i < n.n && rc == 0; i++) {
		rc = get_record(api, n.v[i], &record, err);
		if (rc == 0) {
			buf_putc(&said, ' ');
			buf_put_str(&said, record.id);
		}
	}
	if (rc == 0)
		answer_error(ret, 404, ANSWER_NOT_FOUND, buf_str(&said));
	buf_done(&said);
	return rc;
}

static int
vulns(struct api *api, struct str id, struct answer *ret, struct error *err)
{
	struct str document;
	uint32_t number;
	int rc;

	if (id.n == 0)
		return error_set(err, -EINVAL, "ID is required");
	if (id.n > MAX_ID_BYTES)
		return error_set(err, -EINVAL, "ID is too long");
	rc = snapshot_by_id(api->db->snapshot, id, &number, err);
	if (rc == 0)
		return not_found(api, id, ret, err);
	if (rc == 1)
		rc = db_document(api->db, number, api->arena, &document, err);
	if (rc == 0)
		buf_put_str(&ret->body, document);
	return rc;
}

void
api_vulns(struct api *api, const struct http_request *r, struct str rest,
    struct answer *ret)
{
	struct error err = ERROR_INIT;
	struct buf id;
	int rc;

	(void)r;
	buf_init(&id, LIMIT_SERVE_HEAD_BYTES);
	if (http_decode(rest, &id))
		rc = vulns(api, buf_str(&id), ret, &err);
	else
		rc = error_set(&err, -EINVAL, "the ID is not well-formed");
	buf_done(&id);
	finish(api, rc, &err, ret);
}

/* --- the experimental ones --------------------------------------------------
 *
 * A snapshot has neither file hashes of C and C++ projects nor what failed at
 * import: the answers are those of a database that knows of none.
 */

void
api_determineversion(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret)
{
	_cleanup_(json_freep) struct yyjson_doc *doc = NULL;
	struct error err = ERROR_INIT;
	int rc = query_json(r->body, &doc, &err);

	(void)rest;
	if (rc == 1)
		rc = error_set(&err, -EINVAL, "no query provided");
	if (rc == 0 && !yyjson_is_obj(yyjson_doc_get_root(doc)))
		rc = error_set(&err, -EINVAL, "the query is not an object");
	if (rc == 0)
		buf_puts(&ret->body, "{}");
	finish(api, rc, &err, ret);
}

void
api_importfindings(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret)
{
	struct error err = ERROR_INIT;
	int rc = 0;

	(void)r;
	if (rest.n == 0)
		rc = error_set(&err, -EINVAL, "source is required");
	else
		buf_puts(&ret->body, "{}");
	finish(api, rc, &err, ret);
}

/* --- objects of the bucket --------------------------------------------------
 */

/* Whether some entry's package is of the ecosystem, suffixes aside. */
static bool
document_in(struct str document, struct str ecosystem)
{
	_cleanup_(json_freep) struct yyjson_doc *doc =
	    yyjson_read(document.p, document.n, 0);
	yyjson_val *affected =
	    yyjson_obj_get(yyjson_doc_get_root(doc), "affected");
	yyjson_arr_iter i;
	yyjson_val *v;

	yyjson_arr_iter_init(affected, &i);
	while ((v = yyjson_arr_iter_next(&i)) != NULL) {
		yyjson_val *e =
		    yyjson_obj_get(yyjson_obj_get(v, "package"), "ecosystem");

		if (yyjson_is_str(e) &&
		    str_eq(osv_ecosystem_base(
			       str_n(yyjson_get_str(e), yyjson_get_len(e))),
			ecosystem))
			return true;
	}
	return false;
}

int
api_object(struct api *api, struct str ecosystem, struct str id,
    struct answer *ret)
{
	struct error err = ERROR_INIT;
	struct str document;
	uint32_t number;
	int rc = 0;

	if (id.n != 0 && id.n <= MAX_ID_BYTES)
		rc = snapshot_by_id(api->db->snapshot, id, &number, &err);
	if (rc == 1) {
		rc = db_document(api->db, number, api->arena, &document, &err);
		rc = rc == 0 ? document_in(document, ecosystem) : rc;
	}
	if (rc == 1)
		buf_put_str(&ret->body, document);
	if (rc < 0)
		answer_refuse(ret, rc, err.msg);
	arena_reset(api->arena);
	return rc != 0;
}
