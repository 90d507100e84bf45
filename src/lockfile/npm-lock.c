/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package-lock.json and npm-shrinkwrap.json. Versions 2 and 3 have a flat
 * `packages` by place on disk; version 1 nests `dependencies`, which are given
 * the same places here. Who asks for whom is told by looking for a name where
 * node would: upwards through the places. Runs in the lockfile reader.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/js_priv.h"
#include "lockfile/lockfile.h"
#include "lockfile/npm_places_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

#define MODULES "node_modules/"

/* What was listed: where, and the member that says what it asks for. */
struct place {
	struct str path;
	uint32_t index;
	const struct tree_node *entry;
	bool nested; /* it has a node_modules of its own */
};

struct npm {
	struct lock_list *l;
	const struct tree_node *root;
	struct place *places; /* in the arena */
	size_t n_places, places_size;
	/* Where links lead: their targets, to LISTED when one is a place. */
	struct map *targets;
	/* Version 2: entries of `packages` by place; NULL: not looked at. */
	struct map *listed;
	/* While it is looked who asks for whom: */
	struct lock_graph graph;
	struct npm_places names; /* those of `places`, in their order */
	struct map *links; /* place of a link: node of its entry */
	struct buf path; /* a place being looked for */
	size_t work; /* bytes of places looked for */
};

#define LISTED ((void *)1)

/* Members of an entry that are looked at, found in one pass. */
enum member {
	MEMBER_VERSION,
	MEMBER_NAME,
	MEMBER_RESOLVED,
	MEMBER_LINK,
	MEMBER_DEV, /* this and the following make groups */
	MEMBER_DEV_OPTIONAL,
	MEMBER_OPTIONAL,
	MEMBER_PEER,
	MEMBER_IN_BUNDLE,
	MEMBER_BUNDLED,
	MEMBER__MAX
};

struct members {
	const struct tree_node *v[MEMBER__MAX]; /* NULL: not there */
};

static void
members_find(const struct tree_node *e, struct members *ret)
{
	static const struct str names[] = {
		[MEMBER_VERSION] = { "version", 7 },
		[MEMBER_NAME] = { "name", 4 },
		[MEMBER_RESOLVED] = { "resolved", 8 },
		[MEMBER_LINK] = { "link", 4 },
		[MEMBER_DEV] = { "dev", 3 },
		[MEMBER_DEV_OPTIONAL] = { "devOptional", 11 },
		[MEMBER_OPTIONAL] = { "optional", 8 },
		[MEMBER_PEER] = { "peer", 4 },
		[MEMBER_IN_BUNDLE] = { "inBundle", 8 },
		[MEMBER_BUNDLED] = { "bundled", 7 },
	};
	static_assert(N_ELEMENTS(names) == MEMBER__MAX);
	const struct tree_node *c;

	*ret = (struct members){ { NULL } };
	tree_foreach(c, e)
		for (size_t i = 0; i < N_ELEMENTS(names); i++)
			if (c->key.n == names[i].n &&
			    memcmp(c->key.p, names[i].p, names[i].n) == 0)
				ret->v[i] = c;
}

static struct str
member_string(const struct members *m, enum member which)
{
	return tree_is(m->v[which], TREE_STRING) ? m->v[which]->text : STR_NONE;
}

static bool
member_true(const struct members *m, enum member which)
{
	return tree_is(m->v[which], TREE_BOOL) &&
	    m->v[which]->text.n == sizeof("true") - 1;
}

static struct str
name_of_place(struct str place)
{
	ptrdiff_t at = npm_last_modules(place);

	return at < 0 ?
	    STR_NONE :
	    str_sub(place, (size_t)at + sizeof(MODULES) - 1, place.n);
}

/* --- entries ------------------------------------------------------------- */

static struct str
group_of(struct lock_list *l, const struct members *m)
{
	static const struct str groups[] = { { "dev", 3 },
		{ "dev,optional", 12 }, { "optional", 8 }, { "peer", 4 },
		{ "bundled", 7 }, { "bundled", 7 } };
	static_assert(N_ELEMENTS(groups) == MEMBER__MAX - MEMBER_DEV);
	struct str all = STR_NONE;

	for (size_t i = 0; i < N_ELEMENTS(groups); i++) {
		if (!member_true(m, (enum member)(MEMBER_DEV + i)))
			continue;
		if (all.n == 0)
			all = groups[i];
		else
			all = str_of(arena_printf(l->arena, "%.*s,%.*s",
			    STR_ARG(all), STR_ARG(groups[i])));
	}
	return all;
}

static struct lock_package *
add_entry(struct npm *r, struct str place, struct str name, struct str version,
    const struct tree_node *entry)
{
	struct lock_package *p =
	    lock_add(r->l, JS_ECOSYSTEM, name, version, entry->line);
	struct place *more;

	/* As many as there are members, where these are counted. */
	if (r->n_places == r->places_size) {
		r->places_size = r->places_size * 2 + 16;
		more = arena_array(r->l->arena, r->places_size, sizeof(*more));
		if (r->n_places != 0)
			memcpy(more, r->places, r->n_places * sizeof(*more));
		r->places = more;
	}
	r->places[r->n_places++] = (struct place){ place,
		(uint32_t)r->l->packages.n - 1, entry, false };
	return p;
}

/* --- versions 2 and 3: `packages` ---------------------------------------- */

static void
read_root(struct npm *r, const struct tree_node *e)
{
	struct str name = tree_get_string(e, "name");
	struct str version = tree_get_string(e, "version");
	struct lock_package *p;

	if (name.n == 0)
		name = tree_get_string(r->root, "name");
	if (version.n == 0)
		version = tree_get_string(r->root, "version");
	if (name.n == 0)
		return;
	p = add_entry(r, e->key, name, version.n != 0 ? version : STR_NONE, e);
	p->origin = STR_LIT("root");
	p->relation = LOCK_ROOT;
}

static void
nameless(struct npm *r, const struct tree_node *e)
{
	lock_error(r->l, e->line, "\"%.*s\" names no package",
	    STR_ARG(str_sub(e->key, 0, 200)));
}

/* A member of the workspace, or a folder that was linked to. */
static void
read_local(struct npm *r, const struct tree_node *e, const struct members *m)
{
	struct str name = member_string(m, MEMBER_NAME);
	struct lock_package *p;

	if (name.n == 0)
		name = lock_base(e->key);
	if (name.n == 0) {
		nameless(r, e);
		return;
	}
	p = add_entry(r, e->key, name, member_string(m, MEMBER_VERSION), e);
	p->origin = lock_origin(r->l->arena, "path", e->key);
	p->group = group_of(r->l, m);
}

static void
read_installed(struct npm *r, const struct tree_node *e, ptrdiff_t modules,
    const struct members *m)
{
	struct str name =
	    str_sub(e->key, (size_t)modules + sizeof(MODULES) - 1, e->key.n);
	struct lock_package *p;

	if (name.n == 0) {
		nameless(r, e);
		return;
	}
	p = add_entry(r, e->key, name, member_string(m, MEMBER_VERSION), e);
	p->group = group_of(r->l, m);
	js_alias(p, member_string(m, MEMBER_NAME));
	js_source(r->l, p, member_string(m, MEMBER_RESOLVED));
}

/* A link whose target is listed is not listed itself. */
static void
read_link(struct npm *r, const struct tree_node *e, const struct members *m)
{
	struct str to = member_string(m, MEMBER_RESOLVED);
	struct str name = name_of_place(e->key);
	struct lock_package *p;

	if (map_get(r->targets, to) == LISTED || name.n == 0)
		return;
	p = add_entry(r, e->key, name, member_string(m, MEMBER_VERSION), e);
	p->group = group_of(r->l, m);
	p->origin = lock_origin(r->l->arena, "path", to.n != 0 ? to : e->key);
	if (map_has(r->targets, e->key))
		(void)map_put(r->targets, e->key, LISTED);
}

static void
read_links(struct npm *r, const struct tree_node *packages)
{
	const struct tree_node *e;
	struct members m;

	for (size_t i = 0; i < r->n_places; i++)
		if (map_has(r->targets, r->places[i].path))
			(void)map_put(r->targets, r->places[i].path, LISTED);
	tree_foreach(e, packages) {
		if (!tree_is(e, TREE_OBJECT) || !tree_whole(e))
			continue;
		members_find(e, &m);
		if (member_true(&m, MEMBER_LINK))
			read_link(r, e, &m);
	}
}

static void
read_package(struct npm *r, const struct tree_node *e)
{
	ptrdiff_t modules;
	struct members m;

	members_find(e, &m);
	if (member_true(&m, MEMBER_LINK)) {
		if (r->targets == NULL)
			r->targets = map_new(LIMIT_TREE_NODES);
		(void)map_put(r->targets, member_string(&m, MEMBER_RESOLVED),
		    NULL);
		return;
	}
	modules = npm_last_modules(e->key);
	if (e->key.n == 0)
		read_root(r, e);
	else if (modules >= 0)
		read_installed(r, e, modules, &m);
	else
		read_local(r, e, &m);
}

static void
read_packages(struct npm *r, const struct tree_node *packages)
{
	const struct tree_node *e;

	tree_foreach(e, packages) {
		if (!tree_is(e, TREE_OBJECT))
			lock_error(r->l, e->line, "\"%.*s\" is not an object",
			    STR_ARG(str_sub(e->key, 0, 200)));
		else if (tree_whole(e))
			read_package(r, e);
	}
	if (r->targets != NULL)
		read_links(r, packages);
}

/* --- versions 1 and 2: `dependencies`
 * ------------------------------------------- */

static bool
listed_already(const struct npm *r, struct str place, struct str version,
    bool exact)
{
	struct str real, rest;
	const struct tree_node *e;

	if (r->listed == NULL || !map_has(r->listed, place))
		return false;
	e = map_get(r->listed, place);
	if (str_starts(version, "npm:") &&
	    js_split(lock_after(version, "npm:"), &real, &rest))
		return str_eq(tree_get_string(e, "name"), real) &&
		    str_eq(tree_get_string(e, "version"), rest);
	return !exact || str_eq(tree_get_string(e, "version"), version);
}

/* `version` is an address where it is not a version. */
static void
read_nested(struct npm *r, struct str place, const struct tree_node *e)
{
	struct str version = tree_get_string(e, "version"), real, rest;
	struct lock_package *p;
	bool exact = js_is_version(version);
	struct members m;

	if (listed_already(r, place, version, exact))
		return;
	members_find(e, &m);
	p = add_entry(r, place, e->key, exact ? version : STR_NONE, e);
	p->group = group_of(r->l, &m);
	if (exact) {
		js_source(r->l, p, tree_get_string(e, "resolved"));
		return;
	}
	if (str_starts(version, "npm:")) {
		if (js_split(lock_after(version, "npm:"), &real, &rest))
			p->version = rest;
		js_alias(p, real);
		js_source(r->l, p, tree_get_string(e, "resolved"));
		return;
	}
	js_source(r->l, p, version);
}

static struct str
nested_place(struct npm *r, struct str above, struct str name)
{
	return str_of(arena_printf(r->l->arena, "%.*s%s" MODULES "%.*s",
	    STR_ARG(above), above.n != 0 ? "/" : "", STR_ARG(name)));
}

static void
read_dependencies(struct npm *r, const struct tree_node *dependencies)
{
	struct {
		const struct tree_node *at;
		struct str place; /* of what has these dependencies */
	} stack[LIMIT_JSON_DEPTH];
	int depth = 0;

	stack[0].at = tree_first(dependencies);
	stack[0].place = STR_LIT("");
	while (depth >= 0) {
		const struct tree_node *e = stack[depth].at, *below;
		struct str place;

		if (e == NULL) {
			depth--;
			continue;
		}
		stack[depth].at = e->next;
		if (!tree_is(e, TREE_OBJECT) || e->key.n == 0) {
			lock_error(r->l, e->line, "\"%.*s\" is no dependency",
			    STR_ARG(str_sub(e->key, 0, 200)));
			continue;
		}
		if (!tree_whole(e))
			continue;
		place = nested_place(r, stack[depth].place, e->key);
		read_nested(r, place, e);
		below = tree_first(tree_get(e, "dependencies"));
		/* Each level has two in the file, so this cannot overflow. */
		if (below != NULL && depth + 1 < LIMIT_JSON_DEPTH) {
			stack[++depth].at = below;
			stack[depth].place = place;
		}
	}
}

/* Version 2 says everything twice, for newer and for older npm. Where the two
 * differ, both are listed: either may be what is installed. */
static void
read_both(struct npm *r, const struct tree_node *packages,
    const struct tree_node *dependencies)
{
	const struct tree_node *e;

	if (tree_first(dependencies) == NULL)
		return;
	r->listed = map_new(LIMIT_TREE_NODES);
	tree_foreach(e, packages)
		(void)map_put(r->listed, e->key, (void *)(uintptr_t)e);
	read_dependencies(r, dependencies);
	map_free(r->listed);
}

/* Version 1 does not say what the project itself asks for. */
static void
read_manifest(struct npm *r, const struct lock_input *in)
{
	struct str name = tree_get_string(r->root, "name");
	struct str version = tree_get_string(r->root, "version");
	const struct tree_node *manifest = js_manifest(in, r->l);
	struct lock_package *p;

	if (name.n == 0)
		return;
	p = add_entry(r, STR_LIT(""), name, version.n != 0 ? version : STR_NONE,
	    tree_get(r->root, "name"));
	p->origin = STR_LIT("root");
	p->relation = LOCK_ROOT;
	if (manifest != NULL)
		r->places[r->n_places - 1].entry = manifest;
}

/* --- who asks for whom --------------------------------------------------- */

/* Where node looks next. */
static struct str
above_of(struct str place)
{
	ptrdiff_t at = npm_last_modules(place);

	return at <= 0 ? STR_LIT("") : str_sub(place, 0, (size_t)at - 1);
}

/* The place below whose node_modules this one lies has such a folder. */
static void
mark_nested(struct npm *r, struct str place)
{
	ptrdiff_t at = npm_last_modules(place);
	uint32_t above;

	if (at <= 0)
		return;
	above = npm_places_at(&r->names, str_sub(place, 0, (size_t)at - 1));
	if (above != LOCK_NONE)
		r->places[above].nested = true;
}

static const struct tree_node *
link_at(struct npm *r, struct str from, struct str name)
{
	buf_reset(&r->path);
	buf_put_str(&r->path, from);
	buf_puts(&r->path, from.n != 0 ? "/" MODULES : MODULES);
	buf_put_str(&r->path, name);
	return map_get(r->links, buf_str(&r->path));
}

/* The place that a name means to what lies at this one. */
static uint32_t
resolve(struct npm *r, const struct place *p, struct str name)
{
	struct str from = p->nested ? p->path : above_of(p->path);
	const struct tree_node *link;
	uint32_t found;

	for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
		r->work += from.n + name.n;
		if (r->work > LIMIT_LOCK_RELATE_BYTES)
			break;
		found = npm_places_below(&r->names, from, name);
		if (found != LOCK_NONE)
			return found;
		link = map_count(r->links) == 0 ? NULL : link_at(r, from, name);
		if (link != NULL)
			return npm_places_at(&r->names,
			    tree_get_string(link, "resolved"));
		if (from.n == 0)
			break;
		from = above_of(from);
	}
	return LOCK_NONE;
}

static void
ask(struct npm *r, const struct place *p, const struct tree_node *names)
{
	const struct tree_node *d;

	tree_foreach(d, names) {
		uint32_t to = resolve(r, p, d->key);

		if (to != LOCK_NONE)
			lock_graph_ask_index(&r->graph, p->index,
			    r->places[to].index);
	}
}

static bool
is_dependency_member(struct str key)
{
	for (size_t k = 0; js_dependency_members[k] != NULL; k++)
		if (str_is(key, js_dependency_members[k]))
			return true;
	return false;
}

static void
ask_all(struct npm *r, bool nested)
{
	for (size_t i = 0; i < r->n_places; i++) {
		const struct place *p = &r->places[i];
		const struct tree_node *c;

		/* In version 1 `dependencies` are what lies below it. */
		if (nested && p->path.n != 0) {
			ask(r, p, tree_get(p->entry, "requires"));
			continue;
		}
		tree_foreach(c, p->entry)
			if (c->kind == TREE_OBJECT &&
			    is_dependency_member(c->key))
				ask(r, p, c);
	}
}

/* Names that the project asks for by path, as for any other dependency. */
static struct map *
asked_by_path(const struct tree_node *project)
{
	struct map *names = map_new(LIMIT_TREE_NODES);

	for (size_t i = 0; js_dependency_members[i] != NULL; i++) {
		const struct tree_node *d;

		tree_foreach(d, tree_get(project, js_dependency_members[i]))
			if (str_starts(tree_text(d), "file:") ||
			    str_starts(tree_text(d), "link:"))
				(void)map_put(names, d->key, NULL);
	}
	return names;
}

/* The members of the workspace are the project too. */
static void
mark_members(struct npm *r, const struct tree_node *project)
{
	struct map *by_path;

	if (tree_get(project, "workspaces") == NULL)
		return;
	by_path = asked_by_path(project);
	for (size_t i = 0; i < r->n_places; i++) {
		const struct place *p = &r->places[i];
		struct lock_package *package = &r->l->packages.v[p->index];

		if (p->path.n != 0 && npm_last_modules(p->path) < 0 &&
		    !str_starts(p->path, "../") &&
		    !map_has(by_path, package->name))
			package->relation = LOCK_ROOT;
	}
	map_free(by_path);
}

/* The files have `packages` since version 2. */
static void
relate(struct lock_list *l)
{
	struct npm *r = l->related;
	const struct tree_node *packages = tree_get(r->root, "packages"), *e;
	size_t first = 0;

	if (r->n_places != 0)
		first = r->places[0].index;
	lock_graph_init(&r->graph, l);
	r->graph.first = first;
	r->links = map_new(LIMIT_TREE_NODES);
	buf_init(&r->path, LIMIT_LOCKFILE_BYTES);
	npm_places_init(&r->names, r->n_places);
	for (size_t i = 0; i < r->n_places; i++)
		npm_places_add(&r->names, r->places[i].path);
	for (size_t i = 0; i < r->n_places; i++)
		mark_nested(r, r->places[i].path);
	tree_foreach(e, packages) {
		if (!tree_whole(e) || !tree_get_true(e, "link"))
			continue;
		(void)map_put(r->links, e->key, (void *)(uintptr_t)e);
		mark_nested(r, e->key);
	}
	ask_all(r, packages == NULL);
	lock_graph_apply(&r->graph);
	lock_graph_done(&r->graph);
	npm_places_done(&r->names);
	map_free(r->links);
	buf_done(&r->path);
}

void
npm_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct npm *r = arena_alloc(l->arena, sizeof(*r));
	const struct tree_node *packages, *dependencies;

	r->l = l;
	r->root = tree_json(l, in->bytes, 0);
	packages = tree_get(r->root, "packages");
	dependencies = tree_get(r->root, "dependencies");
	if (!tree_is(r->root, TREE_OBJECT) ||
	    tree_get(r->root, "lockfileVersion") == NULL) {
		if (l->errors.n == 0)
			lock_error(l, 1,
			    "no lockfile of npm: it has no "
			    "lockfileVersion");
		if (packages == NULL && dependencies == NULL)
			return;
	}
	if (packages == NULL) {
		read_manifest(r, in);
		read_dependencies(r, dependencies);
	} else {
		r->places_size = packages->n + 1;
		r->places =
		    arena_array(l->arena, r->places_size, sizeof(*r->places));
		read_packages(r, packages);
		read_both(r, packages, dependencies);
		mark_members(r, tree_get(packages, ""));
	}
	map_free(r->targets);
	l->related = r;
	l->relate = relate;
}
