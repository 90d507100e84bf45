/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yarn.lock: of Yarn 1, a format of its own, and of Yarn 2 and later (Berry),
 * YAML. In both an entry has one or more patterns, "name@range", which are
 * what others ask for. Runs in the lockfile reader.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "lockfile/graph_priv.h"
#include "lockfile/js_priv.h"
#include "lockfile/lockfile.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

struct yarn {
	struct lock_list *l;
	const struct lock_input *in;
	struct lock_graph graph; /* keys: patterns */
};

static struct str
join(struct lock_list *l, struct str name, const char *between,
    struct str range)
{
	return str_of(arena_printf(l->arena, "%.*s%s%.*s", STR_ARG(name),
	    between, STR_ARG(range)));
}

/* The next of "a@1, b@2"; quotes around each or around all. */
static bool
next_pattern(struct str *rest, struct str *ret)
{
	ptrdiff_t at;

	if (rest->n == 0)
		return false;
	at = str_find(*rest, STR_LIT(", "));
	*ret = at < 0 ? *rest : str_sub(*rest, 0, (size_t)at);
	*rest = at < 0 ? STR_NONE : str_sub(*rest, (size_t)at + 2, rest->n);
	*ret = lock_unquote(str_trim(*ret), '"');
	return true;
}

/* --- Yarn 1 -------------------------------------------------------------- */

struct entry {
	struct str patterns, version, resolved;
	uint32_t line, index;
	bool added;
};

static void
add_entry(struct yarn *y, struct entry *e)
{
	struct str rest = e->patterns, pattern, name, range, real, version;
	struct lock_package *p;

	if (e->added || !next_pattern(&rest, &pattern))
		return;
	e->added = true;
	(void)js_split(pattern, &name, &range);
	if (name.n == 0) {
		lock_error(y->l, e->line, "the entry names no package");
		return;
	}
	e->index = (uint32_t)y->l->packages.n;
	p = lock_add(y->l, JS_ECOSYSTEM, name, e->version, e->line);
	if (str_starts(range, "npm:") &&
	    js_split(lock_after(range, "npm:"), &real, &version))
		js_alias(p, real);
	/* A folder's range says where it is; a mirror on disk has a file name
	 * without address instead of an archive's. */
	if (str_chr(e->resolved, ':') > 0)
		js_source(y->l, p, e->resolved);
	else if (str_starts(range, "file:") || str_starts(range, "link:"))
		js_source(y->l, p, range);
	rest = e->patterns;
	while (next_pattern(&rest, &pattern))
		lock_graph_name(&y->graph, pattern);
}

/* "key value", each with or without quotes. */
static void
split_line(struct str text, struct str *ret_key, struct str *ret_value)
{
	struct str rest = str_trim(text);
	ptrdiff_t end;

	if (str_starts(rest, "\"")) {
		end = str_chr(str_sub(rest, 1, rest.n), '"');
		*ret_key = end < 0 ? str_sub(rest, 1, rest.n) :
				     str_sub(rest, 1, (size_t)end + 1);
		rest =
		    end < 0 ? STR_NONE : str_sub(rest, (size_t)end + 2, rest.n);
	} else {
		*ret_key = lock_word(&rest);
	}
	*ret_value = lock_unquote(str_trim(rest), '"');
}

static void
read_member(struct yarn *y, struct entry *e, size_t indent, struct str text,
    bool *in_dependencies)
{
	struct str key, value;

	split_line(text, &key, &value);
	if (indent <= 2) {
		*in_dependencies = false;
		if (str_is(key, "version"))
			e->version = value;
		else if (str_is(key, "resolved"))
			e->resolved = value;
		else
			*in_dependencies = str_is(key, "dependencies:") ||
			    str_is(key, "optionalDependencies:");
		return;
	}
	if (!*in_dependencies)
		return;
	add_entry(y, e); /* what stands above its dependencies is all of it */
	if (e->added && e->index < y->l->packages.n)
		lock_graph_ask(&y->graph, e->index,
		    join(y->l, key, "@", value));
}

static void
ask_manifest(struct yarn *y)
{
	const struct tree_node *manifest = js_manifest(y->in, y->l), *d;

	for (size_t i = 0; js_dependency_members[i] != NULL; i++) {
		bool dev =
		    str_is(str_of(js_dependency_members[i]), "devDependencies");

		tree_foreach(d, tree_get(manifest, js_dependency_members[i])) {
			uint32_t at = lock_graph_find(&y->graph,
			    join(y->l, d->key, "@", tree_text(d)));

			if (at == LOCK_NONE)
				continue;
			if (dev &&
			    y->l->packages.v[at].relation == LOCK_UNKNOWN)
				y->l->packages.v[at].group = STR_LIT("dev");
			y->l->packages.v[at].relation = LOCK_DIRECT;
		}
	}
}

static void
read_classic(struct yarn *y)
{
	struct entry e = { .added = true };
	bool in_dependencies = false;
	struct lock_text t;

	lock_text_init(&t, y->in->bytes);
	while (lock_text_next(&t)) {
		size_t indent = lock_indent(t.text);
		struct str text = str_trim(t.text);

		if (text.n == 0 || str_starts(text, "#"))
			continue;
		if (indent != 0) {
			if (e.patterns.n != 0)
				read_member(y, &e, indent, text,
				    &in_dependencies);
			continue;
		}
		add_entry(y, &e);
		e = (struct entry){ .line = t.line };
		in_dependencies = false;
		if (str_ends(text, ":"))
			e.patterns = str_sub(text, 0, text.n - 1);
		else
			lock_error(y->l, t.line,
			    "\"name@range:\" is wanted here");
	}
	/* An entry without version was cut off. */
	if (e.version.p != NULL)
		add_entry(y, &e);
	else if (e.patterns.n != 0 && !e.added)
		lock_error(y->l, e.line, "the file ends within this entry");
	ask_manifest(y);
}

/* --- Berry --------------------------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Berry writes addresses within addresses in URL coding. */
static struct str
decode(struct lock_list *l, struct str s)
{
	char *p = arena_alloc(l->arena, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;

		if (s.p[i] == '%' && high >= 0 && low >= 0) {
			p[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return str_n(p, n);
}

static struct str
before_text(struct str s, struct str mark)
{
	ptrdiff_t at = str_find(s, mark);

	return at < 0 ? s : str_sub(s, 0, (size_t)at);
}

/* Value of "::a=1&key=value"; p NULL: none. */
static struct str
parameter(struct lock_list *l, struct str reference, const char *key)
{
	ptrdiff_t at = str_find(reference, STR_LIT("::"));
	struct str rest, part;

	if (at < 0)
		return STR_NONE;
	rest = str_sub(reference, (size_t)at + 2, reference.n);
	while (str_cut(&rest, '&', &part))
		if (str_starts(part, key) && part.n > strlen(key) &&
		    part.p[strlen(key)] == '=')
			return decode(l,
			    str_sub(part, strlen(key) + 1, part.n));
	return STR_NONE;
}

static void
npm_reference(struct lock_list *l, struct lock_package *p, struct str ref)
{
	struct str version = before_text(ref, STR_LIT("::"));

	if (version.n != 0)
		p->version = version;
	js_source(l, p, parameter(l, ref, "__archiveUrl"));
}

static void
workspace_reference(struct lock_list *l, struct lock_package *p, struct str ref)
{
	p->version = STR_NONE; /* "0.0.0-use.local" is none */
	p->relation = LOCK_ROOT;
	p->origin = str_is(ref, ".") ? STR_LIT("root") :
				       lock_origin(l->arena, "path", ref);
}

/* A patched package is the package that was patched. */
static void
patch_reference(struct lock_list *l, struct lock_package *p, struct str ref)
{
	struct str inner, name, version;

	inner = decode(l, before_text(lock_before(ref, '#'), STR_LIT("::")));
	if (!js_split(inner, &name, &version))
		return;
	js_alias(p, name);
	if (str_starts(version, "npm:"))
		npm_reference(l, p, lock_after(version, "npm:"));
	else
		js_source(l, p, version);
}

static void
local_reference(struct lock_list *l, struct lock_package *p, struct str ref)
{
	ref = lock_before(before_text(ref, STR_LIT("::")), '#');
	p->origin =
	    lock_origin(l->arena, "path", ref.n != 0 ? ref : STR_LIT("."));
	if (str_ends(p->version, "-use.local"))
		p->version = STR_NONE;
}

static void
set_reference(struct lock_list *l, struct lock_package *p, struct str ref)
{
	static const struct {
		const char *protocol;
		void (*set)(struct lock_list *l, struct lock_package *p,
		    struct str ref);
	} rows[] = { { "npm:", npm_reference },
		{ "workspace:", workspace_reference },
		{ "patch:", patch_reference }, { "file:", local_reference },
		{ "link:", local_reference }, { "portal:", local_reference },
		{ "exec:", local_reference } };
	ptrdiff_t commit = str_find(ref, STR_LIT("#commit="));

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_starts(ref, rows[i].protocol)) {
			rows[i].set(l, p, lock_after(ref, rows[i].protocol));
			return;
		}
	ref = before_text(ref, STR_LIT("::"));
	if (commit < 0) {
		js_source(l, p, ref);
		return;
	}
	p->origin = lock_origin_git(l->arena,
	    lock_after(str_sub(ref, 0, (size_t)commit), "git+"),
	    lock_before(str_sub(ref, (size_t)commit + 8, ref.n), '&'));
}

static void
name_patterns(struct yarn *y, struct lock_package *p, struct str patterns)
{
	struct str pattern, name, range;

	while (next_pattern(&patterns, &pattern)) {
		lock_graph_name(&y->graph, pattern);
		lock_graph_name(&y->graph, before_text(pattern, STR_LIT("::")));
		if (js_split(pattern, &name, &range) && name.n != 0 &&
		    p->alias.p == NULL && !str_eq(name, p->name))
			p->alias = name;
	}
}

static void
ask_berry(struct yarn *y, const struct tree_node *e, uint32_t index)
{
	const struct tree_node *d;

	for (size_t i = 0; js_dependency_members[i] != NULL; i++)
		tree_foreach(d, tree_get(e, js_dependency_members[i])) {
			lock_graph_ask(&y->graph, index,
			    join(y->l, d->key, "@", tree_text(d)));
			/* Yarn 2 and 3 leave the usual protocol out. */
			lock_graph_ask(&y->graph, index,
			    join(y->l, d->key, "@npm:", tree_text(d)));
		}
}

static void
read_berry(struct yarn *y)
{
	const struct tree_node *root = tree_yaml(y->l, y->in->bytes), *e;

	tree_foreach(e, root) {
		struct str resolution = tree_get_text(e, "resolution");
		struct str name, reference;
		struct lock_package *p;

		if (str_is(e->key, "__metadata") || !tree_whole(e))
			continue;
		if (!js_split(resolution, &name, &reference) || name.n == 0) {
			lock_error(y->l, e->line,
			    "the entry has no resolution \"name@…\"");
			continue;
		}
		p = lock_add(y->l, JS_ECOSYSTEM, name,
		    tree_get_text(e, "version"), e->line);
		set_reference(y->l, p, reference);
		name_patterns(y, p, e->key);
		ask_berry(y, e, (uint32_t)y->l->packages.n - 1);
	}
}

void
yarn_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct yarn y = { .l = l, .in = in };

	lock_graph_init(&y.graph, l);
	if (str_starts(in->bytes, "__metadata:") ||
	    str_find(in->bytes, STR_LIT("\n__metadata:")) >= 0)
		read_berry(&y);
	else
		read_classic(&y);
	lock_graph_apply(&y.graph);
	lock_graph_done(&y.graph);
}
