/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches every interface of this network namespace but the loopback while a
 * command runs, and says what went over them that should have stayed inside.
 *
 *	sink-watch FILE [NEEDLE…] -- COMMAND…
 *
 * A frame counts when one of its addresses lies in the networks that tests
 * and the sink use (an ARP request for one too), or when it contains a
 * NEEDLE's bytes. Each is a line of FILE: interface, ends, protocol, length.
 * Status: the command's; 99 when a frame counted; 98 when frames were missed,
 * so that nothing is proved; 77: not root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sink/packet_priv.h"
#include "sys/spawn.h"

#define SEEN         99
#define MISSED       98
#define FRAME_BYTES  65536
#define SETTLE_MS    200 /* a frame under way when the command ends */
#define BUFFER_BYTES (64 * 1024 * 1024)

static const struct {
	const char *address;
	int bits;
} networks[] = {
	{ "192.0.2.0", 24 },
	{ "198.51.100.0", 24 },
	{ "203.0.113.0", 24 },
	{ "198.18.0.0", 15 },
	{ "2001:db8::", 32 },
	{ "2001:2::", 48 },
};

static struct {
	const char **needles;
	int n_needles;
	FILE *out;
	int n_seen;
} watch;

static bool
same_bits(const uint8_t *a, const uint8_t *b, int bits)
{
	for (int i = 0; i < bits; i++)
		if (((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8))) != 0)
			return false;
	return true;
}

static bool
is_watched(const uint8_t *address, bool v6)
{
	uint8_t network[16];

	for (size_t i = 0; i < N_ELEMENTS(networks); i++) {
		bool six = strchr(networks[i].address, ':') != NULL;

		if (six == v6 &&
		    inet_pton(v6 ? AF_INET6 : AF_INET, networks[i].address,
			network) == 1 &&
		    same_bits(address, network, networks[i].bits))
			return true;
	}
	return false;
}

static bool
has_needle(struct str frame)
{
	for (int i = 0; i < watch.n_needles; i++)
		if (str_find(frame, str_of(watch.needles[i])) >= 0)
			return true;
	return false;
}

/* "who has X": X stands 24 bytes after the Ethernet header. */
static bool
is_watched_arp(struct str frame)
{
	return frame.n >= 42 && frame.p[12] == 8 && frame.p[13] == 6 &&
	    is_watched((const uint8_t *)frame.p + 38, false);
}

static void
see(struct str frame, int interface)
{
	char name[IF_NAMESIZE] = "?";
	char from[ENDPOINT_TEXT_SIZE] = "?", to[ENDPOINT_TEXT_SIZE] = "?";
	struct packet p = { .protocol = 0 };
	bool ip = packet_parse(frame, &p);

	if (!has_needle(frame) && !is_watched_arp(frame) &&
	    !(ip &&
		(is_watched(p.from.address, p.from.v6) ||
		    is_watched(p.to.address, p.to.v6))))
		return;
	if (ip) {
		(void)endpoint_text(&p.from, from);
		(void)endpoint_text(&p.to, to);
	}
	(void)if_indextoname((unsigned)interface, name);
	(void)fprintf(watch.out, "%s %s %s protocol %u, %zu bytes\n", name,
	    from, to, p.protocol, frame.n);
	watch.n_seen++;
}

static void
drain(int fd)
{
	static char bytes[FRAME_BYTES];
	struct sockaddr_ll from;
	socklen_t n_from;
	ssize_t n;

	for (;;) {
		n_from = sizeof(from);
		n = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &n_from);
		if (n < 0)
			return;
		if (from.sll_hatype != 772) /* ARPHRD_LOOPBACK */
			see(str_n(bytes, (size_t)n), from.sll_ifindex);
	}
}

static int
watch_command(int fd, const char *const *argv)
{
	struct spawn s = SPAWN_INIT;
	struct child c = CHILD_INIT;
	struct error err = ERROR_INIT;
	struct pollfd pfds[2] = { { fd, POLLIN, 0 }, { -1, POLLIN, 0 } };
	int status = 0;

	s.path = argv[0];
	s.argv = argv;
	if (spawn_start(&s, &c, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 127;
	}
	pfds[1].fd = c.pidfd;
	while ((pfds[1].revents & POLLIN) == 0) {
		(void)poll(pfds, 2, -1);
		drain(fd);
	}
	(void)spawn_wait(&c, -1, &status, &err);
	while (poll(pfds, 1, SETTLE_MS) > 0)
		drain(fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int
finish(int fd, int status)
{
	struct tpacket_stats st = { 0 };
	socklen_t n = sizeof(st);

	(void)fclose(watch.out);
	if (watch.n_seen != 0) {
		(void)fprintf(stderr, "%d frames got out\n", watch.n_seen);
		return SEEN;
	}
	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n) != 0 ||
	    st.tp_drops != 0) {
		(void)fprintf(stderr, "%u frames were missed\n", st.tp_drops);
		return MISSED;
	}
	return status;
}

int
main(int argc, char **argv)
{
	int size = BUFFER_BYTES, dashes = 2, fd;

	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (dashes + 1 >= argc) {
		(void)fprintf(stderr,
		    "usage: sink-watch FILE [NEEDLE...] -- COMMAND...\n");
		return 2;
	}
	if (geteuid() != 0)
		return 77;
	watch.needles = (const char **)(uintptr_t)(argv + 2);
	watch.n_needles = dashes - 2;
	watch.out = fopen(argv[1], "we");
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (watch.out == NULL || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) !=
		0) {
		(void)fprintf(stderr, "sink-watch: %s\n", strerror(errno));
		return 1;
	}
	return finish(fd,
	    watch_command(fd,
		(const char *const *)(uintptr_t)(argv + dashes + 1)));
}
