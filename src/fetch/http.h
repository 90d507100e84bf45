/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET requests to registries, many at once, each into a memfd of its own.
 * Redirects are followed here, one checked step at a time; failures that may
 * pass are tried again with full-jitter back-off. Runs in role fetch.
 *
 * A request lives from http_get() to the one call of its done function.
 */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ecosystem/npm/npmrc.h"

struct buf;
struct error;
struct http;
struct pollfd;

/* Credentials of one request, sent to its registry's origin alone. */
struct http_sign {
	struct str scope; /* "aws:amz:REGION:s3"; n 0: not signed */
	struct str key_id, secret, token; /* token n 0: none */
	struct str authorization; /* the header's value; n 0: none */
};

struct http_request {
	struct str url;
	struct str registry; /* base: its origin may be private or http */
	struct str accept;
	struct str etag; /* n 0: unconditional */
	struct str modified; /* If-Modified-Since; n 0: not sent */
	const struct http_sign *sign; /* borrowed until done; NULL: .npmrc */
	int64_t max_bytes;
	const char *what; /* "the document about x", for sentences */
	bool has_fallback; /* a copy is at hand: give up sooner */
	/* A server that says how long to wait is not asked again: the answer
	 * is -EAGAIN with wait_s. */
	bool tell_limits;
};

struct http_answer {
	int code; /* 0, or a negative errno with a sentence */
	const char *sentence;
	long status; /* 200 or 304 when code is 0, else the last one or 0 */
	int fd; /* the body when 200; owned by the receiver; -1 */
	int64_t size;
	struct str etag, modified; /* n 0: none */
	struct str link; /* all Link headers, commas between; n 0: none */
	int64_t wait_s; /* of -EAGAIN */
};
/* Negative codes: -ENOENT 404, -EACCES 401 and 403, -EFBIG too large, -EPERM
 * a refused address or redirect, -EHOSTDOWN no or no good answer. */
typedef void (*http_done_fn)(void *arg, const struct http_answer *answer);

struct http_options {
	const struct npmrc *npmrc; /* borrowed */
	struct npmrc_trust trust; /* strings borrowed */
	int timeout_ms; /* without progress; 0: the default */
};

struct http *http_new(const struct http_options *o);
void http_free(struct http *h); /* accepts NULL; done functions not called */
/* Copies all strings of r but what, which must live until done. */
void http_get(struct http *h, const struct http_request *r, http_done_fn done,
    void *arg);
/* Waits for transfers, timers and the given descriptors; calls done. */
int http_wait(struct http *h, struct pollfd *fds, size_t n_fds, int timeout_ms,
    struct error *err);

#endif
