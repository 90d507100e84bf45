/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an S3-compatible store answers to ListObjectsV2: one page of keys. Read
 * in a confined process; the keys go on as messages.
 */
#ifndef REPORT_LISTING_H
#define REPORT_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct error;

#define LISTING_MAX_OBJECTS 10000 /* stores give 1000 a page */
#define LISTING_MAX_KEY     1024 /* S3's own limit */
#define LISTING_MAX_BYTES   (32u << 20)

struct listing_object {
	struct str key; /* decoded; no NUL, at most LISTING_MAX_KEY bytes */
	struct str etag, modified; /* p NULL: none */
	int64_t size;
};

struct listing {
	VEC(struct listing_object) objects; /* strings in the arena */
	bool truncated; /* there are more */
};

/* -EINVAL: is no listing (the store's own words when it sent an error). */
int listing_parse(struct arena *a, struct str xml, struct listing *ret,
    struct error *err);
void listing_done(struct listing *l);

#endif
