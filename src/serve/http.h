/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 requests out of bytes, by the letter (RFC 9112): what could be read
 * in two ways is refused. No sockets here: bytes in, requests out.
 */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct http;

enum http_method {
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_OTHER,
	HTTP_METHOD__MAX
};

/* Header lines that somebody looks at; all others are read and forgotten. */
enum http_header {
	HTTP_HEADER_HOST,
	HTTP_HEADER_EXPECT,
	HTTP_HEADER_ORIGIN,
	HTTP_HEADER_REQUEST_METHOD,
	HTTP_HEADER_IF_NONE_MATCH,
	HTTP_HEADER_IF_MODIFIED_SINCE,
	HTTP_HEADER_IF_RANGE,
	HTTP_HEADER_RANGE,
	HTTP_HEADER_USER_AGENT,
	HTTP_HEADER__MAX
};

/* Borrowed from the http until its next request. */
struct http_request {
	enum http_method method;
	struct str method_name;
	struct str target; /* as sent */
	struct str path; /* of it; begins with a slash, not decoded */
	struct str query; /* p NULL: none */
	struct str headers[HTTP_HEADER__MAX]; /* trimmed; p NULL: none */
	struct str body;
	bool keep_alive;
};

enum http_step {
	HTTP_STEP_MORE, /* all bytes taken, the request is not whole */
	HTTP_STEP_REQUEST, /* whole: http_request() */
	HTTP_STEP_REFUSED, /* no further requests: http_status() */
};

/* Where a connection is, for time-outs. */
enum http_phase {
	HTTP_IDLE,
	HTTP_IN_HEAD,
	HTTP_IN_BODY,
};

struct http *http_new(void);
void http_free(struct http *h); /* accepts NULL */
/* Takes bytes, at most one request. *ret_taken of s.n are used up. */
enum http_step http_feed(struct http *h, struct str s, size_t *ret_taken);
const struct http_request *http_request(const struct http *h);
enum http_phase http_phase(const struct http *h);
/* Once for each request that wants to be told to go on with its body. */
bool http_take_continue(struct http *h);
/* Of HTTP_STEP_REFUSED: 400, 413, 431, 501 or 505, and why. */
int http_status(const struct http *h, const char **ret_why);
/* Bytes kept; memory that a large request needed is given back. */
size_t http_held(const struct http *h);
void http_shrink(struct http *h);

const char *http_status_text(int status);
/* "Sun, 06 Nov 1994 08:49:37 GMT" and back; -EINVAL. */
#define HTTP_DATE_SIZE 40
void http_date(int64_t wall_s, char ret[HTTP_DATE_SIZE]);
int http_date_parse(struct str s, int64_t *ret_wall_s);
/* %XX decoded into out; false: not well-formed, or a NUL. */
bool http_decode(struct str s, struct buf *out);

#endif
