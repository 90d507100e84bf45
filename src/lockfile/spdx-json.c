/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX as JSON or YAML (version 2) and as JSON-LD (version 3). */
#include "lockfile/families_priv.h"
#include "lockfile/spdx_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

static void
take_purl(struct sbom_entry *e, const struct tree_node *n)
{
	const struct tree_node *r;

	tree_foreach(r, tree_get(n, "externalRefs"))
		if (e->purl.n == 0 &&
		    spdx_is_purl(tree_get_text(r, "referenceCategory"),
			tree_get_text(r, "referenceType")))
			e->purl = tree_get_string(r, "referenceLocator");
}

/* An entry begins where its name stands. */
static uint32_t
line_of(const struct tree_node *n)
{
	const struct tree_node *name = tree_get(n, "name");

	return name != NULL ? name->line : n->line;
}

static void
add_package(struct spdx *s, const struct tree_node *n)
{
	struct sbom_entry e = {
		.name = tree_get_string(n, "name"),
		.version = spdx_said(tree_get_text(n, "versionInfo")),
		.address = spdx_said(tree_get_text(n, "downloadLocation")),
		.line = line_of(n),
	};

	if (!tree_whole(n))
		return;
	take_purl(&e, n);
	*spdx_add_package(s) = (struct spdx_package){
		.id = tree_get_string(n, "SPDXID"),
		.entry = e,
	};
}

static void
read_version_2(struct spdx *s, const struct tree_node *root)
{
	const struct tree_node *n;

	tree_foreach(n, tree_get(root, "packages"))
		add_package(s, n);
	tree_foreach(n, tree_get(root, "documentDescribes"))
		spdx_add_relation(s, STR_LIT("SPDXRef-DOCUMENT"),
		    STR_LIT("DESCRIBES"), tree_text(n));
	tree_foreach(n, tree_get(root, "relationships"))
		spdx_add_relation(s, tree_get_text(n, "spdxElementId"),
		    tree_get_text(n, "relationshipType"),
		    tree_get_text(n, "relatedSpdxElement"));
}

/* --- version 3: a graph of elements -------------------------------------- */

static void
add_element(struct spdx *s, const struct tree_node *n)
{
	struct sbom_entry e = {
		.name = tree_get_string(n, "name"),
		.version = tree_get_text(n, "software_packageVersion"),
		.purl = tree_get_string(n, "software_packageUrl"),
		.address = tree_get_string(n, "software_downloadLocation"),
		.line = line_of(n),
	};
	const struct tree_node *id;

	tree_foreach(id, tree_get(n, "externalIdentifier"))
		if (e.purl.n == 0 &&
		    str_is(tree_get_text(id, "externalIdentifierType"),
			"packageUrl"))
			e.purl = tree_get_string(id, "identifier");
	*spdx_add_package(s) = (struct spdx_package){
		.id = tree_get_string(n, "spdxId"),
		.entry = e,
	};
}

static void
add_relationship(struct spdx *s, const struct tree_node *n)
{
	struct str kind = tree_get_text(n, "relationshipType");
	const struct tree_node *to;

	if (str_is(kind, "dependsOn"))
		kind = STR_LIT("DEPENDS_ON");
	else if (str_is(kind, "describes"))
		kind = STR_LIT("DESCRIBES");
	else
		return;
	tree_foreach(to, tree_get(n, "to"))
		spdx_add_relation(s, tree_get_text(n, "from"), kind,
		    tree_text(to));
}

static void
read_version_3(struct spdx *s, const struct tree_node *graph)
{
	const struct tree_node *n, *root;

	tree_foreach(n, graph) {
		struct str type = tree_get_text(n, "type");

		if (!tree_whole(n))
			continue;
		if (str_ends(type, "Package"))
			add_element(s, n);
		else if (str_ends(type, "Relationship"))
			add_relationship(s, n);
		else if (str_is(type, "software_Sbom"))
			tree_foreach(root, tree_get(n, "rootElement"))
				spdx_add_relation(s, tree_get_text(n, "spdxId"),
				    STR_LIT("DESCRIBES"), tree_text(root));
	}
}

static void
read_tree(struct lock_list *l, const struct tree_node *root)
{
	struct spdx s = { .list = l };

	if (tree_get(root, "sbom") != NULL) /* as an interface returns it */
		root = tree_get(root, "sbom");
	if (tree_get(root, "@graph") != NULL)
		read_version_3(&s, tree_get(root, "@graph"));
	else if (tree_get(root, "spdxVersion") != NULL)
		read_version_2(&s, root);
	else if (root != NULL)
		lock_error(l, 1, "no spdxVersion: not an SPDX document");
	spdx_finish(&s);
}

static void
json_read(const struct lock_input *in, struct lock_list *l)
{
	read_tree(l, tree_json(l, in->bytes, 0));
}

static void
yaml_read(const struct lock_input *in, struct lock_list *l)
{
	read_tree(l, tree_yaml(l, in->bytes));
}

static void
rdf_read(const struct lock_input *in, struct lock_list *l)
{
	(void)in;
	lock_error(l, 0,
	    "SPDX as RDF is not read; write it as JSON or in the notation "
	    "of tags");
}

static bool
json_match(struct str path)
{
	return str_ends(path, ".spdx.json") || str_ends(path, ".spdx3.json") ||
	    str_ends(path, ".spdx.jsonld");
}

static bool
yaml_match(struct str path)
{
	return str_ends(path, ".spdx.yaml") || str_ends(path, ".spdx.yml");
}

static bool
rdf_match(struct str path)
{
	return str_ends(path, ".spdx.rdf") || str_ends(path, ".spdx.rdf.xml") ||
	    str_ends(path, ".spdx.xml");
}

static bool
tags_match(struct str path)
{
	return str_ends(path, ".spdx") || str_ends(path, ".spdx.txt") ||
	    str_ends(path, ".spdx.tag");
}

const struct lock_format lock_formats_spdx[] = {
	{ "spdx.json", json_match, json_read },
	{ "spdx.yaml", yaml_match, yaml_read },
	{ "spdx.rdf", rdf_match, rdf_read },
	{ "spdx", tags_match, spdx_read_tags },
	{ NULL },
};
