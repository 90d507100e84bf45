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
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

#define MODULES "node_modules/"

/* What was listed: where, and the member that says what it asks for. */
struct place {
	struct str path;
	uint32_t index;
	bool has_below; /* something lies in a node_modules of its own */
	const struct tree_node *entry;
};

struct npm {
	struct lock_list *l;
	const struct tree_node *root;
	struct lock_graph graph; /* keys: places */
	struct map *links; /* place of a link: node of its entry */
	VEC(struct place) places;
	struct buf path; /* a place being looked for */
};

/* Where the last "node_modules/" of a place begins; -1: none. */
static ptrdiff_t
last_modules(struct str place)
{
	size_t n = sizeof(MODULES) - 1;

	for (size_t i = place.n; i >= n; i--) {
		size_t at = i - n;

		if (memcmp(place.p + at, MODULES, n) == 0 &&
		    (at == 0 || place.p[at - 1] == '/'))
			return (ptrdiff_t)at;
	}
	return -1;
}

static struct str
name_of_place(struct str place)
{
	ptrdiff_t at = last_modules(place);

	return at < 0 ?
	    STR_NONE :
	    str_sub(place, (size_t)at + sizeof(MODULES) - 1, place.n);
}

/* --- entries ------------------------------------------------------------- */

static struct str
group_of(struct lock_list *l, const struct tree_node *entry)
{
	static const struct {
		const char *member, *group;
	} rows[] = { { "dev", "dev" }, { "devOptional", "dev,optional" },
		{ "optional", "optional" }, { "peer", "peer" },
		{ "inBundle", "bundled" }, { "bundled", "bundled" } };
	const struct tree_node *c;
	char text[64] = "";
	size_t n = 0;
	unsigned set = 0;

	/* Most entries have no such member at all: look at each once. */
	tree_foreach(c, entry)
		for (size_t i = 0; c->kind == TREE_BOOL &&
		     c->text.p[0] == 't' && i < N_ELEMENTS(rows);
		     i++)
			if (str_is(c->key, rows[i].member))
				set |= 1u << i;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if ((set & 1u << i) != 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n != 0 ? "," : "", rows[i].group);
	return n == 0 ? STR_NONE : arena_str(l->arena, str_n(text, n));
}

static struct lock_package *
add_entry(struct npm *r, struct str place, struct str name, struct str version,
    const struct tree_node *entry)
{
	struct lock_package *p =
	    lock_add(r->l, JS_ECOSYSTEM, name, version, entry->line);
	struct place listed = { .path = place,
		.index = (uint32_t)r->l->packages.n - 1,
		.entry = entry };

	lock_graph_name(&r->graph, place);
	vec_push(&r->places, listed);
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
read_local(struct npm *r, const struct tree_node *e)
{
	struct str name = tree_get_string(e, "name");
	struct lock_package *p;

	if (name.n == 0)
		name = lock_base(e->key);
	if (name.n == 0) {
		nameless(r, e);
		return;
	}
	p = add_entry(r, e->key, name, tree_get_string(e, "version"), e);
	p->origin = lock_origin(r->l->arena, "path", e->key);
	p->group = group_of(r->l, e);
}

static void
read_installed(struct npm *r, const struct tree_node *e)
{
	struct str name = name_of_place(e->key);
	struct lock_package *p;

	if (name.n == 0) {
		nameless(r, e);
		return;
	}
	p = add_entry(r, e->key, name, tree_get_string(e, "version"), e);
	p->group = group_of(r->l, e);
	js_alias(p, tree_get_string(e, "name"));
	js_source(r->l, p, tree_get_string(e, "resolved"));
}

/* A link whose target is listed is not listed itself. */
static void
read_link(struct npm *r, const struct tree_node *e)
{
	struct str to = tree_get_string(e, "resolved");
	struct str name = name_of_place(e->key);
	struct lock_package *p;

	(void)map_put(r->links, e->key, (void *)(uintptr_t)e);
	if (lock_graph_find(&r->graph, to) != LOCK_NONE || name.n == 0)
		return;
	p = add_entry(r, e->key, name, tree_get_string(e, "version"), e);
	p->group = group_of(r->l, e);
	p->origin = lock_origin(r->l->arena, "path", to.n != 0 ? to : e->key);
}

static void
read_packages(struct npm *r, const struct tree_node *packages)
{
	const struct tree_node *e;

	tree_foreach(e, packages) {
		if (!tree_is(e, TREE_OBJECT))
			lock_error(r->l, e->line, "\"%.*s\" is not an object",
			    STR_ARG(str_sub(e->key, 0, 200)));
		else if (!tree_whole(e) || tree_get_true(e, "link"))
			continue;
		else if (e->key.n == 0)
			read_root(r, e);
		else if (last_modules(e->key) >= 0)
			read_installed(r, e);
		else
			read_local(r, e);
	}
	tree_foreach(e, packages)
		if (tree_whole(e) && tree_get_true(e, "link"))
			read_link(r, e);
}

/* --- version 1: `dependencies` ------------------------------------------- */

/* `version` is an address where it is not a version. */
static void
read_nested(struct npm *r, struct str place, const struct tree_node *e)
{
	struct str version = tree_get_string(e, "version"), real, rest;
	struct lock_package *p;
	bool exact = js_is_version(version);

	p = add_entry(r, place, e->key, exact ? version : STR_NONE, e);
	p->group = group_of(r->l, e);
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
		r->places.v[r->places.n - 1].entry = manifest;
}

/* --- who asks for whom --------------------------------------------------- */

/* Where node looks next: one node_modules further up. */
static struct str
above(struct str place)
{
	ptrdiff_t at = last_modules(place);

	return at <= 0 ? STR_LIT("") : str_sub(place, 0, (size_t)at - 1);
}

static uint32_t
look(struct npm *r, struct str from, struct str name)
{
	const struct tree_node *link;
	uint32_t found;

	buf_reset(&r->path);
	buf_put_str(&r->path, from);
	buf_puts(&r->path, from.n != 0 ? "/" MODULES : MODULES);
	buf_put_str(&r->path, name);
	found = lock_graph_find(&r->graph, buf_str(&r->path));
	if (found != LOCK_NONE || map_count(r->links) == 0)
		return found;
	link = map_get(r->links, buf_str(&r->path));
	return link == NULL ?
	    LOCK_NONE :
	    lock_graph_find(&r->graph, tree_get_string(link, "resolved"));
}

/* The entry that a name means to what lies at this place. */
static uint32_t
resolve(struct npm *r, const struct place *p, struct str name)
{
	struct str from = p->path;
	uint32_t found;

	if (!p->has_below && from.n != 0)
		from = above(from);
	for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
		found = look(r, from, name);
		if (found != LOCK_NONE || from.n == 0)
			return found;
		from = above(from);
	}
	return LOCK_NONE;
}

static void
mark_below(struct npm *r)
{
	size_t first = r->graph.first;

	for (size_t i = 0; i < r->places.n; i++) {
		ptrdiff_t at = last_modules(r->places.v[i].path);
		uint32_t index;

		if (at <= 0)
			continue;
		index = lock_graph_find(&r->graph,
		    str_sub(r->places.v[i].path, 0, (size_t)at - 1));
		/* Places are listed as packages are, one for one. */
		if (index != LOCK_NONE && index - first < r->places.n)
			r->places.v[index - first].has_below = true;
	}
}

static void
ask(struct npm *r, const struct place *p, const struct tree_node *names)
{
	const struct tree_node *d;

	tree_foreach(d, names) {
		uint32_t to = resolve(r, p, d->key);

		if (to != LOCK_NONE)
			lock_graph_ask_index(&r->graph, p->index, to);
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
	mark_below(r);
	for (size_t i = 0; i < r->places.n; i++) {
		const struct place *p = &r->places.v[i];
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

/* Does the project ask for this folder as for any other dependency? */
static bool
asked_by_path(const struct tree_node *project, struct str name)
{
	for (size_t i = 0; js_dependency_members[i] != NULL; i++) {
		const struct tree_node *d;

		tree_foreach(d, tree_get(project, js_dependency_members[i]))
			if (str_eq(d->key, name) &&
			    (str_starts(tree_text(d), "file:") ||
				str_starts(tree_text(d), "link:")))
				return true;
	}
	return false;
}

/* The members of the workspace are the project too. */
static void
mark_members(struct npm *r, const struct tree_node *project)
{
	if (tree_get(project, "workspaces") == NULL)
		return;
	for (size_t i = 0; i < r->places.n; i++) {
		const struct place *p = &r->places.v[i];
		struct lock_package *package = &r->l->packages.v[p->index];

		if (p->path.n != 0 && last_modules(p->path) < 0 &&
		    !str_starts(p->path, "../") &&
		    !asked_by_path(project, package->name))
			package->relation = LOCK_ROOT;
	}
}

void
npm_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct npm r = { .l = l };
	const struct tree_node *packages, *dependencies;
	bool nested;

	r.root = tree_json(l, in->bytes, 0);
	packages = tree_get(r.root, "packages");
	dependencies = tree_get(r.root, "dependencies");
	nested = packages == NULL;
	if (!tree_is(r.root, TREE_OBJECT) ||
	    tree_get(r.root, "lockfileVersion") == NULL) {
		if (l->errors.n == 0)
			lock_error(l, 1,
			    "no lockfile of npm: it has no "
			    "lockfileVersion");
		if (packages == NULL && dependencies == NULL)
			return;
	}
	lock_graph_init(&r.graph, l);
	r.links = map_new(LIMIT_TREE_NODES);
	buf_init(&r.path, LIMIT_LOCKFILE_BYTES);
	if (nested) {
		read_manifest(&r, in);
		read_dependencies(&r, dependencies);
	} else {
		read_packages(&r, packages);
		mark_members(&r, tree_get(packages, ""));
	}
	ask_all(&r, nested);
	lock_graph_apply(&r.graph);
	lock_graph_done(&r.graph);
	map_free(r.links);
	vec_done(&r.places);
	buf_done(&r.path);
}
