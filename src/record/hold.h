/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding back a flood. When the ring fills faster than it is read, the
 * control group is frozen until it has been emptied; that takes a moment, so
 * the kernel side itself stops each process that goes on (RECORD_HELD), while
 * there is room for one more event of every thread. Both are undone here. No
 * event is lost, and the time does not count against limits. Runs in role
 * record, eBPF alone: the other means hold every call in any case.
 */
#ifndef RECORD_HOLD_H
#define RECORD_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct channel;
struct error;
struct record_control;

enum hold_how {
	HOLD_FREEZES = 1 << 0,
	HOLD_STOPS = 1 << 1,
	HOLD_BOTH = HOLD_FREEZES | HOLD_STOPS,
	HOLD_NO_CAST = 1 << 2, /* tests: the programs as before 6.2 */
};

struct hold {
	int freeze_fd; /* cgroup.freeze, for writing; owned; -1: none */
	bool frozen;
	int64_t since; /* clock_ns(); 0: nothing is held */
	int64_t total_ns; /* held since the start */
	VEC(uint32_t) stopped; /* processes, as the host counts */
};

/* At which filling of its ring the kernel side says or does what. how: enum
 * hold_how, or-ed. */
void hold_thresholds(struct record_control *c, int64_t ring_bytes,
    unsigned how);
void hold_init(struct hold *h, int freeze_fd); /* takes it */
/* Lets everything go. */
void hold_done(struct hold *h, struct channel *keeper);
/* The ring is a quarter full. */
void hold_freeze(struct hold *h);
/* This process was stopped by the kernel side. */
void hold_stopped(struct hold *h, uint32_t pid);
/* The ring is empty. */
int hold_release(struct hold *h, struct channel *keeper, struct error *err);
/* Time held until now, ns. */
int64_t hold_total(const struct hold *h);

#endif
