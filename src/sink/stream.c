/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections. Runs in role sink. */
#include "sink/stream_priv.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sink/dns_priv.h"
#include "sink/http_priv.h"
#include "sink/mint_priv.h"
#include "sink/names_priv.h"
#include "sink/sniff_priv.h"
#include "sink/tls_priv.h"
#include "sink/udp_priv.h"
#include "sys/clock.h"

#define READ_BYTES  16384u
#define FILE_BYTES  65536u
#define READS       8 /* per event: everybody gets a turn */
#define HEARD_BYTES 4096u
#define PROBE       "id\n"
#define DNS_PORT    53
#define DOT_PORT    853

struct str
stream_name(const struct stream *s)
{
	return names_of(s->world->names, &s->target);
}

struct place
stream_place(const struct stream *s)
{
	return (struct place){ s->id, FACT_NONE };
}

static const char *
application_of(const struct stream *s)
{
	bool tls = s->tls != NULL && s->tls->open;

	if (s->registry)
		return "registry";
	if (s->app == STREAM_HTTP)
		return tls ? "https" : "http";
	if (s->app == STREAM_DNS)
		return "dns";
	return s->tls != NULL ? "tls" : "unknown";
}

static void
write_row(struct stream *s)
{
	char peer[ENDPOINT_TEXT_SIZE], target[ENDPOINT_TEXT_SIZE];
	struct fact_connection f;

	fact_init(FACT_CONNECTION, &f);
	f.id = s->id;
	f.at = s->opened_at;
	f.ended_at = book_now(&s->world->book);
	f.protocol = STR_LIT("tcp");
	f.local_address = str_n(peer, endpoint_text(&s->peer, peer));
	f.local_port = s->peer.port;
	f.address = str_n(target, endpoint_text(&s->target, target));
	f.port = s->target.port;
	f.name = stream_name(s);
	f.bytes_out = s->bytes_out;
	f.bytes_in = s->bytes_in;
	f.application = str_of(application_of(s));
	if (s->tls != NULL) {
		f.tls_name = str_of(s->tls->name);
		f.tls_alpn = str_of(s->tls->alpn);
		if (s->tls->error[0] != '\0')
			f.tls_error = str_of(s->tls->error);
	}
	f.shell_probe = s->probed;
	f.shell_answer = s->shell;
	book_connection(&s->world->book, &f);
}

void
stream_close(struct stream *s)
{
	struct world *w = s->world;
	char hex[SHA256_HEX_SIZE];

	if (s->fd < 0)
		return;
	if (s->tls != NULL) {
		tls_cut_short(s->tls);
		/* What looked like a handshake may have carried anything. */
		if (!s->tls->open)
			record_add(&w->book, &s->record, stream_place(s),
			    buf_str(&s->tls->first));
	}
	if (s->http != NULL)
		http_close(s->http);
	else
		record_add(&w->book, &s->record, stream_place(s),
		    buf_str(&s->in));
	(void)record_end(&w->book, &s->record, stream_place(s), hex);
	write_row(s);
	closep(&s->fd);
	closep(&s->body_fd);
	TAILQ_REMOVE(&w->streams, s, link);
	TAILQ_INSERT_TAIL(&w->dead, s, link);
	w->n_streams--;
}

void
stream_bury(struct world *w)
{
	struct stream *s;

	while ((s = TAILQ_FIRST(&w->dead)) != NULL) {
		TAILQ_REMOVE(&w->dead, s, link);
		http_free(s->http);
		tls_free(s->tls);
		buf_done(&s->in);
		buf_done(&s->out);
		buf_done(&s->heard);
		free(s);
	}
}

void
stream_put(struct stream *s, struct str plain)
{
	if (s->tls != NULL)
		tls_put(s->tls, plain, &s->out);
	else
		buf_put_str(&s->out, plain);
}

void
stream_put_file(struct stream *s, int fd, int64_t size)
{
	assert(s->body_fd < 0);
	s->body_fd = fd;
	s->body_at = 0;
	s->body_left = size;
	if (size <= 0)
		closep(&s->body_fd);
}

/* The next part of the file. One that is shorter than was said ends the
 * connection: the client sees that something is missing. */
static void
refill(struct stream *s)
{
	char bytes[FILE_BYTES];
	size_t want = sizeof(bytes);
	ssize_t n;

	if ((int64_t)want > s->body_left)
		want = (size_t)s->body_left;
	n = pread(s->body_fd, bytes, want, s->body_at);
	if (n <= 0) {
		s->closing = true;
		closep(&s->body_fd);
		return;
	}
	s->body_at += n;
	s->body_left -= n;
	stream_put(s, str_n(bytes, (size_t)n));
	if (s->body_left == 0)
		closep(&s->body_fd);
}

/* False when the connection is of no more use. */
static bool
flush(struct stream *s)
{
	ssize_t n;

	for (;;) {
		if (s->out.n == 0 && s->body_fd >= 0)
			refill(s);
		if (s->out.full)
			return false; /* asks and asks, and reads nothing */
		if (s->out.n == 0)
			return true;
		n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		s->bytes_in += n;
		s->last_ns = clock_ns();
		buf_consume(&s->out, (size_t)n);
	}
}

static void
see_question(void *arg, struct str name, struct str type, struct str answer)
{
	struct stream *s = arg;

	udp_see_question(s->world, s->id, STR_LIT("tcp"), &s->target, name,
	    type, answer);
}

/* Messages with a length before each. False: this is no DNS. */
static bool
step_dns(struct stream *s)
{
	struct dns_seen seen = { see_question, s };
	struct buf reply;
	uint8_t length[2];
	struct str m;
	bool extra = false, ok = true;
	size_t n;

	buf_init(&reply, 64 * KIB);
	while (ok && s->in.n >= 2 && s->out.n < LIMIT_SINK_BUFFER_BYTES / 2) {
		n = (size_t)((uint8_t)s->in.p[0] << 8 | (uint8_t)s->in.p[1]);
		if (s->in.n < 2 + n)
			break;
		m = str_n(s->in.p + 2, n);
		ok = dns_answer(s->world->names, m, &seen, &reply, &extra);
		if (!ok || extra)
			record_add(&s->world->book, &s->record, stream_place(s),
			    m);
		length[0] = (uint8_t)(reply.n >> 8);
		length[1] = (uint8_t)reply.n;
		if (ok) {
			stream_put(s, str_n(length, 2));
			stream_put(s, buf_str(&reply));
		}
		buf_reset(&reply);
		buf_consume(&s->in, 2 + n);
	}
	buf_done(&reply);
	return ok;
}

static void
step_raw(struct stream *s)
{
	record_add(&s->world->book, &s->record, stream_place(s),
	    buf_str(&s->in));
	if (s->probed && !s->shell) {
		buf_put_str(&s->heard, buf_str(&s->in));
		s->shell = sniff_is_shell_answer(buf_str(&s->heard));
	}
	buf_reset(&s->in);
}

static void
start_tls(struct stream *s)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct str host = stream_name(s);
	struct buf raw = s->in;

	if (mint_begin(s->world->mint, &s->world->failed) != 0) {
		s->closing = true;
		return;
	}
	if (host.n == 0)
		host = str_n(text, endpoint_text(&s->target, text));
	s->tls = tls_new(s->world->mint, host);
	buf_init(&s->in, LIMIT_SINK_BUFFER_BYTES);
	if (tls_take(s->tls, buf_str(&raw), &s->in, &s->out) != TLS_MORE)
		s->closing = true;
	buf_done(&raw);
}

/* False: more bytes are needed to tell. */
static bool
step_sniff(struct stream *s)
{
	uint16_t dns_port = s->tls != NULL ? DOT_PORT : DNS_PORT;

	if (s->in.n == 0)
		return false;
	if (s->target.port == dns_port) {
		s->app = STREAM_DNS;
		return true;
	}
	switch (sniff_bytes(buf_str(&s->in), s->tls == NULL)) {
	case SNIFF_MORE:
		return false;
	case SNIFF_TLS:
		start_tls(s);
		return false;
	case SNIFF_HTTP:
		s->app = STREAM_HTTP;
		s->http = http_new(s);
		return true;
	case SNIFF_UNKNOWN:
		break;
	}
	s->app = STREAM_RAW;
	return true;
}

/* Gives the application what has come. */
static void
consume(struct stream *s)
{
	if (s->app == STREAM_SNIFF && !step_sniff(s))
		return;
	if (s->app == STREAM_HTTP && !http_step(s->http)) {
		/* Its rows are written; what follows is kept as it comes. */
		s->app = STREAM_RAW;
	}
	if (s->app == STREAM_DNS && !step_dns(s))
		s->app = STREAM_RAW;
	if (s->app == STREAM_RAW)
		step_raw(s);
}

/* What epoll shall tell: no more input than there is room for. */
static void
set_events(struct stream *s)
{
	uint32_t want = 0;
	struct epoll_event e = { .data.ptr = s };

	if (!s->eof && !s->closing && s->in.n < LIMIT_SINK_BUFFER_BYTES / 2 &&
	    s->out.n < LIMIT_SINK_BUFFER_BYTES / 2)
		want |= EPOLLIN;
	if (s->out.n != 0)
		want |= EPOLLOUT;
	if (want == s->events)
		return;
	e.events = want;
	(void)epoll_ctl(s->world->epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
	s->events = want;
}

static bool
is_busy(const struct stream *s)
{
	return s->out.n != 0 || s->body_fd >= 0 ||
	    (s->http != NULL && http_is_waiting(s->http));
}

/* One turn: what has come in, what can go out. True: there is more to do at
 * once, because an answer went out and the next request is here already. */
static bool
turn(struct stream *s)
{
	size_t before = s->in.n;
	bool busy = is_busy(s);

	if (!s->closing)
		consume(s);
	if (!flush(s)) {
		stream_close(s);
		return false;
	}
	return !s->closing && s->in.n != 0 &&
	    (s->in.n != before || (busy && !is_busy(s)));
}

void
stream_step(struct stream *s)
{
	while (turn(s))
		continue;
	if (s->fd < 0)
		return;
	if ((s->closing || s->eof) && !is_busy(s)) {
		if (s->tls != NULL)
			tls_close(s->tls, &s->out);
		(void)flush(s);
		stream_close(s);
		return;
	}
	set_events(s);
}

/* False: the connection is broken. */
static bool
take(struct stream *s, struct str raw)
{
	enum tls_result r;

	s->bytes_out += (int64_t)raw.n;
	if (s->tls == NULL) {
		buf_put_str(&s->in, raw);
		return !s->in.full;
	}
	r = tls_take(s->tls, raw, &s->in, &s->out);
	if (r == TLS_CLOSED)
		s->eof = true;
	if (r == TLS_FAILED && s->tls->open) {
		/* Not TLS any more: the bytes are recorded as they are. */
		record_add(&s->world->book, &s->record, stream_place(s), raw);
		s->closing = true;
	}
	return r != TLS_FAILED || s->tls->open;
}

static void
read_some(struct stream *s)
{
	char bytes[READ_BYTES];
	ssize_t n;

	for (int i = 0; i < READS && !s->eof && !s->closing; i++) {
		if (s->in.n > LIMIT_SINK_BUFFER_BYTES / 2)
			break;
		n = recv(s->fd, bytes, sizeof(bytes), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			s->eof = true;
			s->closing = s->closing || n < 0;
			break;
		}
		s->last_ns = clock_ns();
		if (!take(s, str_n(bytes, (size_t)n))) {
			s->closing = true;
			break;
		}
		consume(s);
	}
}

static void
ready(struct source *source, uint32_t events)
{
	struct stream *s = (struct stream *)(void *)source;

	if (s->fd < 0)
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_some(s);
	/* Plain bytes that had no room before. */
	if (s->tls != NULL && s->tls->open && !s->eof && !s->closing)
		(void)tls_take(s->tls, STR_NONE, &s->in, &s->out);
	stream_step(s);
}

/* Too many at once: closed with a reset, but on record. */
static void
refuse(struct stream *s)
{
	struct linger l = { 1, 0 };

	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	stream_close(s);
}

bool
stream_accept(struct world *w, int listener_fd)
{
	struct sockaddr_storage peer, target;
	socklen_t n_peer = sizeof(peer), n_target = sizeof(target);
	struct epoll_event e = { .events = EPOLLIN };
	struct stream *s;
	int fd;

	fd = accept4(listener_fd, (struct sockaddr *)&peer, &n_peer,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED;
	s = mem_alloc(sizeof(*s));
	s->source.ready = ready;
	s->world = w;
	s->fd = fd;
	s->body_fd = -1;
	s->id = book_id(&w->book);
	s->phase = w->book.phase;
	s->opened_at = book_now(&w->book);
	s->opened_ns = s->last_ns = clock_ns();
	s->events = EPOLLIN;
	buf_init(&s->in, LIMIT_SINK_BUFFER_BYTES);
	buf_init(&s->out, 4 * (size_t)LIMIT_SINK_BUFFER_BYTES);
	buf_init(&s->heard, HEARD_BYTES);
	TAILQ_INSERT_TAIL(&w->streams, s, link);
	w->n_streams++;
	e.data.ptr = s;
	/* With TPROXY our own end is the address that was asked for. */
	if (getsockname(fd, (struct sockaddr *)&target, &n_target) != 0 ||
	    !endpoint_of((struct sockaddr *)&target, &s->target) ||
	    !endpoint_of((struct sockaddr *)&peer, &s->peer) ||
	    w->n_streams > LIMIT_SINK_STREAMS ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		refuse(s);
	return true;
}

struct stream *
stream_find(struct world *w, int64_t id)
{
	struct stream *s;

	TAILQ_FOREACH(s, &w->streams, link)
		if (s->id == id)
			return s;
	return NULL;
}

/* Waiting for a command? Whoever speaks HTTP or shakes hands is not. */
static bool
is_silent(const struct stream *s, int64_t now_ns)
{
	if (s->probed || s->eof || s->closing)
		return false;
	if (s->app != STREAM_SNIFF && s->app != STREAM_RAW)
		return false;
	if (s->http != NULL || (s->tls != NULL && !s->tls->open))
		return false;
	return now_ns - s->last_ns >= LIMIT_SINK_SILENCE_MS * NS_PER_MS;
}

static void
probe(struct stream *s)
{
	s->probed = true;
	s->app = STREAM_RAW; /* half a word that nothing followed, at most */
	stream_put(s, STR_LIT(PROBE));
	stream_step(s);
}

static void
tick_one(struct stream *s, int64_t now_ns)
{
	int64_t limit = LIMIT_SINK_IDLE_MS * NS_PER_MS;
	bool slow = s->tls != NULL && !s->tls->open;

	if (s->http != NULL && http_is_waiting(s->http))
		return; /* relay.c has that time-out */
	if (s->http != NULL && s->app == STREAM_HTTP)
		slow = http_head_since(s->http) != 0 &&
		    now_ns - http_head_since(s->http) >
			LIMIT_SINK_HEAD_MS * NS_PER_MS;
	else if (slow)
		slow = now_ns - s->opened_ns > LIMIT_SINK_HEAD_MS * NS_PER_MS;
	if (slow || now_ns - s->last_ns > limit)
		stream_close(s);
	else if (is_silent(s, now_ns))
		probe(s);
}

void
stream_tick(struct world *w, int64_t now_ns)
{
	struct stream *s, *next;

	for (s = TAILQ_FIRST(&w->streams); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		tick_one(s, now_ns);
	}
}

void
stream_close_all(struct world *w)
{
	struct stream *s;

	while ((s = TAILQ_FIRST(&w->streams)) != NULL)
		stream_close(s);
}
