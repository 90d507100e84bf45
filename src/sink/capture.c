/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of the sink's end of the veth, into a file. TCP and UDP have their
 * rows from the listeners; here are ICMP and all other protocols, one row for
 * each pair of addresses and protocol in a phase. Runs in role sink.
 */
#include "sink/capture_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/names_priv.h"
#include "sink/packet_priv.h"
#include "sink/pcap_priv.h"
#include "sink/tap_priv.h"
#include "sink/udp_priv.h"
#include "sink/world_priv.h"

#define PER_ROUND 512 /* packets; others want their turn */
#define MAX_TALKS 4096u
/* A file that is a quarter full keeps this much of packets that are ours. */
#define OURS_BYTES 256u
#define END_ROUNDS 1000 /* a sandbox that is dead cannot fill them */
/* What was sent last may still be on its way up. */
#define END_WAIT_MS 1
#define IPV4_BYTES  20u
#define PING_BYTES  1472u /* below every MTU */
#define PING_HOPS   55 /* as if from afar */

/* Pairs of addresses in one phase; the key without holes. */
struct talk_key {
	uint8_t from[16], to[16];
	uint32_t protocol;
};

struct talk {
	struct talk_key key;
	struct endpoint from, to;
	int64_t id, at, bytes_out;
	uint8_t protocol;
	struct record record;
};

struct capture {
	struct tap *tap;
	FILE *file; /* NULL: none */
	int64_t file_bytes;
	bool file_full;
	struct map *talks; /* struct talk_key -> struct talk, owned */
};

static void
freep_capture(struct capture **c)
{
	capture_free(*c);
}

int
capture_open(const char *interface, int file_fd, struct capture **ret,
    struct error *err)
{
	_cleanup_(freep_capture) struct capture *c = mem_alloc(sizeof(*c));
	int rc = tap_open(interface, &c->tap, err);

	c->talks = map_new(MAX_TALKS);
	if (rc == 0 && file_fd >= 0)
		rc = pcap_open(file_fd, &c->file, err);
	if (rc != 0)
		return rc;
	*ret = steal(&c);
	return 0;
}

void
capture_free(struct capture *c)
{
	struct str key;
	void *talk;
	size_t at = 0;

	if (c == NULL)
		return;
	while (map_next(c->talks, &at, &key, &talk))
		free(talk);
	map_free(c->talks);
	if (c->file != NULL)
		(void)fclose(c->file);
	tap_free(c->tap);
	free(c);
}

int
capture_fd(const struct capture *c)
{
	return tap_fd(c->tap);
}

/* What we say is known from elsewhere; large archives of the relay must not
 * take the room of what the package says. */
static void
put_file(struct capture *c, const struct tap_packet *p)
{
	size_t n = p->bytes.n;

	if (c->file == NULL || c->file_full)
		return;
	if (p->ours && c->file_bytes > LIMIT_SINK_PCAP_BYTES / 4)
		n = MIN_OF(n, OURS_BYTES);
	if (c->file_bytes + (int64_t)n > LIMIT_SINK_PCAP_BYTES) {
		c->file_full = true;
		return;
	}
	c->file_bytes += (int64_t)n + PCAP_PACKET_BYTES;
	pcap_write(c->file, p, n);
}

static struct talk *
find_talk(struct world *w, const struct packet *p)
{
	struct capture *c = w->capture;
	struct talk_key key = { .protocol = p->protocol };
	struct talk *t;

	memcpy(key.from, p->from.address, sizeof(key.from));
	memcpy(key.to, p->to.address, sizeof(key.to));
	t = map_get(c->talks, str_n(&key, sizeof(key)));
	if (t != NULL)
		return t;
	if (map_count(c->talks) >= MAX_TALKS) {
		w->book.dropped++;
		return NULL;
	}
	t = mem_alloc(sizeof(*t));
	t->key = key;
	t->from = p->from;
	t->to = p->to;
	t->protocol = p->protocol;
	t->id = book_id(&w->book);
	t->at = book_now(&w->book);
	(void)map_put(c->talks, str_n(&t->key, sizeof(t->key)), t);
	return t;
}

/* IPv4's kernel side answers pings only from addresses that are its own (IPv6
 * answers from any); an Internet that nobody can ping is none. */
static void
answer_ping(struct world *w, const struct packet *p)
{
	uint8_t out[IPV4_BYTES + PING_BYTES] = { 0x45 }, *icmp = out + 20;
	struct sockaddr_in to = { .sin_family = AF_INET };
	size_t n = p->length - (size_t)IPV4_BYTES;
	uint16_t sum;

	if (p->protocol != IPPROTO_ICMP || p->icmp_type != ICMP_ECHO ||
	    p->length < IPV4_BYTES + 8 || n > p->payload.n || n > PING_BYTES)
		return;
	out[2] = (uint8_t)((IPV4_BYTES + n) >> 8);
	out[3] = (uint8_t)(IPV4_BYTES + n);
	out[8] = PING_HOPS;
	out[9] = IPPROTO_ICMP;
	memcpy(out + 12, p->to.address, 4);
	memcpy(out + 16, p->from.address, 4);
	memcpy(icmp, p->payload.p, n);
	icmp[0] = ICMP_ECHOREPLY;
	icmp[2] = icmp[3] = 0;
	sum = udp_sum_end(udp_sum_words(0, icmp, n));
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	memcpy(&to.sin_addr, p->from.address, 4);
	(void)sendto(w->net.raw4, out, IPV4_BYTES + n, 0,
	    (struct sockaddr *)&to, sizeof(to));
}

static void
see_packet(struct world *w, const struct tap_packet *seen)
{
	struct packet p;
	struct talk *t;

	put_file(w->capture, seen);
	if (seen->ours || !packet_parse(seen->bytes, &p))
		return;
	if (p.protocol == IPPROTO_TCP || p.protocol == IPPROTO_UDP ||
	    packet_is_housekeeping(&p))
		return;
	answer_ping(w, &p);
	t = find_talk(w, &p);
	if (t == NULL)
		return;
	t->bytes_out += p.length;
	record_add(&w->book, &t->record, (struct place){ t->id, FACT_NONE },
	    p.payload);
}

void
capture_ready(struct world *w)
{
	struct tap_packet p;

	for (int i = 0; i < PER_ROUND && w->capture != NULL &&
	     tap_next(w->capture->tap, &p) == 1;
	     i++)
		see_packet(w, &p);
}

static void
end_talk(struct world *w, struct talk *t)
{
	char from[ENDPOINT_TEXT_SIZE], to[ENDPOINT_TEXT_SIZE];
	char hex[SHA256_HEX_SIZE];
	bool icmp =
	    t->protocol == IPPROTO_ICMP || t->protocol == IPPROTO_ICMPV6;
	struct fact_connection f;

	(void)record_end(&w->book, &t->record,
	    (struct place){ t->id, FACT_NONE }, hex);
	fact_init(FACT_CONNECTION, &f);
	f.id = t->id;
	f.at = t->at;
	f.ended_at = book_now(&w->book);
	f.protocol = icmp ? STR_LIT("icmp") : STR_LIT("other");
	f.local_address = str_n(from, endpoint_text(&t->from, from));
	f.address = str_n(to, endpoint_text(&t->to, to));
	f.name = names_of(w->names, &t->to);
	f.bytes_out = t->bytes_out;
	f.application = STR_LIT("unknown");
	book_connection(&w->book, &f);
}

void
capture_phase_end(struct world *w)
{
	struct capture *c = w->capture;
	struct pollfd pfd = { .events = POLLIN };
	struct str key;
	void *talk;
	size_t at = 0;
	int rounds = END_ROUNDS;

	if (c == NULL)
		return;
	pfd.fd = capture_fd(c);
	while (poll(&pfd, 1, END_WAIT_MS) > 0 && rounds-- > 0)
		capture_ready(w);
	while (map_next(c->talks, &at, &key, &talk)) {
		end_talk(w, talk);
		free(talk);
	}
	map_free(c->talks);
	c->talks = map_new(MAX_TALKS);
	if (c->file != NULL)
		(void)fflush(c->file);
}

const char *
capture_reason(struct capture *c)
{
	if (c == NULL)
		return NULL;
	if (c->file_full)
		return "packet capture: the file is full, the rest is not in "
		       "it";
	if (tap_dropped(c->tap) != 0)
		return "packet capture: packets came too fast, some are not "
		       "in it";
	return NULL;
}
