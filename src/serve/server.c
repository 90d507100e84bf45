/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker: the loop. Runs in role listener. A snapshot is replaced between
 * two requests, so none is lost; the memory of the old one is given back at
 * once, for answers are bytes of their own.
 */
#include "serve/server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/protocol.h"
#include "serve/server_priv.h"
#include "serve/tls.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define EVENTS      256
#define ACCEPTS     64 /* at once: the others have their turn as well */
#define SWEEP_NS    NS_PER_SEC
#define SCRATCH_MAX (64 * KIB)

/* --- clients ----------------------------------------------------------------
 */

static void
watch_listener(struct server *s, bool on)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &s->options };

	if (on == s->accepting)
		return;
	s->accepting = on;
	(void)epoll_ctl(s->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
	    SERVE_FD_LISTEN, &e);
}

/* One more than there is room for: it is told so, if that costs nothing. */
static void
turn_away(struct server *s, int fd)
{
	static const char busy[] =
	    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
	    "Content-Type: application/json\r\nRetry-After: 1\r\n"
	    "Content-Length: 45\r\n\r\n"
	    "{\"code\":14,\"message\":\"too many connections\"}\r\n";

	shared_add(s->shared, s->options.worker, SHARED_CONNECTIONS_REFUSED, 1);
	if (s->tls == NULL)
		(void)!send(fd, busy, sizeof(busy) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

static void
welcome(struct server *s, int fd, const struct sockaddr_storage *address)
{
	uint32_t client =
	    shared_client(s->shared, (const struct sockaddr *)address);
	int one = 1;

	if (s->n_connections >= s->options.max_connections ||
	    !shared_connect(s->shared, s->options.worker, client,
		s->options.max_client_connections)) {
		turn_away(s, fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	shared_add(s->shared, s->options.worker, SHARED_CONNECTIONS, 1);
	connection_new(s, fd, address, client);
}

/* False: nobody waits any more. */
static bool
accept_some(struct server *s)
{
	struct sockaddr_storage address;
	socklen_t n;
	int fd;

	for (int i = 0; i < ACCEPTS; i++) {
		n = sizeof(address);
		memset(&address, 0, sizeof(address));
		fd = accept4(SERVE_FD_LISTEN, (struct sockaddr *)&address, &n,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		/* Without descriptors left, others have to go first. */
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			watch_listener(s, false);
		if (fd < 0)
			return false;
		welcome(s, fd, &address);
	}
	return true;
}

/* --- the supervisor ---------------------------------------------------------
 */

static int
say(struct server *s, int rc, const char *why, struct error *err)
{
	message_begin(&s->supervisor, rc == 0 ? SERVE_READY : SERVE_REFUSED);
	if (rc != 0)
		message_put_str(&s->supervisor, str_of(why));
	rc = message_send(&s->supervisor, err);
	return rc == 0 ? channel_flush(&s->supervisor, err) : rc;
}

static int
configure(struct server *s, struct message *m, struct error *err)
{
	int rc = server_options_get(m, &s->options, err);

	api_init(&s->api, &s->db, s->options.strict);
	return rc;
}

static int
load_snapshot(struct server *s, struct message *m, struct error *err)
{
	_cleanup_(closep) int fd = message_get_fd(m);
	struct error why = ERROR_INIT;
	struct snapshot_info info;
	struct db db = { NULL, NULL };
	int rc = message_end(m, err);

	if (rc != 0)
		return rc;
	rc = db_open(fd, &db, &why);
	if (rc == 0) {
		db_close(&s->db);
		s->db = db;
		snapshot_info(db.snapshot, &info);
		shared_set_snapshot(s->shared, s->options.worker, &info);
		s->started = true;
		watch_listener(s, !s->draining);
	}
	return say(s, rc, why.msg, err);
}

static int
load_tls(struct server *s, struct message *m, struct error *err)
{
	_cleanup_(closep) int certificate = message_get_fd(m);
	_cleanup_(closep) int key = message_get_fd(m);
	struct error why = ERROR_INIT;
	struct tls *t = NULL;
	int rc = message_end(m, err);

	if (rc != 0)
		return rc;
	rc = tls_new(certificate, key, &t, &why);
	if (rc == 0) {
		tls_free(s->tls);
		s->tls = t;
	}
	return say(s, rc, why.msg, err);
}

static int
take_file(struct server *s, struct message *m, struct error *err)
{
	int64_t id = message_get_int(m);
	int fd = m->n_fds != 0 ? message_get_fd(m) : -1;
	int rc = message_end(m, err);

	if (rc == 0)
		bucket_file(s, id, fd);
	else
		closep(&fd);
	return rc;
}

static int
drain(struct server *s, struct message *m, struct error *err)
{
	struct connection *c, *next;

	/* Who waits to be accepted is; then the door is shut. */
	while (s->accepting && accept_some(s))
		continue;
	watch_listener(s, false);
	(void)close(SERVE_FD_LISTEN);
	s->draining = true;
	s->drain_at = s->now;
	c = s->connections;
	for (; c != NULL; c = next) {
		next = c->next;
		/* Of who has only just come a request is on the way. */
		if (c->answered && connection_is_idle(c))
			connection_end(c);
	}
	return message_end(m, err);
}

static const struct {
	uint16_t type;
	int (*take)(struct server *s, struct message *m, struct error *err);
} messages[] = {
	{ SERVE_CONFIGURE, configure },
	{ SERVE_TLS, load_tls },
	{ SERVE_SNAPSHOT, load_snapshot },
	{ SERVE_FILE, take_file },
	{ SERVE_DRAIN, drain },
};

static int
hear_one(struct server *s, struct message *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(messages); i++)
		if (messages[i].type == m->type)
			return messages[i].take(s, m, err);
	return error_set(err, -EPROTO, "message %d is unknown", m->type);
}

static int
hear(struct server *s, struct error *err)
{
	struct message m;
	int rc = channel_fill(&s->supervisor, err);

	if (rc == 1)
		s->stop = true; /* it is gone: so are we */
	if (rc == -EAGAIN)
		return 0;
	while (rc >= 0 && (rc = channel_next(&s->supervisor, &m, err)) == 1)
		rc = hear_one(s, &m, err);
	return rc;
}

/* --- the loop ---------------------------------------------------------------
 */

static void
sweep(struct server *s)
{
	struct connection *c = s->connections, *next;

	if (s->now - s->swept_at < SWEEP_NS)
		return;
	s->swept_at = s->now;
	for (; c != NULL; c = next) {
		next = c->next;
		connection_check(c);
	}
	if (s->started && !s->draining)
		watch_listener(s, true);
}

static void
run_ready(struct server *s)
{
	struct connection *c = s->ready, *next;

	s->ready = NULL;
	for (; c != NULL; c = next) {
		next = c->next_ready;
		c->ready = false;
		connection_turn(c);
	}
}

/* Out of the queue, where it may still stand. */
static void
forget_ready(struct server *s, struct connection *c)
{
	struct connection **at = &s->ready;

	while (c->ready && *at != c)
		at = &(*at)->next_ready;
	if (c->ready)
		*at = c->next_ready;
}

static void
bury(struct server *s)
{
	struct connection *c;

	while ((c = s->dead) != NULL) {
		s->dead = c->next_dead;
		forget_ready(s, c);
		connection_free(c);
	}
}

static int
serve_event(struct server *s, const struct epoll_event *e, struct error *err)
{
	if (e->data.ptr == &s->options)
		(void)accept_some(s);
	else if (e->data.ptr == &s->supervisor)
		return hear(s, err);
	else
		connection_event(e->data.ptr, e->events);
	return 0;
}

static bool
is_over(const struct server *s)
{
	if (s->stop)
		return true;
	return s->draining &&
	    (s->n_connections == 0 ||
		s->now - s->drain_at > LIMIT_SERVE_DRAIN_MS * NS_PER_MS);
}

static int
turn(struct server *s, bool busy, struct error *err)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(s->epoll, events, EVENTS,
	    busy || s->ready != NULL ? 0 : 1000);
	int rc = 0;

	if (n < 0 && errno != EINTR)
		return error_errno(err, "epoll_wait");
	s->now = clock_ns();
	for (int i = 0; i < n && rc == 0; i++)
		rc = serve_event(s, &events[i], err);
	run_ready(s);
	sweep(s);
	if (s->log.n != 0)
		access_flush(s);
	bury(s);
	return rc;
}

static int
begin(struct server *s, struct error *err)
{
	struct epoll_event e = { .events = EPOLLIN,
		.data.ptr = &s->supervisor };
	int rc = shared_map(SERVE_FD_SHARED, &s->shared, err);

	if (rc == 0)
		rc = fd_set_nonblock(SERVE_FD_CHANNEL, true, err);
	if (rc != 0)
		return rc;
	channel_init(&s->supervisor, SERVE_FD_CHANNEL);
	answer_init(&s->answer);
	buf_init(&s->scratch, SCRATCH_MAX);
	buf_init(&s->log, LIMIT_SERVE_LOG_BYTES);
	s->askers_end = &s->askers;
	s->now = s->swept_at = clock_ns();
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, SERVE_FD_CHANNEL, &e) != 0)
		return error_errno(err, "epoll");
	return 0;
}

static void
finish(struct server *s)
{
	while (s->connections != NULL)
		connection_end(s->connections);
	bury(s);
	access_flush(s);
	bucket_done(s);
	db_close(&s->db);
	api_done(&s->api);
	tls_free(s->tls);
	answer_done(&s->answer);
	buf_done(&s->scratch);
	buf_done(&s->log);
	shared_free(s->shared);
	channel_done(&s->supervisor);
	closep(&s->epoll);
}

int
server_run(struct error *err)
{
	struct server *s = mem_alloc(sizeof(*s));
	bool busy = false;
	int rc;

	s->epoll = -1;
	(void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without a flag */
	/* To all of a service at once: the supervisor says what to do. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	rc = begin(s, err);
	while (rc == 0 && !is_over(s)) {
		rc = turn(s, busy, err);
		busy = bucket_work(s);
	}
	finish(s);
	free(s);
	return rc;
}
