/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 with llhttp, strict. Runs in role listener. */
#include "serve/http.h"

#include <assert.h>
#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"

/* A buffer that grew beyond this is not kept for the next request. */
#define KEPT_BYTES (64 * KIB)
/* What a header counts beside its bytes: very many small ones are work. */
#define HEADER_COST 32

struct http {
	llhttp_t parser;
	struct http_request request;
	enum http_phase phase;
	/* All of the head that request borrows; spans are offsets until the
	 * head is whole, for the buffer moves. */
	struct buf head, body;
	size_t field_at, value_at; /* of the header being read */
	size_t target_n; /* the target is what head begins with */
	bool in_field, in_value; /* bytes of the header were seen */
	bool wants_continue, complete, refused;
	struct {
		size_t at, n;
	} spans[HTTP_HEADER__MAX];
	unsigned n_host;
	size_t head_cost; /* bytes, trailers included, and HEADER_COST each */
	int status;
	const char *why;
};

/* With their lengths: each header of each request is looked for. */
#define NAME(z) \
	{ \
		"" z, sizeof(z) - 1 \
	}
static const struct {
	const char *p;
	size_t n;
} header_names[] = {
	[HTTP_HEADER_HOST] = NAME("host"),
	[HTTP_HEADER_EXPECT] = NAME("expect"),
	[HTTP_HEADER_ORIGIN] = NAME("origin"),
	[HTTP_HEADER_REQUEST_METHOD] = NAME("access-control-request-method"),
	[HTTP_HEADER_IF_NONE_MATCH] = NAME("if-none-match"),
	[HTTP_HEADER_IF_MODIFIED_SINCE] = NAME("if-modified-since"),
	[HTTP_HEADER_IF_RANGE] = NAME("if-range"),
	[HTTP_HEADER_RANGE] = NAME("range"),
	[HTTP_HEADER_USER_AGENT] = NAME("user-agent"),
};
static_assert(N_ELEMENTS(header_names) == HTTP_HEADER__MAX, "a row each");

/* --- what the parser says --------------------------------------------------
 */

static int
refuse(struct http *h, int status, const char *why)
{
	h->status = status;
	h->why = why;
	return HPE_USER;
}

static int
put_head(struct http *h, const char *at, size_t n)
{
	h->head_cost += n;
	if (h->head_cost > LIMIT_SERVE_HEAD_BYTES)
		return refuse(h, 431, "the request's head is too large");
	/* Trailers are read and forgotten: the head must not move any more. */
	if (h->phase == HTTP_IN_HEAD)
		buf_put(&h->head, at, n);
	return 0;
}

static int
on_begin(llhttp_t *p)
{
	struct http *h = p->data;

	buf_reset(&h->head);
	buf_reset(&h->body);
	h->request = (struct http_request){ .keep_alive = false };
	memset(h->spans, 0, sizeof(h->spans));
	h->target_n = 0;
	h->n_host = 0;
	h->head_cost = 0;
	h->in_field = h->in_value = false;
	h->wants_continue = h->complete = false;
	h->phase = HTTP_IN_HEAD;
	return 0;
}

static int
on_url(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	h->target_n += n;
	return put_head(h, at, n);
}

static int
on_field(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (!h->in_field)
		h->field_at = h->head.n;
	h->in_field = true;
	return put_head(h, at, n);
}

static int
on_value(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (!h->in_value)
		h->value_at = h->head.n;
	h->in_value = true;
	return put_head(h, at, n);
}

static int
on_value_complete(llhttp_t *p)
{
	struct http *h = p->data;
	struct str name;

	h->head_cost += HEADER_COST;
	if (h->phase != HTTP_IN_HEAD)
		return 0;
	if (!h->in_value) /* an empty one */
		h->value_at = h->head.n;
	name = str_n(h->head.p + h->field_at, h->value_at - h->field_at);
	for (size_t i = 0; i < HTTP_HEADER__MAX; i++) {
		if (!str_eq_nocase(name,
			str_n(header_names[i].p, header_names[i].n)))
			continue;
		h->spans[i].at = h->value_at;
		h->spans[i].n = h->head.n - h->value_at;
		h->n_host += i == HTTP_HEADER_HOST;
	}
	h->in_field = h->in_value = false;
	return 0;
}

static enum http_method
method_of(unsigned method)
{
	switch (method) {
	case HTTP_GET:
		return HTTP_METHOD_GET;
	case HTTP_HEAD:
		return HTTP_METHOD_HEAD;
	case HTTP_POST:
		return HTTP_METHOD_POST;
	case HTTP_OPTIONS:
		return HTTP_METHOD_OPTIONS;
	default:
		return HTTP_METHOD_OTHER;
	}
}

/* "http://host/path", as proxies are sent, is the path as well. */
static int
set_target(struct http *h)
{
	struct http_request *r = &h->request;
	struct str path;
	ptrdiff_t at;

	r->target = str_n(h->head.p, h->target_n);
	path = r->target;
	if (str_starts(path, "http://") || str_starts(path, "https://")) {
		path = str_sub(path, (size_t)str_find(path, STR_LIT("://")) + 3,
		    path.n);
		at = str_chr(path, '/');
		path =
		    at < 0 ? STR_LIT("/") : str_sub(path, (size_t)at, path.n);
	}
	if (!str_starts(path, "/") &&
	    !(r->method == HTTP_METHOD_OPTIONS && str_is(path, "*")))
		return refuse(h, 400, "the request's target is no path");
	at = str_chr(path, '#');
	if (at >= 0)
		path = str_sub(path, 0, (size_t)at);
	at = str_chr(path, '?');
	r->path = at < 0 ? path : str_sub(path, 0, (size_t)at);
	r->query = at < 0 ? STR_NONE : str_sub(path, (size_t)at + 1, path.n);
	return 0;
}

static int
check_head(struct http *h)
{
	const llhttp_t *p = &h->parser;
	struct str expect = h->request.headers[HTTP_HEADER_EXPECT];
	bool old = p->http_major == 1 && p->http_minor == 0;

	if (p->http_major != 1)
		return refuse(h, 505, "this server speaks HTTP/1.1");
	if (h->n_host > 1 || (h->n_host == 0 && !old))
		return refuse(h, 400, "the request must have one Host");
	if ((p->flags & F_TRANSFER_ENCODING) != 0 &&
	    (p->flags & F_CHUNKED) == 0)
		return refuse(h, 501, "unknown transfer encoding");
	if ((p->flags & F_CONTENT_LENGTH) != 0 &&
	    p->content_length > LIMIT_SERVE_BODY_BYTES)
		return refuse(h, 413, "the request's body is too large");
	if (expect.p == NULL || old)
		return 0;
	if (!str_eq_nocase(expect, STR_LIT("100-continue")))
		return refuse(h, 417, "unknown expectation");
	h->wants_continue = true;
	return 0;
}

static int
on_headers(llhttp_t *p)
{
	struct http *h = p->data;
	struct http_request *r = &h->request;
	int rc;

	r->method = method_of(llhttp_get_method(p));
	r->method_name =
	    str_of(llhttp_method_name((llhttp_method_t)llhttp_get_method(p)));
	for (size_t i = 0; i < HTTP_HEADER__MAX; i++)
		if (h->spans[i].at != 0)
			r->headers[i] = str_trim(
			    str_n(h->head.p + h->spans[i].at, h->spans[i].n));
	rc = set_target(h);
	if (rc == 0)
		rc = check_head(h);
	h->phase = HTTP_IN_BODY;
	return rc;
}

static int
on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	h->wants_continue = false; /* it went on by itself */
	buf_put(&h->body, at, n);
	if (h->body.full)
		return refuse(h, 413, "the request's body is too large");
	return 0;
}

static int
on_complete(llhttp_t *p)
{
	struct http *h = p->data;

	h->request.body = buf_str(&h->body);
	h->request.keep_alive = llhttp_should_keep_alive(p) != 0 &&
	    llhttp_get_method(p) != HTTP_CONNECT;
	h->wants_continue = false;
	h->complete = true;
	return HPE_PAUSED; /* one request at a time */
}

static llhttp_settings_t settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* --- requests ---------------------------------------------------------------
 */

struct http *
http_new(void)
{
	struct http *h = mem_alloc(sizeof(*h));

	buf_init(&h->head, LIMIT_SERVE_HEAD_BYTES);
	buf_init(&h->body, LIMIT_SERVE_BODY_BYTES);
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = h;
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	buf_done(&h->head);
	buf_done(&h->body);
	free(h);
}

enum http_step
http_feed(struct http *h, struct str s, size_t *ret_taken)
{
	llhttp_errno_t e;
	const char *at;

	*ret_taken = 0;
	if (h->refused)
		return HTTP_STEP_REFUSED;
	if (h->complete) {
		h->complete = false;
		h->phase = HTTP_IDLE;
		llhttp_resume(&h->parser);
	}
	e = llhttp_execute(&h->parser, s.p, s.n);
	if (e == HPE_PAUSED_UPGRADE) {
		/* We do not upgrade: the request is one like any other. */
		at = llhttp_get_error_pos(&h->parser);
		llhttp_resume_after_upgrade(&h->parser);
		*ret_taken = at != NULL ? (size_t)(at - s.p) : s.n;
		return h->complete ? HTTP_STEP_REQUEST : HTTP_STEP_MORE;
	}
	if (h->complete) {
		at = llhttp_get_error_pos(&h->parser);
		*ret_taken = at != NULL ? (size_t)(at - s.p) : s.n;
		return HTTP_STEP_REQUEST;
	}
	*ret_taken = s.n;
	if (e == HPE_OK)
		return HTTP_STEP_MORE;
	h->refused = true;
	if (h->status == 0)
		(void)refuse(h, 400, "this is no HTTP request");
	return HTTP_STEP_REFUSED;
}

const struct http_request *
http_request(const struct http *h)
{
	return &h->request;
}

enum http_phase
http_phase(const struct http *h)
{
	return h->complete ? HTTP_IDLE : h->phase;
}

bool
http_take_continue(struct http *h)
{
	bool wanted = h->wants_continue;

	h->wants_continue = false;
	return wanted;
}

int
http_status(const struct http *h, const char **ret_why)
{
	*ret_why = h->why;
	return h->status;
}

size_t
http_held(const struct http *h)
{
	return h->head.size + h->body.size;
}

void
http_shrink(struct http *h)
{
	if (h->body.size > KEPT_BYTES) {
		buf_done(&h->body);
		buf_init(&h->body, LIMIT_SERVE_BODY_BYTES);
	}
}

const char *
http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = { { 200, "OK" }, { 204, "No Content" },
		{ 206, "Partial Content" }, { 304, "Not Modified" },
		{ 400, "Bad Request" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 413, "Content Too Large" }, { 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

/* --- dates and escapes ------------------------------------------------------
 */

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

void
http_date(int64_t wall_s, char ret[HTTP_DATE_SIZE])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	time_t t = (time_t)wall_s;
	struct tm tm;

	ret[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL)
		(void)snprintf(ret, HTTP_DATE_SIZE,
		    "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
		    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool
number(struct str s, size_t at, size_t n, int *ret)
{
	uint64_t v;

	if (str_to_u64(str_sub(s, at, at + n), &v) != 0)
		return false;
	*ret = (int)v;
	return true;
}

/* IMF-fixdate alone: older forms are not sent by anybody any more. */
int
http_date_parse(struct str s, int64_t *ret_wall_s)
{
	struct tm tm = { .tm_isdst = 0 };

	if (s.n != 29 || !str_ends(s, " GMT") || s.p[3] != ',')
		return -EINVAL;
	if (!number(s, 5, 2, &tm.tm_mday) || !number(s, 12, 4, &tm.tm_year) ||
	    !number(s, 17, 2, &tm.tm_hour) || !number(s, 20, 2, &tm.tm_min) ||
	    !number(s, 23, 2, &tm.tm_sec))
		return -EINVAL;
	tm.tm_year -= 1900;
	for (tm.tm_mon = 0; tm.tm_mon < 12; tm.tm_mon++)
		if (memcmp(s.p + 8, months[tm.tm_mon], 3) == 0)
			break;
	if (tm.tm_mon == 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	*ret_wall_s = (int64_t)timegm(&tm);
	return 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
http_decode(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] != '%') {
			buf_putc(out, s.p[i]);
			continue;
		}
		if (i + 2 >= s.n)
			return false;
		high = hex(s.p[i + 1]);
		low = hex(s.p[i + 2]);
		if (high < 0 || low < 0 || (high | low) == 0)
			return false;
		buf_putc(out, (char)(high << 4 | low));
		i += 2;
	}
	return !out->full;
}
