/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deltas: what makes one snapshot out of another, byte for byte. One zstd
 * frame whose prefix is the old file, and in front of it which files these
 * are. Made by `lazaret report snapshot --delta`, applied by `lazaret db
 * update` in a confined process.
 */
#ifndef SNAPSHOT_DELTA_H
#define SNAPSHOT_DELTA_H

#include <stdint.h>

#include "base/str.h"
#include "sys/sha256.h"

struct error;

#define DELTA_FORMAT 1

struct delta_head {
	uint8_t from[SHA256_BYTES], to[SHA256_BYTES]; /* of the whole files */
	uint64_t from_bytes, to_bytes;
};

/* out_fd: written from its beginning. */
int delta_make(struct str from, struct str to, int out_fd, struct error *err);
/* -EBADMSG: not a delta, or damaged. */
int delta_read(struct str delta, struct delta_head *ret, struct error *err);
/* -ESTALE: it is for another file than `from`. -EBADMSG: it is damaged; out_fd
 * then holds nothing of use. The result was compared with its hash. */
int delta_apply(struct str from, struct str delta, int out_fd,
    struct error *err);

#endif
