/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes every address and port of the world local in the sink's network
 * namespace: a rule and a local route for what comes in by the veth, and nft
 * TPROXY to one port for TCP and UDP. Runs in role sink, before lockdown.
 *
 * nft's messages are made by hand: they are few, and the libraries that make
 * them are GPL.
 */
#include "sink/net_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sink/sink.h"

#define TABLE          100 /* of routes; the namespace is ours alone */
#define RULE_PRIORITY  100
#define MANGLE         (-150)
#define REPLY_BYTES    8192
#define BATCH_BYTES    8192
#define NFT_TABLE_NAME "sink"
#define NFT_CHAIN_NAME "all"

static void
close_socket(struct mnl_socket **nl)
{
	if (*nl != NULL)
		(void)mnl_socket_close(*nl);
}

/* Reads until the kernel has acknowledged everything up to last. */
static int
wait_acks(struct mnl_socket *nl, unsigned first, unsigned last)
{
	char reply[REPLY_BYTES];
	unsigned port = mnl_socket_get_portid(nl);
	ssize_t n;

	for (unsigned seq = first; seq <= last;) {
		const struct nlmsghdr *h = (const void *)reply;
		int left;

		n = mnl_socket_recvfrom(nl, reply, sizeof(reply));
		if (n < 0)
			return -errno;
		left = (int)n;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_pid != port ||
			    h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error != 0)
				return e->error;
			seq++;
		}
	}
	return 0;
}

static int
talk(int bus, const void *p, size_t n, unsigned first, unsigned last)
{
	_cleanup_(close_socket) struct mnl_socket *nl =
	    mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, p, n) < 0)
		return -errno;
	return wait_acks(nl, first, last);
}

/* `ip rule add iif INTERFACE lookup TABLE` */
static int
add_rule(int family, const char *interface)
{
	char msg[REPLY_BYTES];
	struct nlmsghdr *h = mnl_nlmsg_put_header(msg);
	struct fib_rule_hdr *r;

	h->nlmsg_type = RTM_NEWRULE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
	h->nlmsg_seq = 1;
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->family = (uint8_t)family;
	r->table = TABLE;
	r->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(h, FRA_PRIORITY, RULE_PRIORITY);
	mnl_attr_put_strz(h, FRA_IIFNAME, interface);
	return talk(NETLINK_ROUTE, h, h->nlmsg_len, 1, 1);
}

/* `ip route add local default dev lo table TABLE` */
static int
add_route(int family)
{
	char msg[REPLY_BYTES];
	struct nlmsghdr *h = mnl_nlmsg_put_header(msg);
	struct rtmsg *r;

	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags =
	    NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK;
	h->nlmsg_seq = 1;
	r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
	r->rtm_family = (uint8_t)family;
	r->rtm_table = TABLE;
	r->rtm_protocol = RTPROT_STATIC;
	r->rtm_scope = RT_SCOPE_HOST;
	r->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(h, RTA_OIF, if_nametoindex("lo"));
	return talk(NETLINK_ROUTE, h, h->nlmsg_len, 1, 1);
}

static struct nlmsghdr *
nft_message(struct mnl_nlmsg_batch *b, unsigned type, unsigned *seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b));
	struct nfgenmsg *g;

	h->nlmsg_type = (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | type);
	h->nlmsg_flags =
	    NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK;
	h->nlmsg_seq = (*seq)++;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = NFPROTO_INET;
	g->version = NFNETLINK_V0;
	return h;
}

/* Begin and end of a transaction. */
static void
nft_bound(struct mnl_nlmsg_batch *b, uint16_t type, unsigned seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b));
	struct nfgenmsg *g;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
	(void)mnl_nlmsg_batch_next(b);
}

static void
put_be32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	mnl_attr_put_u32(h, type, htonl(v));
}

/* The two open nests of an expression. */
struct expression {
	struct nlattr *element, *data;
};

static struct expression
expression_begin(struct nlmsghdr *h, const char *name)
{
	struct expression e;

	e.element = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(h, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	return e;
}

static void
expression_end(struct nlmsghdr *h, struct expression e)
{
	mnl_attr_nest_end(h, e.data);
	mnl_attr_nest_end(h, e.element);
}

static void
put_value(struct nlmsghdr *h, uint16_t type, const void *p, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(h, type);

	mnl_attr_put(h, NFTA_DATA_VALUE, n, p);
	mnl_attr_nest_end(h, nest);
}

/* Goes on only where the packet's key has this value. */
static void
put_match(struct nlmsghdr *h, uint32_t key, const void *p, size_t n)
{
	struct expression e = expression_begin(h, "meta");

	put_be32(h, NFTA_META_KEY, key);
	put_be32(h, NFTA_META_DREG, NFT_REG_1);
	expression_end(h, e);
	e = expression_begin(h, "cmp");
	put_be32(h, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(h, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(h, NFTA_CMP_DATA, p, n);
	expression_end(h, e);
}

/* tproxy to :port; accept */
static void
put_tproxy(struct nlmsghdr *h, uint16_t port)
{
	uint16_t be = htons(port);
	struct nlattr *nest, *verdict;
	struct expression e = expression_begin(h, "immediate");

	put_be32(h, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(h, NFTA_IMMEDIATE_DATA, &be, sizeof(be));
	expression_end(h, e);
	e = expression_begin(h, "tproxy");
	put_be32(h, NFTA_TPROXY_FAMILY, NFPROTO_UNSPEC);
	put_be32(h, NFTA_TPROXY_REG_PORT, NFT_REG_1);
	expression_end(h, e);
	e = expression_begin(h, "immediate");
	put_be32(h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	nest = mnl_attr_nest_start(h, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
	put_be32(h, NFTA_VERDICT_CODE, NF_ACCEPT);
	mnl_attr_nest_end(h, verdict);
	mnl_attr_nest_end(h, nest);
	expression_end(h, e);
}

static void
put_rule(struct mnl_nlmsg_batch *b, unsigned *seq, const char *interface,
    uint8_t protocol, uint16_t port)
{
	struct nlmsghdr *h = nft_message(b, NFT_MSG_NEWRULE, seq);
	char name[IFNAMSIZ] = { 0 };
	struct nlattr *nest;

	memcpy(name, interface, strlen(interface));
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, NFT_CHAIN_NAME);
	nest = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	put_match(h, NFT_META_IIFNAME, name, sizeof(name));
	put_match(h, NFT_META_L4PROTO, &protocol, sizeof(protocol));
	put_tproxy(h, port);
	mnl_attr_nest_end(h, nest);
	(void)mnl_nlmsg_batch_next(b);
}

static int
add_tproxy(const char *interface, uint16_t port)
{
	char bytes[BATCH_BYTES];
	struct mnl_nlmsg_batch *b =
	    mnl_nlmsg_batch_start(bytes, sizeof(bytes) / 2);
	struct nlmsghdr *h;
	struct nlattr *nest;
	unsigned seq = 1;
	int rc;

	if (b == NULL)
		return -ENOMEM;
	nft_bound(b, NFNL_MSG_BATCH_BEGIN, 0);
	h = nft_message(b, NFT_MSG_NEWTABLE, &seq);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, NFT_TABLE_NAME);
	(void)mnl_nlmsg_batch_next(b);
	h = nft_message(b, NFT_MSG_NEWCHAIN, &seq);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, NFT_TABLE_NAME);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, NFT_CHAIN_NAME);
	nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	put_be32(h, NFTA_HOOK_HOOKNUM, NF_INET_PRE_ROUTING);
	put_be32(h, NFTA_HOOK_PRIORITY, (uint32_t)MANGLE);
	mnl_attr_nest_end(h, nest);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	put_be32(h, NFTA_CHAIN_POLICY, NF_ACCEPT);
	(void)mnl_nlmsg_batch_next(b);
	put_rule(b, &seq, interface, IPPROTO_TCP, port);
	put_rule(b, &seq, interface, IPPROTO_UDP, port);
	nft_bound(b, NFNL_MSG_BATCH_END, seq);
	rc = talk(NETLINK_NETFILTER, mnl_nlmsg_batch_head(b),
	    mnl_nlmsg_batch_size(b), 1, seq - 1);
	mnl_nlmsg_batch_stop(b);
	return rc;
}

/* What a new namespace may have inherited from the host. Failure is no harm:
 * there is no second interface to forward to. */
static void
set_sysctls(const char *interface)
{
	static const struct {
		const char *file, *value;
	} rows[] = {
		{ "/proc/sys/net/ipv4/ip_forward", "0" },
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0" },
		{ "/proc/sys/net/ipv6/conf/all/forwarding", "0" },
	};
	char path[128];
	int fd;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		fd = open(rows[i].file, O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, rows[i].value, 1) < 0)
			errno = 0;
		closep(&fd);
	}
	(void)snprintf(path, sizeof(path),
	    "/proc/sys/net/ipv4/conf/%s/rp_filter", interface);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		errno = 0;
	closep(&fd);
}

int
net_join(int netns_fd, const char *interface, struct error *err)
{
	if (strlen(interface) >= IFNAMSIZ ||
	    strspn(interface,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_") != strlen(interface))
		return error_set(err, -EINVAL,
		    "sink: \"%s\" is no interface name", interface);
	if (setns(netns_fd, CLONE_NEWNET) != 0)
		return error_errno(err, "sink: joining its network namespace");
	if (if_nametoindex(interface) == 0)
		return error_errno(err, "sink: interface %s", interface);
	return 0;
}

static int
route_all(const char *interface, struct error *err)
{
	static const struct {
		int family;
		const char *name;
	} families[] = { { AF_INET, "IPv4" }, { AF_INET6, "IPv6" } };
	int rc;

	set_sysctls(interface);
	for (size_t i = 0; i < N_ELEMENTS(families); i++) {
		rc = add_route(families[i].family);
		if (rc == 0)
			rc = add_rule(families[i].family, interface);
		if (rc != 0)
			return error_set(err, rc,
			    "sink: routing all of %s to itself: %s",
			    families[i].name, strerror(-rc));
	}
	return 0;
}

int
net_take_all(const char *interface, struct net *n, struct error *err)
{
	struct error other = ERROR_INIT;
	int rc = route_all(interface, err);

	if (rc != 0)
		return rc;
	rc = add_tproxy(interface, n->port);
	if (rc == 0 || net_look_up(n, &other) == 0)
		return 0;
	return error_set(err, rc,
	    "sink: nothing brings every address here: nft tproxy: %s "
	    "(modules nf_tables, nft_tproxy); %s",
	    strerror(-rc), other.msg);
}

/* --- what this host can --- */

static int
put_lo_up(struct error *err)
{
	_cleanup_(closep) int fd =
	    socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &up) != 0)
		return error_errno(err, "sink: interface lo");
	return 0;
}

int
sink_host_has_tproxy(struct error *err)
{
	int rc = put_lo_up(err);

	if (rc == 0)
		rc = route_all("lo", err);
	if (rc == 0)
		rc = add_tproxy("lo", 1);
	return rc == 0 ?
	    0 :
	    error_set(err, rc, "nft tproxy: %s (modules nf_tables, nft_tproxy)",
		strerror(-rc));
}

int
sink_host_has_lookup(struct error *err)
{
	struct net n = NET_INIT;
	int rc = put_lo_up(err);

	if (rc == 0)
		rc = net_open(&n, err);
	if (rc == 0)
		rc = net_look_up(&n, err);
	net_close(&n);
	return rc;
}

/* Floods: more room, and what found none is counted (udp.c). */
static void
set_receive_buffer(int fd)
{
	int size = LIMIT_SINK_DATAGRAMS_BYTES, one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
}

/* One socket of the four: transparent, on port (0: any). */
static int
listener(int family, int type, uint16_t *port, struct error *err)
{
	_cleanup_(closep) int fd =
	    socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { 0 };
	socklen_t n =
	    family == AF_INET ? sizeof(a.in) : (socklen_t)sizeof(a.in6);
	int one = 1, level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;

	a.any.sa_family = (sa_family_t)family;
	/* The port lies at the same place in both. */
	a.in.sin_port = htons(*port);
	if (fd < 0 ||
	    setsockopt(fd, level,
		family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one,
		sizeof(one)) != 0 ||
	    (family == AF_INET6 &&
		setsockopt(fd, level, IPV6_V6ONLY, &one, sizeof(one)) != 0) ||
	    (type == SOCK_DGRAM &&
		setsockopt(fd, level,
		    family == AF_INET ? IP_RECVORIGDSTADDR :
					IPV6_RECVORIGDSTADDR,
		    &one, sizeof(one)) != 0) ||
	    bind(fd, &a.any, n) != 0 ||
	    (type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0) ||
	    getsockname(fd, &a.any, &n) != 0)
		return error_errno(err, "sink: opening a listener");
	*port = ntohs(a.in.sin_port);
	if (type == SOCK_DGRAM)
		set_receive_buffer(fd);
	return steal_fd(&fd);
}

/* Sends with any source address and port; kept after the rights are gone. */
static int
raw_socket(int family, struct error *err)
{
	int one = 1;
	int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    IPPROTO_RAW);

	if (fd < 0)
		return error_errno(err, "sink: raw socket");
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one)) !=
		0) {
		int rc = error_errno(err, "sink: raw socket");

		(void)close(fd);
		return rc;
	}
	return fd;
}

int
net_open(struct net *n, struct error *err)
{
	static const struct {
		int family, type;
	} rows[NET__MAX] = {
		[NET_TCP4] = { AF_INET, SOCK_STREAM },
		[NET_TCP6] = { AF_INET6, SOCK_STREAM },
		[NET_UDP4] = { AF_INET, SOCK_DGRAM },
		[NET_UDP6] = { AF_INET6, SOCK_DGRAM },
	};

	n->port = 0;
	for (int i = 0; i < NET__MAX; i++) {
		n->fds[i] =
		    listener(rows[i].family, rows[i].type, &n->port, err);
		if (n->fds[i] < 0)
			return n->fds[i];
	}
	n->raw4 = raw_socket(AF_INET, err);
	n->raw6 = n->raw4 < 0 ? n->raw4 : raw_socket(AF_INET6, err);
	return n->raw6 < 0 ? n->raw6 : 0;
}

void
net_close(struct net *n)
{
	for (int i = 0; i < NET__MAX; i++)
		closep(&n->fds[i]);
	closep(&n->raw4);
	closep(&n->raw6);
	closep(&n->lookup);
}
