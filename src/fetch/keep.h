/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive store and the cache of registry documents, on disk:
 *
 *	BLOBS/ab/abcd…			an archive, named by its SHA-256
 *	CACHE/archive/<hash of key>	text: the SHA-256 of the blob
 *	CACHE/document/<hash of key>	header of KEEP_HEADER_BYTES, document
 *
 * The time of modification of a document is when the registry last confirmed
 * it. Files are made aside, synced and renamed, so that two runs at once see
 * whole files or none. A blob is never written in place: a hard link to it
 * keeps what it had. Used by role keep (and by the supervisor for local
 * archives); who reads a blob compares its hash.
 */
#ifndef FETCH_KEEP_H
#define FETCH_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "fetch/protocol.h"
#include "sys/sha256.h"

struct error;

#define KEEP_HEADER_BYTES 1024
#define KEEP_TAG_SIZE     513 /* longest ETag that is kept, with the NUL */

struct keep {
	int blobs, cache; /* folders; borrowed */
};

struct keep_found {
	int fd; /* owned */
	int64_t offset, size, age_ms;
	char tag[KEEP_TAG_SIZE];
};

/* 0 found; -ENOENT. */
int keep_get(const struct keep *k, enum keep_kind kind, struct str key,
    struct keep_found *ret, struct error *err);
/* All bytes of fd from its beginning. Archives: tag is their SHA-256, checked
 * here (-EBADMSG). */
int keep_put(const struct keep *k, enum keep_kind kind, struct str key,
    struct str tag, int fd, struct error *err);
int keep_touch(const struct keep *k, enum keep_kind kind, struct str key,
    struct error *err);
/* A blob alone; ret_sha256 is its name. */
int keep_blob(const struct keep *k, int fd, char ret_sha256[SHA256_HEX_SIZE],
    int64_t *ret_size, struct error *err);
/* Makes the folders below it that keep needs. */
int keep_prepare(const struct keep *k, struct error *err);

#endif
