/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Project files of .NET: PackageReference with its version as an attribute or
 * an element, or else from Directory.Packages.props beside the project.
 * Variables are looked up in the file's own PropertyGroups; conditions are not
 * evaluated, everything is listed.
 */
#include "base/arena.h"
#include "base/cleanup.h"
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

/* "$(Name)" alone, from the PropertyGroups of the file. */
static struct str
expand(const struct tree_node *project, struct str value)
{
	const struct tree_node *group, *n;
	struct str name;

	if (!str_starts(value, "$(") || !str_ends(value, ")"))
		return value;
	name = str_sub(value, 2, value.n - 1);
	tree_foreach(group, project) {
		if (!str_is(group->key, "PropertyGroup"))
			continue;
		tree_foreach(n, group)
			if (str_eq_nocase(n->key, name))
				return tree_text(n);
	}
	return value;
}

/* The version that a central file gives the package; p NULL: none. */
static struct str
central_version(const struct tree_node *central, struct str name)
{
	const struct tree_node *group, *n;

	tree_foreach(group, central) {
		tree_foreach(n, group) {
			struct str version = tree_get_text(n, "Version");

			if (str_is(n->key, "PackageVersion") &&
			    str_eq_nocase(tree_get_text(n, "Include"), name))
				return expand(central, version);
		}
	}
	return STR_NONE;
}

static struct str
version_of(const struct tree_node *project, const struct tree_node *central,
    const struct tree_node *n, struct str name)
{
	static const char *const names[] = { "VersionOverride", "Version" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		struct str v = tree_get_text(n, names[i]);

		if (v.n != 0)
			return expand(project, str_trim(v));
	}
	return central_version(central, name);
}

/* One package may be named for several, "A;B". */
static void
add_reference(struct lock_list *l, const struct tree_node *project,
    const struct tree_node *central, const struct tree_node *n)
{
	struct str names = tree_get_text(n, "Include"), name;

	while (str_cut(&names, ';', &name)) {
		name = str_trim(name);
		if (name.n != 0)
			nuget_add(l, name,
			    version_of(project, central, n, name), n->line);
	}
}

static void
read_items(struct lock_list *l, const struct tree_node *project,
    const struct tree_node *central, const char *const *kinds)
{
	const struct tree_node *group, *n;

	tree_foreach(group, project) {
		if (!str_is(group->key, "ItemGroup"))
			continue;
		tree_foreach(n, group)
			for (size_t i = 0; kinds[i] != NULL; i++)
				if (str_is(n->key, kinds[i]))
					add_reference(l, project, central, n);
	}
}

void
nuget_project_read(const struct lock_input *in, struct lock_list *l)
{
	static const char *const kinds[] = { "PackageReference",
		"GlobalPackageReference", "PackageDownload", NULL };
	const struct tree_node *project = tree_xml(l, in->bytes),
			       *central = NULL;
	struct lock_list elsewhere;
	struct str bytes;

	lock_list_init(&elsewhere, l->arena);
	if (lock_beside(in, "Directory.Packages.props", &bytes))
		central = tree_xml(&elsewhere, bytes);
	read_items(l, project, central, kinds);
	lock_list_done(&elsewhere);
}

/* What every project gets, and the versions for those who ask: a list of what
 * is used, as it is meant to be. */
void
nuget_central_read(const struct lock_input *in, struct lock_list *l)
{
	static const char *const kinds[] = { "GlobalPackageReference",
		"PackageVersion", NULL };

	read_items(l, tree_xml(l, in->bytes), NULL, kinds);
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
