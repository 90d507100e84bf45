/* SPDX-License-Identifier: Apache-2.0 */
/* AF_PACKET, one call a packet. Runs in role sink; opened before lockdown. */
#include "sink/tap_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"

/* Frames of ours, archives of the relay, are cut to this; they count as a
 * whole against the buffer, though, and come up to 64 KiB large. */
#define OURS_SNAP_BYTES 4096u
#define BUFFER_BYTES    (64 * MIB)

struct tap {
	int fd; /* owned */
	uint8_t mac[6]; /* of the interface */
	uint64_t dropped;
	bool small; /* the buffer is what everybody may have */
	char bytes[LIMIT_SINK_SNAP_BYTES];
};

static int
find_mac(struct tap *t, const char *interface, struct error *err)
{
	struct ifreq r = { 0 };

	(void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", interface);
	if (ioctl(t->fd, SIOCGIFHWADDR, &r) != 0)
		return error_errno(err, "sink: address of %s", interface);
	if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return error_set(err, -EIO,
		    "sink: packet capture: not an Ethernet interface");
	memcpy(t->mac, r.ifr_hwaddr.sa_data, sizeof(t->mac));
	return 0;
}

/* A buffer of this size takes the host's root; others get net.core.rmem_max. */
static int
set_buffer(struct tap *t, struct error *err)
{
	int size = BUFFER_BYTES;

	if (setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		sizeof(size)) == 0)
		return 0;
	t->small = errno == EPERM;
	if (!t->small ||
	    setsockopt(t->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0)
		return error_errno(err, "sink: packet capture: buffer");
	return 0;
}

/* Ours are cut in the kernel already: archives of the relay come in frames of
 * 64 KiB, faster than they can be copied. A small buffer has no room even for
 * that: there, large ones of ours, which are known anyway, are left out. */
static int
set_filter(struct tap *t, struct error *err)
{
	const uint8_t *m = t->mac;
	uint32_t high = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 |
	    (uint32_t)m[2] << 8 | m[3];
	uint32_t low = (uint32_t)m[4] << 8 | m[5];
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, high, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 10),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, low, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K,
		    t->small ? OURS_SNAP_BYTES : UINT32_MAX, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, OURS_SNAP_BYTES),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, LIMIT_SINK_SNAP_BYTES),
	};
	struct sock_fprog program = { N_ELEMENTS(code), code };

	if (setsockopt(t->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		sizeof(program)) != 0)
		return error_errno(err, "sink: packet capture: filter");
	return 0;
}

/* The socket hears nothing before its protocol is given here. */
static int
listen_to(struct tap *t, const char *interface, struct error *err)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface) };
	int one = 1;

	if (setsockopt(t->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) !=
		0 ||
	    setsockopt(t->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) !=
		0 ||
	    bind(t->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		return error_errno(err, "sink: packet capture on %s",
		    interface);
	return 0;
}

static void
freep_tap(struct tap **t)
{
	tap_free(*t);
}

int
tap_open(const char *interface, struct tap **ret, struct error *err)
{
	_cleanup_(freep_tap) struct tap *t = mem_alloc(sizeof(*t));
	int rc;

	t->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return error_errno(err, "sink: packet capture");
	rc = find_mac(t, interface, err);
	if (rc == 0)
		rc = set_buffer(t, err);
	if (rc == 0)
		rc = set_filter(t, err);
	if (rc == 0)
		rc = listen_to(t, interface, err);
	if (rc != 0)
		return rc;
	*ret = steal(&t);
	return 0;
}

void
tap_free(struct tap *t)
{
	/* The socket ends with the process: closing it waits for all
	 * processors, and the supervisor for us. */
	free(t);
}

int
tap_fd(const struct tap *t)
{
	return t->fd;
}

/* When it came, and how long it was before it was cut. */
static void
read_control(struct msghdr *m, struct tap_packet *p)
{
	struct tpacket_auxdata aux;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPNS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(p->at)))
			memcpy(&p->at, CMSG_DATA(c), sizeof(p->at));
		if (c->cmsg_level == SOL_PACKET &&
		    c->cmsg_type == PACKET_AUXDATA &&
		    c->cmsg_len >= CMSG_LEN(sizeof(aux))) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			p->length = aux.tp_len;
		}
	}
}

int
tap_next(struct tap *t, struct tap_packet *ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timespec)) +
		    CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec v = { t->bytes, sizeof(t->bytes) };
	struct msghdr m = { .msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control) };
	struct tap_packet p = { 0 };
	ssize_t n;

	do
		n = recvmsg(t->fd, &m, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return 0;
	p.bytes = str_n(t->bytes, (size_t)n);
	p.length = (size_t)n;
	read_control(&m, &p);
	p.ours = p.bytes.n >= 12 &&
	    memcmp(p.bytes.p + 6, t->mac, sizeof(t->mac)) == 0;
	*ret = p;
	return 1;
}

uint64_t
tap_dropped(struct tap *t)
{
	struct tpacket_stats now = { 0 };
	socklen_t n = sizeof(now);

	/* Counts from zero again with each question. */
	if (getsockopt(t->fd, SOL_PACKET, PACKET_STATISTICS, &now, &n) == 0)
		t->dropped += now.tp_drops;
	return t->dropped;
}
