/* SPDX-License-Identifier: Apache-2.0 */
/* Between write.c (entries), table.c (hashed sections) and layout.c (bytes). */
#ifndef SNAPSHOT_WRITE_PRIV_H
#define SNAPSHOT_WRITE_PRIV_H

#include "base/buf.h"
#include "base/vec.h"
#include "osv/osv.h"
#include "snapshot/format_priv.h"
#include "snapshot/write.h"

struct entry_row {
	struct str ecosystem, name;
	struct str versions, ranges; /* encoded */
	uint32_t n_versions, n_ranges;
};

/* One document. Lives in the writer's arena. */
struct entry {
	struct str id, modified;
	int64_t modified_s;
	uint64_t order, at, size; /* in the spool: the packed document */
	int spool;
	bool withdrawn, malicious;
	struct str *aliases;
	struct entry_row *rows;
	size_t n_aliases, n_rows, n_commits;
	struct str commits; /* encoded */
};

struct registry {
	struct str ecosystem, url;
};

struct snapshot_writer {
	struct arena *arena;
	struct map *by_id; /* struct entry */
	VEC(struct registry) registries;
};

/* --- sections of chunks ------------------------------------------------------
 */

/* The bytes of a section while they are collected. */
struct chunks {
	enum section_kind kind;
	VEC(uint64_t) ends; /* of each chunk, in `bytes` */
	struct buf bytes;
};

void chunks_init(struct chunks *c, enum section_kind kind);
void chunks_done(struct chunks *c);
void chunks_add(struct chunks *c, struct str body);

/* Entries that will be hashed into chunks. */
struct table_row {
	uint64_t hash;
	uint32_t chunk;
	struct str key, entry; /* key: orders those of one hash */
};

struct table {
	VEC(struct table_row) rows;
};

/* per_chunk: on average, at most. */
void table_write(struct table *t, uint32_t per_chunk, struct chunks *out);

#endif
