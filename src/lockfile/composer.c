/* SPDX-License-Identifier: Apache-2.0 */
/*
 * composer.lock, and vendor/composer/installed.json with the same entries.
 * A package of a registry has the address that is told of its installation;
 * what comes straight from a repository or an archive has none. Files written
 * without any such address do not say.
 */
#include <ctype.h>

#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

struct composer {
	struct lock_list *l;
	struct lock_graph graph;
	bool notifies; /* entries of registries say so */
	bool installed;
};

static struct str
lower(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);

	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)tolower((unsigned char)s.p[i]);
	return str_n(p, s.n);
}

/* Scheme and host, with a slash: the rest is where to tell. */
static struct str
base_of(struct arena *a, struct str url)
{
	ptrdiff_t scheme = str_find(url, STR_LIT("://")), slash;
	struct str rest;

	if (scheme < 0)
		return url;
	rest = str_sub(url, (size_t)scheme + 3, url.n);
	slash = str_chr(rest, '/');
	if (slash < 0)
		return str_of(arena_printf(a, "%.*s/", STR_ARG(url)));
	return str_sub(url, 0, (size_t)(scheme + 3 + slash + 1));
}

static struct str
origin_of(const struct composer *c, const struct tree_node *n)
{
	const struct tree_node *dist = tree_get(n, "dist"),
			       *source = tree_get(n, "source");
	struct str told = tree_get_string(n, "notification-url");
	struct arena *a = c->l->arena;

	if (str_is(tree_get_string(dist, "type"), "path"))
		return lock_origin(a, "path", tree_get_string(dist, "url"));
	if (c->installed)
		return STR_LIT("installed");
	if (told.n != 0)
		return lock_origin(a, "registry", base_of(a, told));
	if (source != NULL && (dist == NULL || c->notifies))
		return lock_origin_git(a, tree_get_string(source, "url"),
		    tree_get_string(source, "reference"));
	if (dist != NULL && c->notifies)
		return lock_origin(a, "url", tree_get_string(dist, "url"));
	return STR_LIT("registry");
}

static void
add_package(struct composer *c, const struct tree_node *n, const char *group)
{
	const struct tree_node *named = tree_get(n, "name"), *d;
	struct str name = tree_text(named),
		   version = tree_get_string(n, "version");
	struct lock_package *p;

	if (!tree_whole(n))
		return;
	if (name.n == 0) {
		lock_error(c->l, n->line, "a package without a name");
		return;
	}
	if (version.n == 0) {
		lock_error(c->l, named->line, "\"%.*s\" has no version",
		    STR_ARG(str_sub(name, 0, 80)));
		return;
	}
	p = lock_add(c->l, "Packagist", lower(c->l->arena, name), version,
	    named->line);
	p->origin = origin_of(c, n);
	p->group = str_of(group);
	lock_graph_name(&c->graph, p->name);
	tree_foreach(d, tree_get(n, "require"))
		lock_graph_ask(&c->graph, lock_graph_newest(&c->graph),
		    lower(c->l->arena, d->key));
}

static void
look_for_notifications(struct composer *c, const struct tree_node *packages)
{
	const struct tree_node *n;

	tree_foreach(n, packages)
		c->notifies |= tree_get(n, "notification-url") != NULL;
}

/* What the project itself asks for, where composer.json is at hand. */
static void
mark_direct(struct composer *c, const struct tree_node *wishes)
{
	const struct tree_node *d;

	tree_foreach(d, wishes) {
		uint32_t at =
		    lock_graph_find(&c->graph, lower(c->l->arena, d->key));

		if (at != LOCK_NONE)
			c->l->packages.v[at].relation = LOCK_DIRECT;
	}
}

static void
read_manifest(struct composer *c, const struct lock_input *in)
{
	const struct tree_node *root;
	struct lock_list elsewhere;
	struct str bytes;

	if (!lock_beside(in, "composer.json", &bytes))
		return;
	lock_list_init(&elsewhere, c->l->arena);
	root = tree_json(&elsewhere, bytes, 0);
	mark_direct(c, tree_get(root, "require"));
	mark_direct(c, tree_get(root, "require-dev"));
	lock_list_done(&elsewhere);
}

static void
composer_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0), *n;
	const struct tree_node *main_ones = tree_get(root, "packages"),
			       *dev = tree_get(root, "packages-dev");
	struct composer c = { .l = l };

	lock_graph_init(&c.graph, l);
	look_for_notifications(&c, main_ones);
	look_for_notifications(&c, dev);
	tree_foreach(n, main_ones)
		add_package(&c, n, NULL);
	tree_foreach(n, dev)
		add_package(&c, n, "dev");
	read_manifest(&c, in);
	lock_graph_apply(&c.graph);
	lock_graph_done(&c.graph);
	if (root != NULL && main_ones == NULL && dev == NULL)
		lock_error(l, 1, "composer.lock has no packages");
}

/* Composer 1 writes the array alone. */
static void
installed_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0), *n;
	struct composer c = { .l = l, .installed = true };

	lock_graph_init(&c.graph, l);
	tree_foreach(n,
	    tree_is(root, TREE_OBJECT) ? tree_get(root, "packages") : root)
		add_package(&c, n, NULL);
	lock_graph_apply(&c.graph);
	lock_graph_done(&c.graph);
}

static bool
composer_match(struct str path)
{
	return lock_named(path, "composer.lock");
}

static bool
installed_match(struct str path)
{
	return lock_below(path, "vendor/composer/installed.json");
}

const struct lock_format lock_formats_composer[] = {
	{ "composer.lock", composer_match, composer_read },
	{ "installed.json", installed_match, installed_read,
	    .installed = true },
	{ NULL },
};
