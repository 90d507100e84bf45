/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TOML lockfiles of Python: poetry.lock, pdm.lock, uv.lock, pylock.toml.
 * Each is a list of packages that differ in how they tell an origin. Runs in
 * the lockfile reader.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "lockfile/graph_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/py_priv.h"
#include "lockfile/text_priv.h"
#include "lockfile/tree.h"

/* Indexes of a Pipfile; each entry may look through all of them. */
#define MAX_SOURCES 100

struct py_lock {
	const struct lock_input *in;
	struct lock_list *l;
	struct lock_graph graph; /* keys: normalised names */
};

typedef void (*read_entry)(struct py_lock *r, const struct tree_node *e,
    struct lock_package *p, uint32_t index);

/* "a,b" of a list of texts, without the ones that mean the project. */
static struct str
join_groups(struct lock_list *l, const struct tree_node *list)
{
	const struct tree_node *n;
	struct str all = STR_NONE;
	struct buf b;

	buf_init(&b, LIMIT_TEXT_BYTES);
	tree_foreach(n, list) {
		struct str group = tree_text(n);

		if (str_is(group, "main") || str_is(group, "default")) {
			buf_done(&b);
			return STR_NONE;
		}
		if (b.n != 0)
			buf_putc(&b, ',');
		buf_put_str(&b, group);
	}
	if (b.n != 0)
		all = arena_str(l->arena, buf_str(&b));
	buf_done(&b);
	return all;
}

static void
ask(struct py_lock *r, uint32_t index, struct str name)
{
	lock_graph_ask(&r->graph, index, py_name(r->l, name));
}

/* Requirements as texts. */
static void
ask_texts(struct py_lock *r, uint32_t index, const struct tree_node *list)
{
	struct py_requirement q;
	const struct tree_node *n;

	tree_foreach(n, list)
		if (py_requirement(tree_text(n), &q))
			ask(r, index, q.name);
}

/* Objects with a name. */
static void
ask_named(struct py_lock *r, uint32_t index, const struct tree_node *list)
{
	const struct tree_node *n;

	tree_foreach(n, list)
		if (tree_get_string(n, "name").n != 0)
			ask(r, index, tree_get_string(n, "name"));
}

static void
read_list(const struct lock_input *in, struct lock_list *l, const char *member,
    read_entry read)
{
	struct py_lock r = { .in = in, .l = l };
	const struct tree_node *root = tree_toml(l, in->bytes), *e;

	lock_graph_init(&r.graph, l);
	if (tree_first(root) == NULL && l->errors.n == 0)
		lock_error(l, 1, "the file is empty");
	tree_foreach(e, tree_get(root, member)) {
		struct str name = tree_get_string(e, "name");
		struct str version = tree_get_string(e, "version");
		struct lock_package *p;

		if (!tree_whole(e))
			continue;
		if (name.n == 0) {
			lock_error(l, e->line, "a package without a name");
			continue;
		}
		p = lock_add(l, PY_ECOSYSTEM, py_name(l, name),
		    version.n != 0 ? version : STR_NONE, e->line);
		lock_graph_name(&r.graph, p->name);
		read(&r, e, p, (uint32_t)l->packages.n - 1);
	}
	py_mark_direct(in, l, &r.graph);
	lock_graph_apply(&r.graph);
	lock_graph_done(&r.graph);
}

/* --- poetry -------------------------------------------------------------- */

static void
poetry_source(struct py_lock *r, const struct tree_node *source,
    struct lock_package *p)
{
	struct str type = tree_get_string(source, "type");
	struct str url = tree_get_string(source, "url");
	struct str commit = tree_get_string(source, "resolved_reference");

	if (source == NULL || url.n == 0)
		return;
	if (str_is(type, "git"))
		p->origin = lock_origin_git(r->l->arena, url, commit);
	else if (str_is(type, "url"))
		p->origin = lock_origin(r->l->arena, "url", url);
	else if (str_is(type, "directory") || str_is(type, "file"))
		p->origin = lock_origin(r->l->arena, "path", url);
	else /* "legacy": an index */
		p->origin = lock_origin(r->l->arena, "registry", url);
}

static void
poetry_entry(struct py_lock *r, const struct tree_node *e,
    struct lock_package *p, uint32_t index)
{
	struct str category = tree_get_string(e, "category");
	const struct tree_node *n;

	p->group = join_groups(r->l, tree_get(e, "groups"));
	if (category.n != 0 && !str_is(category, "main"))
		p->group = category;
	else if (p->group.p == NULL && tree_get_true(e, "optional"))
		p->group = STR_LIT("optional");
	poetry_source(r, tree_get(e, "source"), p);
	tree_foreach(n, tree_get(e, "dependencies"))
		ask(r, index, n->key);
}

void
poetry_lock_read(const struct lock_input *in, struct lock_list *l)
{
	read_list(in, l, "package", poetry_entry);
}

/* --- pdm ----------------------------------------------------------------- */

static void
pdm_entry(struct py_lock *r, const struct tree_node *e, struct lock_package *p,
    uint32_t index)
{
	struct str git = tree_get_string(e, "git");
	struct str url = tree_get_string(e, "url");
	struct str path = tree_get_string(e, "path");

	p->group = join_groups(r->l, tree_get(e, "groups"));
	if (git.n != 0)
		p->origin = lock_origin_git(r->l->arena, git,
		    tree_get_string(e, "revision"));
	else if (url.n != 0)
		py_source(r->l, p, url);
	else if (path.n != 0)
		p->origin = lock_origin(r->l->arena, "path", path);
	ask_texts(r, index, tree_get(e, "dependencies"));
}

void
pdm_lock_read(const struct lock_input *in, struct lock_list *l)
{
	read_list(in, l, "package", pdm_entry);
}

/* --- uv ------------------------------------------------------------------ */

static void
earlier(struct str *at, struct str time)
{
	if (time.n != 0 && (at->p == NULL || str_cmp(time, *at) < 0))
		*at = time;
}

/* The first of its archives to be published. */
static struct str
published(const struct tree_node *e)
{
	const struct tree_node *n;
	struct str first = STR_NONE;

	earlier(&first, tree_get_text(tree_get(e, "sdist"), "upload-time"));
	tree_foreach(n, tree_get(e, "wheels"))
		earlier(&first, tree_get_text(n, "upload-time"));
	return first;
}

/* "https://…?rev=main#commit" */
static struct str
git_origin(struct lock_list *l, struct str url)
{
	ptrdiff_t hash = str_chr(url, '#');
	struct str commit =
	    hash < 0 ? STR_NONE : str_sub(url, (size_t)hash + 1, url.n);

	return lock_origin_git(l->arena,
	    lock_before(lock_before(url, '#'), '?'), commit);
}

/* A member of the workspace, or the project itself. */
static void
uv_member(struct py_lock *r, struct lock_package *p, struct str path)
{
	p->relation = LOCK_ROOT;
	p->origin = str_is(path, ".") ? STR_LIT("root") :
					lock_origin(r->l->arena, "path", path);
}

static void
uv_source(struct py_lock *r, const struct tree_node *source,
    struct lock_package *p)
{
	static const struct {
		const char *member, *kind;
	} rows[] = { { "registry", "registry" }, { "url", "url" },
		{ "path", "path" }, { "directory", "path" } };
	static const char *const members[] = { "editable", "virtual" };
	struct str value = tree_get_string(source, "git");

	if (value.n != 0)
		p->origin = git_origin(r->l, value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		value = tree_get_string(source, rows[i].member);
		if (value.n == 0)
			continue;
		/* An index in a folder is a path. */
		p->origin = lock_origin(r->l->arena,
		    i == 0 && str_find(value, STR_LIT("://")) < 0 ?
			"path" :
			rows[i].kind,
		    value);
	}
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		value = tree_get_string(source, members[i]);
		if (value.n != 0)
			uv_member(r, p, value);
	}
}

static void
uv_entry(struct py_lock *r, const struct tree_node *e, struct lock_package *p,
    uint32_t index)
{
	const struct tree_node *n;

	uv_source(r, tree_get(e, "source"), p);
	p->published = published(e);
	ask_named(r, index, tree_get(e, "dependencies"));
	tree_foreach(n, tree_get(e, "optional-dependencies"))
		ask_named(r, index, n);
	tree_foreach(n, tree_get(e, "dev-dependencies"))
		ask_named(r, index, n);
}

void
uv_lock_read(const struct lock_input *in, struct lock_list *l)
{
	read_list(in, l, "package", uv_entry);
}

/* --- pylock (PEP 751) ---------------------------------------------------- */

/* The place of an archive or repository: its address, or a path. */
static struct str
place_of(const struct tree_node *n)
{
	struct str url = tree_get_string(n, "url");

	return url.n != 0 ? url : tree_get_string(n, "path");
}

static void
pylock_source(struct py_lock *r, const struct tree_node *e,
    struct lock_package *p)
{
	const struct tree_node *vcs = tree_get(e, "vcs");
	const struct tree_node *folder = tree_get(e, "directory");
	const struct tree_node *archive = tree_get(e, "archive");
	struct str index = tree_get_string(e, "index");

	if (vcs != NULL)
		p->origin = lock_origin_git(r->l->arena, place_of(vcs),
		    tree_get_string(vcs, "commit-id"));
	else if (folder != NULL)
		p->origin = lock_origin(r->l->arena, "path", place_of(folder));
	else if (archive != NULL)
		py_source(r->l, p, place_of(archive));
	else if (index.n != 0)
		p->origin = lock_origin(r->l->arena, "registry", index);
}

static void
pylock_entry(struct py_lock *r, const struct tree_node *e,
    struct lock_package *p, uint32_t index)
{
	pylock_source(r, e, p);
	p->published = published(e);
	ask_named(r, index, tree_get(e, "dependencies"));
}

void
pylock_read(const struct lock_input *in, struct lock_list *l)
{
	read_list(in, l, "packages", pylock_entry);
}

/* --- Pipfile.lock -------------------------------------------------------- */

/* The address of an index by its name; the first where none is named. */
static struct str
pipfile_index(const struct tree_node *root, struct str name)
{
	const struct tree_node *n =
	    tree_first(tree_get(tree_get(root, "_meta"), "sources"));

	for (int i = 0; n != NULL && i < MAX_SOURCES; i++, n = n->next)
		if (name.n == 0 || str_eq(tree_get_string(n, "name"), name))
			return tree_get_string(n, "url");
	return STR_NONE;
}

static void
pipfile_source(struct py_lock *r, const struct tree_node *root,
    const struct tree_node *e, struct lock_package *p)
{
	struct str git = tree_get_string(e, "git");
	struct str file = tree_get_string(e, "file");
	struct str path = tree_get_string(e, "path");

	if (git.n != 0)
		p->origin = lock_origin_git(r->l->arena,
		    lock_after(git, "git+"), tree_get_string(e, "ref"));
	else if (path.n != 0)
		p->origin = lock_origin(r->l->arena, "path", path);
	else if (file.n != 0)
		py_source(r->l, p, file);
	else
		p->origin = lock_origin(r->l->arena, "registry",
		    pipfile_index(root, tree_get_string(e, "index")));
}

static void
read_section(struct py_lock *r, const struct tree_node *root,
    const struct tree_node *section, bool develop)
{
	const struct tree_node *e;

	tree_foreach(e, section) {
		struct lock_package *p;

		if (!tree_whole(e))
			continue;
		if (e->key.n == 0 || !tree_is(e, TREE_OBJECT)) {
			lock_error(r->l, e->line, "\"%.*s\" is no package",
			    STR_ARG(str_sub(e->key, 0, 200)));
			continue;
		}
		p = lock_add(r->l, PY_ECOSYSTEM, py_name(r->l, e->key),
		    py_exact(tree_get_string(e, "version")), e->line);
		lock_graph_name(&r->graph, p->name);
		if (develop)
			p->group = STR_LIT("dev");
		pipfile_source(r, root, e, p);
	}
}

void
pipfile_lock_read(const struct lock_input *in, struct lock_list *l)
{
	struct py_lock r = { .in = in, .l = l };
	const struct tree_node *root = tree_json(l, in->bytes, 0), *section;

	lock_graph_init(&r.graph, l);
	if (l->errors.n == 0 && tree_get(root, "_meta") == NULL)
		lock_error(l, 1, "no Pipfile.lock: it has no _meta");
	tree_foreach(section, root)
		if (tree_is(section, TREE_OBJECT) &&
		    !str_is(section->key, "_meta"))
			read_section(&r, root, section,
			    !str_is(section->key, "default"));
	py_mark_direct(in, l, &r.graph);
	lock_graph_apply(&r.graph);
	lock_graph_done(&r.graph);
}
