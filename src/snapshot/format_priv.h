/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a snapshot (docs/snapshot.md), as reader and writer share them.
 * All integers are little endian. A chunk is a checksum and the bytes it is
 * over; a section of chunks begins with their offsets.
 */
#ifndef SNAPSHOT_FORMAT_PRIV_H
#define SNAPSHOT_FORMAT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

#define FORMAT_MAGIC       "\x89LZSNAP\n"
#define FORMAT_MAGIC_BYTES 8
/* Header: fixed members, section table, CRC-32C over all before it. */
#define FORMAT_FIXED_BYTES   96
#define FORMAT_SECTION_BYTES 32
#define FORMAT_MAX_SECTIONS  64
#define FORMAT_ALIGN         64
#define FORMAT_CHECKSUM      4 /* bytes in front of each chunk */
/* A section of chunks begins with groups that say where they lie: the offset
 * of the group's first one, the length of each, a checksum of these. Lengths
 * rather than offsets, and nowhere the number of a chunk: what is added in one
 * place leaves the bytes elsewhere alone, and deltas small. */
#define FORMAT_GROUP       64
#define FORMAT_GROUP_BYTES (8 + FORMAT_GROUP * 4 + FORMAT_CHECKSUM)
/* Records in one chunk, hashed entries in one (on average). */
#define FORMAT_RECORDS  32
#define FORMAT_PACKAGES 8
#define FORMAT_IDS      32
#define FORMAT_COMMITS  32
/* Rows of a package that are longer get a chunk of their own. */
#define FORMAT_INLINE_BYTES 128
/* Of a block of the filter, and how many of them a package is worth. */
#define FORMAT_FILTER_BYTES 32
#define FORMAT_FILTER_BITS  10
/* `modified` is counted from 2020-01-01. */
#define FORMAT_EPOCH 1577836800
/* Of one section in memory: more than any machine has. */
#define FORMAT_MAX_BYTES ((size_t)1 << 40)
/* The largest document, and what a frame holds beside it. */
#define FORMAT_MAX_DOCUMENT (16u << 20)
#define FORMAT_MAX_SUMMARY  (1u << 20)

enum section_kind {
	SECTION_STRINGS = 1, /* ecosystems, prefixes of ids; one piece */
	SECTION_FILTER, /* which packages cannot be there; one piece */
	SECTION_PACKAGES, /* hashed chunks */
	SECTION_ROWS, /* chunks: of packages with many */
	SECTION_RECORDS, /* chunks */
	SECTION_IDS, /* hashed chunks */
	SECTION_ALIASES, /* hashed chunks */
	SECTION_COMMITS, /* hashed chunks */
	SECTION_REGISTRIES, /* one piece */
	SECTION_DICTIONARY, /* one piece */
	SECTION_DOCUMENTS, /* chunks */
	SECTION__MAX
};

enum row_flag {
	ROW_ECOSYSTEM = 1 << 0, /* has a suffix: its number follows */
	ROW_NAME = 1 << 1, /* spelled differently: the name follows */
	ROW_MALICIOUS = 1 << 2,
	ROW_RANGES = 1 << 3,
};

enum record_flag {
	RECORD_WITHDRAWN = 1 << 0,
	RECORD_MALICIOUS = 1 << 1,
	RECORD_TIME = 1 << 2, /* modified as seconds; otherwise as text */
	RECORD_FRACTION = 1 << 3, /* … and digits of a second */
	RECORD_ALIASES = 1 << 4,
};

/* place: 0 for a chunk or a section that is one piece; for a group its number
 * and one. Bytes of another place do not pass. */
uint32_t place_checksum(enum section_kind kind, uint32_t place, struct str s);

static inline size_t
groups_of(uint32_t n_chunks)
{
	return ((size_t)n_chunks + FORMAT_GROUP - 1) / FORMAT_GROUP;
}

/* The chunk of n, and the tag in it, of a hash. */
static inline uint32_t
hash_chunk(uint64_t hash, uint32_t n)
{
	return (uint32_t)(((hash >> 32) * n) >> 32);
}

static inline uint16_t
hash_tag(uint64_t hash)
{
	return (uint16_t)hash;
}

/* The words of a block of the filter that a hash sets. */
void filter_mask(uint64_t hash, uint32_t ret[8]);

/* --- names (names.c) ----------------------------------------------------- */

enum fold {
	FOLD_NONE,
	FOLD_CASE, /* ASCII letters */
	FOLD_PYPI, /* and runs of "-_." to one "-" */
};

/* The name as the index has it, without a copy. */
struct name_key {
	struct str s;
	enum fold fold;
};

/* base: the ecosystem without its suffix. */
struct name_key name_key(struct str base, struct str name);
uint64_t name_hash(struct str base, struct name_key k);
uint64_t bytes_hash(struct str s); /* of ids, aliases, commits */
bool name_equal(struct name_key k, struct str canonical);
void name_write(struct name_key k, struct buf *out);
/* Rows of ecosystem `row` are an answer to a question about `asked`. */
bool ecosystem_finds(struct str asked, struct str row);

/* --- encoding (encode.c, decode.c) ---------------------------------------- */

void put_varint(struct buf *out, uint64_t v);
void put_str(struct buf *out, struct str s);
void put_u32(struct buf *out, uint32_t v);
void put_u64(struct buf *out, uint64_t v);
/* A version: half a byte for each character where those allow it. */
void put_version(struct buf *out, struct str v);

/* Sticky: after the first member that does not fit, all are 0 and empty. */
struct take {
	struct str rest;
	bool bad;
};

uint64_t take_varint(struct take *t);
uint32_t take_count(struct take *t); /* a varint below 2^32 */
uint8_t take_byte(struct take *t);
struct str take_bytes(struct take *t, uint64_t n);
struct str take_str(struct take *t);
/* The characters of a version into room (at most size); bytes that are not
 * packed are given as they lie there. */
struct version_text {
	uint64_t n;
	bool packed;
	struct str bytes;
};
struct version_text take_version(struct take *t);
void version_unpack(const struct version_text *v, char *ret);
bool version_is(const struct version_text *v, struct str s);

uint32_t load_u32(const char *p);
uint64_t load_u64(const char *p);

#endif
