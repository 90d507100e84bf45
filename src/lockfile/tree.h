/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, TOML and YAML as one kind of tree whose nodes know their lines: the
 * readers of lockfiles look at members, not at syntax. Pure functions.
 *
 * A file that breaks off or breaks the rules gives an error in the list and
 * the tree up to that point; tree_whole() tells which entries to trust.
 */
#ifndef LOCKFILE_TREE_H
#define LOCKFILE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct lock_list;

enum tree_kind {
	TREE_NULL,
	TREE_BOOL,
	TREE_NUMBER, /* TOML: dates and times too */
	TREE_STRING,
	TREE_ARRAY,
	TREE_OBJECT,
};

/* Lives in the list's arena, or in the bytes that were read. */
struct tree_node {
	struct str key; /* decoded; p NULL: not a member of an object */
	union {
		struct str text; /* scalars: decoded, numbers as written */
		struct {
			struct tree_node *first, *last; /* NULL: empty */
		};
	};
	struct tree_node *next; /* sibling, in the order of the file */
	uint32_t line; /* of the key, the header, or the element */
	uint32_t n : 26; /* children */
	uint32_t kind : 3; /* enum tree_kind */
	uint32_t cut : 1; /* the file broke off inside */
	uint32_t flags : 2; /* the parser's own */
};

enum tree_flags {
	TREE_JSONC = 1 << 0, /* comments and trailing commas */
};

/* The root; NULL when there is nothing at all. Errors go to the list. */
const struct tree_node *tree_json(struct lock_list *l, struct str bytes,
    unsigned flags);
const struct tree_node *tree_toml(struct lock_list *l, struct str bytes);
/* The first document; further ones are its siblings (next). */
const struct tree_node *tree_yaml(struct lock_list *l, struct str bytes);

/* Children of an array or object in order; none for NULL and scalars. */
#define tree_foreach(it, node) \
	for ((it) = tree_first(node); (it) != NULL; (it) = (it)->next)
const struct tree_node *tree_first(const struct tree_node *n);
/* The member with this key, the last where there are several; NULL when n is
 * no object or has none. Members of n are looked at one by one. */
const struct tree_node *tree_get(const struct tree_node *n, const char *key);
/* Text of a scalar (a member); p NULL: absent, null, or not a scalar. */
struct str tree_text(const struct tree_node *n);
struct str tree_get_text(const struct tree_node *n, const char *key);
/* The same where only a string will do. */
struct str tree_get_string(const struct tree_node *n, const char *key);
bool tree_get_true(const struct tree_node *n, const char *key);
bool tree_is(const struct tree_node *n, enum tree_kind kind); /* NULL: no */
/* Closed in the file, or cut inside a later array or object of its own, so
 * that its scalars before that are whole. */
bool tree_whole(const struct tree_node *n);

#endif
