/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API asks the database: the few questions behind its routes, as a
 * table of functions, so that its rules are tested without a snapshot.
 * db-snapshot.c answers from one.
 */
#ifndef SERVE_DB_H
#define SERVE_DB_H

#include <stdbool.h>
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

/* All give 0, 1 where said, or a negative code: the data is damaged. Numbers
 * are ascending, without repeats; ascending numbers are ascending ids. */
struct db_answers {
	int (*package)(void *data, const struct db_package *p, struct arena *a,
	    struct snapshot_numbers *ret, struct error *err);
	int (*commit)(void *data, struct str hash, struct arena *a,
	    struct snapshot_numbers *ret, struct error *err);
	int (*alias)(void *data, struct str id, struct arena *a,
	    struct snapshot_numbers *ret, struct error *err);
	/* 1: found, 0: there is no such id. */
	int (*id)(void *data, struct str id, uint32_t *ret, struct error *err);
	int (*record)(void *data, uint32_t number, struct arena *a,
	    struct snapshot_record *ret, struct error *err);
	int (*document)(void *data, uint32_t number, struct arena *a,
	    struct str *ret, struct error *err);
	void (*info)(void *data, struct snapshot_info *ret);
	void (*free)(void *data);
};

struct db {
	const struct db_answers *answers; /* NULL: none */
	void *data; /* owned */
};

/* fd is borrowed. */
int db_open_snapshot(int fd, struct db *ret, struct error *err);
void db_close(struct db *db); /* accepts a zeroed one */

#endif
