/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams: DNS is answered, everything else recorded as a conversation. */
#ifndef SINK_UDP_PRIV_H
#define SINK_UDP_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct endpoint;
struct udp;
struct world;

struct udp *udp_new(void);
void udp_free(struct udp *u); /* accepts NULL; all conversations are over */
/* One datagram off the listener; false: none is there. */
bool udp_receive(struct world *w, int listener_fd);
void udp_tick(struct world *w, int64_t now_ns);
void udp_close_all(struct world *w);
/* Writes the row of a DNS question. */
void udp_see_question(struct world *w, int64_t connection, struct str transport,
    const struct endpoint *resolver, struct str name, struct str type,
    struct str answer);

/* An IP packet with one datagram from one end to the other, for a raw socket;
 * its length, or 0 when it does not fit. */
size_t udp_packet(const struct endpoint *from, const struct endpoint *to,
    struct str bytes, uint8_t *ret, size_t size);
/* The Internet checksum (RFC 1071): big-endian words added up, then ended. */
uint32_t udp_sum_words(uint32_t sum, const uint8_t *p, size_t n);
uint16_t udp_sum_end(uint32_t sum);

#endif
