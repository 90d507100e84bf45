/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for whom: a reader collects edges between entries of the list, and
 * says which are direct or root; the rest and the parents follow from that.
 */
#ifndef LOCKFILE_GRAPH_PRIV_H
#define LOCKFILE_GRAPH_PRIV_H

#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct lock_list;
struct map;

struct lock_wish {
	uint32_t from; /* index in the list */
	struct str to; /* name of an entry, see lock_graph_name; p NULL: */
	uint32_t index; /* its index in the list */
};

struct lock_graph {
	struct lock_list *list;
	size_t first; /* entries of the list before it are not in the graph */
	struct map *names; /* key: index + 1 */
	VEC(struct lock_wish) wishes;
};

void lock_graph_init(struct lock_graph *g, struct lock_list *l);
void lock_graph_done(struct lock_graph *g);
/* Index of the newest entry of the list; there is one. */
uint32_t lock_graph_newest(const struct lock_graph *g);
/* The newest entry of the list can be asked for by this key; the first entry
 * with a key keeps it. */
void lock_graph_name(struct lock_graph *g, struct str key);
/* The same for the entry at this index. */
void lock_graph_name_at(struct lock_graph *g, struct str key, uint32_t index);
/* Index of the entry, or LOCK_NONE. */
uint32_t lock_graph_find(const struct lock_graph *g, struct str key);
/* The entry at index from asks for `to`, which may come later. */
void lock_graph_ask(struct lock_graph *g, uint32_t from, struct str to);
void lock_graph_ask_index(struct lock_graph *g, uint32_t from, uint32_t to);
/*
 * Gives each entry that is asked for the parent nearest to the project, and a
 * relation where it has none: what a root asks for is direct, what these ask
 * for is transitive.
 */
void lock_graph_apply(struct lock_graph *g);

#endif
