/* SPDX-License-Identifier: Apache-2.0 */
/* An Ethernet frame, as far as the sink cares: who talks what to whom. */
#ifndef SINK_PACKET_PRIV_H
#define SINK_PACKET_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sink/endpoint_priv.h"

struct packet {
	uint8_t source_mac[6];
	struct endpoint from, to; /* ports stay 0 */
	uint8_t protocol; /* IPPROTO_ of what is inside */
	int icmp_type; /* -1: no ICMP, or cut */
	uint16_t length; /* of the IP packet, as it says */
	struct str payload; /* what follows the IP header, as captured */
};

/* False: no IP packet. frame may be cut short. */
bool packet_parse(struct str frame, struct packet *ret);
/* Neighbour discovery and the like: the kernel's own talk. */
bool packet_is_housekeeping(const struct packet *p);

#endif
