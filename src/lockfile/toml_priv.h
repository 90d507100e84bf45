/* SPDX-License-Identifier: Apache-2.0 */
/* Reading TOML: tokens in toml-token.c, tables and values in tree-toml.c. */
#ifndef LOCKFILE_TOML_PRIV_H
#define LOCKFILE_TOML_PRIV_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/tree_priv.h"

struct toml {
	struct tree t;
	struct str bytes;
	size_t at;
	uint32_t line;
	struct tree_node *root, *table; /* table: of the last header */
	struct map *members; /* of large tables, by address and key */
	struct buf id; /* for that */
	struct tree_node *stack[LIMIT_JSON_DEPTH]; /* open values */
	int depth;
	bool comma; /* one was just read */
};

bool toml_take(struct toml *r, char c);
void toml_blank(struct toml *r); /* spaces and tabs */
void toml_blank_lines(struct toml *r); /* line ends and comments too */
bool toml_at_line_end(const struct toml *r);
bool toml_line_end(struct toml *r); /* comment and line end, or end of file */
bool toml_unexpected(struct toml *r, const char *wanted); /* false */
bool toml_key(struct toml *r, struct str *ret); /* one part of a key */
bool toml_scalar(struct toml *r, enum tree_kind *ret_kind, struct str *ret);

#endif
