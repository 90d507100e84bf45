/* SPDX-License-Identifier: Apache-2.0 */
/* NuGet: packages.lock.json, NAME.deps.json of a built program, and
 * packages.config. Project files are in nuget-project.c. */
#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/nuget_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree_xml_priv.h"

struct str
nuget_key(struct arena *a, struct str name)
{
	char *p = arena_strz(a, name);

	for (size_t i = 0; i < name.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] | 0x20);
	return str_n(p, name.n);
}

/* --- packages.lock.json: frameworks, each with its packages -------------- */

static void
add_locked(struct lock_graph *g, const struct tree_node *n)
{
	struct lock_list *l = g->list;
	struct str type = tree_get_string(n, "type"),
		   version = tree_get_string(n, "resolved");
	const struct tree_node *d;
	struct lock_package *p;
	bool project = str_eq_nocase(type, STR_LIT("Project"));

	if (!tree_whole(n))
		return;
	if (n->key.n == 0 || (version.n == 0 && !project)) {
		lock_error(l, n->line, "\"%.*s\" has no resolved version",
		    STR_ARG(str_sub(n->key, 0, 80)));
		return;
	}
	p = lock_add(l, "NuGet", n->key, version.n != 0 ? version : STR_NONE,
	    n->line);
	if (project) {
		p->relation = LOCK_ROOT;
		p->origin = lock_origin(l->arena, "path", n->key);
	} else {
		p->relation =
		    str_is(type, "Direct") ? LOCK_DIRECT : LOCK_TRANSITIVE;
	}
	lock_graph_name(g, nuget_key(l->arena, n->key));
	tree_foreach(d, tree_get(n, "dependencies"))
		lock_graph_ask(g, lock_graph_newest(g),
		    nuget_key(l->arena, d->key));
}

static void
locked_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0),
			       *frameworks = tree_get(root, "dependencies"), *f,
			       *n;

	if (root != NULL && frameworks == NULL)
		lock_error(l, 1, "packages.lock.json has no dependencies");
	/* Each framework has a graph of its own. */
	tree_foreach(f, frameworks) {
		struct lock_graph g;

		lock_graph_init(&g, l);
		tree_foreach(n, f)
			add_locked(&g, n);
		lock_graph_apply(&g);
		lock_graph_done(&g);
	}
}

/* --- NAME.deps.json: "Name/version" of libraries and targets ------------- */

static bool
split(struct str key, struct str *ret_name, struct str *ret_version)
{
	ptrdiff_t slash = str_chr(key, '/');

	if (slash <= 0 || (size_t)slash + 1 == key.n)
		return false;
	*ret_name = str_sub(key, 0, (size_t)slash);
	*ret_version = str_sub(key, (size_t)slash + 1, key.n);
	return true;
}

/* The first project is the program that the file belongs to. */
static void
add_library(struct lock_graph *g, const struct tree_node *n, bool *rooted)
{
	struct str type = tree_get_string(n, "type"), name, version;
	struct lock_list *l = g->list;
	struct lock_package *p;

	if (!tree_whole(n))
		return;
	if (!split(n->key, &name, &version)) {
		lock_error(l, n->line, "\"%.*s\" is not name/version",
		    STR_ARG(str_sub(n->key, 0, 80)));
		return;
	}
	/* The runtime itself comes as a package of this name as well. */
	name = lock_after(name, "runtimepack.");
	if (name.n == 0)
		return;
	p = lock_add(l, "NuGet", name, version, n->line);
	lock_graph_name(g, n->key);
	if (str_is(type, "project") && !*rooted) {
		p->origin = STR_LIT("root");
		p->relation = LOCK_ROOT;
		*rooted = true;
	} else if (str_is(type, "project")) {
		p->origin = lock_origin(l->arena, "path", name);
		p->relation = LOCK_ROOT;
	} else if (str_is(type, "reference")) {
		p->origin = lock_origin(l->arena, "path", name);
	}
}

static void
ask_for(struct lock_graph *g, const struct tree_node *library)
{
	uint32_t at = lock_graph_find(g, library->key);
	const struct tree_node *d;

	if (at == LOCK_NONE)
		return;
	tree_foreach(d, tree_get(library, "dependencies"))
		lock_graph_ask(g, at,
		    str_of(arena_printf(g->list->arena, "%.*s/%.*s",
			STR_ARG(d->key), STR_ARG(tree_text(d)))));
}

static void
deps_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0),
			       *libraries = tree_get(root, "libraries"),
			       *target, *n;
	struct lock_graph g;
	bool rooted = false;

	if (root != NULL && libraries == NULL)
		lock_error(l, 1, "the file has no libraries");
	lock_graph_init(&g, l);
	tree_foreach(n, libraries)
		add_library(&g, n, &rooted);
	tree_foreach(target, tree_get(root, "targets"))
		tree_foreach(n, target)
			ask_for(&g, n);
	lock_graph_apply(&g);
	lock_graph_done(&g);
}

/* --- packages.config ----------------------------------------------------- */

static void
config_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_xml(l, in->bytes), *n;

	tree_foreach(n, root) {
		struct str id = tree_get_text(n, "id"),
			   version = tree_get_text(n, "version");

		if (!str_is(n->key, "package"))
			continue;
		if (id.n == 0) {
			lock_error(l, n->line, "a package without an id");
			continue;
		}
		if (str_eq_nocase(tree_get_text(n, "developmentDependency"),
			STR_LIT("true")))
			nuget_add(l, id, version, n->line)->group =
			    STR_LIT("dev");
		else
			nuget_add(l, id, version, n->line);
	}
}

static bool
locked_match(struct str path)
{
	return lock_named(path, "packages.lock.json");
}

static bool
deps_match(struct str path)
{
	return str_ends(path, ".deps.json");
}

static bool
config_match(struct str path)
{
	return lock_named(path, "packages.config");
}

const struct lock_format lock_formats_nuget[] = {
	{ "packages.lock.json", locked_match, locked_read },
	{ "deps.json", deps_match, deps_read },
	{ "packages.config", config_match, config_read },
	{ "csproj", nuget_project_match, nuget_project_read },
	{ "Directory.Packages.props", nuget_central_match, nuget_central_read },
	{ NULL },
};
