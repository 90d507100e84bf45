/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GitHub workflows use: steps, reusable workflows, and the steps of
 * composite actions. "owner/repository/folder@ref" is the package
 * owner/repository at ref, a tag, a branch or a commit; what a comment says of
 * a commit's version is anybody's word. Folders of the repository itself
 * ("./…") are local, container images ("docker://…") are no packages of this
 * ecosystem.
 */
#include <ctype.h>

#include "lockfile/families_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

#define SHA1_HEX   40
#define SHA256_HEX 64

static bool
is_commit(struct str ref)
{
	if (ref.n != SHA1_HEX && ref.n != SHA256_HEX)
		return false;
	for (size_t i = 0; i < ref.n; i++)
		if (!isxdigit((unsigned char)ref.p[i]))
			return false;
	return true;
}

static void
add_use(struct lock_list *l, const struct tree_node *uses)
{
	struct str text = str_trim(tree_text(uses)), rest = text, path, owner,
		   repository;
	struct lock_package *p;
	ptrdiff_t at = str_rchr(text, '@');

	if (uses == NULL || str_starts(text, "docker:") ||
	    str_starts(text, "./") || str_starts(text, "../"))
		return;
	path = rest = str_sub(text, 0, at < 0 ? 0 : (size_t)at);
	if (at < 0 || !str_cut(&rest, '/', &owner) || owner.n == 0 ||
	    rest.p == NULL || !str_cut(&rest, '/', &repository) ||
	    repository.n == 0 || (size_t)at + 1 == text.n) {
		lock_error(l, uses->line,
		    "\"%.*s\" is not owner/repository@ref",
		    STR_ARG(str_sub(text, 0, 80)));
		return;
	}
	path = str_sub(path, 0, owner.n + 1 + repository.n);
	text = str_sub(text, (size_t)at + 1, text.n);
	p = lock_add(l, "GitHub Actions", path, text, uses->line);
	p->relation = LOCK_DIRECT;
	if (is_commit(text))
		p->origin = lock_origin_git(l->arena, path, text);
}

static void
add_steps(struct lock_list *l, const struct tree_node *steps)
{
	const struct tree_node *n;

	tree_foreach(n, steps)
		add_use(l, tree_get(n, "uses"));
}

static void
actions_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_yaml(l, in->bytes), *job;

	tree_foreach(job, tree_get(root, "jobs")) {
		add_use(l, tree_get(job, "uses"));
		add_steps(l, tree_get(job, "steps"));
	}
	add_steps(l, tree_get(tree_get(root, "runs"), "steps"));
}

static bool
is_yaml(struct str path)
{
	return str_ends(path, ".yml") || str_ends(path, ".yaml");
}

static bool
workflow_match(struct str path)
{
	struct str base = lock_base(path),
		   folder = str_sub(path, 0, path.n - base.n);

	return is_yaml(base) && lock_below(folder, ".github/workflows/");
}

static bool
action_match(struct str path)
{
	return lock_named(path, "action.yml") ||
	    lock_named(path, "action.yaml");
}

const struct lock_format lock_formats_actions[] = {
	{ "github-workflow", workflow_match, actions_read },
	{ "action.yml", action_match, actions_read },
	{ NULL },
};
