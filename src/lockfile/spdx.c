/* SPDX-License-Identifier: Apache-2.0 */
/* Packages and relationships of an SPDX document become entries. */
#include "lockfile/spdx_priv.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "lockfile/graph_priv.h"

struct spdx_package *
spdx_add_package(struct spdx *s)
{
	return vec_add(&s->packages);
}

void
spdx_add_relation(struct spdx *s, struct str from, struct str kind,
    struct str to)
{
	struct spdx_relation r = { from, kind, to };

	vec_push(&s->relations, r);
}

bool
spdx_is_purl(struct str category, struct str type)
{
	return str_is(type, "purl") && str_starts(category, "PACKAGE") &&
	    str_ends(category, "MANAGER");
}

struct str
spdx_said(struct str value)
{
	if (str_is(value, "NOASSERTION") || str_is(value, "NONE"))
		return STR_NONE;
	return value;
}

/* Relationships that mean "asks for"; reverse: the second asks for the
 * first. */
static const struct relation_kind {
	const char *name;
	bool reverse;
	const char *group; /* NULL: main */
} kinds[] = {
	{ "DEPENDS_ON", false, NULL },
	{ "DEPENDENCY_OF", true, NULL },
	{ "RUNTIME_DEPENDENCY_OF", true, NULL },
	{ "DEV_DEPENDENCY_OF", true, "dev" },
	{ "BUILD_DEPENDENCY_OF", true, "build" },
	{ "TEST_DEPENDENCY_OF", true, "test" },
	{ "OPTIONAL_DEPENDENCY_OF", true, "optional" },
	{ "PROVIDED_DEPENDENCY_OF", true, "peer" },
};

static const struct relation_kind *
kind_of(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (str_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* A document that describes one package and has others is about that one; one
 * that describes all of its packages is a list of them. */
static void
mark_root(struct spdx *s, const struct lock_graph *g)
{
	const struct spdx_relation *r;
	uint32_t root = LOCK_NONE;

	vec_foreach(r, &s->relations) {
		bool describes = str_is(r->kind, "DESCRIBES");
		uint32_t at;

		if (!describes && !str_is(r->kind, "DESCRIBED_BY"))
			continue;
		at = lock_graph_find(g, describes ? r->to : r->from);
		if (at == LOCK_NONE || at == root)
			continue;
		if (root != LOCK_NONE)
			return;
		root = at;
	}
	if (root == LOCK_NONE || s->packages.n < 2)
		return;
	s->list->packages.v[root].relation = LOCK_ROOT;
	s->list->packages.v[root].origin = STR_LIT("root");
}

static void
relate(struct spdx *s, struct lock_graph *g)
{
	const struct spdx_relation *r;

	vec_foreach(r, &s->relations) {
		const struct relation_kind *k = kind_of(r->kind);
		struct str from, to;
		uint32_t asks, asked;

		if (k == NULL)
			continue;
		from = k->reverse ? r->to : r->from;
		to = k->reverse ? r->from : r->to;
		asks = lock_graph_find(g, from);
		asked = lock_graph_find(g, to);
		if (asks == LOCK_NONE || asked == LOCK_NONE)
			continue;
		lock_graph_ask(g, asks, to);
		if (k->group != NULL)
			s->list->packages.v[asked].group = str_of(k->group);
	}
}

void
spdx_finish(struct spdx *s)
{
	struct packageurl *scratch =
	    arena_alloc(s->list->arena, sizeof(*scratch));
	const struct spdx_package *p;
	struct lock_graph g;

	lock_graph_init(&g, s->list);
	vec_foreach(p, &s->packages)
		if (sbom_add(s->list, scratch, &p->entry) != NULL &&
		    p->id.n != 0)
			lock_graph_name(&g, p->id);
	mark_root(s, &g);
	relate(s, &g);
	lock_graph_apply(&g);
	lock_graph_done(&g);
	vec_done(&s->packages);
	vec_done(&s->relations);
}
