/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding planted secrets in bytes, whatever was done to them: raw, reversed,
 * in other case, base64 (both alphabets, any alignment), base32, hex,
 * URL-coded, XORed with one byte, gzip, zlib, deflate or zstd, and these upon
 * each other; and split over several pieces. Runs in judge.
 *
 *	canary_finder_new → canary_finder_add* → canary_find* / canary_split_*
 *
 * Identities (host and user name) are looked for as whole words only.
 */
#ifndef DECOY_CANARY_FIND_H
#define DECOY_CANARY_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct canary_finder;
struct canary_split;

#define CANARY_ENCODING_SIZE 48

struct canary_match {
	int64_t canary;
	/* Outermost first, joined by '+': "base64+gzip". */
	char encoding[CANARY_ENCODING_SIZE];
	int64_t offset; /* in the bytes as given, -1: not known */
	int64_t split; /* pieces; 0: whole */
	int64_t row; /* canary_split_end(): of the last piece */
};

struct canary_matches {
	VEC(struct canary_match) list;
};

enum canary_what {
	CANARY_SECRETS = 1 << 0,
	CANARY_IDENTITIES = 1 << 1,
	CANARY_ANY = CANARY_SECRETS | CANARY_IDENTITIES,
};

/* budget: bytes looked at in all, decoded forms included. */
struct canary_finder *canary_finder_new(int64_t budget);
void canary_finder_free(struct canary_finder *f); /* accepts NULL */
void canary_finder_freep(struct canary_finder **f);
/* Values too short to mean anything (8 bytes; identities 4) are left out:
 * 1. Only before the first search. */
int canary_finder_add(struct canary_finder *f, int64_t canary, bool identity,
    struct str value);
/* Appends one match per canary, with the shortest way to it. what: enum
 * canary_what, or-ed. */
void canary_find(struct canary_finder *f, struct str bytes, unsigned what,
    struct canary_matches *out);
bool canary_finder_spent(const struct canary_finder *f);

/* Secrets in pieces of at least 8 bytes, in any order; f outlives it. */
struct canary_split *canary_split_new(struct canary_finder *f);
void canary_split_add(struct canary_split *s, int64_t row, struct str piece);
/* Appends what only several pieces together hold. Frees s. */
void canary_split_end(struct canary_split *s, struct canary_matches *out);

void canary_matches_done(struct canary_matches *m);

#endif
