/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's side of a BPF ring, mapped piece by piece as it fills: mapping
 * all of 32 MiB (twice, as rings are) costs more than all else that role record
 * does for a short command. Runs in role record, also after its lockdown.
 */
#ifndef RECORD_RING_H
#define RECORD_RING_H

#include <stdint.h>

#include "base/str.h"

struct error;
struct ring;

/* The longest event, with what the kernel puts before it. */
#define RING_EVENT_BYTES 65536u

/* fd: of the map; borrowed. bytes: a power of two of at least a page. */
int ring_new(int fd, int64_t bytes, struct ring **ret, struct error *err);
void ring_free(struct ring *r); /* accepts NULL */
/* Readable when the kernel side calls. */
int ring_fd(const struct ring *r);
/* Calls take() for each event until there is none; stops at its first
 * negative result and returns it. Whatever take() was given is taken. */
typedef int (*ring_take_fn)(void *context, struct str event);
int ring_drain(struct ring *r, ring_take_fn take, void *context);

#endif
