/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side: loaded, attached, given a control group, read. Runs in
 * role record; load_new() needs rights (CAP_BPF, CAP_PERFMON or root), what
 * follows only the maps that are already open. Programs that role loader has
 * loaded are read in the same way (load_of_part()).
 */
#ifndef RECORD_LOAD_H
#define RECORD_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "record/event.h"

struct error;
struct load; /* detached when it goes */

/* ring_bytes: a power of two of at least a page. how: enum hold_how, or-ed. */
int load_new(int64_t ring_bytes, unsigned how, struct load **ret,
    struct error *err);
/* What role loader gave for our control group, which it watches already:
 * ring of RECORD_RING_BYTES, totals, control. Takes the descriptors. */
int load_of_part(const int fds[3], unsigned how, struct load **ret,
    struct error *err);
void load_free(struct load *l); /* accepts NULL */
/* Own programs alone. From now on events of this v2 cgroup and those below it
 * are told. */
int load_watch(struct load *l, int cgroup_fd, struct error *err);
/* Readable when the kernel side wants to be read at once. */
int load_fd(const struct load *l);
/* Calls take() for each event that is there until the ring is empty; stops
 * at its first negative result and returns it. */
typedef int (*load_take_fn)(void *context, struct str event);
int load_drain(struct load *l, load_take_fn take, void *context);
uint64_t load_dropped(const struct load *l);
/* The ring fills faster than it is read. load_eased(): it is empty. */
bool load_pressed(const struct load *l);
void load_eased(struct load *l);
int load_take_total(struct load *l, const struct record_io_key *key,
    struct record_io *ret); /* -ENOENT */
int load_any_total(struct load *l, struct record_io_key *ret); /* -ENOENT */

#endif
