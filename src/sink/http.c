/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 with llhttp, as lenient as it can be. Runs in role sink. */
#include "sink/http_priv.h"

#include <assert.h>
#include <ctype.h>
#include <llhttp.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sink/answer_priv.h"
#include "sink/stream_priv.h"
#include "sink/tls_priv.h"
#include "sys/clock.h"

enum http_state {
	AT_IDLE, /* between requests */
	AT_HEAD,
	AT_BODY,
	AT_COMPLETE, /* read, not answered */
	AT_WAITING, /* for the relay */
};

struct http {
	struct stream *stream; /* borrowed */
	llhttp_t parser;
	enum http_state state;
	struct request request;
	/* Owned: what request borrows. */
	struct buf method, url, headers, host;
	bool in_value; /* the last header callback was of a value */
	bool keep_alive, upgrade;
	bool broken; /* no HTTP any more */
	int64_t at; /* of the row */
	int64_t head_since; /* clock */
	struct record body;
	int64_t body_bytes;
};

void
answer_init(struct answer *a)
{
	*a = (struct answer){ .body_fd = -1, .word = "generic" };
	buf_init(&a->headers, LIMIT_TEXT_BYTES);
	buf_init(&a->body, LIMIT_SINK_DECOY_BYTES + 64 * KIB);
}

void
answer_done(struct answer *a)
{
	buf_done(&a->headers);
	buf_done(&a->body);
	closep(&a->body_fd);
}

struct str
request_header(const struct request *r, const char *name)
{
	struct str rest = r->headers, line, field;

	while (str_cut(&rest, '\n', &line)) {
		if (str_cut(&line, ':', &field) && line.p != NULL &&
		    str_eq_nocase(str_trim(field), str_of(name)))
			return str_trim(line);
	}
	return STR_NONE;
}

/* A head that never ends is refused; 0 goes on, as llhttp has it. */
static int
put_head(struct http *h, struct buf *b, const char *at, size_t n)
{
	if (h->url.n + h->headers.n + n > LIMIT_SINK_HEAD_BYTES)
		return -1;
	buf_put(b, at, n);
	return 0;
}

static int
on_begin(llhttp_t *p)
{
	struct http *h = p->data;
	struct book *b = &h->stream->world->book;

	buf_reset(&h->method);
	buf_reset(&h->url);
	buf_reset(&h->headers);
	buf_reset(&h->host);
	h->in_value = false;
	h->body_bytes = 0;
	h->request = (struct request){ .id = book_id(b) };
	h->at = book_now(b);
	h->head_since = clock_ns();
	h->state = AT_HEAD;
	return 0;
}

static int
on_method(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	return put_head(h, &h->method, at, n);
}

static int
on_url(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	return put_head(h, &h->url, at, n);
}

/* Also for trailers and what stands behind the sizes of chunks: whoever hides
 * something there finds it in the record. */
static int
on_field(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (h->in_value && put_head(h, &h->headers, "\r\n", 2) != 0)
		return -1;
	h->in_value = false;
	return put_head(h, &h->headers, at, n);
}

static int
on_value(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	if (!h->in_value && put_head(h, &h->headers, ": ", 2) != 0)
		return -1;
	h->in_value = true;
	return put_head(h, &h->headers, at, n);
}

/* A header without a value has no callback for one of its bytes. */
static int
on_value_complete(llhttp_t *p)
{
	return on_value(p, "", 0);
}

static void
set_host(struct http *h)
{
	struct stream *s = h->stream;
	struct request *r = &h->request;
	struct str host = request_header(r, "host"), rest = r->url;
	char text[ENDPOINT_TEXT_SIZE];
	ptrdiff_t at = str_find(rest, STR_LIT("://"));

	/* The form that proxies are sent names the host itself. */
	if (at > 0 && at < 8 && rest.p[0] != '/') {
		rest = str_sub(rest, (size_t)at + 3, rest.n);
		at = str_chr(rest, '/');
		host = str_sub(rest, 0, at < 0 ? rest.n : (size_t)at);
		r->path =
		    at < 0 ? STR_LIT("/") : str_sub(rest, (size_t)at, rest.n);
	}
	at = str_rchr(host, ':');
	if (at >= 0 && str_chr(str_sub(host, (size_t)at, host.n), ']') < 0)
		host = str_sub(host, 0, (size_t)at);
	if (host.n == 0)
		host = stream_name(s);
	if (host.n == 0)
		host = str_n(text, endpoint_text(&s->target, text));
	buf_reset(&h->host);
	for (size_t i = 0; i < host.n; i++)
		buf_putc(&h->host, (char)tolower((unsigned char)host.p[i]));
	r->host = buf_str(&h->host);
}

static void
set_request(struct http *h)
{
	struct request *r = &h->request;
	ptrdiff_t at;

	r->method = buf_str(&h->method);
	r->url = buf_str(&h->url);
	r->headers = buf_str(&h->headers);
	r->path = r->url;
	r->tls = h->stream->tls != NULL;
	r->head = str_is(r->method, "HEAD");
	set_host(h);
	at = str_chr(r->path, '#');
	if (at >= 0)
		r->path = str_sub(r->path, 0, (size_t)at);
	at = str_chr(r->path, '?');
	r->query = STR_NONE;
	if (at >= 0) {
		r->query = str_sub(r->path, (size_t)at + 1, r->path.n);
		r->path = str_sub(r->path, 0, (size_t)at);
	}
}

static int
on_headers(llhttp_t *p)
{
	struct http *h = p->data;
	struct str expect;

	if (h->in_value && put_head(h, &h->headers, "\r\n", 2) != 0)
		return -1;
	h->in_value = false;
	set_request(h);
	h->state = AT_BODY;
	expect = request_header(&h->request, "expect");
	if (str_eq_nocase(expect, STR_LIT("100-continue")))
		stream_put(h->stream, STR_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
	return 0;
}

static struct place
body_place(const struct http *h)
{
	return (struct place){ h->stream->id, h->request.id };
}

static int
on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;

	h->body_bytes += (int64_t)n;
	record_add(&h->stream->world->book, &h->body, body_place(h),
	    str_n(at, n));
	return 0;
}

static int
on_complete(llhttp_t *p)
{
	struct http *h = p->data;

	if (h->in_value)
		(void)put_head(h, &h->headers, "\r\n", 2);
	set_request(h); /* trailers came after the first time */
	h->keep_alive = llhttp_should_keep_alive(p) != 0;
	h->upgrade = p->upgrade != 0;
	h->state = AT_COMPLETE;
	return HPE_PAUSED; /* one request at a time */
}

static llhttp_settings_t settings = {
	.on_message_begin = on_begin,
	.on_method = on_method,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_chunk_extension_name = on_field,
	.on_chunk_extension_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

static void
set_lenient(llhttp_t *p)
{
	static void (*const switches[])(llhttp_t *, int) = {
		llhttp_set_lenient_headers,
		llhttp_set_lenient_chunked_length,
		llhttp_set_lenient_keep_alive,
		llhttp_set_lenient_transfer_encoding,
		llhttp_set_lenient_version,
		llhttp_set_lenient_data_after_close,
		llhttp_set_lenient_optional_lf_after_cr,
		llhttp_set_lenient_optional_cr_before_lf,
		llhttp_set_lenient_optional_crlf_after_chunk,
		llhttp_set_lenient_spaces_after_chunk_size,
	};

	for (size_t i = 0; i < N_ELEMENTS(switches); i++)
		switches[i](p, 1);
}

struct http *
http_new(struct stream *s)
{
	struct http *h = mem_alloc(sizeof(*h));

	h->stream = s;
	buf_init(&h->method, LIMIT_SINK_HEAD_BYTES);
	buf_init(&h->url, LIMIT_SINK_HEAD_BYTES);
	buf_init(&h->headers, LIMIT_SINK_HEAD_BYTES);
	buf_init(&h->host, LIMIT_SINK_HEAD_BYTES);
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = h;
	set_lenient(&h->parser);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	buf_done(&h->method);
	buf_done(&h->url);
	buf_done(&h->headers);
	buf_done(&h->host);
	free(h);
}

bool
http_is_waiting(const struct http *h)
{
	return h->state == AT_WAITING;
}

int64_t
http_head_since(const struct http *h)
{
	return h->state == AT_HEAD ? h->head_since : 0;
}

const struct request *
http_request(const struct http *h)
{
	return &h->request;
}

/* Where it went to, whole: rules and people read this column. */
static void
put_whole_url(const struct http *h, struct buf *out)
{
	const struct request *r = &h->request;
	struct str host = request_header(r, "host");

	if (r->url.n == 0 || r->url.p[0] == '/') {
		buf_puts(out, r->tls ? "https://" : "http://");
		buf_put_str(out, host.n != 0 ? host : r->host);
	}
	buf_put_str(out, r->url);
}

/* a NULL: the request was cut short, or is none. */
static void
write_row(struct http *h, const struct answer *a)
{
	struct book *b = &h->stream->world->book;
	struct fact_http_exchange f;
	char request_hex[SHA256_HEX_SIZE], hex[SHA256_HEX_SIZE];
	uint8_t digest[SHA256_BYTES];
	struct buf url;

	buf_init(&url, 2 * LIMIT_SINK_HEAD_BYTES);
	put_whole_url(h, &url);
	fact_init(FACT_HTTP_EXCHANGE, &f);
	f.id = h->request.id;
	f.connection = h->stream->id;
	f.at = h->at;
	f.method = h->request.method;
	f.url = buf_str(&url);
	f.host = h->request.host;
	f.request_headers = h->request.headers;
	f.request_bytes = h->body_bytes;
	/* What the columns have no room for is a payload. */
	if (url.n > LIMIT_URL_BYTES || h->headers.n > LIMIT_URL_BYTES) {
		record_add(b, &h->body, body_place(h), buf_str(&url));
		record_add(b, &h->body, body_place(h), buf_str(&h->headers));
	}
	if (record_end(b, &h->body, body_place(h), request_hex))
		f.request_sha256 = str_of(request_hex);
	if (a != NULL) {
		f.status = a->status;
		f.answer = str_of(a->word);
		f.response_bytes =
		    a->body_fd >= 0 ? a->body_size : (int64_t)a->body.n;
	}
	if (a != NULL && a->sha256[0] != '\0') {
		f.response_sha256 = str_of(a->sha256);
	} else if (a != NULL && a->body.n != 0) {
		sha256_of(buf_str(&a->body), digest);
		sha256_hex(digest, hex);
		f.response_sha256 = str_of(hex);
	}
	book_http_exchange(b, &f);
	buf_done(&url);
}

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = { { 200, "OK" }, { 201, "Created" }, { 204, "No Content" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

static void
put_date(struct buf *b)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t now = (time_t)(clock_wall_ns() / NS_PER_SEC);
	struct tm t;

	if (gmtime_r(&now, &t) == NULL)
		return;
	buf_printf(b, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n",
	    days[t.tm_wday], t.tm_mday, months[t.tm_mon], t.tm_year + 1900,
	    t.tm_hour, t.tm_min, t.tm_sec);
}

/* Head and body onto the stream; the file, where there is one, moves there. */
static void
send_answer(struct http *h, struct answer *a)
{
	struct stream *s = h->stream;
	bool keep = h->keep_alive && !h->upgrade && a->status != 431 &&
	    a->status != 400;
	int64_t size = a->body_fd >= 0 ? a->body_size : (int64_t)a->body.n;
	struct buf b;

	buf_init(&b, 2 * LIMIT_TEXT_BYTES);
	buf_printf(&b, "HTTP/1.1 %d %s\r\n", a->status, status_text(a->status));
	buf_puts(&b, "Server: nginx\r\n");
	put_date(&b);
	if (a->media_type != NULL)
		buf_printf(&b, "Content-Type: %s\r\n", a->media_type);
	if (a->status != 204)
		buf_printf(&b, "Content-Length: %lld\r\n", (long long)size);
	buf_put_str(&b, buf_str(&a->headers));
	buf_printf(&b, "Connection: %s\r\n\r\n", keep ? "keep-alive" : "close");
	stream_put(s, buf_str(&b));
	buf_done(&b);
	if (!h->request.head && a->body_fd >= 0)
		stream_put_file(s, steal_fd(&a->body_fd), a->body_size);
	else if (!h->request.head)
		stream_put(s, buf_str(&a->body));
	s->closing = s->closing || !keep;
}

static void
finish(struct http *h, struct answer *a)
{
	write_row(h, a);
	send_answer(h, a);
	h->state = AT_IDLE;
	llhttp_resume(&h->parser);
	if (h->upgrade)
		llhttp_resume_after_upgrade(&h->parser);
}

static void
reply(struct http *h)
{
	struct answer a;

	answer_init(&a);
	h->state = AT_WAITING;
	if (answer_make(h->stream, &h->request, h->upgrade, &a) == 0)
		finish(h, &a);
	answer_done(&a);
}

void
http_resume(struct http *h, struct answer *a)
{
	struct stream *s = h->stream;

	assert(h->state == AT_WAITING);
	finish(h, a);
	stream_step(s);
}

/* The parser has given up: says so, once, and leaves the rest to the stream. */
static void
refuse(struct http *h, llhttp_errno_t error)
{
	struct answer a;

	answer_init(&a);
	a.status =
	    error == HPE_USER || error == HPE_CB_URL_COMPLETE ? 431 : 400;
	a.word = "error";
	h->keep_alive = false;
	if (h->state == AT_HEAD || h->state == AT_BODY) {
		set_request(h);
		write_row(h, &a);
	}
	h->state = AT_IDLE;
	h->broken = true;
	send_answer(h, &a);
	h->stream->closing = false; /* hears out what else it has to say */
	answer_done(&a);
}

bool
http_step(struct http *h)
{
	struct stream *s = h->stream;
	llhttp_errno_t e;
	size_t n;

	while (!h->broken && !s->closing && h->state != AT_WAITING &&
	    s->body_fd < 0 && s->in.n != 0 &&
	    s->out.n < LIMIT_SINK_BUFFER_BYTES) {
		e = llhttp_execute(&h->parser, s->in.p, s->in.n);
		n = s->in.n;
		if (e != HPE_OK && llhttp_get_error_pos(&h->parser) != NULL)
			n = (size_t)(llhttp_get_error_pos(&h->parser) -
			    s->in.p);
		if (h->state == AT_COMPLETE) {
			buf_consume(&s->in, n);
			reply(h);
		} else if (e != HPE_OK) {
			refuse(h, e);
		} else {
			buf_consume(&s->in, n);
		}
	}
	return !h->broken;
}

void
http_close(struct http *h)
{
	if (h->state == AT_IDLE)
		return;
	if (h->state == AT_HEAD)
		set_request(h);
	write_row(h, NULL);
	h->state = AT_IDLE;
}
