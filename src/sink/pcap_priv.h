/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of packets as every tool reads it. Written here and not by libpcap:
 * that brings nine libraries to write forty bytes, and a process is started
 * for each run.
 */
#ifndef SINK_PCAP_PRIV_H
#define SINK_PCAP_PRIV_H

#include <stdio.h>

struct error;
struct tap_packet;

/* What a packet takes besides its bytes. */
#define PCAP_PACKET_BYTES 16

/* fd: borrowed. */
int pcap_open(int fd, FILE **ret, struct error *err);
/* The first n bytes of p. */
void pcap_write(FILE *f, const struct tap_packet *p, size_t n);

#endif
