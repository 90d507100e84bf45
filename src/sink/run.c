/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role sink from its first message to its last: configuration, sockets, the
 * caller's lockdown, then one epoll loop for everything.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sink/capture_priv.h"
#include "sink/http_priv.h"
#include "sink/mint_priv.h"
#include "sink/names_priv.h"
#include "sink/registry_priv.h"
#include "sink/sink.h"
#include "sink/stream_priv.h"
#include "sink/udp_priv.h"
#include "sink/world_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"

#define TICK_MS      250
#define EVENTS       64
#define ACCEPTS      64 /* per round and listener */
#define DATAGRAMS    256
#define DRAIN_ROUNDS 10000 /* a sandbox that is dead cannot fill them */
#define MAX_FILES    4096u

/* The sources that are always there, besides the streams. */
struct loop {
	struct source control, relay, capture, listeners[NET__MAX];
	struct world *world;
	struct channel channel; /* control */
	bool stop, ending; /* ending: a phase, after this round */
	int64_t ending_phase;
	struct error *err;
	int rc;
};

#define LOOP_OF(s, member) \
	((struct loop *)(void *)((char *)(s)-offsetof(struct loop, member)))

static int
read_pem(int fd, struct buf *out, struct error *err)
{
	buf_init(out, LIMIT_CONFIG_BYTES);
	return fd_read_all(fd, out, err);
}

static int
make_mint(struct world *w, const struct sink_config *c, struct error *err)
{
	struct buf certificate, key;
	int rc;

	rc = read_pem(c->ca_certificate_fd, &certificate, err);
	buf_init(&key, LIMIT_CONFIG_BYTES);
	if (rc == 0)
		rc = read_pem(c->ca_key_fd, &key, err);
	if (rc == 0)
		w->mint = mint_new(buf_str(&certificate), buf_str(&key),
		    c->keylog_fd);
	if (key.p != NULL)
		explicit_bzero(key.p, key.n);
	buf_done(&certificate);
	buf_done(&key);
	return rc;
}

/* Only what is safe between the quotes of a script. */
static bool
is_plain_path(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-",
			s.p[i]) == NULL ||
		    s.p[i] == '\0')
			return false;
	return s.n == 0 || s.p[0] == '/';
}

/* A value of the run where the supervisor gave none. */
static char *
value_or(struct str given, int64_t seed, const char *prefix, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint64_t x = (uint64_t)seed ^ (uint64_t)prefix[0] << 32 ^ n;
	struct buf b;

	if (given.n != 0)
		return mem_strndup(given);
	buf_init(&b, 512);
	buf_puts(&b, prefix);
	while (b.n < n) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		buf_putc(&b, letters[x >> 59]);
	}
	return buf_steal(&b);
}

static int
set_values(struct world *w, const struct sink_config *c, struct error *err)
{
	if (!is_plain_path(c->decoy_mark))
		return error_set(err, -EINVAL,
		    "sink: the mark of decoys is no plain absolute path");
	w->seed = c->seed;
	w->prebuilt = (enum sink_prebuilt)c->prebuilt;
	w->decoy_mark = mem_strndup(c->decoy_mark);
	w->cloud_key_id = value_or(c->cloud_key_id, c->seed, "ASIA", 20);
	w->cloud_secret = value_or(c->cloud_secret, c->seed, "s", 40);
	w->cloud_token = value_or(c->cloud_token, c->seed, "IQoJ", 340);
	registry_set(w, c->registries);
	buf_init(&w->decoy, LIMIT_SINK_DECOY_BYTES);
	if (c->decoy_fd >= 0 && fd_read_all(c->decoy_fd, &w->decoy, err) != 0)
		return error_wrap(err, "sink: decoy program");
	return 0;
}

static void
raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= MAX_FILES)
		return;
	r.rlim_cur = r.rlim_max < MAX_FILES ? r.rlim_max : MAX_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* As root still: the namespace, its sockets, its rules. */
static int
open_world(struct world *w, const struct sink_config *c, struct error *err)
{
	_cleanup_(freep) char *interface = mem_strndup(c->interface);
	int rc = net_join(c->netns_fd, interface, err);

	if (rc == 0)
		rc = net_open(&w->net, err);
	if (rc == 0)
		rc = capture_open(interface, c->pcap_fd, &w->capture, err);
	if (rc == 0)
		rc = net_take_all(interface, &w->net, err);
	if (rc == 0)
		rc = make_mint(w, c, err);
	if (rc == 0)
		rc = set_values(w, c, err);
	if (rc != 0)
		return rc;
	raise_files();
	w->names = names_new(c->seed);
	w->udp = udp_new();
	return 0;
}

static void
close_world(struct world *w)
{
	if (w->names != NULL && w->udp != NULL) {
		stream_close_all(w);
		stream_bury(w);
		udp_close_all(w);
	}
	capture_free(w->capture);
	registry_done(w);
	udp_free(w->udp);
	names_free(w->names);
	mint_free(w->mint);
	relay_done(&w->relay);
	net_close(&w->net);
	buf_done(&w->decoy);
	free(w->decoy_mark);
	free(w->cloud_key_id);
	free(w->cloud_secret);
	free(w->cloud_token);
	book_done(&w->book);
	closep(&w->epoll_fd);
}

/* One turn of the loop; how many sources had something. */
static int
turn(struct world *w, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(w->epoll_fd, events, EVENTS, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		s->ready(s, events[i].events);
	}
	stream_bury(w);
	return n;
}

static void
end_phase(struct loop *l)
{
	struct world *w = l->world;
	int64_t events, dropped;
	struct epoll_event off = { 0 };

	l->ending = false;
	/* What the sandbox sent before it ended is still in the sockets. The
	 * supervisor waits, so its channel has nothing more to say. */
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, l->channel.fd, &off);
	for (int i = 0; i < DRAIN_ROUNDS && turn(w, 0) > 0; i++)
		continue;
	if (w->failed.code != 0)
		return; /* which is said instead */
	off = (struct epoll_event){ EPOLLIN, { .ptr = &l->control } };
	(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, l->channel.fd, &off);
	stream_close_all(w);
	stream_bury(w);
	udp_close_all(w);
	capture_phase_end(w);
	events = w->book.events;
	dropped = w->book.dropped;
	book_phase_end(&w->book, capture_reason(w->capture));
	message_begin(&l->channel, CONTROL_PHASE_ENDED);
	message_put_int(&l->channel, l->ending_phase);
	message_put_int(&l->channel, events);
	message_put_int(&l->channel, dropped);
	(void)message_send(&l->channel, NULL);
	(void)channel_flush(&l->channel, NULL);
}

static int
take_message(struct loop *l, struct message *m)
{
	int64_t a = 0, b = 0;
	unsigned type = m->type;
	int rc;

	if (type != CONTROL_STOP)
		a = message_get_int(m);
	if (type == CONTROL_PHASE_BEGIN)
		b = message_get_int(m);
	rc = message_end(m, l->err);
	if (rc != 0)
		return rc;
	switch (type) {
	case CONTROL_PHASE_BEGIN:
		book_phase_begin(&l->world->book, a, b);
		return 0;
	case CONTROL_PHASE_END:
		/* Not here: it takes rounds of its own, and this one still
		 * holds the addresses of streams. */
		l->ending = true;
		l->ending_phase = a;
		return 0;
	case CONTROL_STOP:
		l->stop = true;
		return 0;
	case SINK_PREBUILT:
		if (a >= 0 && a < SINK_PREBUILT__MAX) {
			l->world->prebuilt = (enum sink_prebuilt)a;
			return 0;
		}
		break;
	default:
		break;
	}
	return error_set(l->err, -EPROTO, "sink: unexpected message %u", type);
}

static void
control_ready(struct source *s, uint32_t events)
{
	struct loop *l = LOOP_OF(s, control);
	struct message m;
	int rc;

	(void)events;
	rc = channel_fill(&l->channel, l->err);
	if (rc == 1)
		l->stop = true; /* the supervisor has gone */
	while (rc == 0 && (rc = channel_next(&l->channel, &m, l->err)) == 1)
		rc = take_message(l, &m);
	if (rc < 0 && rc != -EAGAIN) {
		l->rc = rc;
		l->stop = true;
	}
}

static void
relay_source_ready(struct source *s, uint32_t events)
{
	struct loop *l = LOOP_OF(s, relay);

	(void)events;
	relay_ready(l->world);
	if (l->world->relay.gone)
		(void)epoll_ctl(l->world->epoll_fd, EPOLL_CTL_DEL,
		    l->world->relay.channel.fd, NULL);
}

static void
capture_source_ready(struct source *s, uint32_t events)
{
	(void)events;
	capture_ready(LOOP_OF(s, capture)->world);
}

static void
tcp4_ready(struct source *s, uint32_t events)
{
	struct world *w = LOOP_OF(s, listeners[NET_TCP4])->world;

	(void)events;
	for (int i = 0; i < ACCEPTS && stream_accept(w, w->net.fds[NET_TCP4]);
	     i++)
		continue;
}

static void
tcp6_ready(struct source *s, uint32_t events)
{
	struct world *w = LOOP_OF(s, listeners[NET_TCP6])->world;

	(void)events;
	for (int i = 0; i < ACCEPTS && stream_accept(w, w->net.fds[NET_TCP6]);
	     i++)
		continue;
}

static void
udp4_ready(struct source *s, uint32_t events)
{
	struct world *w = LOOP_OF(s, listeners[NET_UDP4])->world;

	(void)events;
	for (int i = 0; i < DATAGRAMS && udp_receive(w, w->net.fds[NET_UDP4]);
	     i++)
		continue;
}

static void
udp6_ready(struct source *s, uint32_t events)
{
	struct world *w = LOOP_OF(s, listeners[NET_UDP6])->world;

	(void)events;
	for (int i = 0; i < DATAGRAMS && udp_receive(w, w->net.fds[NET_UDP6]);
	     i++)
		continue;
}

static int
watch(struct world *w, int fd, struct source *s, struct error *err)
{
	struct epoll_event e = { EPOLLIN, { .ptr = s } };

	if (fd_set_nonblock(fd, true, err) != 0)
		return error_wrap(err, "sink");
	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
		return error_errno(err, "sink: epoll");
	return 0;
}

static int
watch_all(struct loop *l, struct error *err)
{
	struct world *w = l->world;
	int rc;

	l->control.ready = control_ready;
	l->relay.ready = relay_source_ready;
	l->capture.ready = capture_source_ready;
	l->listeners[NET_TCP4].ready = tcp4_ready;
	l->listeners[NET_TCP6].ready = tcp6_ready;
	l->listeners[NET_UDP4].ready = udp4_ready;
	l->listeners[NET_UDP6].ready = udp6_ready;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return error_errno(err, "sink: epoll");
	rc = watch(w, l->channel.fd, &l->control, err);
	if (rc == 0)
		rc = watch(w, w->relay.channel.fd, &l->relay, err);
	if (rc == 0)
		rc = watch(w, capture_fd(w->capture), &l->capture, err);
	for (int i = 0; i < NET__MAX && rc == 0; i++)
		rc = watch(w, w->net.fds[i], &l->listeners[i], err);
	return rc;
}

static void
run_loop(struct loop *l)
{
	struct world *w = l->world;
	int64_t now, last = clock_ns();
	int idle;

	while (!l->stop && w->failed.code == 0) {
		/* Nobody there: nothing that a tick could be for. */
		idle = w->n_streams == 0 && w->relay.waiting.n == 0;
		(void)turn(w, idle ? LIMIT_SINK_FLOW_MS : TICK_MS);
		if (l->ending)
			end_phase(l);
		now = clock_ns();
		if (now - last < TICK_MS * NS_PER_MS)
			continue;
		last = now;
		stream_tick(w, now);
		relay_tick(w, now);
		udp_tick(w, now);
		stream_bury(w);
	}
}

static void
close_config(struct sink_config *c)
{
	closep(&c->netns_fd);
	closep(&c->ca_certificate_fd);
	closep(&c->ca_key_fd);
	closep(&c->pcap_fd);
	closep(&c->decoy_fd);
}

/* The first message, and all that must be done before the lockdown. */
static int
set_up(struct loop *l, int (*lock)(struct error *err), int *ret_keylog_fd,
    struct error *err)
{
	struct sink_config c = SINK_CONFIG_INIT;
	struct message m;
	int rc = channel_recv(&l->channel, &m, err);

	if (rc == 0)
		return error_set(err, -EPIPE, "sink: no configuration");
	if (rc == 1 && m.type != SINK_CONFIG)
		rc = error_set(err, -EPROTO, "sink: message %u first", m.type);
	if (rc == 1)
		rc = sink_config_get(&m, &c, err);
	if (rc == 0) {
		l->world->book.sandbox = c.sandbox;
		rc = open_world(l->world, &c, err);
	}
	*ret_keylog_fd = c.keylog_fd;
	close_config(&c);
	if (rc == 0)
		rc = watch_all(l, err);
	if (rc == 0)
		rc = lock(err);
	return rc;
}

static void
say_failed(struct channel *ch, int rc, const struct error *err)
{
	message_begin(ch, CONTROL_FAILED);
	message_put_int(ch, rc);
	message_put_str(ch, str_of(err->msg));
	(void)message_send(ch, NULL);
	(void)channel_flush(ch, NULL);
}

int
sink_run(int control_fd, int facts_fd, int relay_fd,
    int (*lock)(struct error *err), struct error *err)
{
	struct world w = { .epoll_fd = -1, .net = NET_INIT };
	struct loop l = { .world = &w, .err = err };
	int keylog_fd = -1;

	TAILQ_INIT(&w.streams);
	TAILQ_INIT(&w.dead);
	channel_init(&l.channel, control_fd);
	book_init(&w.book, facts_fd, 0);
	relay_init(&w.relay, relay_fd);
	l.rc = set_up(&l, lock, &keylog_fd, err);
	if (l.rc != 0)
		say_failed(&l.channel, l.rc, err);
	if (l.rc == 0) {
		message_begin(&l.channel, CONTROL_READY);
		(void)message_send(&l.channel, NULL);
		(void)channel_flush(&l.channel, NULL);
		run_loop(&l);
		if (w.failed.code != 0) {
			l.rc =
			    error_set(err, w.failed.code, "%s", w.failed.msg);
			say_failed(&l.channel, l.rc, err);
		}
	}
	close_world(&w);
	channel_done(&l.channel);
	closep(&keylog_fd);
	return l.rc;
}
