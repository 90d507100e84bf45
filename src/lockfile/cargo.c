/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cargo.lock, versions 1 to 4: [[package]] tables (and [root] in the oldest).
 * What has no source lies in the project; where, Cargo.toml beside it says.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

struct cargo {
	struct lock_list *l;
	struct lock_graph graph;
	struct map *paths; /* from Cargo.toml: name, struct str of its folder */
	struct str own; /* name of the project's package; p NULL: not said */
	size_t n_local; /* packages without a source */
};

/* "git+https://…?branch=b#commit" */
static struct str
git_origin(struct arena *a, struct str source)
{
	struct str url = lock_after(source, "git+"), commit = url;

	if (!str_cut(&commit, '#', &url))
		return STR_NONE;
	return lock_origin_git(a, lock_before(url, '?'), commit);
}

static void
know_path(struct cargo *c, struct str name, struct str path)
{
	struct str *kept;

	if (name.n == 0 || path.n == 0 || map_has(c->paths, name))
		return;
	kept = arena_alloc(c->l->arena, sizeof(*kept));
	*kept = path;
	(void)map_put(c->paths, name, kept);
}

/* Dependencies "NAME = { path = … }" of one table of Cargo.toml. */
static void
know_paths_in(struct cargo *c, const struct tree_node *table)
{
	const struct tree_node *d;

	tree_foreach(d, table) {
		struct str package = tree_get_string(d, "package");

		know_path(c, package.p != NULL ? package : d->key,
		    tree_get_string(d, "path"));
	}
}

/* Where Cargo.toml says that packages lie: dependencies with a path, members
 * without wildcards. */
static void
read_manifest(struct cargo *c, struct str bytes)
{
	static const char *const tables[] = { "dependencies",
		"dev-dependencies", "build-dependencies" };
	struct lock_list elsewhere; /* errors of Cargo.toml are its own */
	const struct tree_node *manifest, *workspace, *m;

	lock_list_init(&elsewhere, c->l->arena);
	manifest = tree_toml(&elsewhere, bytes);
	lock_list_done(&elsewhere);
	workspace = tree_get(manifest, "workspace");
	c->own = tree_get_string(tree_get(manifest, "package"), "name");
	for (size_t i = 0; i < N_ELEMENTS(tables); i++)
		know_paths_in(c, tree_get(manifest, tables[i]));
	know_paths_in(c, tree_get(workspace, "dependencies"));
	tree_foreach(m, tree_get(workspace, "members"))
		know_path(c, lock_base(tree_text(m)), tree_text(m));
}

static struct str
local_origin(const struct cargo *c, struct str name)
{
	const struct str *path = map_get(c->paths, name);

	if (c->own.n != 0 ? str_eq(c->own, name) : c->n_local == 1)
		return STR_LIT("root");
	/* Cargo.lock itself has only the name. */
	return lock_origin(c->l->arena, "path", path != NULL ? *path : name);
}

static struct str
origin_of(const struct cargo *c, struct str name, struct str source)
{
	struct arena *a = c->l->arena;

	if (source.n == 0)
		return local_origin(c, name);
	if (str_starts(source, "git+"))
		return git_origin(a, source);
	if (str_starts(source, "registry+") || str_starts(source, "sparse+"))
		return lock_origin(a, "registry",
		    lock_after(lock_after(source, "registry+"), "sparse+"));
	if (str_starts(source, "path+"))
		return lock_origin(a, "path",
		    lock_after(lock_after(source, "path+"), "file://"));
	return lock_origin(a, "url", source);
}

/* Others ask by name, by name and version, or with the source as well. */
static void
name_entry(struct cargo *c, struct str name, struct str version,
    struct str source)
{
	struct arena *a = c->l->arena;

	lock_graph_name(&c->graph, name);
	lock_graph_name(&c->graph,
	    str_of(
		arena_printf(a, "%.*s %.*s", STR_ARG(name), STR_ARG(version))));
	if (source.n != 0)
		lock_graph_name(&c->graph,
		    str_of(arena_printf(a, "%.*s %.*s (%.*s)", STR_ARG(name),
			STR_ARG(version), STR_ARG(source))));
}

static void
add_package(struct cargo *c, const struct tree_node *n)
{
	struct str name = tree_get_string(n, "name"),
		   version = tree_get_string(n, "version"),
		   source = tree_get_string(n, "source");
	const struct tree_node *d;
	struct lock_package *p;

	if (!tree_whole(n))
		return;
	if (name.n == 0 || version.n == 0) {
		lock_error(c->l, n->line,
		    "a package without a name or a version");
		return;
	}
	p = lock_add(c->l, "crates.io", name, version, n->line);
	p->origin = origin_of(c, name, source);
	if (source.n == 0)
		p->relation = LOCK_ROOT;
	name_entry(c, name, version, source);
	tree_foreach(d, tree_get(n, "dependencies"))
		lock_graph_ask(&c->graph, lock_graph_newest(&c->graph),
		    tree_text(d));
}

static void
read_packages(struct cargo *c, const struct tree_node *root)
{
	const struct tree_node *n, *own = tree_get(root, "root");

	tree_foreach(n, tree_get(root, "package"))
		c->n_local += tree_get(n, "source") == NULL;
	if (c->own.n == 0)
		c->own = tree_get_string(own, "name");
	if (own != NULL)
		add_package(c, own);
	tree_foreach(n, tree_get(root, "package"))
		add_package(c, n);
}

static void
cargo_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_toml(l, in->bytes);
	struct cargo c = { .l = l, .paths = map_new(LIMIT_TREE_NODES) };
	struct str manifest;

	if (lock_beside(in, "Cargo.toml", &manifest))
		read_manifest(&c, manifest);
	lock_graph_init(&c.graph, l);
	read_packages(&c, root);
	lock_graph_apply(&c.graph);
	lock_graph_done(&c.graph);
	map_free(c.paths);
}

static bool
cargo_match(struct str path)
{
	return lock_named(path, "Cargo.lock");
}

const struct lock_format lock_formats_cargo[] = {
	{ "Cargo.lock", cargo_match, cargo_read },
	{ NULL },
};
