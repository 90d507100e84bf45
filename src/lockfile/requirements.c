/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requirements.txt as pip reads it: requirements, addresses, folders, options.
 * Files included by -r are read as files of their own; those named by -c only
 * say which versions are taken. Runs in the lockfile reader.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/py_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree_priv.h"

/* Each is opened and read: more than any project has. */
#define MAX_CONSTRAINTS 100

struct included {
	struct str file;
	uint32_t line;
};

/* pip-compile and uv write down who asks: "# via flask". */
struct via {
	uint32_t child;
	struct str parent; /* name, or the file that asks */
};

struct requirements {
	const struct lock_input *in;
	struct lock_list *l;
	struct str index; /* of the last --index-url; p NULL: none */
	bool several; /* and there are others beside it */
	struct lock_graph graph; /* keys: normalised names */
	int n_constraints; /* files */
	struct map *constraints; /* name to struct str, in the arena */
	VEC(struct included) includes;
	VEC(struct via) vias;
	bool in_via; /* the comment goes on with who asks */
	uint32_t line; /* of the entry being read */
};

/* --- text ---------------------------------------------------------------- */

/* Some shells write UTF-16 with a byte order mark, and pip reads it. */
static struct str
as_utf8(struct lock_list *l, struct str s)
{
	bool little = str_starts(s, "\xff\xfe");
	char *out;
	size_t n = 0;

	if (!little && !str_starts(s, "\xfe\xff"))
		return s;
	out = arena_alloc(l->arena, s.n * 2); /* 3 bytes for 2, at most */
	for (size_t i = 2; i + 1 < s.n; i += 2) {
		uint32_t a = (unsigned char)s.p[i + !little];
		uint32_t b = (unsigned char)s.p[i + little];

		/* Halves of pairs become U+FFFD each: in no name. */
		n += tree_utf8(out + n, b << 8 | a);
	}
	return str_n(out, n);
}

/* --- lines --------------------------------------------------------------- */

/* pip: a comment begins at a line's start or after white space. */
static struct str
without_comment(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '#' &&
		    (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))
			return str_sub(s, 0, i);
	return s;
}

/* A whole entry: lines that end in a backslash go on in the next. */
static bool
next_entry(struct lock_list *l, struct lock_text *t, struct str *ret,
    uint32_t *ret_line)
{
	struct buf joined;

	if (!lock_text_next(t))
		return false;
	*ret_line = t->line;
	*ret = t->text;
	if (!str_ends(t->text, "\\") || str_starts(str_trim(t->text), "#")) {
		*ret = str_trim(without_comment(*ret));
		return true;
	}
	buf_init(&joined, LIMIT_LOCKFILE_BYTES);
	do {
		struct str text = str_trim(t->text);

		if (str_starts(text, "#"))
			continue;
		if (str_ends(text, "\\"))
			text.n--;
		buf_put_str(&joined, text);
		buf_putc(&joined, ' ');
	} while (str_ends(t->text, "\\") && lock_text_next(t));
	*ret = str_trim(without_comment(arena_str(l->arena, buf_str(&joined))));
	buf_done(&joined);
	return true;
}

/* Options of one requirement stand behind it: --hash=… and others. */
static struct str
without_options(struct str s)
{
	ptrdiff_t at = str_find(s, STR_LIT(" --")), tab;

	tab = str_find(s, STR_LIT("\t--"));
	if (at < 0 || (tab >= 0 && tab < at))
		at = tab;
	return at < 0 ? s : str_trim(str_sub(s, 0, (size_t)at));
}

/* --- folders and addresses ----------------------------------------------- */

/* Value of "#egg=name&…". */
static struct str
egg(struct str url)
{
	ptrdiff_t at = str_find(url, STR_LIT("egg="));

	if (at <= 0 || (url.p[at - 1] != '#' && url.p[at - 1] != '&'))
		return STR_NONE;
	return lock_before(lock_before(str_sub(url, (size_t)at + 4, url.n),
			       '&'),
	    '[');
}

/* What a repository or folder is called, for want of anything better. */
static struct str
last_part(struct str url)
{
	struct str s = lock_before(lock_before(url, '#'), '?');
	ptrdiff_t at;

	while (str_ends(s, "/"))
		s.n--;
	s = lock_base(s);
	at = str_chr(s, '@');
	if (at >= 0)
		s = str_sub(s, 0, (size_t)at);
	if (str_ends(s, ".git"))
		s.n -= 4;
	return s;
}

/* The project in a folder says its name and version itself. */
static bool
project_in(const struct requirements *r, struct str folder,
    struct str *ret_name, struct str *ret_version)
{
	const struct tree_node *project, *root;
	struct lock_list aside;
	struct str bytes;

	if (str_starts(folder, "/") ||
	    !lock_beside(r->in,
		arena_printf(r->l->arena, "%.*s/pyproject.toml",
		    STR_ARG(folder)),
		&bytes))
		return false;
	lock_list_init(&aside, r->l->arena);
	root = tree_toml(&aside, bytes);
	lock_list_done(&aside);
	project = tree_get(root, "project");
	if (project == NULL)
		project = tree_get(tree_get(root, "tool"), "poetry");
	*ret_name = tree_get_string(project, "name");
	*ret_version = tree_get_string(project, "version");
	return ret_name->n != 0;
}

static void
add_local(struct requirements *r, struct str path)
{
	struct str name = STR_NONE, version = STR_NONE;
	struct lock_package *p;

	path = lock_before(path, '#');
	if (str_ends(path, "]"))
		path = lock_before(path, '[');
	if (!project_in(r, path, &name, &version) &&
	    !py_archive_name(lock_base(path), &name, &version))
		name = last_part(path);
	/* "." without a manifest: the project, whose name nobody says. */
	if (name.n == 0 || str_is(name, ".") || str_is(name, ".."))
		return;
	p = lock_add(r->l, PY_ECOSYSTEM, py_name(r->l, name),
	    version.n != 0 ? version : STR_NONE, r->line);
	p->relation = LOCK_DIRECT;
	p->origin = lock_origin(r->l->arena, "path", path);
}

static void
add_address(struct requirements *r, struct str url)
{
	struct str name = egg(url), version = STR_NONE;
	struct lock_package *p;

	if (name.n == 0 &&
	    !py_archive_name(lock_base(lock_before(lock_before(url, '#'), '?')),
		&name, &version))
		name = last_part(url);
	if (name.n == 0) {
		lock_error(r->l, r->line, "\"%.*s\" names no package",
		    STR_ARG(str_sub(url, 0, 200)));
		return;
	}
	p = lock_add(r->l, PY_ECOSYSTEM, py_name(r->l, name), STR_NONE,
	    r->line);
	p->relation = LOCK_DIRECT;
	py_source(r->l, p, url);
}

/* Whether pip would take the text for a path. */
static bool
is_path(struct str s)
{
	struct str name, version;

	return str_starts(s, ".") || str_starts(s, "/") || str_starts(s, "~") ||
	    str_starts(s, "file:") ||
	    (str_chr(s, '=') < 0 &&
		py_archive_name(lock_base(s), &name, &version));
}

static void
add_path_or_address(struct requirements *r, struct str s)
{
	if (str_starts(s, "file:"))
		s = lock_after(lock_after(s, "file:"), "//");
	if (str_find(s, STR_LIT("://")) > 0 || str_starts(s, "git+"))
		add_address(r, s);
	else
		add_local(r, s);
}

/* --- options ------------------------------------------------------------- */

static void
include(struct requirements *r, struct str file)
{
	struct included i = { file, r->line };

	vec_push(&r->includes, i); /* read when the index is known */
}

static void
constrain(struct requirements *r, struct str file)
{
	struct lock_text t;
	struct str bytes, entry;
	uint32_t line;

	if (r->n_constraints++ >= MAX_CONSTRAINTS) {
		lock_error(r->l, r->line,
		    "more than %d files of constraints: versions may be "
		    "missing",
		    MAX_CONSTRAINTS);
		return;
	}
	if (r->in->open == NULL || !r->in->open(r->in->data, file, &bytes)) {
		lock_error(r->l, r->line,
		    "constraints %.*s cannot be read: versions may be missing",
		    STR_ARG(str_sub(file, 0, 200)));
		return;
	}
	lock_text_init(&t, as_utf8(r->l, bytes));
	while (next_entry(r->l, &t, &entry, &line)) {
		struct py_requirement q;
		struct str *version;

		if (str_starts(entry, "-") ||
		    !py_requirement(without_options(entry), &q))
			continue;
		version = arena_alloc(r->l->arena, sizeof(*version));
		*version = py_exact(q.specifiers);
		if (version->p != NULL)
			(void)map_put(r->constraints, py_name(r->l, q.name),
			    version);
	}
}

static void
edit(struct requirements *r, struct str what)
{
	add_path_or_address(r, what);
}

static void
set_index(struct requirements *r, struct str url)
{
	r->index = url;
}

static void
add_index(struct requirements *r, struct str url)
{
	(void)url;
	r->several = true;
}

static void
read_option(struct requirements *r, struct str s)
{
	static const struct {
		const char *option;
		void (*act)(struct requirements *r, struct str value);
	} rows[] = { { "--requirement", include }, { "-r", include },
		{ "--constraint", constrain }, { "-c", constrain },
		{ "--editable", edit }, { "-e", edit },
		{ "--index-url", set_index }, { "-i", set_index },
		{ "--extra-index-url", add_index } };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct str rest;

		if (!str_starts(s, rows[i].option))
			continue;
		rest = str_trim(lock_after(s, rows[i].option));
		rest = str_trim(lock_after(rest, "="));
		rest = lock_unquote(lock_unquote(rest, '"'), '\'');
		if (rest.n != 0)
			rows[i].act(r, rest);
		else
			lock_error(r->l, r->line, "%s without a value",
			    rows[i].option);
		return;
	}
}

/* --- requirements -------------------------------------------------------- */

static void
read_entry(struct requirements *r, struct str s)
{
	struct py_requirement q;
	struct lock_package *p;

	if (s.n == 0)
		return;
	if (str_starts(s, "-")) {
		read_option(r, s);
		return;
	}
	s = without_options(s);
	if (str_starts(s, "git+") || is_path(s)) {
		add_path_or_address(r, s);
		return;
	}
	if (!py_requirement(s, &q)) {
		if (str_find(s, STR_LIT("://")) > 0)
			add_address(r, s);
		else
			lock_error(r->l, r->line, "\"%.*s\" is no requirement",
			    STR_ARG(str_sub(s, 0, 200)));
		return;
	}
	p = lock_add(r->l, PY_ECOSYSTEM, py_name(r->l, q.name),
	    py_exact(q.specifiers), r->line);
	p->relation = LOCK_DIRECT;
	if (q.url.p != NULL)
		py_source(r->l, p, q.url);
}

/* What options say holds for the whole file, wherever they stand. With
 * several indexes the file does not say which one a package comes from. */
static void
apply_options(struct requirements *r)
{
	struct str index = r->index.p != NULL ? r->index : r->in->context;
	struct lock_package *p;

	if (r->several)
		index = STR_NONE;
	vec_foreach(p, &r->l->packages) {
		const struct str *version;

		if (!str_is(p->origin, "registry"))
			continue;
		if (index.p != NULL)
			p->origin = lock_origin(r->l->arena, "registry", index);
		version = p->version.p == NULL ?
		    map_get(r->constraints, p->name) :
		    NULL;
		if (version != NULL)
			p->version = *version;
	}
	for (size_t i = 0; i < r->includes.n; i++)
		if (r->in->include == NULL ||
		    !r->in->include(r->in->data, r->includes.v[i].file, index))
			lock_error(r->l, r->includes.v[i].line,
			    "%.*s is included, but cannot be read",
			    STR_ARG(str_sub(r->includes.v[i].file, 0, 200)));
}

/* --- who asks ------------------------------------------------------------ */

static void
add_via(struct requirements *r, struct str s)
{
	struct via v = { (uint32_t)r->l->packages.n - 1, str_trim(s) };

	if (r->l->packages.n != 0 && v.parent.n != 0)
		vec_push(&r->vias, v);
}

static void
read_comment(struct requirements *r, struct str line)
{
	ptrdiff_t at = str_find(line, STR_LIT("# via"));
	struct str rest;

	if (at >= 0) {
		rest = str_sub(line, (size_t)at + 5, line.n);
		r->in_via = str_trim(rest).n == 0;
		if (r->in_via || (rest.p[0] != ' ' && rest.p[0] != ':'))
			return;
		while (rest.n != 0 && (rest.p[0] == ' ' || rest.p[0] == ':'))
			rest = str_sub(rest, 1, rest.n);
		for (struct str part; str_cut(&rest, ',', &part);)
			add_via(r, part);
		return;
	}
	line = str_trim(line);
	if (r->in_via && str_starts(line, "#  "))
		add_via(r, str_sub(line, 1, line.n));
	else
		r->in_via = false;
}

static void
apply_vias(struct requirements *r)
{
	struct lock_graph *g = &r->graph;

	if (r->vias.n == 0)
		return;
	for (size_t i = 0; i < r->l->packages.n; i++) {
		lock_graph_name_at(g, r->l->packages.v[i].name, (uint32_t)i);
		r->l->packages.v[i].relation = LOCK_UNKNOWN;
	}
	for (size_t i = 0; i < r->vias.n; i++) {
		struct str parent = r->vias.v[i].parent;
		uint32_t from = lock_graph_find(g, py_name(r->l, parent));

		if (from != LOCK_NONE)
			lock_graph_ask_index(g, from, r->vias.v[i].child);
		else if (str_starts(parent, "-r") || str_chr(parent, '(') >= 0)
			r->l->packages.v[r->vias.v[i].child].relation =
			    LOCK_DIRECT;
	}
	lock_graph_apply(g);
}

void
requirements_read(const struct lock_input *in, struct lock_list *l)
{
	struct requirements r = { .in = in, .l = l };
	struct lock_text t;
	struct str entry;

	lock_graph_init(&r.graph, l);
	r.constraints = map_new(LIMIT_TREE_NODES);
	lock_text_init(&t, as_utf8(l, in->bytes));
	while (next_entry(l, &t, &entry, &r.line)) {
		read_entry(&r, entry);
		read_comment(&r, t.text);
	}
	apply_vias(&r);
	apply_options(&r);
	lock_graph_done(&r.graph);
	map_free(r.constraints);
	vec_done(&r.includes);
	vec_done(&r.vias);
}
