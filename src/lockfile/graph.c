/* SPDX-License-Identifier: Apache-2.0 */
/* Parents and relations of entries: a breadth-first walk over the wishes. */
#include "lockfile/graph_priv.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "lockfile/lockfile.h"

/* As many as entries fit into the largest file that is read. */
#define MAX_NAMES (64u << 20)

void
lock_graph_init(struct lock_graph *g, struct lock_list *l)
{
	*g = (struct lock_graph){ .list = l, .names = map_new(MAX_NAMES) };
}

void
lock_graph_done(struct lock_graph *g)
{
	map_free(g->names);
	vec_done(&g->wishes);
}

uint32_t
lock_graph_find(const struct lock_graph *g, struct str key)
{
	uintptr_t v = (uintptr_t)map_get(g->names, key);

	return v == 0 ? LOCK_NONE : (uint32_t)(v - 1);
}

void
lock_graph_name(struct lock_graph *g, struct str key)
{
	if (!map_has(g->names, key))
		(void)map_put(g->names, key,
		    (void *)(uintptr_t)g->list->packages.n);
}

void
lock_graph_ask(struct lock_graph *g, uint32_t from, struct str to)
{
	struct lock_wish w = { from, to, LOCK_NONE };

	if (to.p != NULL)
		vec_push(&g->wishes, w);
}

void
lock_graph_ask_index(struct lock_graph *g, uint32_t from, uint32_t to)
{
	struct lock_wish w = { from, STR_NONE, to };

	vec_push(&g->wishes, w);
}

/* Edges in the order of their start: targets of i are at first[i] up to
 * first[i + 1]. */
struct edges {
	uint32_t *first, *to;
	bool *asked; /* is this entry the target of any? */
};

static void
edges_make(const struct lock_graph *g, struct edges *e)
{
	size_t n = g->list->packages.n;
	uint32_t *at = mem_array(n + 1, sizeof(*at));
	uint32_t *to = mem_array(g->wishes.n + 1, sizeof(*to));

	e->first = mem_array(n + 1, sizeof(*e->first));
	e->to = mem_array(g->wishes.n + 1, sizeof(*e->to));
	e->asked = mem_array(n + 1, sizeof(*e->asked));
	for (size_t i = 0; i < g->wishes.n; i++) {
		to[i] = g->wishes.v[i].to.p == NULL ?
		    g->wishes.v[i].index :
		    lock_graph_find(g, g->wishes.v[i].to);
		if (to[i] != LOCK_NONE)
			e->first[g->wishes.v[i].from + 1]++;
	}
	for (size_t i = 0; i < n; i++)
		e->first[i + 1] += e->first[i];
	memcpy(at, e->first, (n + 1) * sizeof(*at));
	for (size_t i = 0; i < g->wishes.n; i++) {
		if (to[i] == LOCK_NONE)
			continue;
		e->to[at[g->wishes.v[i].from]++] = to[i];
		e->asked[to[i]] = true;
	}
	free(at);
	free(to);
}

/* Starts of the walk, nearest to the project first. */
static bool
is_start(const struct lock_package *p, const struct edges *e, size_t i,
    int round)
{
	if (round == 0)
		return p->relation == LOCK_ROOT;
	if (round == 1)
		return p->relation == LOCK_DIRECT;
	return !e->asked[i];
}

static void
reach(struct lock_list *l, uint32_t from, uint32_t to)
{
	struct lock_package *p = &l->packages.v[to];
	enum lock_relation by = l->packages.v[from].relation;

	p->parent = from;
	/* Without a root or direct entries, one that others ask for may be
	 * direct as well: the file does not say. */
	if (p->relation == LOCK_UNKNOWN && by != LOCK_UNKNOWN)
		p->relation = by == LOCK_ROOT ? LOCK_DIRECT : LOCK_TRANSITIVE;
}

static void
walk(struct lock_list *l, const struct edges *e, uint32_t *queue, bool *seen)
{
	size_t n = l->packages.n, head = 0, tail = 0;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			if (seen[i] ||
			    !is_start(&l->packages.v[i], e, i, round))
				continue;
			seen[i] = true;
			queue[tail++] = (uint32_t)i;
		}
		for (; head < tail; head++) {
			uint32_t from = queue[head];

			for (uint32_t k = e->first[from];
			     k < e->first[from + 1]; k++) {
				uint32_t to = e->to[k];

				if (seen[to])
					continue;
				seen[to] = true;
				reach(l, from, to);
				queue[tail++] = to;
			}
		}
	}
}

void
lock_graph_apply(struct lock_graph *g)
{
	size_t n = g->list->packages.n;
	uint32_t *queue = mem_array(n + 1, sizeof(*queue));
	bool *seen = mem_array(n + 1, sizeof(*seen));
	struct edges e;

	edges_make(g, &e);
	walk(g->list, &e, queue, seen);
	free(e.first);
	free(e.to);
	free(e.asked);
	free(queue);
	free(seen);
}
