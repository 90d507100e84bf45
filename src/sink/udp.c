/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP. A conversation is one pair of ends; its row is written when nothing
 * was sent for a while, when others need its place, or with the phase.
 * Runs in role sink.
 */
#include "sink/udp_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/dns_priv.h"
#include "sink/names_priv.h"
#include "sink/udp_priv.h"
#include "sink/world_priv.h"
#include "sys/clock.h"

#define DATAGRAM_BYTES 65536u
#define REPLY_BYTES    1400u /* below every MTU: raw sockets do not split */
#define IPV4_BYTES     20u
#define IPV6_BYTES     40u
#define UDP_BYTES      8u
#define HOPS           64

/* Both ends; the key of the map, so without holes. */
struct ends {
	uint8_t peer[16], target[16];
	uint16_t peer_port, target_port;
	uint32_t v6;
};

struct flow {
	TAILQ_ENTRY(flow) link; /* least recent first */
	struct ends key;
	struct endpoint peer, target;
	int64_t id, at, last_ns;
	int64_t bytes_out, bytes_in;
	bool dns;
	struct record record;
};

TAILQ_HEAD(flow_list, flow);

struct udp {
	struct map *flows; /* struct ends -> struct flow, owned */
	struct flow_list recent;
	uint32_t lost[2]; /* datagrams, as the kernel counts; IPv4, IPv6 */
};

struct udp *
udp_new(void)
{
	struct udp *u = mem_alloc(sizeof(*u));

	u->flows = map_new(LIMIT_SINK_FLOWS + 1);
	TAILQ_INIT(&u->recent);
	return u;
}

void
udp_free(struct udp *u)
{
	if (u == NULL)
		return;
	map_free(u->flows);
	free(u);
}

void
udp_see_question(struct world *w, int64_t connection, struct str transport,
    const struct endpoint *resolver, struct str name, struct str type,
    struct str answer)
{
	char text[ENDPOINT_TEXT_SIZE];
	struct fact_dns_query f;

	fact_init(FACT_DNS_QUERY, &f);
	f.connection = connection;
	f.name = name;
	f.type = type;
	f.transport = transport;
	f.resolver = str_n(text, endpoint_text(resolver, text));
	f.answer = answer;
	book_dns_query(&w->book, &f);
}

static struct place
flow_place(const struct flow *f)
{
	return (struct place){ f->id, FACT_NONE };
}

static void
end_flow(struct world *w, struct flow *flow)
{
	char peer[ENDPOINT_TEXT_SIZE], target[ENDPOINT_TEXT_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct fact_connection f;

	(void)record_end(&w->book, &flow->record, flow_place(flow), hex);
	fact_init(FACT_CONNECTION, &f);
	f.id = flow->id;
	f.at = flow->at;
	f.ended_at = book_now(&w->book);
	f.protocol = STR_LIT("udp");
	f.local_address = str_n(peer, endpoint_text(&flow->peer, peer));
	f.local_port = flow->peer.port;
	f.address = str_n(target, endpoint_text(&flow->target, target));
	f.port = flow->target.port;
	f.name = names_of(w->names, &flow->target);
	f.bytes_out = flow->bytes_out;
	f.bytes_in = flow->bytes_in;
	f.application = flow->dns ? STR_LIT("dns") : STR_LIT("unknown");
	book_connection(&w->book, &f);
	(void)map_remove(w->udp->flows, str_n(&flow->key, sizeof(flow->key)));
	TAILQ_REMOVE(&w->udp->recent, flow, link);
	free(flow);
}

static struct flow *
find_flow(struct world *w, const struct endpoint *peer,
    const struct endpoint *target)
{
	struct ends key = { .peer_port = peer->port,
		.target_port = target->port,
		.v6 = peer->v6 };
	struct flow *f;

	memcpy(key.peer, peer->address, sizeof(key.peer));
	memcpy(key.target, target->address, sizeof(key.target));
	f = map_get(w->udp->flows, str_n(&key, sizeof(key)));
	if (f != NULL) {
		TAILQ_REMOVE(&w->udp->recent, f, link);
		TAILQ_INSERT_TAIL(&w->udp->recent, f, link);
		return f;
	}
	if (map_count(w->udp->flows) >= LIMIT_SINK_FLOWS)
		end_flow(w, TAILQ_FIRST(&w->udp->recent));
	f = mem_alloc(sizeof(*f));
	f->key = key;
	f->peer = *peer;
	f->target = *target;
	f->id = book_id(&w->book);
	f->at = book_now(&w->book);
	(void)map_put(w->udp->flows, str_n(&f->key, sizeof(f->key)), f);
	TAILQ_INSERT_TAIL(&w->udp->recent, f, link);
	return f;
}

uint32_t
udp_sum_words(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if ((n & 1) != 0)
		sum += (uint32_t)p[n - 1] << 8;
	return sum;
}

uint16_t
udp_sum_end(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(~sum & 0xffff);
}

static void
put_be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Header, with the lengths and addresses; the kernel sums up IPv4's. */
static void
put_ip(uint8_t *p, const struct endpoint *from, const struct endpoint *to,
    size_t length)
{
	if (from->v6) {
		p[0] = 0x60;
		put_be16(p + 4, length);
		p[6] = IPPROTO_UDP;
		p[7] = HOPS;
		memcpy(p + 8, from->address, 16);
		memcpy(p + 24, to->address, 16);
		return;
	}
	p[0] = 0x45;
	put_be16(p + 2, IPV4_BYTES + length);
	p[8] = HOPS;
	p[9] = IPPROTO_UDP;
	memcpy(p + 12, from->address, 4);
	memcpy(p + 16, to->address, 4);
}

size_t
udp_packet(const struct endpoint *from, const struct endpoint *to,
    struct str bytes, uint8_t *ret, size_t size)
{
	size_t head = from->v6 ? IPV6_BYTES : IPV4_BYTES;
	size_t n = UDP_BYTES + bytes.n, address = from->v6 ? 16 : 4;
	uint8_t *u = ret + head;
	uint32_t sum;

	if (head + n > size || bytes.n == 0)
		return 0;
	memset(ret, 0, head + UDP_BYTES);
	put_ip(ret, from, to, n);
	put_be16(u, from->port);
	put_be16(u + 2, to->port);
	put_be16(u + 4, n);
	memcpy(u + UDP_BYTES, bytes.p, bytes.n);
	sum = udp_sum_words(IPPROTO_UDP + (uint32_t)n, from->address, address);
	sum = udp_sum_words(sum, to->address, address);
	sum = udp_sum_words(sum, u, n);
	sum = udp_sum_end(sum);
	put_be16(u + 6, sum != 0 ? sum : 0xffff);
	return head + n;
}

static bool
is_multicast(const struct endpoint *e)
{
	return e->v6 ? e->address[0] == 0xff : e->address[0] >= 224;
}

/* The answer comes from the address that was asked, as it must. */
static void
send_reply(struct world *w, struct flow *f, struct str bytes)
{
	uint8_t packet[IPV6_BYTES + UDP_BYTES + REPLY_BYTES];
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	size_t n =
	    udp_packet(&f->target, &f->peer, bytes, packet, sizeof(packet));
	ssize_t sent;

	if (n == 0 || is_multicast(&f->target))
		return;
	memcpy(&in.sin_addr, f->peer.address, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, f->peer.address, sizeof(in6.sin6_addr));
	sent = f->peer.v6 ? sendto(w->net.raw6, packet, n, 0,
				(struct sockaddr *)&in6, sizeof(in6)) :
			    sendto(w->net.raw4, packet, n, 0,
				(struct sockaddr *)&in, sizeof(in));
	if (sent > 0)
		f->bytes_in += (int64_t)bytes.n;
}

struct asked {
	struct world *world;
	struct flow *flow;
};

static void
see_question(void *arg, struct str name, struct str type, struct str answer)
{
	struct asked *a = arg;

	udp_see_question(a->world, a->flow->id, STR_LIT("udp"),
	    &a->flow->target, name, type, answer);
}

static void
take_datagram(struct world *w, struct flow *f, struct str bytes)
{
	struct asked asked = { w, f };
	struct dns_seen seen = { see_question, &asked };
	bool extra = false, dns;
	struct buf reply;

	f->bytes_out += (int64_t)bytes.n;
	f->last_ns = clock_ns();
	buf_init(&reply, REPLY_BYTES);
	dns = dns_answer(w->names, bytes, &seen, &reply, &extra);
	if (dns && !reply.full)
		send_reply(w, f, buf_str(&reply));
	f->dns = f->dns || dns;
	/* What is no plain question is kept as it came. */
	if (!dns || extra)
		record_add(&w->book, &f->record, flow_place(f), bytes);
	buf_done(&reply);
}

static bool
is_target(const struct cmsghdr *cm)
{
	return (cm->cmsg_level == SOL_IP && cm->cmsg_type == IP_ORIGDSTADDR) ||
	    (cm->cmsg_level == SOL_IPV6 && cm->cmsg_type == IPV6_ORIGDSTADDR);
}

/* What the kernel says beside the bytes: whom the datagram was for, and how
 * many found no room since the socket was opened. */
static bool
read_control(struct world *w, int listener_fd, struct msghdr *mh,
    struct endpoint *ret)
{
	uint32_t *seen = &w->udp->lost[listener_fd == w->net.fds[NET_UDP6]];
	const struct cmsghdr *cm;
	struct sockaddr_storage a = { 0 };
	uint32_t lost;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL;
	     cm = CMSG_NXTHDR(mh, (struct cmsghdr *)(uintptr_t)cm)) {
		size_t n = cm->cmsg_len - CMSG_LEN(0);

		if (cm->cmsg_level == SOL_SOCKET &&
		    cm->cmsg_type == SO_RXQ_OVFL && n == sizeof(lost)) {
			memcpy(&lost, CMSG_DATA(cm), sizeof(lost));
			w->book.dropped += lost - *seen;
			*seen = lost;
		} else if (is_target(cm)) {
			memcpy(&a, CMSG_DATA(cm),
			    n < sizeof(a) ? n : sizeof(a));
		}
	}
	return endpoint_of((struct sockaddr *)&a, ret);
}

bool
udp_receive(struct world *w, int listener_fd)
{
	static char bytes[DATAGRAM_BYTES];
	struct sockaddr_storage from;
	union {
		struct cmsghdr align;
		char bytes[256];
	} control;
	struct iovec iov = { bytes, sizeof(bytes) };
	struct msghdr mh = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct endpoint peer, target;
	ssize_t n = recvmsg(listener_fd, &mh, 0);

	if (n < 0)
		return errno == EINTR || errno == ECONNREFUSED;
	if (endpoint_of((struct sockaddr *)&from, &peer) &&
	    read_control(w, listener_fd, &mh, &target))
		take_datagram(w, find_flow(w, &peer, &target),
		    str_n(bytes, (size_t)n));
	return true;
}

void
udp_tick(struct world *w, int64_t now_ns)
{
	struct flow *f;

	while ((f = TAILQ_FIRST(&w->udp->recent)) != NULL &&
	    now_ns - f->last_ns > LIMIT_SINK_FLOW_MS * NS_PER_MS)
		end_flow(w, f);
}

void
udp_close_all(struct world *w)
{
	struct flow *f;

	while ((f = TAILQ_FIRST(&w->udp->recent)) != NULL)
		end_flow(w, f);
}
