/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of a scan: takes files from the opener and reads each with its
 * format. Runs after lockdown; what is read stays in memory.
 */
#ifndef GATE_COLLECT_H
#define GATE_COLLECT_H

#include "base/buf.h"
#include "base/vec.h"
#include "lockfile/lockfile.h"

struct answer;
struct arena;
struct channel;
struct error;
struct map;

struct collect_file {
	struct str path; /* as the user would name it */
	struct lock_list list;
	struct str npmrc; /* bytes of the .npmrc beside it; n 0: none */
};

struct collect {
	struct arena *arena; /* borrowed: owner of all strings and bytes */
	struct channel *channel; /* borrowed: to the opener */
	/* In the order in which the opener gave them. */
	VEC(struct collect_file *) files;
	VEC(struct answer *) includes; /* not read yet */
	struct map *seen; /* paths that were read or will be */
	size_t n_bytes, n_includes;
	const struct collect_file *current; /* being read */
	const struct lock_format *format; /* of it */
};

void collect_init(struct collect *c, struct arena *a, struct channel *channel);
void collect_done(struct collect *c); /* the arena stays */
int collect_run(struct collect *c, struct error *err);

#endif
