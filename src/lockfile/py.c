/* SPDX-License-Identifier: Apache-2.0 */
/* Lockfiles of Python: the table, names, requirements, addresses. Pure
 * functions. */
#include "lockfile/py_priv.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

static bool
is_requirements(struct str path)
{
	struct str name = lock_base(path);
	struct str folder = str_sub(path, 0, path.n - name.n);

	if (!str_ends(name, ".txt"))
		return false;
	return str_find(name, STR_LIT("requirements")) >= 0 ||
	    lock_below(folder, "requirements/");
}

static bool
is_poetry(struct str path)
{
	return lock_named(path, "poetry.lock");
}

static bool
is_pdm(struct str path)
{
	return lock_named(path, "pdm.lock");
}

static bool
is_uv(struct str path)
{
	return lock_named(path, "uv.lock");
}

static bool
is_pylock(struct str path)
{
	struct str name = lock_base(path);

	return str_is(name, "pylock.toml") ||
	    (str_starts(name, "pylock.") && str_ends(name, ".toml"));
}

static bool
is_pipfile(struct str path)
{
	return lock_named(path, "Pipfile.lock");
}

const struct lock_format lock_formats_python[] = {
	{ "requirements.txt", is_requirements, requirements_read },
	{ "poetry.lock", is_poetry, poetry_lock_read },
	{ "pdm.lock", is_pdm, pdm_lock_read },
	{ "uv.lock", is_uv, uv_lock_read },
	{ "pylock.toml", is_pylock, pylock_read },
	{ "Pipfile.lock", is_pipfile, pipfile_lock_read },
	{ NULL },
};

/* --- names --------------------------------------------------------------- */

struct str
py_name(struct lock_list *l, struct str name)
{
	char *p;
	size_t n = 0, i;

	for (i = 0; i < name.n; i++)
		if (name.p[i] == '_' || name.p[i] == '.' ||
		    (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
		    (name.p[i] == '-' && i != 0 && name.p[i - 1] == '-'))
			break;
	if (i == name.n)
		return name;
	p = arena_alloc(l->arena, name.n + 1);
	for (i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c >= 'A' && c <= 'Z')
			p[n++] = (char)(c | 0x20);
		else if (c != '-' && c != '_' && c != '.')
			p[n++] = c;
		else if (n == 0 || p[n - 1] != '-')
			p[n++] = '-';
	}
	return str_n(p, n);
}

static bool
is_name_char(char c)
{
	return (c >= '0' && c <= '9') ||
	    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
	    c == '.';
}

/* --- requirements -------------------------------------------------------- */

struct str
py_exact(struct str specifiers)
{
	struct str rest = specifiers, part;

	while (str_cut(&rest, ',', &part)) {
		part = str_trim(part);
		if (!str_starts(part, "=="))
			continue;
		part = str_trim(lock_after(lock_after(part, "=="), "="));
		if (part.n != 0 && str_chr(part, '*') < 0)
			return part;
	}
	return STR_NONE;
}

/* The marker begins with a ';', after white space where an address is before
 * it, since an address may have one. */
static struct str
without_marker(struct str s, bool address)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ';' &&
		    (!address ||
			(i != 0 && (s.p[i - 1] == ' ' || s.p[i - 1] == '\t'))))
			return str_trim(str_sub(s, 0, i));
	return str_trim(s);
}

static bool
are_specifiers(struct str s)
{
	static const char *const operators[] = { "==", ">=", "<=", "!=", "~=",
		">", "<" };
	struct str part;

	while (str_cut(&s, ',', &part)) {
		bool found = false;

		part = str_trim(part);
		if (part.n == 0)
			continue;
		for (size_t i = 0; i < N_ELEMENTS(operators); i++)
			found |= str_starts(part, operators[i]);
		if (!found)
			return false;
	}
	return true;
}

bool
py_requirement(struct str s, struct py_requirement *ret)
{
	size_t n = 0;
	ptrdiff_t end;

	s = str_trim(s);
	*ret = (struct py_requirement){ .url = STR_NONE };
	while (n < s.n && is_name_char(s.p[n]))
		n++;
	ret->name = str_sub(s, 0, n);
	s = str_trim(str_sub(s, n, s.n));
	if (ret->name.n == 0)
		return false;
	if (str_starts(s, "[")) {
		end = str_chr(s, ']');
		if (end < 0)
			return false;
		s = str_trim(str_sub(s, (size_t)end + 1, s.n));
	}
	if (str_starts(s, "@")) {
		ret->url = without_marker(str_trim(str_sub(s, 1, s.n)), true);
		return ret->url.n != 0;
	}
	s = without_marker(s, false);
	if (str_starts(s, "(") && str_ends(s, ")"))
		s = str_trim(str_sub(s, 1, s.n - 1));
	ret->specifiers = s;
	return are_specifiers(s);
}

/* --- archives, addresses ------------------------------------------------- */

bool
py_archive_name(struct str file, struct str *ret_name, struct str *ret_version)
{
	static const char *const ends[] = { ".tar.gz", ".zip", ".tar.bz2",
		".tgz", ".tar.xz" };
	ptrdiff_t dash;

	if (str_ends(file, ".whl")) {
		dash = str_chr(file, '-');
		if (dash <= 0)
			return false;
		*ret_name = str_sub(file, 0, (size_t)dash);
		*ret_version =
		    lock_before(str_sub(file, (size_t)dash + 1, file.n), '-');
		return ret_version->n != 0 && !str_ends(*ret_version, ".whl");
	}
	for (size_t i = 0; i < N_ELEMENTS(ends); i++) {
		if (!str_ends(file, ends[i]))
			continue;
		file.n -= strlen(ends[i]);
		dash = str_rchr(file, '-');
		*ret_name = str_sub(file, 0, dash > 0 ? (size_t)dash : 0);
		*ret_version = str_sub(file, (size_t)(dash + 1), file.n);
		return dash > 0 && ret_version->n != 0 &&
		    ret_version->p[0] >= '0' && ret_version->p[0] <= '9';
	}
	return false;
}

void
py_source(struct lock_list *l, struct lock_package *p, struct str url)
{
	struct str bare = lock_before(url, '#'), name, version;
	/* What stands behind "#" is for pip: the commit is behind "@". */
	struct str vcs = lock_origin_vcs(l->arena, bare);

	if (vcs.p != NULL) {
		p->origin = vcs;
		return;
	}
	if (str_starts(bare, "file:"))
		p->origin = lock_origin(l->arena, "path",
		    lock_after(lock_after(bare, "file:"), "//"));
	else if (str_find(bare, STR_LIT("://")) > 0)
		p->origin = lock_origin(l->arena, "url", bare);
	else
		p->origin = lock_origin(l->arena, "path", bare);
	if (p->version.p == NULL &&
	    py_archive_name(lock_base(lock_before(bare, '?')), &name, &version))
		p->version = version;
}

/* --- what the project asks for ------------------------------------------- */

static void
mark(struct lock_list *l, const struct lock_graph *g, struct str name)
{
	uint32_t at = lock_graph_find(g, py_name(l, name));

	if (at != LOCK_NONE && l->packages.v[at].relation == LOCK_UNKNOWN)
		l->packages.v[at].relation = LOCK_DIRECT;
}

static void
mark_keys(struct lock_list *l, const struct lock_graph *g,
    const struct tree_node *table)
{
	const struct tree_node *n;

	if (tree_is(table, TREE_OBJECT))
		tree_foreach(n, table)
			mark(l, g, n->key);
}

static void
mark_texts(struct lock_list *l, const struct lock_graph *g,
    const struct tree_node *list)
{
	struct py_requirement r;
	const struct tree_node *n;

	tree_foreach(n, list)
		if (py_requirement(tree_text(n), &r))
			mark(l, g, r.name);
}

static const struct tree_node *
toml_beside(const struct lock_input *in, struct lock_list *l, const char *name)
{
	const struct tree_node *root;
	struct lock_list aside;
	struct str bytes;

	if (!lock_beside(in, name, &bytes))
		return NULL;
	/* What is wrong with it is not said: another file is read. */
	lock_list_init(&aside, l->arena);
	root = tree_toml(&aside, bytes);
	lock_list_done(&aside);
	return root;
}

static void
mark_project(struct lock_list *l, const struct lock_graph *g,
    const struct tree_node *root)
{
	const struct tree_node *project = tree_get(root, "project");
	const struct tree_node *tool = tree_get(root, "tool");
	const struct tree_node *poetry = tree_get(tool, "poetry"), *n;

	mark_texts(l, g, tree_get(project, "dependencies"));
	tree_foreach(n, tree_get(project, "optional-dependencies"))
		mark_texts(l, g, n);
	tree_foreach(n, tree_get(root, "dependency-groups"))
		mark_texts(l, g, n);
	tree_foreach(n, tree_get(tree_get(tool, "pdm"), "dev-dependencies"))
		mark_texts(l, g, n);
	mark_keys(l, g, tree_get(poetry, "dependencies"));
	mark_keys(l, g, tree_get(poetry, "dev-dependencies"));
	tree_foreach(n, tree_get(poetry, "group"))
		mark_keys(l, g, tree_get(n, "dependencies"));
}

void
py_mark_direct(const struct lock_input *in, struct lock_list *l,
    const struct lock_graph *g)
{
	const struct tree_node *pipfile;

	mark_project(l, g, toml_beside(in, l, "pyproject.toml"));
	if (!is_pipfile(in->path))
		return;
	pipfile = toml_beside(in, l, "Pipfile");
	mark_keys(l, g, tree_get(pipfile, "packages"));
	mark_keys(l, g, tree_get(pipfile, "dev-packages"));
}
