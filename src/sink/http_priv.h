/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 on one stream: requests one after the other, each recorded, then
 * answered (answer.c). Life of a request: reading -> complete -> answered, or
 * waiting for the relay first -> sent.
 */
#ifndef SINK_HTTP_PRIV_H
#define SINK_HTTP_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct http;
struct stream;

/* What answers look at. Borrowed from the http it belongs to. */
struct request {
	int64_t id; /* of the http_exchange row */
	struct str method;
	struct str url; /* as sent, after the method */
	struct str path; /* of it, without query; begins with a slash */
	struct str query; /* absent: none */
	struct str host; /* lower case, without port; never absent */
	struct str headers; /* lines "Name: value", each ended by CRLF */
	bool tls, head; /* head: the answer's body is not sent */
};

/* What is sent back. */
struct answer {
	int status;
	const char *word; /* http_exchange.answer */
	const char *media_type; /* NULL: no body at all */
	struct buf headers; /* further lines, each ended by CRLF */
	struct buf body;
	int body_fd; /* owned; instead of body; -1: none */
	int64_t body_size; /* of body_fd */
	char sha256[65]; /* of body_fd's bytes, where known */
	char type[128]; /* room for a media type that is not constant */
};

void answer_init(struct answer *a);
void answer_done(struct answer *a);

struct http *http_new(struct stream *s);
void http_free(struct http *h); /* accepts NULL */
/* Takes what it can of the stream's bytes. False: this is no HTTP (any more):
 * the rest stays in the stream, and an error was sent. */
bool http_step(struct http *h);
void http_close(struct http *h); /* writes the rows of a request cut short */
bool http_is_waiting(const struct http *h); /* for the relay */
int64_t http_head_since(const struct http *h); /* clock; 0: in no head */
/* The relay has an answer: sends it, goes on with the stream. */
void http_resume(struct http *h, struct answer *a);
const struct request *http_request(const struct http *h);

/* The value of a header, trimmed; absent when it is not there. */
struct str request_header(const struct request *r, const char *name);

#endif
