/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet socket on one interface. Without a ring: to make one, and to close
 * it, waits until all processors have let go of a socket that was never used,
 * which is longer than the start of a whole sandbox.
 */
#ifndef SINK_TAP_PRIV_H
#define SINK_TAP_PRIV_H

#include <stdint.h>
#include <time.h>

#include "base/str.h"

struct error;
struct tap;

struct tap_packet {
	struct timespec at; /* of day */
	size_t length; /* as it was sent; bytes may be fewer */
	struct str bytes; /* borrowed until the next call */
	bool ours; /* sent by the interface itself */
};

int tap_open(const char *interface, struct tap **ret, struct error *err);
void tap_free(struct tap *t); /* accepts NULL */
int tap_fd(const struct tap *t); /* readable when packets are there */
/* 1: a packet, 0: there is none. */
int tap_next(struct tap *t, struct tap_packet *ret);
/* Packets that found no room, since it was opened. */
uint64_t tap_dropped(struct tap *t);

#endif
