/* SPDX-License-Identifier: Apache-2.0 */
/* What rtnetlink is told. Runs in supervisors. */
#include "sandbox/net.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/netlink.h"
#include "sandbox/sandbox.h"

/* In a new namespace loopback is 1; what we make is told to be 2. */
#define LOOPBACK_INDEX 1
#define VETH_INDEX     2

struct mac {
	uint8_t byte[6];
};

/* One end of the veth: its own addresses, and those of the other end. */
struct end {
	const char *address4, *address6, *peer4, *peer6;
	int prefix4, prefix6;
	struct mac mac, peer_mac;
	bool default_route;
};

static unsigned
pair(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void
net_draw(struct sandbox_network_info *ret)
{
	uint8_t r[16] = { 0 };
	unsigned host;

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		fatal("getrandom failed");
	*ret = (struct sandbox_network_info){ .prefix4 = 24, .prefix6 = 64 };
	(void)snprintf(ret->interface, sizeof(ret->interface), "eth0");
	(void)snprintf(ret->sink_interface, sizeof(ret->sink_interface),
	    "sink0");
	/* 10/8 without the ends of each /24; fd00::/8 as RFC 4193 draws it. */
	host = 20 + r[2] % 200;
	(void)snprintf(ret->address4, sizeof(ret->address4), "10.%u.%u.%u",
	    r[0], r[1], host);
	(void)snprintf(ret->sink_address4, sizeof(ret->sink_address4),
	    "10.%u.%u.1", r[0], r[1]);
	(void)snprintf(ret->address6, sizeof(ret->address6),
	    "fd%02x:%x:%x:%x::%x", r[3], pair(r + 4), pair(r + 6), pair(r + 8),
	    host);
	(void)snprintf(ret->sink_address6, sizeof(ret->sink_address6),
	    "fd%02x:%x:%x:%x::1", r[3], pair(r + 4), pair(r + 6), pair(r + 8));
}

static void
put_up(struct netlink *b, int index)
{
	struct nlmsghdr *h = netlink_begin(b, RTM_NEWLINK, 0);
	struct ifinfomsg *m = netlink_put_header(h, sizeof(*m));

	m->ifi_index = index;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	netlink_end(b, h);
}

static size_t
put_ip(struct nlmsghdr *h, uint16_t attribute, int family, const char *text)
{
	uint8_t bytes[16];
	size_t n = family == AF_INET ? 4 : 16;

	if (inet_pton(family, text, bytes) != 1)
		fatal("net: %s is not an address", text);
	netlink_put(h, attribute, n, bytes);
	return n;
}

static void
put_address(struct netlink *b, int family, const char *text, int prefix)
{
	struct nlmsghdr *h =
	    netlink_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *m = netlink_put_header(h, sizeof(*m));

	m->ifa_family = (uint8_t)family;
	m->ifa_prefixlen = (uint8_t)prefix;
	m->ifa_index = VETH_INDEX;
	/* At once usable: nobody else can have it. */
	m->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
	(void)put_ip(h, IFA_LOCAL, family, text);
	(void)put_ip(h, IFA_ADDRESS, family, text);
	netlink_end(b, h);
}

static void
put_default_route(struct netlink *b, int family, const char *gateway)
{
	struct nlmsghdr *h =
	    netlink_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *m = netlink_put_header(h, sizeof(*m));

	m->rtm_family = (uint8_t)family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	(void)put_ip(h, RTA_GATEWAY, family, gateway);
	netlink_put_u32(h, RTA_OIF, VETH_INDEX);
	netlink_end(b, h);
}

static void
put_neighbour(struct netlink *b, int family, const char *text, struct mac mac)
{
	struct nlmsghdr *h =
	    netlink_begin(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *m = netlink_put_header(h, sizeof(*m));

	m->ndm_family = (uint8_t)family;
	m->ndm_ifindex = VETH_INDEX;
	m->ndm_state = NUD_PERMANENT;
	(void)put_ip(h, NDA_DST, family, text);
	netlink_put(h, NDA_LLADDR, sizeof(mac.byte), mac.byte);
	netlink_end(b, h);
}

/* By itself, the kernel makes one for each processor and takes all but one
 * away again, which waits for all processors (netif_set_real_num_tx_queues). */
static void
put_queues(struct nlmsghdr *h)
{
	netlink_put_u32(h, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(h, IFLA_NUM_RX_QUEUES, 1);
}

/* In the sink's namespace; the other end is born in the sandbox's. */
static void
put_veth(struct netlink *b, const struct sandbox_network_info *info,
    const struct end *sink, const struct end *inside, int inside_netns)
{
	struct nlmsghdr *h =
	    netlink_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct ifinfomsg *m = netlink_put_header(h, sizeof(*m));
	struct nlattr *link, *data, *peer;

	m->ifi_index = VETH_INDEX;
	netlink_put_strz(h, IFLA_IFNAME, info->sink_interface);
	netlink_put(h, IFLA_ADDRESS, 6, sink->mac.byte);
	put_queues(h);
	link = netlink_nest(h, IFLA_LINKINFO);
	netlink_put_strz(h, IFLA_INFO_KIND, "veth");
	data = netlink_nest(h, IFLA_INFO_DATA);
	peer = netlink_nest(h, VETH_INFO_PEER);
	m = netlink_put_header(h, sizeof(*m));
	m->ifi_index = VETH_INDEX;
	netlink_put_strz(h, IFLA_IFNAME, info->interface);
	netlink_put(h, IFLA_ADDRESS, 6, inside->mac.byte);
	put_queues(h);
	netlink_put_u32(h, IFLA_NET_NS_FD, (uint32_t)inside_netns);
	netlink_nest_end(h, peer);
	netlink_nest_end(h, data);
	netlink_nest_end(h, link);
	netlink_end(b, h);
}

static void
put_end(struct netlink *b, const struct end *e)
{
	put_up(b, VETH_INDEX);
	put_address(b, AF_INET, e->address4, e->prefix4);
	put_address(b, AF_INET6, e->address6, e->prefix6);
	/* No ARP, no neighbour discovery: nothing to wait for, and nothing in
	 * the capture but what the package sends. */
	put_neighbour(b, AF_INET, e->peer4, e->peer_mac);
	put_neighbour(b, AF_INET6, e->peer6, e->peer_mac);
	if (!e->default_route)
		return;
	put_default_route(b, AF_INET, e->peer4);
	put_default_route(b, AF_INET6, e->peer6);
}

static struct mac
draw_mac(void)
{
	struct mac m;

	if (getrandom(m.byte, sizeof(m.byte), 0) != (ssize_t)sizeof(m.byte))
		fatal("getrandom failed");
	m.byte[0] = (uint8_t)((m.byte[0] & 0xfc) | 2); /* local, unicast */
	return m;
}

static int
connect_ends(struct netlink *inside, struct netlink *sink, int inside_netns,
    const struct sandbox_network_info *info, struct error *err)
{
	struct end in = { info->address4, info->address6, info->sink_address4,
		info->sink_address6, info->prefix4, info->prefix6, draw_mac(),
		draw_mac(), true };
	struct end out = { info->sink_address4, info->sink_address6,
		info->address4, info->address6, info->prefix4, info->prefix6,
		in.peer_mac, in.mac, false };
	int rc;

	put_up(sink, LOOPBACK_INDEX);
	put_veth(sink, info, &out, &in, inside_netns);
	put_end(sink, &out);
	rc = netlink_run(sink, "of the sink", err);
	if (rc != 0)
		return rc;
	put_up(inside, LOOPBACK_INDEX);
	put_end(inside, &in);
	return netlink_run(inside, "of the sandbox", err);
}

/* The process goes into a new namespace; a socket made there stays there. */
static int
new_namespace(int *ret_fd, struct netlink *b, struct error *err)
{
	if (unshare(CLONE_NEWNET) != 0)
		return error_errno(err, "cannot make a network namespace");
	*ret_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*ret_fd < 0)
		return error_errno(err, "/proc/self/ns/net");
	return netlink_open(b, err);
}

/* Ends in the last one that it makes. */
static int
make_both(struct net *n, struct netlink *inside, struct netlink *sink,
    const struct sandbox_network_info *info, struct error *err)
{
	int rc = new_namespace(&n->inside, inside, err);

	return rc == 0 && info != NULL ? new_namespace(&n->sink, sink, err) :
					 rc;
}

static int
set_up(const struct net *n, struct netlink *inside, struct netlink *sink,
    const struct sandbox_network_info *info, struct error *err)
{
	if (info != NULL)
		return connect_ends(inside, sink, n->inside, info, err);
	put_up(inside, LOOPBACK_INDEX);
	return netlink_run(inside, "of the sandbox", err);
}

int
net_make(struct net *n, const struct sandbox_network_info *info,
    struct error *err)
{
	struct netlink inside = { .fd = -1 }, sink = { .fd = -1 };
	int rc;

	assert(n->home < 0 && n->inside < 0);
	n->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (n->home < 0)
		return error_errno(err, "/proc/self/ns/net");
	rc = make_both(n, &inside, &sink, info, err);
	net_leave(n);
	if (rc == 0)
		rc = set_up(n, &inside, &sink, info, err);
	netlink_close(&inside);
	netlink_close(&sink);
	return rc;
}

int
net_make_here(struct net *n, const struct sandbox_network_info *info,
    struct error *err)
{
	struct netlink inside = { .fd = -1 }, sink = { .fd = -1 };
	int rc = make_both(n, &inside, &sink, info, err);

	if (rc == 0)
		rc = set_up(n, &inside, &sink, info, err);
	netlink_close(&inside);
	netlink_close(&sink);
	return rc;
}

int
net_enter(const struct net *n, struct error *err)
{
	if (setns(n->inside, CLONE_NEWNET) != 0)
		return error_errno(err, "cannot enter the network namespace");
	return 0;
}

void
net_leave(const struct net *n)
{
	/* To go on in the wrong namespace would be to run somewhere else. */
	if (setns(n->home, CLONE_NEWNET) != 0)
		fatal("cannot return to the network namespace of the host");
}

void
net_done(struct net *n)
{
	closep(&n->answer);
	if (n->maker > 0)
		(void)waitpid(n->maker, NULL, 0);
	n->maker = 0;
	closep(&n->home);
	closep(&n->inside);
	closep(&n->sink);
}
