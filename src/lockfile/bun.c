/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bun.lock: JSON with comments and trailing commas. `packages` is keyed by
 * where a package lies ("a", "a/b"), each a list that begins with "name@ref".
 * Runs in the lockfile reader.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "lockfile/graph_priv.h"
#include "lockfile/js_priv.h"
#include "lockfile/lockfile.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

struct bun {
	struct lock_list *l;
	struct lock_graph graph; /* keys: of `packages` */
	struct buf key; /* one being looked for */
	size_t work; /* bytes of keys looked for */
};

/* The last part of a key: a name, with its scope. */
static struct str
last_name(struct str key)
{
	ptrdiff_t slash = str_rchr(key, '/'), scope;

	if (slash < 0)
		return key;
	scope = str_rchr(str_sub(key, 0, (size_t)slash), '/');
	if (key.p[scope + 1] == '@')
		slash = scope;
	return str_sub(key, (size_t)(slash + 1), key.n);
}

static const struct tree_node *
nth(const struct tree_node *list, size_t i)
{
	const struct tree_node *n = tree_first(list);

	while (n != NULL && i-- > 0)
		n = n->next;
	return n;
}

/* --- entries ------------------------------------------------------------- */

/* The element that is an object: dependencies and the like. */
static const struct tree_node *
info_of(const struct tree_node *entry)
{
	const struct tree_node *n;

	tree_foreach(n, entry)
		if (tree_is(n, TREE_OBJECT))
			return n;
	return NULL;
}

static void
set_reference(struct bun *b, struct lock_package *p,
    const struct tree_node *entry, struct str ref)
{
	struct str registry = tree_text(nth(entry, 1)), origin = p->origin;

	if (js_is_version(ref)) {
		p->version = ref;
		if (registry.n == 0)
			return;
		js_source(b->l, p, registry);
		if (!str_starts(p->origin, "registry"))
			p->origin =
			    lock_origin(b->l->arena, "registry", registry);
		return;
	}
	if (str_starts(ref, "root:"))
		p->origin = STR_LIT("root");
	else
		js_source(b->l, p, ref);
	if (str_starts(ref, "workspace:"))
		p->relation = LOCK_ROOT;
	if (str_eq(p->origin, origin))
		lock_error(b->l, p->line, "\"%.*s\" is no version or address",
		    STR_ARG(str_sub(ref, 0, 200)));
}

/* As node looks: beside what lies at `place`, then further and further up. */
static uint32_t
resolve(struct bun *b, struct str place, struct str name)
{
	for (int depth = 0; depth < LIMIT_JSON_DEPTH; depth++) {
		size_t last = last_name(place).n;
		uint32_t found;

		buf_reset(&b->key);
		buf_put_str(&b->key, place);
		buf_puts(&b->key, place.n != 0 ? "/" : "");
		buf_put_str(&b->key, name);
		b->work += b->key.n;
		if (b->work > LIMIT_LOCK_RELATE_BYTES)
			break;
		found = lock_graph_find(&b->graph, buf_str(&b->key));
		if (found != LOCK_NONE || place.n == 0)
			return found;
		place.n -= last;
		place.n -= place.n != 0; /* the slash */
	}
	return LOCK_NONE;
}

static void
ask(struct bun *b, uint32_t index, struct str key, const struct tree_node *from)
{
	const struct tree_node *d;

	for (size_t i = 0; js_dependency_members[i] != NULL; i++)
		tree_foreach(d, tree_get(from, js_dependency_members[i])) {
			uint32_t to = resolve(b, key, d->key);

			if (to != LOCK_NONE)
				lock_graph_ask_index(&b->graph, index, to);
		}
}

static void
read_package(struct bun *b, const struct tree_node *e)
{
	struct str spec = tree_text(tree_first(e)), name, ref;
	struct lock_package *p;

	if (!tree_is(e, TREE_ARRAY) || !js_split(spec, &name, &ref) ||
	    name.n == 0) {
		lock_error(b->l, e->line, "\"%.*s\" has no \"name@version\"",
		    STR_ARG(str_sub(e->key, 0, 200)));
		return;
	}
	p = lock_add(b->l, JS_ECOSYSTEM, name, STR_NONE, e->line);
	if (!str_eq(last_name(e->key), name))
		p->alias = last_name(e->key);
	set_reference(b, p, e, ref);
	lock_graph_name(&b->graph, e->key);
}

/* --- the file ------------------------------------------------------------ */

static void
read_root(struct bun *b, const struct tree_node *workspaces)
{
	const struct tree_node *w;

	tree_foreach(w, workspaces) {
		struct str name = tree_get_string(w, "name");
		struct lock_package *p;

		if (w->key.n != 0 || name.n == 0)
			continue;
		p = lock_add(b->l, JS_ECOSYSTEM, name,
		    tree_get_string(w, "version"), w->line);
		p->origin = STR_LIT("root");
		p->relation = LOCK_ROOT;
	}
}

/* What a workspace asks for; the project itself is the first entry. */
static void
ask_workspaces(struct bun *b, const struct tree_node *workspaces, bool has_root)
{
	const struct tree_node *w;

	tree_foreach(w, workspaces) {
		struct str name = tree_get_string(w, "name");
		struct str version = tree_get_string(w, "version");
		uint32_t index = w->key.n == 0 ?
		    (has_root ? 0 : LOCK_NONE) :
		    lock_graph_find(&b->graph, name);

		if (index == LOCK_NONE)
			continue;
		/* Members have their version here. */
		if (b->l->packages.v[index].version.p == NULL)
			b->l->packages.v[index].version = version;
		ask(b, index, w->key.n == 0 ? STR_LIT("") : name, w);
	}
}

static void
mark_dev(struct bun *b, const struct tree_node *workspaces)
{
	const struct tree_node *w, *d;

	tree_foreach(w, workspaces) {
		if (w->key.n != 0)
			continue;
		tree_foreach(d, tree_get(w, "devDependencies")) {
			uint32_t at = lock_graph_find(&b->graph, d->key);

			if (at != LOCK_NONE)
				b->l->packages.v[at].group = STR_LIT("dev");
		}
		tree_foreach(d, tree_get(w, "optionalDependencies")) {
			uint32_t at = lock_graph_find(&b->graph, d->key);

			if (at != LOCK_NONE)
				b->l->packages.v[at].group =
				    STR_LIT("optional");
		}
	}
}

void
bun_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct bun b = { .l = l };
	const struct tree_node *root, *packages, *workspaces, *e;
	bool has_root;
	uint32_t i;

	root = tree_json(l, in->bytes, TREE_JSONC);
	packages = tree_get(root, "packages");
	workspaces = tree_get(root, "workspaces");
	if (l->errors.n == 0 && packages == NULL && workspaces == NULL) {
		lock_error(l, 1, "no lockfile of Bun: it has no workspaces");
		return;
	}
	lock_graph_init(&b.graph, l);
	buf_init(&b.key, LIMIT_LOCKFILE_BYTES);
	read_root(&b, workspaces);
	has_root = l->packages.n != 0;
	tree_foreach(e, packages)
		if (tree_whole(e))
			read_package(&b, e);
	tree_foreach(e, packages) {
		i = lock_graph_find(&b.graph, e->key);
		if (i != LOCK_NONE)
			ask(&b, i, e->key, info_of(e));
	}
	ask_workspaces(&b, workspaces, has_root);
	mark_dev(&b, workspaces);
	lock_graph_apply(&b.graph);
	lock_graph_done(&b.graph);
	buf_done(&b.key);
}
