/* SPDX-License-Identifier: Apache-2.0 */
/* What the API asks its snapshot: the few questions behind its routes. */
#ifndef SERVE_DB_H
#define SERVE_DB_H

#include <stdint.h>

#include "base/str.h"
#include "snapshot/snapshot.h"

struct arena;
struct error;

struct db_package {
	struct str ecosystem; /* p NULL: every ecosystem */
	struct str name;
	struct str version; /* p NULL: every version */
	enum snapshot_names names;
};

struct db {
	struct snapshot *snapshot; /* NULL: none */
	struct snapshot_documents *documents;
};

/* fd is borrowed. */
int db_open(int fd, struct db *ret, struct error *err);
void db_close(struct db *db); /* accepts a zeroed one */

/* Records that affect it, in ascending order and without repeats; a negative
 * code: the data is damaged. */
int db_package(const struct db *db, const struct db_package *p, struct arena *a,
    struct snapshot_numbers *ret, struct error *err);
/* The document as it was loaded, white space between its members left out. */
int db_document(const struct db *db, uint32_t number, struct arena *a,
    struct str *ret, struct error *err);

#endif
