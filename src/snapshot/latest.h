/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latest.json of a folder in which snapshots are published: the newest one,
 * and from which others a delta leads to it.
 *
 *	{ "name": "snapshot-….lzs", "size": N, "sha256": "…",
 *	  "built": "2026-01-02T03:04:05Z",
 *	  "deltas": [ { "from": "sha256 of the old one", "name": "….lzd",
 *	                "size": N, "sha256": "…" } ] }
 *
 * Unknown members are ignored. Files lie beside latest.json.
 */
#ifndef SNAPSHOT_LATEST_H
#define SNAPSHOT_LATEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "sys/sha256.h"

struct arena;
struct buf;
struct error;

#define LATEST_MAX_BYTES  (1u << 20)
#define LATEST_MAX_DELTAS 100

struct latest_file {
	struct str name; /* no path: letters, digits, "-_." */
	uint64_t size;
	uint8_t sha256[SHA256_BYTES];
};

struct latest {
	struct latest_file snapshot;
	int64_t built_at_s;
	struct {
		uint8_t from[SHA256_BYTES];
		struct latest_file file;
	} deltas[LATEST_MAX_DELTAS];
	size_t n_deltas;
};

/* Strings live in the arena. -EINVAL names what is wrong. */
int latest_parse(struct arena *a, struct str json, struct latest *ret,
    struct error *err);
void latest_write(const struct latest *l, struct buf *out);

#endif
