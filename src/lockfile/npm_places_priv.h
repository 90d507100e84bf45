/* SPDX-License-Identifier: Apache-2.0 */
/* Places of entries in a tree of node_modules: "node_modules/a/node_modules/b",
 * "packages/c", "". Private to npm-lock.c. */
#ifndef LOCKFILE_NPM_PLACES_PRIV_H
#define LOCKFILE_NPM_PLACES_PRIV_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct npm_place {
	struct str from, name; /* name p NULL: a folder, not in node_modules */
	uint64_t hash;
};

struct npm_places {
	uint64_t seed;
	uint32_t *slots; /* index + 1; 0: free */
	size_t mask, n, size;
	struct npm_place *v; /* in the order in which they were added */
};

/* n: how many will be added. */
void npm_places_init(struct npm_places *t, size_t n);
void npm_places_done(struct npm_places *t);
/* The text is borrowed. Of equal places the first stays. */
void npm_places_add(struct npm_places *t, struct str place);
/* In which order it was added, from 0; UINT32_MAX: it was not. */
uint32_t npm_places_below(const struct npm_places *t, struct str from,
    struct str name);
uint32_t npm_places_at(const struct npm_places *t, struct str place);

/* Where the last "node_modules/" of a place begins; -1: none. */
ptrdiff_t npm_last_modules(struct str place);

#endif
