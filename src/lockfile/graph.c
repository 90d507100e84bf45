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
	*g = (struct lock_graph){ .list = l,
		.first = l->packages.n,
		.names = map_new(MAX_NAMES) };
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

uint32_t
lock_graph_newest(const struct lock_graph *g)
{
	return (uint32_t)(g->list->packages.n - 1);
}

void
lock_graph_name_at(struct lock_graph *g, struct str key, uint32_t index)
{
	if (!map_has(g->names, key))
		(void)map_put(g->names, key, (void *)((uintptr_t)index + 1));
}

void
lock_graph_name(struct lock_graph *g, struct str key)
{
	lock_graph_name_at(g, key, (uint32_t)g->list->packages.n - 1);
}

void
lock_graph_ask(struct lock_graph *g, uint32_t from, struct str to)
{
	struct lock_wish w = { from, to, LOCK_NONE };

	if (to.p != NULL && from >= g->first && from < g->list->packages.n)
		vec_push(&g->wishes, w);
}

void
lock_graph_ask_index(struct lock_graph *g, uint32_t from, uint32_t to)
{
	struct lock_wish w = { from, STR_NONE, to };

	if (from >= g->first && from < g->list->packages.n)
		vec_push(&g->wishes, w);
}

/* Edges in the order of their start: targets of i are at first[i] up to
 * first[i + 1]. Entries are counted from the first of the graph. */
struct edges {
	uint32_t *first, *to;
	bool *asked; /* is this entry the target of any? */
};

/* Counted from the first entry of the graph; LOCK_NONE: not in it. */
static uint32_t
target(const struct lock_graph *g, const struct lock_wish *w)
{
	uint32_t to = w->to.p == NULL ? w->index : lock_graph_find(g, w->to);

	if (to < g->first || to >= g->list->packages.n)
		return LOCK_NONE;
	return to - (uint32_t)g->first;
}

static void
edges_make(const struct lock_graph *g, struct edges *e)
{
	size_t n = g->list->packages.n - g->first;
	uint32_t *at = mem_array(n + 1, sizeof(*at));
	uint32_t *to = mem_array(g->wishes.n + 1, sizeof(*to));

	e->first = mem_array(n + 1, sizeof(*e->first));
	e->to = mem_array(g->wishes.n + 1, sizeof(*e->to));
	e->asked = mem_array(n + 1, sizeof(*e->asked));
	for (size_t i = 0; i < g->wishes.n; i++) {
		to[i] = target(g, &g->wishes.v[i]);
		if (to[i] == LOCK_NONE)
			continue;
		e->first[g->wishes.v[i].from - g->first + 1]++;
	}
	for (size_t i = 0; i < n; i++)
		e->first[i + 1] += e->first[i];
	memcpy(at, e->first, (n + 1) * sizeof(*at));
	for (size_t i = 0; i < g->wishes.n; i++) {
		if (to[i] == LOCK_NONE)
			continue;
		e->to[at[g->wishes.v[i].from - g->first]++] = to[i];
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
reach(const struct lock_graph *g, uint32_t from, uint32_t to)
{
	struct lock_package *all = g->list->packages.v + g->first;
	struct lock_package *p = &all[to];
	enum lock_relation by = all[from].relation;

	p->parent = from + (uint32_t)g->first;
	/* Without a root or direct entries, one that others ask for may be
	 * direct as well: the file does not say. */
	if (p->relation == LOCK_UNKNOWN && by != LOCK_UNKNOWN)
		p->relation = by == LOCK_ROOT ? LOCK_DIRECT : LOCK_TRANSITIVE;
}

static void
walk(const struct lock_graph *g, const struct edges *e, uint32_t *queue,
    bool *seen)
{
	const struct lock_package *all = g->list->packages.v + g->first;
	size_t n = g->list->packages.n - g->first, head = 0, tail = 0;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			if (seen[i] || !is_start(&all[i], e, i, round))
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
				reach(g, from, to);
				queue[tail++] = to;
			}
		}
	}
}

void
lock_graph_apply(struct lock_graph *g)
{
	size_t n = g->list->packages.n - g->first;
	uint32_t *queue;
	struct edges e;
	bool *seen;

	if (n == 0)
		return;
	queue = mem_array(n + 1, sizeof(*queue));
	seen = mem_array(n + 1, sizeof(*seen));

	edges_make(g, &e);
	walk(g, &e, queue, seen);
	free(e.first);
	free(e.to);
	free(e.asked);
	free(queue);
	free(seen);
}
