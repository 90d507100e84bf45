/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by http.c (the list) and transfer.c (one try). */
#ifndef FETCH_HTTP_PRIV_H
#define FETCH_HTTP_PRIV_H

#include <curl/curl.h>

#include "base/buf.h"
#include "fetch/http.h"

struct request {
	struct request *next;
	struct http *http;
	http_done_fn done;
	void *arg;
	const char *what;
	int64_t max_bytes;
	int max_tries;
	bool tell_limits;

	/* moves on with redirects and tries */
	struct buf url, registry, accept, etag_sent, modified_sent;
	const struct http_sign *sign;
	int64_t try_at; /* clock_ns */
	int tries, redirects;
	bool running, finished;

	/* of the current try */
	CURL *easy;
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	int fd;
	int64_t bytes;
	struct buf etag, modified, link, requests_left, limit_ends;
	bool exempt; /* may connect to a private address */
	bool refused_address, too_large, write_failed;

	/* the outcome */
	long status;
	int code;
	int64_t wait_s;
	char sentence[400];
};

struct http {
	struct http_options options;
	CURLM *multi; /* NULL until the first request */
	struct request *requests;
};

int transfer_begin(struct request *r, struct error *err);
void transfer_end(struct request *r); /* accepts one that has not begun */
/* Whether url may be the next step; the error's sentence is what it is:
 * "http://… (no https)". */
int transfer_check_redirect(struct request *r, struct str url,
    struct error *err);
/* Scheme and host of where it goes, for sentences; no path, no secrets. */
struct str transfer_shown_origin(struct request *r);

#endif
