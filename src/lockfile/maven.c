/* SPDX-License-Identifier: Apache-2.0 */
/* pom.xml (its model is in pom.c) and gradle/verification-metadata.xml. */
#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/pom_priv.h"
#include "lockfile/tree_xml_priv.h"

/* Gradle lists every artifact that it has checked. */
static void
verification_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_xml(l, in->bytes), *n;

	tree_foreach(n, tree_get(root, "components")) {
		struct str group = tree_get_text(n, "group"),
			   name = tree_get_text(n, "name"),
			   version = tree_get_text(n, "version");

		if (!str_is(n->key, "component"))
			continue;
		if (group.n == 0 || name.n == 0 || version.n == 0) {
			lock_error(l, n->line,
			    "a component without group, name and version");
			continue;
		}
		lock_add(l, "Maven",
		    str_of(arena_printf(l->arena, "%.*s:%.*s", STR_ARG(group),
			STR_ARG(name))),
		    version, n->line);
	}
}

static bool
verification_match(struct str path)
{
	return lock_below(path, "gradle/verification-metadata.xml");
}

static bool
pom_match(struct str path)
{
	return lock_named(path, "pom.xml") || str_ends(path, ".pom");
}

const struct lock_format lock_formats_maven[] = {
	{ "verification-metadata.xml", verification_match, verification_read },
	{ "pom.xml", pom_match, pom_read },
	{ NULL },
};
