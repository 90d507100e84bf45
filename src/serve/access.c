/* SPDX-License-Identifier: Apache-2.0 */
/* The access log: JSON lines into a pipe that never makes a request wait.
 * Runs in role listener. */
#include <arpa/inet.h>
#include <limits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/limits.h"
#include "serve/protocol.h"
#include "serve/server_priv.h"
#include "sys/clock.h"

/* With these a line stays below PIPE_BUF, escapes included, so that lines of
 * several workers never mix. */
#define TARGET_BYTES 480
#define AGENT_BYTES  120

static void
put_client(struct json *j, const struct sockaddr_storage *a)
{
	const struct sockaddr_in6 *six = (const void *)a;
	const struct sockaddr_in *four = (const void *)a;
	char text[INET6_ADDRSTRLEN] = "";

	if (a->ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
	else if (a->ss_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
	json_strz(j, text);
}

static void
put_short(struct json *j, const char *key, struct str s, size_t max)
{
	json_key(j, key);
	json_str(j, s.n > max ? str_sub(s, 0, max) : s);
}

void
access_line(struct connection *c, int status, int64_t bytes, int64_t took_ns)
{
	struct server *s = c->server;
	const struct http_request *r = http_request(c->http);
	char time[CLOCK_RFC3339_SIZE];
	struct json j;

	if (s->log.n + PIPE_BUF > LIMIT_SERVE_LOG_BYTES) {
		shared_add(s->shared, s->options.worker, SHARED_LOG_DROPPED, 1);
		return;
	}
	clock_rfc3339(clock_wall_ns(), time);
	json_init(&j, &s->log, 0);
	json_object_begin(&j);
	json_key(&j, "time");
	json_strz(&j, time);
	json_key(&j, "client");
	put_client(&j, &c->address);
	json_key(&j, "method");
	json_str(&j, r->method_name);
	put_short(&j, "target", r->target, TARGET_BYTES);
	json_key(&j, "status");
	json_int(&j, status);
	json_key(&j, "bytes");
	json_int(&j, bytes);
	json_key(&j, "us");
	json_int(&j, took_ns / 1000);
	put_short(&j, "agent", r->headers[HTTP_HEADER_USER_AGENT], AGENT_BYTES);
	json_object_end(&j);
	buf_putc(&s->log, '\n');
}

/* Whole lines, as many as fit into one write that is not torn. */
static size_t
whole_lines(struct str s)
{
	ptrdiff_t at;

	if (s.n <= PIPE_BUF)
		return s.n;
	at = str_rchr(str_sub(s, 0, PIPE_BUF), '\n');
	return at < 0 ? s.n : (size_t)at + 1;
}

void
access_flush(struct server *s)
{
	struct str rest = buf_str(&s->log);
	size_t at = 0;

	while (at < rest.n) {
		size_t n = whole_lines(str_sub(rest, at, rest.n));

		if (write(SERVE_FD_LOG, rest.p + at, n) != (ssize_t)n)
			break; /* full: the next turn, or dropped */
		at += n;
	}
	if (at != 0)
		buf_consume(&s->log, at);
}
