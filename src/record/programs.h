/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of record.bpf.c, loaded once for many (RECORD_SHARED): up to
 * RECORD_SLOTS control groups, each with a ring, totals and a page of control
 * of its own. Runs in role loader: its holder loads, attaches and fills slots,
 * which needs rights and waits for the kernel; its door, forked after loading,
 * gives filled slots away with what it has inherited.
 */
#ifndef RECORD_PROGRAMS_H
#define RECORD_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct programs;

/* What one sandbox has for itself. Whoever holds the descriptors can read its
 * events, and nobody else's. */
struct programs_part {
	int ring_fd, totals_fd, control_fd; /* owned; -1: none */
};

#define PROGRAMS_PART_INIT \
	{ \
		-1, -1, -1 \
	}

/* Loaded, not attached. */
int programs_load(struct programs **ret, struct error *err);
void programs_free(struct programs *p); /* accepts NULL */
/* Twice is once. */
int programs_attach(struct programs *p, struct error *err);
void programs_detach(struct programs *p);
/* Makes a part of RECORD_RING_BYTES and puts it into the slot. The kernel
 * waits until no program uses what was there before: tens of ms. */
int programs_fill(struct programs *p, unsigned slot, struct programs_part *ret,
    struct error *err);
void programs_empty(struct programs *p, unsigned slot); /* waits as well */
void programs_part_done(struct programs_part *part);
/* From now on events of this v2 cgroup and those below it go to the slot. */
int programs_watch(struct programs *p, unsigned slot, int cgroup_fd,
    struct error *err);
void programs_forget(struct programs *p, unsigned slot);

#endif
