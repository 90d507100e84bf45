/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What fanotify says about the sandbox's root: which names were made, written,
 * moved, deleted and executed, whoever did it and however. A view of its own,
 * to hold against the recorder's. Runs in role upper.
 */
#ifndef RECORD_SEEN_H
#define RECORD_SEEN_H

#include <stdint.h>

struct channel;
struct error;
struct seen;

/* root_fd: the merged root; borrowed. Needs CAP_SYS_ADMIN; -errno where the
 * kernel or the file system cannot do it. */
int seen_new(int root_fd, struct seen **ret, struct error *err);
void seen_free(struct seen *s); /* accepts NULL */
int seen_fd(const struct seen *s); /* to poll for POLLIN */
/* Everything that is there: how many events. Needs CAP_DAC_READ_SEARCH. */
int64_t seen_take(struct seen *s);
/* What was seen since the last time, as facts of this phase. */
int seen_tell(struct seen *s, int64_t phase, struct channel *facts,
    int64_t *ret_events, int64_t *ret_dropped, struct error *err);

#endif
