/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the reader. */
#ifndef SNAPSHOT_SNAPSHOT_PRIV_H
#define SNAPSHOT_SNAPSHOT_PRIV_H

#include "snapshot/format_priv.h"
#include "snapshot/snapshot.h"

struct section {
	struct str bytes; /* p NULL: the file has none */
	uint32_t checksum; /* of a section that is one piece */
	uint32_t n; /* chunks; blocks of the filter */
};

struct snapshot {
	unsigned magic;
	struct str map;
	size_t header_bytes;
	struct snapshot_info info;
	struct section sections[SECTION__MAX];
	struct str *strings; /* owned */
	char *string_bytes; /* owned; strings point into it */
	uint32_t n_strings, n_bases; /* bases come first */
	/* The filter was found good. Set by whoever asks first; two at once
	 * do the same work and write the same value. */
	_Atomic bool filter_good;
};

int damaged(struct error *err, const char *what);
/* A verified chunk. */
int chunk_get(const struct snapshot *s, enum section_kind kind, uint32_t index,
    struct str *ret, struct error *err);
/* A verified section that is one piece. */
int piece_get(const struct snapshot *s, enum section_kind kind, struct str *ret,
    struct error *err);

/* The entries of one chunk of a hashed section that have the hash's tag. */
struct entries {
	struct take take;
	struct str tags;
	uint32_t i, n;
	uint16_t tag;
};

int entries_find(const struct snapshot *s, enum section_kind kind,
    uint64_t hash, struct entries *ret, struct error *err);
/* 1: an entry, 0: no more. */
int entries_next(struct entries *e, struct str *ret, struct error *err);

/* Where row bytes go on; used by the walk and by verify. */
int row_read(const struct snapshot *s, uint32_t base, struct str canonical,
    struct take *t, struct snapshot_row *ret, struct error *err);
/* An entry of SECTION_PACKAGES: its name, and its rows wherever they lie. */
int package_read(const struct snapshot *s, struct str entry, uint32_t *ret_base,
    struct str *ret_name, struct str *ret_rows, struct error *err);

/* The compact record at the front of t; a NULL: only stepped over. */
struct record_parts {
	uint8_t flags;
	struct str prefix; /* of the id; p NULL: tail is the whole */
	struct str tail; /* text, or … */
	uint32_t number; /* … the number after the prefix */
	struct str modified; /* as text, without RECORD_TIME */
	uint64_t seconds; /* since FORMAT_EPOCH */
	uint8_t digits; /* of the fraction */
	uint64_t fraction;
	struct take aliases;
	uint32_t n_aliases;
};

/* Room for a prefix's number and its NUL. */
#define NUMBER_SIZE 12

int record_parts(const struct snapshot *s, uint32_t number,
    struct record_parts *ret, struct error *err);
struct id_parts {
	struct str prefix, tail;
	uint32_t number;
};
struct id_parts take_id(const struct snapshot *s, struct take *t);
bool id_is(const struct id_parts *p, struct str id);

#endif
