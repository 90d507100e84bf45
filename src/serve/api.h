/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of osv.dev's API: a request in, an answer out. */
#ifndef SERVE_API_H
#define SERVE_API_H

#include <stdbool.h>

#include "base/str.h"

struct answer;
struct arena;
struct db;
struct http_request;

struct api {
	struct db *db; /* borrowed; replaced between requests */
	struct arena *arena; /* of one request */
	bool strict;
	size_t page_hits; /* ids of one page, per route; tests set fewer */
	size_t batch_page_hits;
};

void api_init(struct api *api, struct db *db, bool strict);
void api_done(struct api *api);

/* rest: what stands behind the route's path, not decoded. */
void api_query(struct api *api, const struct http_request *r, struct str rest,
    struct answer *ret);
void api_querybatch(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret);
void api_vulns(struct api *api, const struct http_request *r, struct str rest,
    struct answer *ret);
void api_determineversion(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret);
void api_importfindings(struct api *api, const struct http_request *r,
    struct str rest, struct answer *ret);

/* The document of a record as the bucket has it: <Ecosystem>/<ID>.json. 1: it
 * is the answer; 0: there is none. */
int api_object(struct api *api, struct str ecosystem, struct str id,
    struct answer *ret);

#endif
