/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's insides, for link.c. */
#ifndef RUNFILE_WRITER_PRIV_H
#define RUNFILE_WRITER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "runfile/fact.h"

struct ZSTD_CCtx_s;
struct map;
struct sqlite3;
struct sqlite3_stmt;

struct writer {
	uint32_t magic;
	struct sqlite3 *db; /* borrowed */
	struct sqlite3_stmt *statements[FACT__MAX]; /* made when needed */
	struct sqlite3_stmt *insert_package, *insert_blob;
	struct map *packages; /* install folder → package.id */
	struct ZSTD_CCtx_s *zstd;
	int64_t rows[FACT__MAX], blob_bytes, count;
	int64_t refused, refused_noted;
	char refusal[240]; /* the first one */
	bool open; /* a transaction is */
	bool has_views;
};

#endif
