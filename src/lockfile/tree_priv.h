/* SPDX-License-Identifier: Apache-2.0 */
/* Building trees: for tree-json.c, tree-toml.c and tree-yaml.c. */
#ifndef LOCKFILE_TREE_PRIV_H
#define LOCKFILE_TREE_PRIV_H

#include "lockfile/tree.h"

struct tree {
	struct lock_list *list; /* errors, and the arena of everything */
	struct tree_node *chunk; /* nodes not yet given out */
	size_t n_chunk, n_nodes;
	bool failed; /* an error was added: nothing more is read */
};

/* Adds the error once; false, so that `return tree_fail(…)` works. */
bool tree_fail(struct tree *t, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* NULL after tree_fail() when there are too many. */
struct tree_node *tree_new(struct tree *t, enum tree_kind kind, struct str key,
    uint32_t line);
void tree_append(struct tree_node *parent, struct tree_node *child);
/* UTF-8 of a code point at p (4 bytes are enough); its length. Surrogates and
 * what is no code point become U+FFFD. */
size_t tree_utf8(char *p, uint32_t code);

#endif
