/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of one file, gathered while it streams by: size, hash, entropy,
 * lines, type. Runs in role unpack.
 */
#ifndef STATIC_FIGURES_H
#define STATIC_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "sys/sha256.h"

/* Bytes at the beginning that tell the type; a tar header has its mark at
 * 257. */
#define FIGURES_HEAD_BYTES 512

struct figures {
	int64_t size;
	char sha256[SHA256_HEX_SIZE];
	int entropy; /* thousandths of a bit per byte */
	int64_t lines, longest_line; /* of text; 0 for others */
	bool is_text; /* no NUL; not of a binary type */
	const char *type; /* static: "elf", "javascript", "text", … */
};

struct figuring; /* one file under way */

struct figuring *figuring_new(void);
void figuring_add(struct figuring *f, const void *p, size_t n);
/* path decides between kinds of text. Frees f. */
void figuring_end(struct figuring *f, struct str path, struct figures *ret);
void figuring_free(struct figuring *f); /* without a result; accepts NULL */

/* The type alone, from the first bytes and the path. */
const char *figures_type(struct str head, struct str path, bool is_text);

#endif
