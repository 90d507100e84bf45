/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CycloneDX as JSON and as XML: components, also those inside components, and
 * who depends on whom. What the document is about (metadata) is no entry, but
 * what it depends on is direct.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/sbom_priv.h"
#include "lockfile/tree_xml_priv.h"

struct cyclonedx {
	struct lock_list *l;
	struct packageurl *scratch;
	struct lock_graph graph;
};

/* In JSON an entry begins at its name, in XML it is an element. */
static uint32_t
line_of(const struct tree_node *n)
{
	const struct tree_node *name = tree_get(n, "name");

	return n->key.p == NULL && name != NULL ? name->line : n->line;
}

/* Without a purl: may it be a package at all? */
static bool
may_be_package(struct str type)
{
	return type.n == 0 || str_is(type, "library") ||
	    str_is(type, "framework") || str_is(type, "application");
}

static struct str
distribution(const struct tree_node *n)
{
	const struct tree_node *r;

	tree_foreach(r, tree_get(n, "externalReferences"))
		if (str_is(tree_get_text(r, "type"), "distribution"))
			return tree_get_text(r, "url");
	return STR_NONE;
}

/* Tools note what is for development as a property of their own. */
static bool
is_development(const struct tree_node *n)
{
	const struct tree_node *p;

	tree_foreach(p, tree_get(n, "properties")) {
		struct str value = tree_get_text(p, "value");

		if (value.p == NULL)
			value = tree_get_text(p, "#text");
		if (str_ends(tree_get_text(p, "name"), ":development") &&
		    str_is(value, "true"))
			return true;
	}
	return false;
}

static void
add_component(struct cyclonedx *c, const struct tree_node *n)
{
	const struct sbom_entry e = {
		.name = tree_get_text(n, "name"),
		.version = tree_get_text(n, "version"),
		.purl = tree_get_text(n, "purl"),
		.address = distribution(n),
		.line = line_of(n),
	};
	struct str scope = tree_get_text(n, "scope"),
		   ref = tree_get_text(n, "bom-ref");
	struct lock_package *p;

	if (!tree_whole(n) ||
	    (e.purl.n == 0 && !may_be_package(tree_get_text(n, "type"))))
		return;
	p = sbom_add(c->l, c->scratch, &e);
	if (p == NULL)
		return;
	if (str_is(scope, "optional") || str_is(scope, "excluded"))
		p->group = scope;
	if (is_development(n))
		p->group = STR_LIT("dev");
	if (ref.n != 0)
		lock_graph_name(&c->graph, ref);
}

/* Components in components: no deeper than the tree itself can be. */
static void
add_components(struct cyclonedx *c, const struct tree_node *components)
{
	const struct tree_node *next[LIMIT_JSON_DEPTH + 1];
	size_t depth = 1;

	next[0] = tree_first(components);
	while (depth > 0) {
		const struct tree_node *n = next[depth - 1];

		if (n == NULL) {
			depth--;
			continue;
		}
		next[depth - 1] = n->next;
		if (n->key.p != NULL && !str_is(n->key, "component"))
			continue;
		add_component(c, n);
		if (depth < N_ELEMENTS(next))
			next[depth++] = tree_first(tree_get(n, "components"));
	}
}

/* JSON has references, XML elements with a reference. */
static struct str
ref_of(const struct tree_node *n)
{
	struct str ref = tree_get_text(n, "ref");

	return ref.p != NULL ? ref : tree_text(n);
}

/* Who depends, on whom: a list, or the elements within. */
static void
add_dependency(struct cyclonedx *c, const struct tree_node *n, struct str about)
{
	const struct tree_node *on = tree_get(n, "dependsOn"), *d;
	struct str from = tree_get_text(n, "ref");
	uint32_t at = lock_graph_find(&c->graph, from);

	tree_foreach(d, on != NULL ? on : n) {
		struct str to = ref_of(d);
		uint32_t target = lock_graph_find(&c->graph, to);

		if (on == NULL && !str_is(d->key, "dependency"))
			continue;
		if (at != LOCK_NONE)
			lock_graph_ask(&c->graph, at, to);
		else if (target != LOCK_NONE && from.n != 0 &&
		    str_eq(from, about))
			c->l->packages.v[target].relation = LOCK_DIRECT;
	}
}

static void
read_bom(struct lock_list *l, const struct tree_node *bom)
{
	struct cyclonedx c = { .l = l };
	struct str about =
	    tree_get_text(tree_get(tree_get(bom, "metadata"), "component"),
		"bom-ref");
	const struct tree_node *n;

	c.scratch = arena_alloc(l->arena, sizeof(*c.scratch));
	lock_graph_init(&c.graph, l);
	add_components(&c, tree_get(bom, "components"));
	tree_foreach(n, tree_get(bom, "dependencies"))
		add_dependency(&c, n, about);
	lock_graph_apply(&c.graph);
	lock_graph_done(&c.graph);
}

static void
json_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *bom = tree_json(l, in->bytes, 0);

	if (bom != NULL && tree_get(bom, "bomFormat") == NULL &&
	    tree_get(bom, "components") == NULL)
		lock_error(l, 1, "no bomFormat: not a CycloneDX document");
	read_bom(l, bom);
}

static void
xml_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *bom = tree_xml(l, in->bytes);

	if (bom != NULL && !str_is(bom->key, "bom"))
		lock_error(l, bom->line, "no <bom>: not a CycloneDX document");
	else
		read_bom(l, bom);
}

static bool
json_match(struct str path)
{
	return str_ends(path, ".cdx.json") || lock_named(path, "bom.json");
}

static bool
xml_match(struct str path)
{
	return str_ends(path, ".cdx.xml") || lock_named(path, "bom.xml");
}

const struct lock_format lock_formats_cyclonedx[] = {
	{ "cdx.json", json_match, json_read },
	{ "cdx.xml", xml_match, xml_read },
	{ NULL },
};
