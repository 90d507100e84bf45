/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package.json: names, scripts, commands, dependencies. What can be imported
 * is manifest-exports.c. Runs in role unpack.
 */
#include "ecosystem/npm/manifest.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "ecosystem/npm/manifest_priv.h"
#include "ecosystem/npm/name.h"

struct str
manifest_text(yyjson_val *v)
{
	if (!yyjson_is_str(v))
		return STR_NONE;
	return str_n(yyjson_get_str(v), yyjson_get_len(v));
}

static struct str
member(yyjson_val *o, const char *key)
{
	return manifest_text(yyjson_obj_get(o, key));
}

/* yyjson's strings lie in the text itself: the line is counted there. */
static int64_t
line_of(const struct manifest_reader *r, yyjson_val *v)
{
	struct str s = manifest_text(v);
	int64_t line = 1;

	if (s.p == NULL || s.p < r->text || s.p > r->text + r->n)
		return 0;
	for (const char *p = r->original; p < r->original + (s.p - r->text);
	     p++)
		line += *p == '\n';
	return line;
}

struct str
manifest_clean_path(struct str path)
{
	while (str_starts(path, "./"))
		path = str_sub(path, 2, path.n);
	while (str_starts(path, "/"))
		path = str_sub(path, 1, path.n);
	return path;
}

bool
manifest_has_file(const struct manifest_reader *r, struct str path)
{
	return r->files != NULL && map_has(r->files, manifest_clean_path(path));
}

void
manifest_add_entry(struct manifest_reader *r, enum manifest_entry_kind kind,
    struct str specifier, struct str path, struct str condition)
{
	struct manifest_entry *e;

	vec_foreach(e, &r->m->entries)
		if (e->kind == kind && str_eq(e->specifier, specifier))
			return;
	if (r->m->entries.n >= MANIFEST_MAX_ENTRIES) {
		r->m->cut = true;
		return;
	}
	e = vec_add(&r->m->entries);
	e->kind = kind;
	e->specifier = specifier;
	e->path = manifest_clean_path(path);
	e->condition = condition;
	e->exists = manifest_has_file(r, path);
}

/* "linux,darwin" of a list or a single word. */
static struct str
joined(struct manifest_reader *r, yyjson_val *list)
{
	struct str s = manifest_text(list);
	struct buf b;
	yyjson_val *v;
	size_t i, n;

	if (s.p != NULL)
		return s;
	buf_init(&b, LIMIT_TEXT_BYTES);
	yyjson_arr_foreach(list, i, n, v)
	{
		if (b.n != 0)
			buf_putc(&b, ',');
		buf_put_str(&b, manifest_text(v));
	}
	s = arena_str(r->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

/* As npm reads os, cpu and libc: "!x" forbids, plain words must match. */
static bool
list_allows(struct str list, const char *what)
{
	bool any_plain = false, found = false;
	struct str s;

	if (list.n == 0)
		return true;
	while (str_cut(&list, ',', &s)) {
		if (s.n != 0 && s.p[0] == '!') {
			if (str_is(str_sub(s, 1, s.n), what))
				return false;
			continue;
		}
		any_plain = any_plain || s.n != 0;
		found = found || str_is(s, what) || str_is(s, "any");
	}
	return found || !any_plain;
}

#if defined(__aarch64__)
#define OUR_CPU "arm64"
#else
#define OUR_CPU "x64"
#endif

static void
read_platform(struct manifest_reader *r)
{
	struct manifest *m = r->m;

	m->os = joined(r, yyjson_obj_get(r->root, "os"));
	m->cpu = joined(r, yyjson_obj_get(r->root, "cpu"));
	m->libc = joined(r, yyjson_obj_get(r->root, "libc"));
	m->engine_node = member(yyjson_obj_get(r->root, "engines"), "node");
	m->platform_mismatch = !list_allows(m->os, "linux") ||
	    !list_allows(m->cpu, OUR_CPU) || !list_allows(m->libc, "glibc");
}

static void
add_script(struct manifest_reader *r, struct str name, struct str command,
    int64_t line)
{
	struct manifest_script *s;

	if (r->m->scripts.n >= MANIFEST_MAX_SCRIPTS) {
		r->m->cut = true;
		return;
	}
	s = vec_add(&r->m->scripts);
	*s = (struct manifest_script){ name, command, line };
}

/* npm runs node-gyp when there is a binding.gyp and no script of its own. */
static void
read_scripts(struct manifest_reader *r)
{
	yyjson_val *scripts = yyjson_obj_get(r->root, "scripts"), *key, *v;
	bool own = false;
	struct str name;
	size_t i, n;

	yyjson_obj_foreach(scripts, i, n, key, v)
	{
		name = manifest_text(key);
		if (!yyjson_is_str(v))
			continue;
		add_script(r, name, manifest_text(v), line_of(r, v));
		own = own || str_is(name, "install") ||
		    str_is(name, "preinstall");
	}
	if (own || !manifest_has_file(r, STR_LIT("binding.gyp")) ||
	    yyjson_is_false(yyjson_obj_get(r->root, "gypfile")))
		return;
	r->m->gypfile = true;
	add_script(r, STR_LIT("install"), STR_LIT("node-gyp rebuild"), 0);
}

static void
read_bins(struct manifest_reader *r)
{
	yyjson_val *bin = yyjson_obj_get(r->root, "bin"), *key, *v;
	yyjson_val *dirs = yyjson_obj_get(r->root, "directories");
	struct str folder = manifest_clean_path(member(dirs, "bin"));
	size_t i, n;

	if (yyjson_is_str(bin))
		manifest_add_entry(r, MANIFEST_ENTRY_BIN,
		    npm_name_base(r->m->name), manifest_text(bin), STR_NONE);
	yyjson_obj_foreach(bin, i, n, key, v) if (yyjson_is_str(v))
	    manifest_add_entry(r, MANIFEST_ENTRY_BIN, manifest_text(key),
		manifest_text(v), STR_NONE);
	if (bin != NULL || folder.n == 0)
		return;
	while (str_ends(folder, "/"))
		folder.n--;
	for (i = 0; i < r->list->n; i++) {
		struct str path = r->list->v[i];
		struct str head = str_sub(path, 0, folder.n);

		if (str_eq(head, folder) && path.n > folder.n + 1 &&
		    path.p[folder.n] == '/')
			manifest_add_entry(r, MANIFEST_ENTRY_BIN,
			    str_sub(path, folder.n + 1, path.n), path,
			    STR_NONE);
	}
}

/* ---- dependencies */

static const struct {
	const char *prefix, *source;
} sources[] = {
	{ "git:", "git:" },
	{ "git+", "git:" },
	{ "git@", "git:" },
	{ "ssh:", "git:" },
	{ "github:", "git:" },
	{ "gitlab:", "git:" },
	{ "bitbucket:", "git:" },
	{ "gist:", "git:" },
	{ "http://", "url:" },
	{ "https://", "url:" },
	{ "file:", "path:" },
	{ "link:", "path:" },
	{ "portal:", "path:" },
	{ "workspace:", "path:" },
	{ "./", "path:" },
	{ "../", "path:" },
	{ "/", "path:" },
	{ "~/", "path:" },
};

/* "user/repository#branch" is a git repository; a range has no slash, an
 * alias begins with "npm:". */
static const char *
source_prefix(struct str declared)
{
	struct str bare = declared;
	ptrdiff_t hash = str_chr(declared, '#');

	if (hash >= 0)
		bare = str_sub(declared, 0, (size_t)hash);
	if ((str_starts(bare, "http://") || str_starts(bare, "https://")) &&
	    str_ends(bare, ".git"))
		return "git:";
	for (size_t i = 0; i < N_ELEMENTS(sources); i++)
		if (str_starts(declared, sources[i].prefix))
			return sources[i].source;
	if (str_starts(declared, "npm:") || str_chr(bare, '/') <= 0 ||
	    str_chr(bare, ' ') >= 0)
		return NULL;
	return "git:";
}

bool
manifest_source_is_remote(struct str source)
{
	return str_starts(source, "git:") || str_starts(source, "url:");
}

static void
add_dependency(struct manifest_reader *r, enum manifest_dependency_kind kind,
    yyjson_val *key, struct str declared)
{
	struct manifest_dependency *d;
	const char *prefix = source_prefix(declared);

	if (r->m->dependencies.n >= MANIFEST_MAX_DEPENDENCIES) {
		r->m->cut = true;
		return;
	}
	d = vec_add(&r->m->dependencies);
	d->kind = kind;
	d->name = manifest_text(key);
	d->declared = declared;
	d->line = line_of(r, key);
	d->source = prefix == NULL ?
	    STR_LIT("registry") :
	    str_of(arena_printf(r->arena, "%s%.*s", prefix, STR_ARG(declared)));
}

static const struct {
	const char *key;
	enum manifest_dependency_kind kind;
} dependency_members[] = {
	{ "dependencies", MANIFEST_PROD },
	{ "devDependencies", MANIFEST_DEV },
	{ "optionalDependencies", MANIFEST_OPTIONAL },
	{ "peerDependencies", MANIFEST_PEER },
	{ "bundleDependencies", MANIFEST_BUNDLED },
	{ "bundledDependencies", MANIFEST_BUNDLED },
};

static void
read_dependencies(struct manifest_reader *r)
{
	yyjson_val *o, *key, *v;
	size_t i, n;

	for (size_t m = 0; m < N_ELEMENTS(dependency_members); m++) {
		o = yyjson_obj_get(r->root, dependency_members[m].key);
		yyjson_obj_foreach(o, i, n, key, v) if (yyjson_is_str(v))
		    add_dependency(r, dependency_members[m].kind, key,
			manifest_text(v));
		yyjson_arr_foreach(o, i, n, v) if (yyjson_is_str(v))
		    add_dependency(r, dependency_members[m].kind, v, STR_NONE);
	}
}

/* ---- the whole */

static void
index_files(struct manifest_reader *r)
{
	r->files = map_new(LIMIT_ARCHIVE_ENTRIES + 1);
	for (size_t i = 0; i < r->list->n; i++)
		(void)map_put(r->files, r->list->v[i], r);
}

static void
read_all(struct manifest_reader *r)
{
	struct manifest *m = r->m;

	m->name = member(r->root, "name");
	m->version = member(r->root, "version");
	m->type = member(r->root, "type");
	if (!str_is(m->type, "module"))
		m->type = STR_LIT("commonjs");
	read_platform(r);
	read_scripts(r);
	manifest_read_entries(r);
	read_bins(r);
	read_dependencies(r);
}

int
manifest_parse(struct arena *a, struct str json,
    const struct manifest_files *files, struct manifest *ret, struct error *err)
{
	static const struct manifest_files none = { NULL, 0 };
	struct manifest m = { 0 };
	struct manifest_reader r = { .arena = a, .m = &m };
	yyjson_read_err why = { 0 };
	yyjson_doc *doc;
	char *text;

	if (json.n > LIMIT_MANIFEST_BYTES)
		return error_set(err, -EFBIG, "package.json has %zu bytes",
		    json.n);
	if (str_starts(json, "\xef\xbb\xbf"))
		json = str_sub(json, 3, json.n);
	text = arena_alloc(a, json.n + YYJSON_PADDING_SIZE);
	if (json.n != 0)
		memcpy(text, json.p, json.n);
	m.json = arena_str(a, json);
	doc = yyjson_read_opts(text, json.n, YYJSON_READ_INSITU, NULL, &why);
	if (doc == NULL)
		return error_set(err, -EBADMSG, "package.json is not JSON (%s)",
		    why.msg);
	r.root = yyjson_doc_get_root(doc);
	if (!yyjson_is_obj(r.root)) {
		yyjson_doc_free(doc);
		return error_set(err, -EBADMSG, "package.json is no object");
	}
	r.text = text;
	r.original = m.json.p;
	r.n = json.n;
	r.list = files != NULL ? files : &none;
	index_files(&r);
	read_all(&r);
	map_free(r.files);
	/* Strings are in the arena's text, not in the document. */
	yyjson_doc_free(doc);
	*ret = m;
	return 0;
}

void
manifest_done(struct manifest *m)
{
	vec_done(&m->scripts);
	vec_done(&m->entries);
	vec_done(&m->dependencies);
}
