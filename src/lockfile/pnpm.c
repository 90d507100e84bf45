/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pnpm-lock.yaml, versions 5 to 9. What the keys of `packages` look like:
 *
 *	5	/name/1.0.0_peers	host/name/1.0.0
 *host/owner/repo/commit 6, 7	/name@1.0.0(peers)	file:dir
 *@host/owner/… 9	name@1.0.0		name@https://…
 *name@file:dir
 *
 * `importers` are the project and the members of its workspace; from version 9
 * on `snapshots` say who asks for whom. Runs in the lockfile reader.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/js_priv.h"
#include "lockfile/lockfile.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

/* More members of a workspace than any has; each may be a file to open. */
#define MAX_IMPORTERS 10000

struct pnpm {
	struct lock_list *l;
	const struct lock_input *in;
	const struct tree_node *root;
	struct lock_graph graph; /* keys: of `packages`, "importer:PATH" */
	uint64_t version; /* of the format */
};

/* name and what stands behind it, as the key says. */
struct key {
	struct str name, reference;
};

/* "1.0.0(react@17.0.2)" without the parenthesis. */
static struct str
without_peers(struct str s)
{
	return lock_before(s, '(');
}

/* After the name at the front of "name/rest", "@scope/name/rest". */
static ptrdiff_t
name_end(struct str s)
{
	ptrdiff_t first = str_chr(s, '/'), second;

	if (first < 0 || s.p[0] != '@')
		return first;
	second = str_chr(str_sub(s, (size_t)first + 1, s.n), '/');
	return second < 0 ? -1 : first + 1 + second;
}

/* "name/1.0.0_peers" */
static bool
split_slashes(struct str s, struct key *ret)
{
	ptrdiff_t end = name_end(s);

	if (end <= 0)
		return false;
	ret->name = str_sub(s, 0, (size_t)end);
	ret->reference = lock_before(str_sub(s, (size_t)end + 1, s.n), '_');
	return js_is_version(ret->reference);
}

static bool
split_key(const struct pnpm *r, struct str key, struct key *ret)
{
	struct str s = lock_after(key, "/");
	ptrdiff_t host;

	*ret = (struct key){ .name = STR_NONE, .reference = s };
	if (r->version >= 6)
		return js_split(without_peers(s), &ret->name, &ret->reference);
	if (s.n != key.n)
		return split_slashes(s, ret);
	/* The key begins with another registry's host. */
	host = str_chr(s, '/');
	return host > 0 && s.p[0] != '@' &&
	    split_slashes(str_sub(s, (size_t)host + 1, s.n), ret);
}

/* --- packages ------------------------------------------------------------ */

static void
set_origin(struct pnpm *r, struct lock_package *p, const struct tree_node *e,
    struct str reference)
{
	const struct tree_node *resolution = tree_get(e, "resolution");
	struct str tarball = tree_get_string(resolution, "tarball");
	struct str repo = tree_get_string(resolution, "repo");
	struct str folder = tree_get_string(resolution, "directory");
	struct str registry = tree_get_string(resolution, "registry");

	if (repo.n != 0)
		p->origin =
		    lock_origin_git(r->l->arena, lock_after(repo, "git+"),
			tree_get_string(resolution, "commit"));
	else if (folder.n != 0)
		p->origin = lock_origin(r->l->arena, "path", folder);
	else if (tarball.n != 0)
		js_source(r->l, p, tarball);
	else if (registry.n != 0)
		p->origin = lock_origin(r->l->arena, "registry", registry);
	else if (!js_is_version(reference))
		js_source(r->l, p, reference);
	else if (r->version < 6 && !str_starts(e->key, "/"))
		/* The key has no scheme; registries have https. */
		p->origin =
		    str_of(arena_printf(r->l->arena, "registry:https://%.*s",
			STR_ARG(lock_before(e->key, '/'))));
}

static struct str
group_of(const struct tree_node *e)
{
	bool dev = tree_get_true(e, "dev");
	bool optional = tree_get_true(e, "optional");

	if (dev && optional)
		return STR_LIT("dev,optional");
	if (dev)
		return STR_LIT("dev");
	return optional ? STR_LIT("optional") : STR_NONE;
}

static struct str
last_part(struct str s)
{
	while (str_ends(s, "/"))
		s.n--;
	return lock_base(s);
}

static void
read_package(struct pnpm *r, const struct tree_node *e)
{
	struct str name = tree_get_string(e, "name");
	struct str version = tree_get_text(e, "version");
	struct lock_package *p;
	struct key key;
	bool split = split_key(r, e->key, &key);

	if (str_starts(key.reference, "runtime:"))
		return; /* node itself */
	if (split && name.n == 0)
		name = key.name;
	/* A folder without a name of its own in the file. */
	if (name.n == 0 && str_chr(key.reference, ':') > 0)
		name = last_part(lock_before(key.reference, '#'));
	if (name.n == 0) {
		lock_error(r->l, e->line, "\"%.*s\" names no package",
		    STR_ARG(str_sub(e->key, 0, 200)));
		return;
	}
	if (version.n == 0 && split && js_is_version(key.reference))
		version = key.reference;
	p = lock_add(r->l, JS_ECOSYSTEM, name,
	    version.n != 0 ? version : STR_NONE, e->line);
	p->group = group_of(e);
	lock_graph_name(&r->graph,
	    r->version >= 9 ? without_peers(e->key) : e->key);
	set_origin(r, p, e, key.reference);
}

/* --- who asks for whom --------------------------------------------------- */

static struct str
print(struct pnpm *r, const char *before, struct str a, const char *between,
    struct str b)
{
	return str_of(arena_printf(r->l->arena, "%s%.*s%s%.*s", before,
	    STR_ARG(a), between, STR_ARG(b)));
}

/* The entry that "name: reference" means; aliased where the reference is a
 * whole key of another name. */
static uint32_t
resolve(struct pnpm *r, struct str name, struct str reference)
{
	const char *before = r->version >= 9 ? "" : "/";
	struct lock_package *p;
	uint32_t at;

	if (reference.n == 0)
		return LOCK_NONE;
	if (r->version >= 9)
		reference = without_peers(reference);
	at = lock_graph_find(&r->graph,
	    print(r, before, name, r->version >= 6 ? "@" : "/", reference));
	if (at != LOCK_NONE)
		return at;
	at = lock_graph_find(&r->graph, reference);
	if (at == LOCK_NONE)
		return LOCK_NONE;
	p = &r->l->packages.v[at];
	if (p->alias.p == NULL && !str_eq(p->name, name))
		p->alias = name;
	return at;
}

/* References are texts, or objects with a `version`. */
static struct str
reference_of(const struct tree_node *d)
{
	return tree_is(d, TREE_OBJECT) ? tree_get_text(d, "version") :
					 tree_text(d);
}

static void
ask(struct pnpm *r, uint32_t index, const struct tree_node *from)
{
	const struct tree_node *d;

	for (size_t i = 0; js_dependency_members[i] != NULL; i++)
		tree_foreach(d, tree_get(from, js_dependency_members[i])) {
			uint32_t to = resolve(r, d->key, reference_of(d));

			if (to != LOCK_NONE)
				lock_graph_ask_index(&r->graph, index, to);
		}
}

static void
ask_packages(struct pnpm *r)
{
	const struct tree_node *e;

	tree_foreach(e, tree_get(r->root, "packages")) {
		uint32_t at = lock_graph_find(&r->graph, e->key);

		if (at != LOCK_NONE)
			ask(r, at, e);
	}
	tree_foreach(e, tree_get(r->root, "snapshots")) {
		uint32_t at = lock_graph_find(&r->graph, without_peers(e->key));

		if (at == LOCK_NONE)
			continue;
		if (tree_get_true(e, "optional"))
			r->l->packages.v[at].group = STR_LIT("optional");
		ask(r, at, e);
	}
}

/* --- importers ----------------------------------------------------------- */

/* Its name is in its manifest, if that can be had. */
static uint32_t
add_importer(struct pnpm *r, struct str path, uint32_t line)
{
	const struct tree_node *manifest;
	struct lock_list aside;
	struct lock_package *p;
	struct str bytes, name;

	if (!lock_beside(r->in,
		arena_printf(r->l->arena, "%.*s/package.json", STR_ARG(path)),
		&bytes))
		return LOCK_NONE;
	lock_list_init(&aside, r->l->arena);
	manifest = tree_json(&aside, bytes, 0);
	lock_list_done(&aside);
	name = tree_get_string(manifest, "name");
	if (name.n == 0)
		return LOCK_NONE;
	p = lock_add(r->l, JS_ECOSYSTEM, name,
	    tree_get_string(manifest, "version"), line);
	p->relation = LOCK_ROOT;
	p->origin = str_is(path, ".") ? STR_LIT("root") :
					lock_origin(r->l->arena, "path", path);
	return (uint32_t)r->l->packages.n - 1;
}

static void
mark_direct(struct pnpm *r, const struct tree_node *importer)
{
	static const struct {
		const char *member;
		struct str group;
	} rows[] = { { "dependencies", { NULL, 0 } },
		{ "optionalDependencies", { "optional", 8 } },
		{ "devDependencies", { "dev", 3 } } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tree_node *d;

		tree_foreach(d, tree_get(importer, rows[i].member)) {
			uint32_t at = resolve(r, d->key, reference_of(d));
			struct lock_package *p;

			if (at == LOCK_NONE)
				continue;
			p = &r->l->packages.v[at];
			/* An entry can be asked for by several importers. */
			if (p->relation == LOCK_UNKNOWN && p->group.p == NULL)
				p->group = rows[i].group;
			p->relation = LOCK_DIRECT;
		}
	}
}

static void
read_importer(struct pnpm *r, const struct tree_node *importer, struct str path,
    uint32_t line)
{
	uint32_t index = add_importer(r, path, line);

	if (index != LOCK_NONE)
		ask(r, index, importer);
	mark_direct(r, importer);
}

static void
read_importers(struct pnpm *r)
{
	const struct tree_node *importers = tree_get(r->root, "importers"), *i;
	size_t n = 0;

	if (importers == NULL) {
		read_importer(r, r->root, STR_LIT("."), 1);
		return;
	}
	tree_foreach(i, importers)
		if (n++ < MAX_IMPORTERS)
			read_importer(r, i, i->key, i->line);
}

static void
read_document(struct pnpm *r)
{
	struct str version = tree_get_text(r->root, "lockfileVersion");
	const struct tree_node *e;

	if (str_to_u64(lock_before(version, '.'), &r->version) != 0 ||
	    r->version < 5) {
		lock_error(r->l, 1,
		    "no lockfile of pnpm 3 or later: its lockfileVersion is "
		    "\"%.*s\"",
		    STR_ARG(str_sub(version, 0, 50)));
		return;
	}
	tree_foreach(e, tree_get(r->root, "packages"))
		if (tree_whole(e))
			read_package(r, e);
	ask_packages(r);
	read_importers(r);
}

void
pnpm_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct pnpm r = { .l = l, .in = in };

	r.root = tree_yaml(l, in->bytes);
	if (r.root == NULL && l->errors.n == 0)
		lock_error(l, 1, "the file is empty");
	lock_graph_init(&r.graph, l);
	for (; r.root != NULL; r.root = r.root->next)
		read_document(&r);
	lock_graph_apply(&r.graph);
	lock_graph_done(&r.graph);
}
