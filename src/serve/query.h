/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries of the API: JSON by the rules of protobuf (both spellings of names,
 * null is absent, unknown members are passed over), then the rules of the
 * service. Pure functions.
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <stdbool.h>

#include "base/str.h"
#include "serve/db.h"

struct arena;
struct buf;
struct error;
struct yyjson_doc;
struct yyjson_val;

/* As sent; p NULL: not there. */
struct query {
	struct str commit, version, name, ecosystem, purl, page_token;
	bool has_package;
};

enum query_kind {
	QUERY_NOTHING, /* a purl of a type that has no ecosystem: no hits */
	QUERY_COMMIT,
	QUERY_PACKAGE,
};

/* What is looked for. */
struct question {
	enum query_kind kind;
	struct str hash; /* bytes of a commit */
	struct db_package package;
	bool resumed; /* only ids after this one: */
	struct str after;
};

/* 1: there is no body (or null); 0; -EINVAL with what is wrong and where.
 * *ret is freed with query_json_free. */
int query_json(struct str body, struct yyjson_doc **ret, struct error *err);
void query_json_free(struct yyjson_doc *doc); /* accepts NULL */

/* strict: unknown members are refused. Strings are the document's. */
int query_parse(struct yyjson_val *v, bool strict, struct query *ret,
    struct error *err);
/* strict: types of purls that are unknown are refused, GitHub Actions and
 * VS Code are known, and names that registries take for one are one. */
int query_resolve(const struct query *q, bool strict, struct arena *a,
    struct question *ret, struct error *err);

/* The token that means: from the beginning. */
#define QUERY_FIRST_PAGE "RklSU1RfUEFHRV9UT0tFTg=="

/* A page token that goes on after this id. */
void query_token_write(struct str id, struct buf *out);
/* Sets resumed and after; the empty one and the service's "first page" are no
 * token. -EINVAL: "invalid cursor". */
int query_token_read(struct str token, struct arena *a, struct question *q,
    struct error *err);

#endif
