/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conan.lock: a graph of nodes (Conan 1) or lists of references (Conan 2). A
 * reference is name/version@user/channel#revision%time; the remote that it came
 * from is not in the file.
 */
#include "base/cleanup.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

static struct lock_package *
add_reference(struct lock_list *l, struct str reference, uint32_t line)
{
	struct str version = lock_before(lock_before(reference, '#'), '@'),
		   name;

	version = lock_before(version, '%');
	if (!str_cut(&version, '/', &name) || name.n == 0 || version.n == 0) {
		lock_error(l, line, "\"%.*s\" is not name/version",
		    STR_ARG(str_sub(reference, 0, 80)));
		return NULL;
	}
	/* "[>=1.0]" stands where nothing was locked. */
	if (version.p[0] == '[')
		version = STR_NONE;
	return lock_add(l, "ConanCenter", name, version, line);
}

/* --- Conan 1 -------------------------------------------------------------- */

static void
add_node(struct lock_graph *g, const struct tree_node *n)
{
	const struct tree_node *ref = tree_get(n, "ref"), *r;
	struct lock_package *p;

	if (ref == NULL)
		ref = tree_get(n, "pref");
	/* A project need not have a name. */
	if (!tree_whole(n) || tree_text(ref).n == 0)
		return;
	p = add_reference(g->list, tree_text(ref), n->line);
	if (p == NULL)
		return;
	lock_graph_name(g, n->key);
	if (tree_get_text(n, "path").n != 0) {
		p->relation = LOCK_ROOT;
		p->origin = STR_LIT("root");
	}
	tree_foreach(r, tree_get(n, "requires"))
		lock_graph_ask(g, lock_graph_newest(g), tree_text(r));
	tree_foreach(r, tree_get(n, "build_requires"))
		lock_graph_ask(g, lock_graph_newest(g), tree_text(r));
}

/* The project has no reference of its own: what it requires is direct. */
static void
mark_direct(const struct lock_graph *g, const struct tree_node *n)
{
	const struct tree_node *r;

	if (n == NULL || tree_get_text(n, "ref").n != 0)
		return;
	tree_foreach(r, tree_get(n, "requires")) {
		uint32_t at = lock_graph_find(g, tree_text(r));

		if (at != LOCK_NONE)
			g->list->packages.v[at].relation = LOCK_DIRECT;
	}
}

static void
read_graph(struct lock_list *l, const struct tree_node *nodes)
{
	const struct tree_node *n;
	struct lock_graph g;

	lock_graph_init(&g, l);
	tree_foreach(n, nodes)
		add_node(&g, n);
	mark_direct(&g, tree_get(nodes, "0"));
	lock_graph_apply(&g);
	lock_graph_done(&g);
}

/* --- Conan 2 -------------------------------------------------------------- */

static void
read_lists(struct lock_list *l, const struct tree_node *root)
{
	static const struct {
		const char *key, *group;
	} lists[] = {
		{ "requires", NULL },
		{ "build_requires", "build" },
		{ "python_requires", "build" },
		{ "config_requires", "build" },
	};
	const struct tree_node *n;

	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		tree_foreach(n, tree_get(root, lists[i].key)) {
			/* With packages: ["ref", {…}]. */
			const struct tree_node *ref =
			    tree_is(n, TREE_ARRAY) ? tree_first(n) : n;
			struct lock_package *p = NULL;

			if (tree_whole(n))
				p = add_reference(l, tree_text(ref), n->line);
			if (p != NULL)
				p->group = str_of(lists[i].group);
		}
}

static void
conan_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0);
	const struct tree_node *graph = tree_get(root, "graph_lock");

	if (graph != NULL)
		read_graph(l, tree_get(graph, "nodes"));
	else if (tree_get(root, "version") != NULL)
		read_lists(l, root);
	else if (root != NULL)
		lock_error(l, 1, "conan.lock has no version");
}

static bool
conan_match(struct str path)
{
	return lock_named(path, "conan.lock");
}

const struct lock_format lock_formats_conan[] = {
	{ "conan.lock", conan_match, conan_read },
	{ NULL },
};
