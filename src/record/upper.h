/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upper layer of a sandbox's overlay: all that the run wrote, however it
 * wrote it. A walk tells what is new or different since the last one. Runs in
 * role upper: every name and byte here is hostile, so nothing is opened but
 * regular files and folders beneath the one descriptor, without following
 * links or crossing mounts.
 */
#ifndef RECORD_UPPER_H
#define RECORD_UPPER_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "record/record.h"

struct channel;
struct error;
struct upper_walker;

/* Descriptors and channel are borrowed. */
struct upper_walker *upper_walker_new(int upper_fd, const int *lower_fds,
    size_t n_lower, struct channel *facts);
void upper_walker_free(struct upper_walker *w); /* accepts NULL */
/* prefix: absolute, inside the sandbox. The longest that fits decides. */
void upper_walker_rule(struct upper_walker *w, struct str prefix,
    enum upper_keep keep);
/* Errors are those of the facts channel; what cannot be read is incomplete. */
int upper_walker_walk(struct upper_walker *w, int64_t phase,
    struct upper_result *ret, struct error *err);

/* A regular file beneath dir_fd by its path from the sandbox's root; -errno.
 * The sandbox may change the tree meanwhile: what is opened is checked. */
int upper_open_file(int dir_fd, struct str path);

/* npm's hidden lockfile as dependency facts; the count, or an error. */
int upper_tell_lock(struct str json, struct channel *facts,
    int64_t *ret_dependencies, struct error *err);

#endif
