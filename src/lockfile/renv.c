/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renv.lock: the repositories by name, and the packages with where each came
 * from: a repository, a code host (RemoteHost, RemoteUsername, RemoteRepo), an
 * address or a folder.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

#define MAX_REPOSITORIES 100 /* looked at for each package; R has a handful */

struct renv {
	struct lock_list *l;
	const struct tree_node *repositories;
};

/* "CRAN" is the ecosystem itself, whatever mirror it came through. */
static struct str
origin_repository(const struct renv *r, const struct tree_node *n)
{
	struct str name = tree_get_text(n, "Repository");
	const struct tree_node *one;
	int looked = 0;

	if (name.n == 0 || str_is(name, "CRAN"))
		return STR_LIT("registry");
	tree_foreach(one, r->repositories) {
		if (str_eq(tree_get_text(one, "Name"), name))
			return lock_origin(r->l->arena, "registry",
			    tree_get_text(one, "URL"));
		if (++looked == MAX_REPOSITORIES)
			break;
	}
	return lock_origin(r->l->arena, "registry", name);
}

static struct str
origin_git(const struct renv *r, const struct tree_node *n)
{
	struct str url = tree_get_text(n, "RemoteUrl"),
		   commit = tree_get_text(n, "RemoteSha"),
		   host = tree_get_text(n, "RemoteHost");

	if (url.n == 0) {
		/* The host of the programming interface. */
		host = lock_before(lock_after(host, "api."), '/');
		url = str_of(arena_printf(r->l->arena, "https://%.*s/%.*s/%.*s",
		    STR_ARG(host), STR_ARG(tree_get_text(n, "RemoteUsername")),
		    STR_ARG(tree_get_text(n, "RemoteRepo"))));
	}
	return lock_origin_git(r->l->arena, url, commit);
}

static struct str
origin_url(const struct renv *r, const struct tree_node *n)
{
	return lock_origin(r->l->arena, "url", tree_get_text(n, "RemoteUrl"));
}

static struct str
origin_local(const struct renv *r, const struct tree_node *n)
{
	return lock_origin(r->l->arena, "path", tree_get_text(n, "RemoteUrl"));
}

static struct str
origin_default(const struct renv *r, const struct tree_node *n)
{
	(void)r, (void)n;
	return STR_LIT("registry");
}

static const struct source {
	const char *name, *ecosystem;
	struct str (*origin)(const struct renv *r, const struct tree_node *n);
} sources[] = {
	{ "Repository", "CRAN", origin_repository },
	{ "CRAN", "CRAN", origin_default },
	{ "Bioconductor", "Bioconductor", origin_default },
	{ "GitHub", "CRAN", origin_git },
	{ "GitLab", "CRAN", origin_git },
	{ "Bitbucket", "CRAN", origin_git },
	{ "Git", "CRAN", origin_git },
	{ "git", "CRAN", origin_git },
	{ "git2r", "CRAN", origin_git },
	{ "xgit", "CRAN", origin_git },
	{ "URL", "CRAN", origin_url },
	{ "Local", "CRAN", origin_local },
	{ "unknown", "CRAN", origin_local },
};

static const struct source *
source_of(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(sources); i++)
		if (str_is(name, sources[i].name))
			return &sources[i];
	return &sources[0];
}

static void
add_package(const struct renv *r, struct lock_graph *g,
    const struct tree_node *n)
{
	struct str name = tree_get_text(n, "Package"),
		   version = tree_get_text(n, "Version");
	const struct source *source = source_of(tree_get_text(n, "Source"));
	const struct tree_node *d;

	if (!tree_whole(n))
		return;
	if (name.n == 0)
		name = n->key;
	if (name.n == 0 || version.n == 0) {
		lock_error(r->l, n->line,
		    "\"%.*s\" has no package name or no version",
		    STR_ARG(str_sub(n->key, 0, 80)));
		return;
	}
	lock_add(r->l, source->ecosystem, name, version, n->line)->origin =
	    source->origin(r, n);
	lock_graph_name(g, name);
	tree_foreach(d, tree_get(n, "Requirements"))
		lock_graph_ask(g, lock_graph_newest(g), tree_text(d));
}

static void
renv_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0), *n;
	const struct tree_node *packages = tree_get(root, "Packages");
	struct renv r = { .l = l,
		.repositories = tree_get(tree_get(root, "R"), "Repositories") };
	struct lock_graph g;

	if (root != NULL && packages == NULL)
		lock_error(l, 1, "renv.lock has no Packages");
	lock_graph_init(&g, l);
	tree_foreach(n, packages)
		add_package(&r, &g, n);
	lock_graph_apply(&g);
	lock_graph_done(&g);
}

static bool
renv_match(struct str path)
{
	return lock_named(path, "renv.lock");
}

const struct lock_format lock_formats_renv[] = {
	{ "renv.lock", renv_match, renv_read },
	{ NULL },
};
