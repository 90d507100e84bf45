/* SPDX-License-Identifier: Apache-2.0 */
/* pubspec.lock: packages by name, each with its source and description. */
#include "base/cleanup.h"
#include "lockfile/families_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/tree.h"

static struct str
origin_hosted(struct arena *a, const struct tree_node *description)
{
	return lock_origin(a, "registry", tree_get_text(description, "url"));
}

static struct str
origin_git(struct arena *a, const struct tree_node *description)
{
	return lock_origin_git(a, tree_get_text(description, "url"),
	    tree_get_text(description, "resolved-ref"));
}

static struct str
origin_path(struct arena *a, const struct tree_node *description)
{
	return lock_origin(a, "path", tree_get_text(description, "path"));
}

/* Part of the development kit that is named here. */
static struct str
origin_sdk(struct arena *a, const struct tree_node *description)
{
	return lock_origin(a, "path", tree_text(description));
}

static const struct source {
	const char *name;
	struct str (
	    *origin)(struct arena *a, const struct tree_node *description);
} sources[] = {
	{ "hosted", origin_hosted },
	{ "git", origin_git },
	{ "path", origin_path },
	{ "sdk", origin_sdk },
};

static const struct source *
source_of(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(sources); i++)
		if (str_is(name, sources[i].name))
			return &sources[i];
	return NULL;
}

static void
set_relation(struct lock_package *p, struct str dependency)
{
	if (str_starts(dependency, "direct"))
		p->relation = LOCK_DIRECT;
	else if (str_is(dependency, "transitive"))
		p->relation = LOCK_TRANSITIVE;
	if (str_is(dependency, "direct dev"))
		p->group = STR_LIT("dev");
}

static void
add_package(struct lock_list *l, const struct tree_node *n)
{
	const struct source *source = source_of(tree_get_text(n, "source"));
	const struct tree_node *description = tree_get(n, "description");
	struct str version = tree_get_text(n, "version"),
		   real = tree_get_text(description, "name");
	struct lock_package *p;

	if (!tree_whole(n))
		return;
	if (n->key.n == 0 || version.n == 0 || source == NULL) {
		lock_error(l, n->line,
		    "\"%.*s\" has no version or no source that is known",
		    STR_ARG(str_sub(n->key, 0, 80)));
		return;
	}
	p = lock_add(l, "Pub", real.n != 0 ? real : n->key, version, n->line);
	if (!str_eq(p->name, n->key))
		p->alias = n->key;
	p->origin = source->origin(l->arena, description);
	set_relation(p, tree_get_text(n, "dependency"));
}

static void
pub_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_yaml(l, in->bytes), *n;
	const struct tree_node *packages = tree_get(root, "packages");

	if (root != NULL && packages == NULL)
		lock_error(l, 1, "pubspec.lock has no packages");
	tree_foreach(n, packages)
		add_package(l, n);
}

static bool
pub_match(struct str path)
{
	return lock_named(path, "pubspec.lock");
}

const struct lock_format lock_formats_pub[] = {
	{ "pubspec.lock", pub_match, pub_read },
	{ NULL },
};
