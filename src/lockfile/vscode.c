/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visual Studio Code: extensions that a project recommends (.vscode/
 * extensions.json, *.code-workspace) and those that are installed
 * (extensions/extensions.json below the editor's folder, an array).
 */
#include "lockfile/families_priv.h"
#include "lockfile/tree.h"

static void
add_recommended(struct lock_list *l, const struct tree_node *n)
{
	struct str id = tree_text(n);

	if (!tree_whole(n))
		return;
	if (str_chr(id, '.') <= 0) {
		lock_error(l, n->line, "\"%.*s\" is not publisher.name",
		    STR_ARG(str_sub(id, 0, 80)));
		return;
	}
	lock_add(l, "VSCode", id, STR_NONE, n->line)->relation = LOCK_DIRECT;
}

static void
add_installed(struct lock_list *l, const struct tree_node *n)
{
	const struct tree_node *id = tree_get(tree_get(n, "identifier"), "id");
	struct str version = tree_get_text(n, "version");

	if (!tree_whole(n))
		return;
	if (str_chr(tree_text(id), '.') <= 0 || version.n == 0) {
		lock_error(l, n->line,
		    "an extension without its identifier or version");
		return;
	}
	lock_add(l, "VSCode", tree_text(id), version, id->line)->origin =
	    STR_LIT("installed");
}

static void
read_recommendations(struct lock_list *l, const struct tree_node *of)
{
	const struct tree_node *n;

	tree_foreach(n, tree_get(of, "recommendations"))
		add_recommended(l, n);
}

static void
extensions_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, TREE_JSONC), *n;

	if (!tree_is(root, TREE_ARRAY)) {
		read_recommendations(l, root);
		return;
	}
	tree_foreach(n, root)
		add_installed(l, n);
}

static void
workspace_read(const struct lock_input *in, struct lock_list *l)
{
	read_recommendations(l,
	    tree_get(tree_json(l, in->bytes, TREE_JSONC), "extensions"));
}

/* Editors keep theirs in a hidden folder of their own name. */
static bool
extensions_match(struct str path)
{
	static const char installed[] = "extensions/extensions.json";
	struct str editor;

	if (lock_below(path, ".vscode/extensions.json"))
		return true;
	if (!lock_below(path, installed) || path.n < sizeof(installed))
		return false;
	editor = str_sub(path, 0, path.n - sizeof(installed));
	return str_starts(lock_base(editor), ".");
}

static bool
workspace_match(struct str path)
{
	return str_ends(path, ".code-workspace");
}

const struct lock_format lock_formats_vscode[] = {
	{ "extensions.json", extensions_match, extensions_read },
	{ "code-workspace", workspace_match, workspace_read },
	{ NULL },
};
