/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpcap on the sink's end of the veth. TCP and UDP have their rows from the
 * listeners; here are ICMP and all other protocols, one row for each pair of
 * addresses and protocol in a phase. Runs in role sink.
 */
#include "sink/capture_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "sink/names_priv.h"
#include "sink/packet_priv.h"
#include "sink/udp_priv.h"
#include "sink/world_priv.h"

#define BUFFER_BYTES (16 * 1024 * 1024)
#define PER_ROUND    512 /* packets; others want their turn */
#define MAX_TALKS    4096u
/* The kernel hands packets over in blocks, a started one after this time. */
#define BLOCK_MS 10
/* A file that is a quarter full keeps this much of packets that are ours. */
#define OURS_BYTES      256u
#define OURS_SNAP_BYTES 4096u
#define END_ROUNDS      1000 /* a sandbox that is dead cannot fill them */
#define IPV4_BYTES      20u
#define PING_BYTES      1472u /* below every MTU */
#define PING_HOPS       55 /* as if from afar */

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
	pcap_t *pcap;
	pcap_dumper_t *dumper; /* NULL: no file */
	uint8_t mac[6]; /* of our end */
	int64_t file_bytes;
	bool file_full;
	struct map *talks; /* struct talk_key -> struct talk, owned */
};

static int
find_mac(const char *interface, uint8_t ret[6], struct error *err)
{
	_cleanup_(closep) int fd =
	    socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { 0 };

	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &r) != 0)
		return error_errno(err, "sink: address of %s", interface);
	memcpy(ret, r.ifr_hwaddr.sa_data, 6);
	return 0;
}

static int
activate(struct capture *c, struct error *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	int rc;

	if (pcap_set_snaplen(c->pcap, LIMIT_SINK_SNAP_BYTES) != 0 ||
	    pcap_set_timeout(c->pcap, BLOCK_MS) != 0 ||
	    pcap_set_buffer_size(c->pcap, BUFFER_BYTES) != 0)
		return error_set(err, -EINVAL, "sink: libpcap refuses");
	rc = pcap_activate(c->pcap);
	if (rc < 0 || pcap_setnonblock(c->pcap, 1, text) != 0)
		return error_set(err, -EIO, "sink: packet capture: %s",
		    rc < 0 ? pcap_geterr(c->pcap) : text);
	if (pcap_datalink(c->pcap) != DLT_EN10MB)
		return error_set(err, -EIO,
		    "sink: packet capture: not an Ethernet interface");
	return 0;
}

/* Ours are cut in the kernel already: archives of the relay come in frames of
 * 64 KiB, faster than they can be copied. */
static int
set_filter(struct capture *c, struct error *err)
{
	const uint8_t *m = c->mac;
	uint32_t high = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 |
	    (uint32_t)m[2] << 8 | m[3];
	uint32_t low = (uint32_t)m[4] << 8 | m[5];
	struct bpf_insn code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 10),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, OURS_SNAP_BYTES),
		BPF_STMT(BPF_RET | BPF_K, LIMIT_SINK_SNAP_BYTES),
	};
	struct bpf_program program = { N_ELEMENTS(code), code };

	if (pcap_setfilter(c->pcap, &program) != 0)
		return error_set(err, -EIO, "sink: packet capture: %s",
		    pcap_geterr(c->pcap));
	return 0;
}

static int
open_file(struct capture *c, int file_fd, struct error *err)
{
	int fd = fcntl(file_fd, F_DUPFD_CLOEXEC, 3);
	FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;

	if (f == NULL) {
		closep(&fd);
		return error_errno(err, "sink: packet capture file");
	}
	c->dumper = pcap_dump_fopen(c->pcap, f);
	if (c->dumper == NULL) {
		(void)fclose(f);
		return error_set(err, -EIO, "sink: packet capture file: %s",
		    pcap_geterr(c->pcap));
	}
	return 0;
}

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
	char text[PCAP_ERRBUF_SIZE] = "";
	int rc;

	c->talks = map_new(MAX_TALKS);
	c->pcap = pcap_create(interface, text);
	if (c->pcap == NULL)
		return error_set(err, -EIO, "sink: packet capture: %s", text);
	rc = find_mac(interface, c->mac, err);
	if (rc == 0)
		rc = activate(c, err);
	if (rc == 0)
		rc = set_filter(c, err);
	if (rc == 0 && file_fd >= 0)
		rc = open_file(c, file_fd, err);
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
	if (c->dumper != NULL)
		pcap_dump_close(c->dumper);
	if (c->pcap != NULL)
		pcap_close(c->pcap);
	free(c);
}

int
capture_fd(const struct capture *c)
{
	return pcap_get_selectable_fd(c->pcap);
}

/* What we say is known from elsewhere; large archives of the relay must not
 * take the room of what the package says. */
static void
put_file(struct capture *c, const struct pcap_pkthdr *h, const u_char *bytes,
    bool ours)
{
	struct pcap_pkthdr head = *h;

	if (c->dumper == NULL || c->file_full)
		return;
	if (ours && c->file_bytes > LIMIT_SINK_PCAP_BYTES / 4 &&
	    head.caplen > OURS_BYTES)
		head.caplen = OURS_BYTES;
	if (c->file_bytes + head.caplen > LIMIT_SINK_PCAP_BYTES) {
		c->file_full = true;
		return;
	}
	c->file_bytes += (int64_t)head.caplen + 16;
	pcap_dump((u_char *)c->dumper, &head, bytes);
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
see_packet(u_char *arg, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct world *w = (struct world *)(void *)arg;
	struct packet p;
	struct talk *t;
	bool ours = h->caplen >= 12 &&
	    memcmp(bytes + 6, w->capture->mac, sizeof(w->capture->mac)) == 0;

	put_file(w->capture, h, bytes, ours);
	if (ours || !packet_parse(str_n(bytes, h->caplen), &p))
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
	if (w->capture != NULL)
		(void)pcap_dispatch(w->capture->pcap, PER_ROUND, see_packet,
		    (u_char *)(void *)w);
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
	/* The block that is being filled is handed over soon. */
	pfd.fd = capture_fd(c);
	while (poll(&pfd, 1, BLOCK_MS + 2) > 0 && rounds-- > 0)
		capture_ready(w);
	while (map_next(c->talks, &at, &key, &talk)) {
		end_talk(w, talk);
		free(talk);
	}
	map_free(c->talks);
	c->talks = map_new(MAX_TALKS);
	if (c->dumper != NULL)
		(void)pcap_dump_flush(c->dumper);
}

const char *
capture_reason(const struct capture *c)
{
	struct pcap_stat st;

	if (c == NULL)
		return NULL;
	if (c->file_full)
		return "packet capture: the file is full, the rest is not in "
		       "it";
	if (pcap_stats(c->pcap, &st) == 0 && st.ps_drop != 0)
		return "packet capture: packets came too fast, some are not "
		       "in it";
	return NULL;
}
