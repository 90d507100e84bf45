/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package.resolved, versions 1 to 3. A Swift package is its repository: OSV
 * names it by the address, without the scheme.
 */
#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

/* "https://host/a/b.git", "git@host:a/b.git" and "ssh://git@host/a/b" are
 * host/a/b. */
static struct str
name_of(struct arena *a, struct str url)
{
	ptrdiff_t scheme = str_find(url, STR_LIT("://")), at, colon;
	struct str s = url, host;

	if (scheme >= 0)
		s = str_sub(s, (size_t)scheme + 3, s.n);
	if (str_ends(s, "/"))
		s.n--;
	if (str_ends(s, ".git"))
		s.n -= 4;
	host = lock_before(s, '/');
	at = str_rchr(host, '@');
	if (at >= 0)
		s = str_sub(s, (size_t)at + 1, s.n);
	colon = str_chr(s, ':');
	if (scheme < 0 && colon >= 0)
		return str_of(arena_printf(a, "%.*s/%.*s",
		    STR_ARG(str_sub(s, 0, (size_t)colon)),
		    STR_ARG(str_sub(s, (size_t)colon + 1, s.n))));
	return s;
}

static void
add_pin(struct lock_list *l, const struct tree_node *n)
{
	const struct tree_node *state = tree_get(n, "state"),
			       *named = tree_get(n, "identity");
	struct str url = tree_get_text(n, "location"),
		   kind = tree_get_text(n, "kind"),
		   version = tree_get_text(state, "version"), name;
	struct lock_package *p;

	if (!tree_whole(n))
		return;
	if (named == NULL)
		named = tree_get(n, "package");
	if (url.n == 0)
		url = tree_get_text(n, "repositoryURL");
	if (tree_text(named).n == 0 ||
	    (url.n == 0 && !str_is(kind, "registry"))) {
		lock_error(l, n->line, "a pin without its name or location");
		return;
	}
	name = str_is(kind, "registry") || str_is(kind, "localSourceControl") ?
	    tree_text(named) :
	    name_of(l->arena, url);
	if (name.n == 0)
		name = tree_text(named);
	p = lock_add(l, "SwiftURL", name, version, named->line);
	if (str_is(kind, "localSourceControl"))
		p->origin = lock_origin(l->arena, "path", url);
	else if (!str_is(kind, "registry"))
		p->origin = lock_origin_git(l->arena, url,
		    tree_get_text(state, "revision"));
}

static void
swift_read(const struct lock_input *in, struct lock_list *l)
{
	const struct tree_node *root = tree_json(l, in->bytes, 0), *n;
	const struct tree_node *pins = tree_get(root, "pins");

	if (pins == NULL)
		pins = tree_get(tree_get(root, "object"), "pins");
	if (root != NULL && pins == NULL)
		lock_error(l, 1, "Package.resolved has no pins");
	tree_foreach(n, pins)
		add_pin(l, n);
}

static bool
swift_match(struct str path)
{
	return lock_named(path, "Package.resolved");
}

const struct lock_format lock_formats_swift[] = {
	{ "Package.resolved", swift_match, swift_read },
	{ NULL },
};
