/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's connection: reads, hands requests over one after the other,
 * writes answers. Runs in role listener.
 *
 * Life: accepted -> (TLS handshake) -> requests, each read, answered (perhaps
 * after a file was opened), written -> closing: what is left is written, the
 * client reads it and hangs up -> dead, freed at the end of the turn. A slow
 * client waits for itself alone: nothing here blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/server_priv.h"
#include "serve/tls.h"
#include "sys/clock.h"

#define READ_BYTES (64 * KIB)
#define FILE_BYTES (64 * KIB) /* of a file, read at once */

/* --- life -------------------------------------------------------------------
 */

static void
set_wait(struct connection *c, enum connection_wait wait)
{
	if (c->wait != wait)
		c->since = c->server->now;
	c->wait = wait;
}

void
connection_new(struct server *s, int fd, const struct sockaddr_storage *address,
    uint32_t client)
{
	struct connection *c = mem_alloc(sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	c->server = s;
	c->fd = fd;
	c->file = c->opening.fd = -1;
	c->client = client;
	c->address = *address;
	c->http = http_new();
	c->wait = WAIT_HEAD;
	c->since = s->now;
	c->events = EPOLLIN;
	buf_init(&c->in, 2 * (size_t)READ_BYTES);
	buf_init(&c->out, 2 * (size_t)LIMIT_SERVE_ANSWER_BYTES);
	c->next = s->connections;
	if (c->next != NULL)
		c->next->prev = c;
	s->connections = c;
	s->n_connections++;
	if (s->tls != NULL) {
		c->tls = tls_accept(s->tls, fd);
		if (c->tls == NULL)
			connection_end(c);
	}
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		connection_end(c);
}

/* Nothing more is done with it; its memory stays until the turn is over, for
 * lists and events may name it. */
void
connection_end(struct connection *c)
{
	struct server *s = c->server;

	if (c->dead)
		return;
	c->dead = true;
	bucket_forget(c);
	(void)close(steal_fd(&c->fd));
	shared_disconnect(s->shared, s->options.worker, c->client);
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->n_connections--;
	s->held_bytes -= c->held_bytes;
	c->next_dead = s->dead;
	s->dead = c;
}

void
connection_free(struct connection *c)
{
	connection_end(c);
	tls_session_free(c->tls);
	http_free(c->http);
	buf_done(&c->in);
	buf_done(&c->out);
	closep(&c->file);
	free(c);
}

bool
connection_is_idle(const struct connection *c)
{
	return (c->wait == WAIT_IDLE || c->wait == WAIT_HEAD) &&
	    http_phase(c->http) == HTTP_IDLE;
}

/* What it holds in memory is counted. Whoever takes more when all together
 * hold too much is let go: a few that take nothing could hold it all. */
static void
account(struct connection *c)
{
	size_t held = http_held(c->http) + c->in.size + c->out.size;
	struct server *s = c->server;

	if (c->dead)
		return;
	s->held_bytes = s->held_bytes - c->held_bytes + held;
	c->held_bytes = held;
	if (s->held_bytes > LIMIT_SERVE_HELD_BYTES && held > MIB)
		connection_end(c);
}

static void
watch(struct connection *c, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	if (c->dead || c->events == events)
		return;
	c->events = events;
	if (epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0)
		connection_end(c);
}

static void
make_ready(struct connection *c)
{
	if (c->ready || c->dead)
		return;
	c->ready = true;
	c->next_ready = c->server->ready;
	c->server->ready = c;
}

/* --- bytes ------------------------------------------------------------------
 */

static ssize_t
receive(struct connection *c, void *p, size_t n)
{
	int write = 0;
	ssize_t got;

	if (c->tls == NULL)
		return recv(c->fd, p, n, MSG_DONTWAIT);
	got = tls_read(c->tls, p, n, &write);
	c->tls_wants_write = got < 0 && write;
	if (got < 0 && errno == EPROTO && !tls_is_ready(c->tls))
		shared_add(c->server->shared, c->server->options.worker,
		    SHARED_TLS_FAILURES, 1);
	return got;
}

static ssize_t
transmit(struct connection *c, const void *p, size_t n)
{
	int write = 0;
	ssize_t put;

	if (c->tls == NULL)
		put = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		put = tls_write(c->tls, p, n, &write);
	if (put > 0) {
		c->since = c->server->now; /* it takes some */
		shared_add(c->server->shared, c->server->options.worker,
		    SHARED_BYTES_OUT, (uint64_t)put);
	}
	return put;
}

/* The next piece of the file into out. */
static int
refill(struct connection *c)
{
	size_t n =
	    (size_t)MIN_OF((int64_t)FILE_BYTES, c->file_end - c->file_at);
	char *p = buf_reserve(&c->out, n);
	ssize_t got;

	got = p != NULL ? pread(c->file, p, n, c->file_at) : -1;
	if (got <= 0) /* cut while it was sent: the length cannot be kept */
		return -EIO;
	buf_added(&c->out, (size_t)got);
	c->file_at += got;
	if (c->file_at == c->file_end)
		closep(&c->file);
	return 0;
}

static bool
has_output(const struct connection *c)
{
	return c->out_at < c->out.n || c->file >= 0;
}

/* One piece; 0 goes on, 1: the client takes no more now, negative: over. */
static int
push(struct connection *c)
{
	ssize_t n;

	if (c->out_at == c->out.n) {
		buf_reset(&c->out);
		c->out_at = 0;
		return c->file >= 0 ? refill(c) : 0;
	}
	n = transmit(c, c->out.p + c->out_at, c->out.n - c->out_at);
	if (n > 0)
		c->out_at += (size_t)n;
	else if (n < 0 && errno == EAGAIN)
		return 1;
	else
		return -EPIPE;
	return 0;
}

/* True when everything is out. At most a few pieces a turn. */
static bool
flush(struct connection *c)
{
	int rc = 0;

	for (int i = 0; i < LIMIT_SERVE_TURN && rc == 0 && has_output(c); i++)
		rc = push(c);
	if (rc < 0) {
		connection_end(c);
		return false;
	}
	if (has_output(c))
		return false;
	c->out_at = 0;
	if (c->out.size > READ_BYTES) {
		buf_done(&c->out);
		buf_init(&c->out, 2 * (size_t)LIMIT_SERVE_ANSWER_BYTES);
	}
	buf_reset(&c->out);
	return true;
}

/* --- answers ----------------------------------------------------------------
 */

static const char *
date(struct server *s)
{
	int64_t now = clock_wall_ns() / NS_PER_SEC;

	if (now != s->date_s) {
		s->date_s = now;
		http_date(now, s->date);
	}
	return s->date;
}

static bool
has_body(const struct answer *a)
{
	return a->status != 204 && a->status != 304;
}

/* Each answer has two: printf would be a tenth of its cost. */
static void
put_number(struct buf *out, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	buf_put(out, digits + at, sizeof(digits) - at);
}

static void
put_head(struct connection *c, const struct answer *a,
    const struct http_request *r, int64_t size)
{
	struct buf *out = &c->out;

	buf_puts(out, "HTTP/1.1 ");
	put_number(out, (uint64_t)a->status);
	buf_putc(out, ' ');
	buf_puts(out, http_status_text(a->status));
	buf_puts(out, "\r\nDate: ");
	buf_puts(out, date(c->server));
	if (has_body(a)) {
		buf_puts(out, "\r\nContent-Type: ");
		buf_puts(out, a->media_type);
		buf_puts(out, "\r\nContent-Length: ");
		put_number(out, (uint64_t)size);
	}
	buf_puts(out, "\r\n");
	if (r->headers[HTTP_HEADER_ORIGIN].p != NULL)
		buf_puts(out, "Access-Control-Allow-Origin: *\r\n");
	buf_put_str(out, buf_str(&a->headers));
	buf_puts(out,
	    c->closing ? "Connection: close\r\n\r\n" :
			 "Connection: keep-alive\r\n\r\n");
}

void
connection_answer(struct connection *c)
{
	struct server *s = c->server;
	struct answer *a = &s->answer;
	const struct http_request *r = http_request(c->http);
	int64_t size =
	    a->file >= 0 ? a->file_end - a->file_at : (int64_t)a->body.n;
	int64_t took = clock_ns() - c->begun_at;

	c->closing = c->closing || !r->keep_alive || s->draining;
	put_head(c, a, r, size);
	if (r->method == HTTP_METHOD_HEAD || !has_body(a)) {
		size = 0;
	} else if (a->file >= 0 && size != 0) {
		c->file = steal_fd(&a->file);
		c->file_at = a->file_at;
		c->file_end = a->file_end;
	} else {
		buf_put_str(&c->out, buf_str(&a->body));
	}
	shared_request(s->shared, s->options.worker, c->route, a->status, took);
	if (s->options.log)
		access_line(c, a->status, size, took);
	c->answered = true;
	c->opening.id = 0;
	http_shrink(c->http);
	c->wait = WAIT_IDLE;
	c->since = s->now;
}

/* The bytes are no request, or come too slowly: says so, once. */
static void
refuse(struct connection *c, int status, const char *why)
{
	static const struct http_request none = { .keep_alive = false };
	struct answer *a = &c->server->answer;

	answer_error(a, status, status, str_of(why));
	c->closing = true;
	put_head(c, a, &none, (int64_t)a->body.n);
	buf_put_str(&c->out, buf_str(&a->body));
	shared_request(c->server->shared, c->server->options.worker,
	    SHARED_OTHER, status, 0);
}

/* --- requests ---------------------------------------------------------------
 */

static void
answer_request(struct connection *c)
{
	struct server *s = c->server;

	c->begun_at = clock_ns();
	answer_reset(&s->answer);
	c->route = SHARED_OTHER;
	if (!shared_allow(s->shared, c->client, c->begun_at, s->options.rate)) {
		answer_error(&s->answer, 429, ANSWER_RESOURCE_EXHAUSTED,
		    STR_LIT("too many requests"));
		buf_puts(&s->answer.headers, "Retry-After: 1\r\n");
		shared_add(s->shared, s->options.worker, SHARED_RATE_REFUSED,
		    1);
	} else if (route_request(c, http_request(c->http)) == 1) {
		set_wait(c, WAIT_OURS);
		return;
	}
	connection_answer(c);
}

static enum connection_wait
wait_of(const struct connection *c)
{
	static const enum connection_wait waits[] = {
		[HTTP_IDLE] = WAIT_IDLE,
		[HTTP_IN_HEAD] = WAIT_HEAD,
		[HTTP_IN_BODY] = WAIT_BODY,
	};

	if (!c->answered && http_phase(c->http) == HTTP_IDLE)
		return WAIT_HEAD; /* since it was accepted */
	return waits[http_phase(c->http)];
}

/* Feeds bytes, at most as far as one request. Gives how many were taken. */
static size_t
feed(struct connection *c, struct str s)
{
	const char *why;
	size_t taken;
	int status;

	switch (http_feed(c->http, s, &taken)) {
	case HTTP_STEP_REQUEST:
		answer_request(c);
		return taken;
	case HTTP_STEP_MORE:
		set_wait(c, wait_of(c));
		if (http_take_continue(c->http))
			buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
		return taken;
	case HTTP_STEP_REFUSED:
		shared_add(c->server->shared, c->server->options.worker,
		    SHARED_BAD_REQUESTS, 1);
		status = http_status(c->http, &why);
		refuse(c, status, why);
		return s.n;
	}
	return s.n;
}

static bool
may_feed(const struct connection *c)
{
	return !c->closing && !c->dead && c->wait != WAIT_OURS && c->file < 0 &&
	    c->out.n < LIMIT_SERVE_OUT_BYTES;
}

/* As many requests of s as have their turn; gives the bytes taken. */
static size_t
feed_all(struct connection *c, struct str s)
{
	size_t at = 0;

	for (int i = 0; i < LIMIT_SERVE_TURN && at < s.n && may_feed(c); i++)
		at += feed(c, str_sub(s, at, s.n));
	return at;
}

/* --- turns ------------------------------------------------------------------
 */

/* Everything is written, and there will be no more: the client may still be
 * sending, and would lose our answer if the connection was reset. */
static void
linger(struct connection *c)
{
	if (c->wait == WAIT_LINGER)
		return;
	if (c->tls != NULL)
		tls_shutdown(c->tls);
	(void)shutdown(c->fd, SHUT_WR);
	set_wait(c, WAIT_LINGER);
	if (c->eof)
		connection_end(c);
}

/* What the connection waits for now, told to epoll. */
static void
settle(struct connection *c)
{
	uint32_t events = 0;

	account(c);
	if (c->dead)
		return;
	if (has_output(c) || c->tls_wants_write)
		events |= EPOLLOUT;
	if (c->wait == WAIT_LINGER || (may_feed(c) && c->in.n == 0 && !c->eof))
		events |= EPOLLIN;
	if (may_feed(c) && c->in.n != 0)
		make_ready(c);
	watch(c, events);
}

void
connection_run(struct connection *c)
{
	bool empty;

	if (c->dead)
		return;
	if (c->in.n != 0 && may_feed(c))
		buf_consume(&c->in, feed_all(c, buf_str(&c->in)));
	empty = flush(c);
	if (c->dead)
		return;
	if (!empty)
		set_wait(c, WAIT_WRITE);
	else if (c->closing)
		linger(c);
	else if (c->eof && c->in.n == 0 && c->wait != WAIT_OURS)
		connection_end(c);
	else if (c->wait == WAIT_WRITE)
		set_wait(c, wait_of(c));
	settle(c);
}

/* Into the worker's buffer, and straight from there to the parser: a
 * connection at rest holds no buffer of its own. */
static void
take_input(struct connection *c)
{
	struct server *s = c->server;
	char *p;
	ssize_t n;
	size_t taken;

	buf_reset(&s->scratch);
	p = buf_reserve(&s->scratch, READ_BYTES);
	n = receive(c, p, READ_BYTES);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		connection_end(c);
		return;
	}
	if (n == 0) {
		c->eof = true;
		if (c->wait == WAIT_LINGER)
			connection_end(c);
		return;
	}
	shared_add(s->shared, s->options.worker, SHARED_BYTES_IN, (uint64_t)n);
	if (c->wait == WAIT_LINGER)
		return; /* read, and forgotten */
	taken = feed_all(c, str_n(p, (size_t)n));
	if (!c->dead && !c->closing && taken < (size_t)n)
		buf_put(&c->in, p + taken, (size_t)n - taken);
	/* epoll knows nothing of what TLS holds. */
	if (c->tls != NULL && tls_has_more(c->tls))
		make_ready(c);
}

void
connection_event(struct connection *c, uint32_t events)
{
	if (c->dead)
		return;
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) {
		connection_end(c);
		return;
	}
	if ((events & EPOLLIN) != 0 ||
	    (c->tls_wants_write && (events & EPOLLOUT) != 0))
		if (c->in.n == 0)
			take_input(c);
	connection_run(c);
}

void
connection_turn(struct connection *c)
{
	if (!c->dead && c->tls != NULL && c->in.n == 0 && !c->eof &&
	    may_feed(c))
		take_input(c);
	connection_run(c);
}

void
connection_check(struct connection *c)
{
	const struct server_options *o = &c->server->options;
	const int64_t limits_ms[] = {
		[WAIT_HEAD] = o->head_ms,
		[WAIT_BODY] = o->body_ms,
		[WAIT_WRITE] = o->write_ms,
		[WAIT_IDLE] = o->idle_ms,
		[WAIT_OURS] = LIMIT_SERVE_DRAIN_MS * 6,
		[WAIT_LINGER] = LIMIT_SERVE_LINGER_MS,
	};
	bool under_way = c->wait == WAIT_HEAD || c->wait == WAIT_BODY;

	if (c->server->draining && connection_is_idle(c)) {
		connection_end(c);
		return;
	}
	if (c->server->now - c->since < limits_ms[c->wait] * NS_PER_MS)
		return;
	if (c->wait != WAIT_IDLE && c->wait != WAIT_LINGER)
		shared_add(c->server->shared, o->worker, SHARED_TIMEOUTS, 1);
	if (!under_way || http_phase(c->http) == HTTP_IDLE) {
		connection_end(c);
		return;
	}
	refuse(c, 408, "the request took too long");
	connection_run(c);
}
