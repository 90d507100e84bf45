/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing ZIP archives (with ZIP64 where 65535 entries or 4 GiB are reached)
 * from members that are compressed already.
 */
#ifndef REPORT_ZIP_H
#define REPORT_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct outfile;

struct zip {
	struct outfile *out; /* borrowed */
	struct buf directory;
	uint64_t n_entries;
	uint64_t rows_at; /* where they are written at once; 0: in directory */
};

struct zip_member {
	struct str name; /* at most 65535 bytes, UTF-8 */
	int64_t modified_s; /* since 1970, UTC */
	uint32_t crc32;
	uint64_t size, packed; /* below 4 GiB each; packed: deflate */
	bool late; /* sum and sizes stand behind the bytes, not before */
};

void zip_begin(struct zip *z, struct outfile *out);
/* Then m->packed bytes of raw deflate go to the outfile. */
void zip_member(struct zip *z, const struct zip_member *m);
/* The two halves of zip_member: what stands before the bytes, and the row of
 * the directory. Rows may come in another order than members. */
void zip_header(struct zip *z, const struct zip_member *m);
void zip_listed(struct zip *z, const struct zip_member *m, uint64_t at);
#define ZIP_HEADER_BYTES 30 /* and the name */
/* All members are there: from now on rows are written and not collected. */
void zip_rows(struct zip *z);
/* After the bytes of a member with `late` set. */
void zip_sizes(struct zip *z, const struct zip_member *m);
#define ZIP_SIZES_BYTES 16
/* Writes the directory; the outfile stays open. */
void zip_end(struct zip *z);

#endif
