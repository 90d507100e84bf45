/* SPDX-License-Identifier: Apache-2.0 */
/* Between collect.c (the loop) and collect-zip.c (archives). */
#ifndef ROLE_COLLECT_PRIV_H
#define ROLE_COLLECT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct buf;
struct error;

/* A member; number counts all members of the archive, nested ones included. */
struct zip_member {
	struct str name;
	int64_t number;
};

struct zip_walk {
	void *data;
	/* Is the document wanted? name: of the member. */
	bool (*wants)(void *data, struct str name);
	/* bytes.p NULL: why it cannot be read. Not 0 ends the walk. */
	int (*document)(void *data, const struct zip_member *m,
	    struct str bytes, const char *why, struct error *err);
	/* Private: of the archive at hand. */
	int64_t number, total_bytes, packed_bytes;
	int depth;
};

/* Every *.json of the archive, and of archives inside it (one level). Not 0:
 * it cannot be read to its end. */
int zip_walk(struct zip_walk *w, struct str archive, struct error *err);

#endif
