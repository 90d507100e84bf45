/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into a file from elsewhere in a child that has given everything up
 * but the descriptors it needs. It answers with one message.
 */
#ifndef CMD_CONFINED_H
#define CMD_CONFINED_H

#include <stddef.h>

#include "base/str.h"
#include "sys/message.h"

struct error;

/* The type of the message that the work sends when it is done; what is in it
 * is between the work and its caller. */
#define CONFINED_GOOD 1

/* In the child. On success it has sent its answer. */
typedef int (
    *confined_fn)(const void *arg, struct channel *c, struct error *err);

/* fds: what the work needs, and all that it keeps. On success *m is the
 * answer, to be taken apart and ended; c is to be done with in any case. What
 * the work returns as its error comes back as this one's. */
int confined_run(confined_fn work, const void *arg, const int *fds,
    size_t n_fds, struct channel *c, struct message *m, struct error *err);

/* Closes all descriptors above standard error but these; -1 is none. */
void confined_keep_only(const int *fds, size_t n);

/* The whole file, mapped; an empty one is an empty string. confined_unmap()
 * accepts STR_NONE. */
int confined_map(int fd, struct str *ret, struct error *err);
void confined_unmap(struct str *s);

#endif
