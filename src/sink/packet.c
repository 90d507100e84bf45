/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the veth. Runs in role sink. */
#include "sink/packet_priv.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define ETHERNET_BYTES 14u
#define ETHERTYPE_IP4  0x0800u
#define ETHERTYPE_IP6  0x86ddu
#define IPV4_BYTES     20u
#define IPV6_BYTES     40u
#define MAX_EXTENSIONS 8
#define MLD2_REPORT    143

static uint16_t
be16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static bool
parse_ip4(struct str s, struct packet *p)
{
	size_t head;

	if (s.n < IPV4_BYTES || (s.p[0] & 0xf0) != 0x40)
		return false;
	head = (size_t)(s.p[0] & 0x0f) * 4;
	if (head < IPV4_BYTES || head > s.n)
		return false;
	p->length = be16(s.p + 2);
	p->protocol = (uint8_t)s.p[9];
	memcpy(p->from.address, s.p + 12, 4);
	memcpy(p->to.address, s.p + 16, 4);
	p->payload = str_sub(s, head, s.n);
	return true;
}

static bool
is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	    next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT;
}

static bool
parse_ip6(struct str s, struct packet *p)
{
	uint8_t next;

	if (s.n < IPV6_BYTES || (s.p[0] & 0xf0) != 0x60)
		return false;
	p->from.v6 = p->to.v6 = true;
	p->length = (uint16_t)(be16(s.p + 4) + IPV6_BYTES);
	next = (uint8_t)s.p[6];
	memcpy(p->from.address, s.p + 8, 16);
	memcpy(p->to.address, s.p + 24, 16);
	s = str_sub(s, IPV6_BYTES, s.n);
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(next) && s.n >= 8;
	     i++) {
		size_t n = next == IPPROTO_FRAGMENT ?
		    8 :
		    ((size_t)(uint8_t)s.p[1] + 1) * 8;

		next = (uint8_t)s.p[0];
		s = str_sub(s, n, s.n);
	}
	p->protocol = next;
	p->payload = s;
	return true;
}

bool
packet_parse(struct str frame, struct packet *ret)
{
	struct packet p = { .icmp_type = -1 };
	struct str rest;
	uint16_t type;
	bool ok;

	if (frame.n < ETHERNET_BYTES)
		return false;
	memcpy(p.source_mac, frame.p + 6, sizeof(p.source_mac));
	type = be16(frame.p + 12);
	rest = str_sub(frame, ETHERNET_BYTES, frame.n);
	if (type != ETHERTYPE_IP4 && type != ETHERTYPE_IP6)
		return false;
	ok = type == ETHERTYPE_IP4 ? parse_ip4(rest, &p) : parse_ip6(rest, &p);
	if (!ok)
		return false;
	if ((p.protocol == IPPROTO_ICMP || p.protocol == IPPROTO_ICMPV6) &&
	    p.payload.n != 0)
		p.icmp_type = (uint8_t)p.payload.p[0];
	*ret = p;
	return true;
}

bool
packet_is_housekeeping(const struct packet *p)
{
	if (p->protocol == IPPROTO_IGMP)
		return true;
	if (p->protocol == IPPROTO_ICMP)
		return p->icmp_type == ICMP_DEST_UNREACH;
	if (p->protocol != IPPROTO_ICMPV6)
		return false;
	return p->icmp_type == ICMP6_DST_UNREACH ||
	    p->icmp_type == MLD2_REPORT ||
	    (p->icmp_type >= MLD_LISTENER_QUERY && p->icmp_type <= ND_REDIRECT);
}
