/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pom.xml: dependencies of the project and of its profiles, with properties
 * and managed versions of this file and of the parents that lie in reach.
 * Managed versions that are imported from a repository are not known here.
 */
#include "lockfile/pom_priv.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/families_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree_xml_priv.h"

#define MAX_PARENTS 10 /* real ones have three or four */
#define MAX_PASSES  10 /* properties that stand for properties */

struct pom {
	const struct lock_input *in;
	struct lock_list *l;
	struct map *properties; /* name: struct tree_node of its value */
	struct map *managed; /* "group:artifact": struct tree_node */
};

static void
set_property(struct pom *m, const char *name, const struct tree_node *value)
{
	if (value != NULL && !map_has(m->properties, str_of(name)))
		(void)map_put(m->properties, str_of(name),
		    (void *)(uintptr_t)value);
}

/* What the first file of the chain sets, counts. */
static void
take_properties(struct pom *m, const struct tree_node *project)
{
	static const struct {
		const char *name, *of;
	} rows[] = {
		{ "project.version", "version" },
		{ "pom.version", "version" },
		{ "version", "version" },
		{ "project.groupId", "groupId" },
		{ "pom.groupId", "groupId" },
		{ "groupId", "groupId" },
		{ "project.artifactId", "artifactId" },
	};
	const struct tree_node *parent = tree_get(project, "parent"), *n;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		set_property(m, rows[i].name, tree_get(project, rows[i].of));
		/* Not given: the parent's. */
		set_property(m, rows[i].name, tree_get(parent, rows[i].of));
	}
	set_property(m, "project.parent.version", tree_get(parent, "version"));
	set_property(m, "project.parent.groupId", tree_get(parent, "groupId"));
	tree_foreach(n, tree_get(project, "properties"))
		if (!map_has(m->properties, n->key))
			(void)map_put(m->properties, n->key,
			    (void *)(uintptr_t)n);
}

/* One pass over "${…}"; false when one is not known. */
static bool
replace(const struct pom *m, struct str s, struct buf *out)
{
	ptrdiff_t at;

	while ((at = str_find(s, STR_LIT("${"))) >= 0) {
		struct str rest = str_sub(s, (size_t)at + 2, s.n), name;
		const struct tree_node *value;

		buf_put_str(out, str_sub(s, 0, (size_t)at));
		if (!str_cut(&rest, '}', &name) || rest.p == NULL)
			return false;
		value = map_get(m->properties, name);
		if (tree_text(value).p == NULL)
			return false;
		buf_put_str(out, tree_text(value));
		s = rest;
	}
	buf_put_str(out, s);
	return !out->full;
}

/* p NULL: absent, or something in it is not known. */
static struct str
expand(const struct pom *m, const struct tree_node *n)
{
	struct str s = str_trim(tree_text(n));

	for (int i = 0; s.n != 0 && str_find(s, STR_LIT("${")) >= 0; i++) {
		struct buf b;

		buf_init(&b, LIMIT_TEXT_BYTES);
		if (i == MAX_PASSES || !replace(m, s, &b))
			s = STR_NONE;
		else
			s = arena_str(m->l->arena, buf_str(&b));
		buf_done(&b);
	}
	return s.n != 0 ? s : STR_NONE;
}

static struct str
member(const struct pom *m, const struct tree_node *n, const char *key)
{
	return expand(m, tree_get(n, key));
}

static struct str
coordinates(const struct pom *m, const struct tree_node *n)
{
	struct str group = member(m, n, "groupId"),
		   artifact = member(m, n, "artifactId");

	if (group.n == 0 || artifact.n == 0)
		return STR_NONE;
	return str_of(arena_printf(m->l->arena, "%.*s:%.*s", STR_ARG(group),
	    STR_ARG(artifact)));
}

static void
take_managed(struct pom *m, const struct tree_node *project)
{
	const struct tree_node *d,
	    *list = tree_get(tree_get(project, "dependencyManagement"),
		"dependencies");

	tree_foreach(d, list) {
		struct str key = coordinates(m, d);

		if (key.n != 0 && !map_has(m->managed, key))
			(void)map_put(m->managed, key, (void *)(uintptr_t)d);
	}
}

/* Where the parent lies, relative to the first file; p NULL: elsewhere. */
static struct str
parent_path(struct arena *a, struct str from, const struct tree_node *parent)
{
	const struct tree_node *given = tree_get(parent, "relativePath");
	struct str to = str_trim(tree_text(given));
	ptrdiff_t slash = str_rchr(from, '/');
	struct str folder = str_sub(from, 0, (size_t)(slash + 1));

	if (given != NULL && to.n == 0)
		return STR_NONE;
	if (given == NULL)
		to = STR_LIT("../pom.xml");
	if (to.p[0] == '/')
		return STR_NONE;
	if (!str_ends(to, ".xml") && !str_ends(to, ".pom"))
		return str_of(
		    arena_printf(a, "%.*s%.*s%spom.xml", STR_ARG(folder),
			STR_ARG(to), str_ends(to, "/") ? "" : "/"));
	return str_of(
	    arena_printf(a, "%.*s%.*s", STR_ARG(folder), STR_ARG(to)));
}

/* The parents' properties and managed versions; their errors are told where
 * they are read for themselves. */
static void
take_parents(struct pom *m, const struct tree_node *project,
    const struct tree_node **chain, size_t *n)
{
	struct str path = STR_LIT("pom.xml"), bytes;
	struct lock_list elsewhere;

	lock_list_init(&elsewhere, m->l->arena);
	while (*n < MAX_PARENTS && m->in->open != NULL) {
		const struct tree_node *parent = tree_get(project, "parent");

		if (parent == NULL)
			break;
		path = parent_path(m->l->arena, path, parent);
		if (path.n == 0 || path.n > LIMIT_PATH_BYTES ||
		    !m->in->open(m->in->data, path, &bytes))
			break;
		project = tree_xml(&elsewhere, bytes);
		/* Another project may lie there. */
		if (!str_eq(tree_get_text(project, "artifactId"),
			tree_get_text(parent, "artifactId")))
			break;
		take_properties(m, project);
		chain[(*n)++] = project;
	}
	lock_list_done(&elsewhere);
}

/* "1.2" and "[1.2]" are exact; ranges and moving names are not. */
static struct str
exact(struct str version)
{
	if (version.n > 2 && version.p[0] == '[' && str_ends(version, "]"))
		version = str_sub(version, 1, version.n - 1);
	for (size_t i = 0; i < version.n; i++)
		if (strchr("[](),", version.p[i]) != NULL)
			return STR_NONE;
	if (str_is(version, "LATEST") || str_is(version, "RELEASE"))
		return STR_NONE;
	return version.n != 0 ? version : STR_NONE;
}

static struct str
group_of(const struct pom *m, const struct tree_node *d,
    const struct tree_node *managed)
{
	struct str scope = member(m, d, "scope");

	if (scope.n == 0)
		scope = member(m, managed, "scope");
	if (str_is(member(m, d, "optional"), "true"))
		return STR_LIT("optional");
	if (scope.n == 0 || str_is(scope, "compile") ||
	    str_is(scope, "runtime") || str_is(scope, "import"))
		return STR_NONE;
	return scope;
}

static void
add_dependency(const struct pom *m, const struct tree_node *d)
{
	struct str name = coordinates(m, d), version, file;
	const struct tree_node *managed;
	struct lock_package *p;

	if (!tree_whole(d) || !str_is(d->key, "dependency"))
		return;
	if (name.n == 0) {
		lock_error(m->l, d->line,
		    "a dependency whose group or artifact is not known");
		return;
	}
	managed = map_get(m->managed, name);
	version = tree_get(d, "version") != NULL ?
	    member(m, d, "version") :
	    member(m, managed, "version");
	file = member(m, d, "systemPath");
	p = lock_add(m->l, "Maven", name, exact(version), d->line);
	p->relation = LOCK_DIRECT;
	p->group = group_of(m, d, managed);
	if (file.n != 0)
		p->origin = lock_origin(m->l->arena, "path", file);
}

static void
add_dependencies(const struct pom *m, const struct tree_node *of)
{
	const struct tree_node *d;

	tree_foreach(d, tree_get(of, "dependencies"))
		add_dependency(m, d);
}

void
pom_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *project = tree_xml(l, in->bytes), *profile;
	const struct tree_node *chain[MAX_PARENTS + 1];
	struct pom m = { .in = in, .l = l };
	size_t n = 1;

	m.properties = map_new(LIMIT_TREE_NODES);
	m.managed = map_new(LIMIT_TREE_NODES);
	chain[0] = project;
	take_properties(&m, project);
	take_parents(&m, project, chain, &n);
	for (size_t i = 0; i < n; i++)
		take_managed(&m, chain[i]);
	add_dependencies(&m, project);
	tree_foreach(profile, tree_get(project, "profiles"))
		add_dependencies(&m, profile);
	map_free(m.properties);
	map_free(m.managed);
}
