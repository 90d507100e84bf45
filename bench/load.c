/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator for lazaret serve: N connections, HTTP/1.1 keep-alive, one
 * process. Without --rate each connection sends its next request when the
 * answer is there; with it, requests are due at fixed times and latency counts
 * from when a request was due, so that a server that stalls cannot hide it.
 * Not part of the product.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "sys/clock.h"

#define HISTOGRAM_SUB     32 /* buckets for each power of two: 3 % */
#define HISTOGRAM_BUCKETS (40 * HISTOGRAM_SUB)
#define READ_BYTES        (256 * KIB)
#define EVENTS            256

struct client {
	int fd; /* -1: to be opened */
	bool busy; /* a request is under way */
	int64_t begun_at; /* ns: sent, or due */
	const struct str *request; /* being written */
	size_t written, missing; /* missing: of the answer's body */
	struct buf head; /* an answer whose head is not whole */
	bool in_body, wants_out, closing;
};

static struct {
	struct sockaddr_in to;
	int64_t connections, seconds, rate;
	const char *path, *bodies, *host;
	bool reconnect;
} o = { .connections = 64, .seconds = 5, .path = "/v1/query", .host = "load" };

static VEC(struct str) requests;
static VEC(struct client *) idle;
static uint64_t histogram[HISTOGRAM_BUCKETS];
static uint64_t n_done, n_bad, n_lost, n_bytes, n_issued;
static int64_t worst, end_at, begun;
static size_t next_request;
static int loop = -1;
static char bytes[READ_BYTES];

static size_t
bucket_of(int64_t us)
{
	unsigned bits;

	if (us < HISTOGRAM_SUB)
		return (size_t)us;
	bits = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
	return MIN_OF((size_t)HISTOGRAM_BUCKETS - 1,
	    (size_t)(bits - 4) * HISTOGRAM_SUB +
		((size_t)(us >> (bits - 5)) & (HISTOGRAM_SUB - 1)));
}

static int64_t
bucket_us(size_t i)
{
	size_t bits = i / HISTOGRAM_SUB;

	if (bits == 0)
		return (int64_t)i;
	return (int64_t)(HISTOGRAM_SUB + i % HISTOGRAM_SUB) << (bits - 1);
}

static double
percentile_ms(double share)
{
	uint64_t wanted = (uint64_t)((double)n_done * share), n = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n += histogram[i];
		if (n > wanted)
			return (double)bucket_us(i) / 1000.0;
	}
	return (double)worst / 1e6;
}

static void
watch(struct client *c, bool out)
{
	struct epoll_event e = { .events = EPOLLIN | (out ? EPOLLOUT : 0u),
		.data.ptr = c };

	if (out == c->wants_out)
		return;
	c->wants_out = out;
	(void)epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
}

static void
connect_client(struct client *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&o.to, sizeof(o.to)) != 0)
		fatal("cannot connect: %s", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->wants_out = c->in_body = c->closing = false;
	buf_reset(&c->head);
	if (epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &e) != 0)
		fatal("epoll_ctl: %s", strerror(errno));
}

static void
push(struct client *c)
{
	const struct str *r = c->request;
	ssize_t n = send(c->fd, r->p + c->written, r->n - c->written,
	    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		c->written += (size_t)n;
	watch(c, c->written < r->n);
}

static void
begin(struct client *c, int64_t due)
{
	if (c->fd < 0)
		connect_client(c);
	c->request = &requests.v[next_request++ % requests.n];
	c->written = 0;
	c->busy = true;
	c->begun_at = due;
	n_issued++;
	push(c);
}

static void
lose(struct client *c)
{
	(void)close(c->fd);
	c->fd = -1;
	if (c->busy) {
		n_lost++;
		vec_push(&idle, c);
	}
	c->busy = false;
}

static void
finish(struct client *c)
{
	int64_t took = clock_ns() - c->begun_at;

	histogram[bucket_of(took / 1000)]++;
	worst = MAX_OF(worst, took);
	n_done++;
	c->busy = c->in_body = false;
	if (c->closing || o.reconnect) {
		(void)close(c->fd);
		c->fd = -1;
	}
	vec_push(&idle, c);
}

/* The head is whole: its status, and how long the body is. */
static void
head(struct client *c, struct str h)
{
	struct str length = STR_LIT("Content-Length: ");
	struct str closing = STR_LIT("Connection: close");
	ptrdiff_t at = str_find(h, length);
	uint64_t n = 0;
	struct str rest, line;

	if (h.n < 12 || memcmp(h.p + 9, "200", 3) != 0)
		n_bad++;
	c->closing = str_find(h, closing) >= 0;
	if (at < 0)
		fatal("an answer without Content-Length: %.*s", STR_ARG(h));
	rest = str_sub(h, (size_t)at + length.n, h.n);
	if (!str_cut(&rest, '\r', &line) || str_to_u64(line, &n) != 0)
		fatal("a bad Content-Length");
	c->missing = n;
	c->in_body = true;
}

static void
take(struct client *c, struct str s)
{
	struct str blank = STR_LIT("\r\n\r\n");
	size_t n;

	n_bytes += s.n;
	if (!c->in_body) {
		ptrdiff_t at;

		buf_put_str(&c->head, s);
		at = str_find(buf_str(&c->head), blank);
		if (at < 0)
			return;
		n = (size_t)at + blank.n;
		head(c, str_n(c->head.p, n));
		s = str_sub(s, s.n - (c->head.n - n), s.n);
		buf_reset(&c->head);
	}
	n = MIN_OF(c->missing, s.n);
	c->missing -= n;
	if (c->missing == 0)
		finish(c);
}

static void
serve_event(const struct epoll_event *e)
{
	struct client *c = e->data.ptr;
	ssize_t n;

	if (c->fd < 0)
		return;
	if ((e->events & EPOLLOUT) != 0)
		push(c);
	if ((e->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
		return;
	n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0 && c->busy)
		take(c, str_n(bytes, (size_t)n));
	else if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	else
		lose(c);
}

static int64_t
due_at(void)
{
	return begun + (int64_t)(n_issued * NS_PER_SEC / (uint64_t)o.rate);
}

/* Whoever is free begins: at once, or when a request is due. */
static void
issue(void)
{
	int64_t now = clock_ns();

	while (idle.n != 0) {
		int64_t due = o.rate != 0 ? due_at() : now;

		if (due > now || due >= end_at)
			return;
		begin(idle.v[--idle.n], due);
	}
}

/* With a rate: until the next request is due, so that the generator does not
 * take the processor from who is measured. */
static int
wait_for(struct epoll_event *events, int n)
{
	int64_t ns = o.rate != 0 ? due_at() - clock_ns() : NS_PER_SEC / 10;
	struct timespec t = { .tv_nsec = 0 };

	if (ns > 0)
		t.tv_nsec = MIN_OF(ns, NS_PER_SEC / 10);
	return epoll_pwait2(loop, events, n, &t, NULL);
}

static void
run(struct client *clients)
{
	struct epoll_event events[EVENTS];

	begun = clock_ns();
	end_at = begun + o.seconds * NS_PER_SEC;
	for (int64_t i = 0; i < o.connections; i++) {
		connect_client(&clients[i]);
		vec_push(&idle, &clients[i]);
	}
	while (clock_ns() < end_at + NS_PER_SEC / 5) {
		int n;

		issue();
		n = wait_for(events, EVENTS);
		for (int i = 0; i < n; i++)
			serve_event(&events[i]);
		if (n_issued == n_done + n_lost && clock_ns() >= end_at)
			break;
	}
}

static void
add_request(struct str body)
{
	struct buf b;

	buf_init(&b, 64 * MIB);
	buf_printf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n",
	    body.p != NULL ? "POST" : "GET", o.path, o.host);
	if (body.p != NULL)
		buf_printf(&b,
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n",
		    body.n);
	buf_puts(&b, "\r\n");
	buf_put_str(&b, body);
	vec_push(&requests, buf_str(&b));
}

/* One request for each line; a line that begins with "/" is a GET. */
static void
read_bodies(void)
{
	_cleanup_(fclosep) FILE *f = fopen(o.bodies, "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL)
		fatal("%s: %s", o.bodies, strerror(errno));
	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		if (line[0] == '/') {
			o.path = line;
			add_request(STR_NONE);
		} else {
			add_request(str_n(line, (size_t)n));
		}
	}
}

static void __attribute__((noreturn)) usage(void)
{
	fatal("usage: load [-c CONNECTIONS] [-s SECONDS] [-r RATE] [-k] "
	      "[-p PATH] [-b FILE] PORT");
}

static void
parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "c:s:r:p:b:k")) != -1) {
		switch (c) {
		case 'c':
			o.connections = strtoll(optarg, NULL, 10);
			break;
		case 's':
			o.seconds = strtoll(optarg, NULL, 10);
			break;
		case 'r':
			o.rate = strtoll(optarg, NULL, 10);
			break;
		case 'p':
			o.path = optarg;
			break;
		case 'b':
			o.bodies = optarg;
			break;
		case 'k':
			o.reconnect = true;
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || o.connections < 1)
		usage();
	o.to.sin_family = AF_INET;
	o.to.sin_port = htons((uint16_t)strtoul(argv[optind], NULL, 10));
	o.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int
main(int argc, char **argv)
{
	struct client *clients;
	double took;

	parse(argc, argv);
	if (o.bodies != NULL)
		read_bodies();
	else
		add_request(STR_NONE);
	if (requests.n == 0)
		fatal("%s is empty", o.bodies);
	loop = epoll_create1(EPOLL_CLOEXEC);
	clients = mem_array((size_t)o.connections, sizeof(*clients));
	for (int64_t i = 0; i < o.connections; i++) {
		clients[i].fd = -1;
		buf_init(&clients[i].head, 64 * KIB);
	}
	run(clients);
	took = (double)(MIN_OF(clock_ns(), end_at) - begun) / 1e9;
	(void)printf("{\"requests\": %llu, \"per_second\": %.0f, "
		     "\"bad\": %llu, \"lost\": %llu, \"unanswered\": %llu, "
		     "\"bytes\": %llu, \"p50_ms\": %.3f, \"p90_ms\": %.3f, "
		     "\"p99_ms\": %.3f, \"p999_ms\": %.3f, "
		     "\"worst_ms\": %.3f}\n",
	    (unsigned long long)n_done, (double)n_done / took,
	    (unsigned long long)n_bad, (unsigned long long)n_lost,
	    (unsigned long long)(n_issued - n_done - n_lost),
	    (unsigned long long)n_bytes, percentile_ms(0.5), percentile_ms(0.9),
	    percentile_ms(0.99), percentile_ms(0.999), (double)worst / 1e6);
	for (int64_t i = 0; i < o.connections; i++) {
		closep(&clients[i].fd);
		buf_done(&clients[i].head);
	}
	free(clients);
	vec_done(&idle);
	return 0;
}
