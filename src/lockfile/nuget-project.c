/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project files of .NET: PackageReference with its version as an attribute or
 * an element, or else from Directory.Packages.props beside the project.
 * Variables are looked up in the file's own PropertyGroups; conditions are not
 * evaluated, everything is listed.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/families_priv.h"
#include "lockfile/nuget_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree_xml_priv.h"

struct lock_package *
nuget_add(struct lock_list *l, struct str name, struct str version,
    uint32_t line)
{
	struct lock_package *p;

	version = str_trim(version);
	if (version.n > 2 && version.p[0] == '[' && str_ends(version, "]"))
		version = str_trim(str_sub(version, 1, version.n - 1));
	for (size_t i = 0; i < version.n; i++)
		if (strchr("[](),*$ ", version.p[i]) != NULL)
			version = STR_NONE;
	if (version.n == 0)
		version = STR_NONE;
	p = lock_add(l, "NuGet", name, version, line);
	p->relation = LOCK_DIRECT;
	return p;
}

/* A file of MSBuild, and what is looked up in it; names have no case. */
struct project {
	struct lock_list *l;
	const struct tree_node *root;
	struct map *properties, *versions; /* name: struct tree_node */
};

static void
know(struct lock_list *l, struct map *m, struct str name,
    const struct tree_node *n)
{
	struct str key = nuget_key(l->arena, name);

	if (key.n != 0 && !map_has(m, key))
		(void)map_put(m, key, (void *)(uintptr_t)n);
}

static void
project_init(struct project *p, struct lock_list *l,
    const struct tree_node *root)
{
	const struct tree_node *group, *n;

	*p = (struct project){ .l = l,
		.root = root,
		.properties = map_new(LIMIT_TREE_NODES),
		.versions = map_new(LIMIT_TREE_NODES) };
	tree_foreach(group, root)
		tree_foreach(n, group) {
			if (str_is(group->key, "PropertyGroup"))
				know(l, p->properties, n->key, n);
			else if (str_is(n->key, "PackageVersion"))
				know(l, p->versions,
				    tree_get_text(n, "Include"), n);
		}
}

static void
project_done(struct project *p)
{
	map_free(p->properties);
	map_free(p->versions);
}

/* "$(Name)" alone, from the PropertyGroups of the file. */
static struct str
expand(const struct project *p, struct str value)
{
	const struct tree_node *n;

	value = str_trim(value);
	if (!str_starts(value, "$(") || !str_ends(value, ")"))
		return value;
	n = map_get(p->properties,
	    nuget_key(p->l->arena, str_sub(value, 2, value.n - 1)));
	return n != NULL ? tree_text(n) : value;
}

static struct str
version_of(const struct project *p, const struct project *central,
    const struct tree_node *n, struct str name)
{
	static const char *const names[] = { "VersionOverride", "Version" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		struct str v = tree_get_text(n, names[i]);

		if (v.n != 0)
			return expand(p, v);
	}
	n = map_get(central->versions, nuget_key(p->l->arena, name));
	return expand(central, tree_get_text(n, "Version"));
}

/* One package may be named for several, "A;B". */
static void
add_reference(const struct project *p, const struct project *central,
    const struct tree_node *n)
{
	struct str names = tree_get_text(n, "Include"), name;

	while (str_cut(&names, ';', &name)) {
		name = str_trim(name);
		if (name.n != 0)
			nuget_add(p->l, name, version_of(p, central, n, name),
			    n->line);
	}
}

static void
read_items(const struct project *p, const struct project *central,
    const char *const *kinds)
{
	const struct tree_node *group, *n;

	tree_foreach(group, p->root) {
		if (!str_is(group->key, "ItemGroup"))
			continue;
		tree_foreach(n, group)
			for (size_t i = 0; kinds[i] != NULL; i++)
				if (str_is(n->key, kinds[i]))
					add_reference(p, central, n);
	}
}

void
nuget_project_read(const struct lock_input *in, struct lock_list *l)
{
	static const char *const kinds[] = { "PackageReference",
		"GlobalPackageReference", "PackageDownload", NULL };
	struct lock_list elsewhere;
	struct project p, central;
	struct str bytes;

	lock_list_init(&elsewhere, l->arena);
	project_init(&p, l, tree_xml(l, in->bytes));
	project_init(&central, l,
	    lock_beside(in, "Directory.Packages.props", &bytes) ?
		tree_xml(&elsewhere, bytes) :
		NULL);
	read_items(&p, &central, kinds);
	project_done(&p);
	project_done(&central);
	lock_list_done(&elsewhere);
}

/* What every project gets, and the versions for those who ask: a list of what
 * is used, as it is meant to be. */
void
nuget_central_read(const struct lock_input *in, struct lock_list *l)
{
	static const char *const kinds[] = { "GlobalPackageReference",
		"PackageVersion", NULL };
	struct project p;

	project_init(&p, l, tree_xml(l, in->bytes));
	read_items(&p, &p, kinds);
	project_done(&p);
}

bool
nuget_project_match(struct str path)
{
	return str_ends(path, ".csproj") || str_ends(path, ".fsproj") ||
	    str_ends(path, ".vbproj");
}

bool
nuget_central_match(struct str path)
{
	return lock_named(path, "Directory.Packages.props");
}
