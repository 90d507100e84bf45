/* SPDX-License-Identifier: Apache-2.0 */
/* Insides of the canary finder. */
#ifndef DECOY_CANARY_FIND_PRIV_H
#define DECOY_CANARY_FIND_PRIV_H

#include "base/buf.h"
#include "decoy/canary-find.h"

/* Shorter values are not looked for: they turn up by chance. */
#define MIN_SECRET   8
#define MIN_IDENTITY 4

/* One form of one canary. */
struct needle {
	char *p; /* owned */
	size_t n;
	int64_t canary;
	const char *encoding;
	bool identity, word; /* word: nothing alphanumeric around it */
	int next; /* with the same block; -1: last */
};

/* Many needles at once, by Wu and Manber: blocks of 3 bytes, hashed. */
#define MATCHER_BITS 18
struct matcher {
	VEC(struct needle) needles;
	size_t shortest;
	uint8_t *shift; /* 1 << MATCHER_BITS; made at the first search */
	int *heads;
};

struct canary_finder {
	uint32_t magic;
	struct matcher secrets, identities;
	struct matcher deltas; /* differences of neighbours: any one-byte XOR */
	struct gram_index *grams; /* of the secrets; NULL: not made yet */
	int64_t budget;
	bool spent;
};

void gram_index_free(struct gram_index *x); /* accepts NULL */

void needle_add(struct matcher *m, int64_t canary, bool identity,
    const char *encoding, struct str bytes);
/* All forms in which a value is looked for. */
void needles_make(struct canary_finder *f, int64_t canary, bool identity,
    struct str value);
void matcher_done(struct matcher *m);

/* Decoded forms of bytes, as far as there are any: out is reset first; false
 * when there is nothing of the kind. */
bool decode_url(struct str in, struct buf *out);
bool decode_hex(struct str in, int alignment, struct buf *out);
bool decode_base64(struct str in, int alignment, struct buf *out);
/* What begins at offset *at or later and can be unpacked; *at moves on. */
bool decode_packed(struct str in, size_t *at, struct buf *out,
    const char **ret_name);
bool decode_deflate(struct str in, struct buf *out);

#endif
