/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a package can be imported: main, module and exports, resolved once
 * as require() does and once as import() does. Runs in role unpack.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "ecosystem/npm/manifest_priv.h"

/* Nested conditions; real packages have three levels. */
#define MAX_CONDITIONS_DEPTH 16

static const char *const require_conditions[] = { "node", "require",
	"module-sync", "node-addons", "default" };
static const char *const import_conditions[] = { "node", "import",
	"module-sync", "node-addons", "default" };

static bool
is_active(enum manifest_entry_kind kind, struct str condition)
{
	const char *const *v =
	    kind == MANIFEST_ENTRY_CJS ? require_conditions : import_conditions;

	for (size_t i = 0; i < N_ELEMENTS(require_conditions); i++)
		if (str_is(condition, v[i]))
			return true;
	return false;
}

/* Types, styles and the like are in exports too, but nothing runs in them. */
static bool
is_code(struct str path)
{
	static const char *const no[] = { ".d.ts", ".d.mts", ".d.cts", ".ts",
		".mts", ".cts", ".tsx", ".jsx", ".css", ".scss", ".sass",
		".less", ".json", ".map", ".md", ".html", ".svg", ".png",
		".wasm", ".txt", ".yaml", ".yml", ".flow", ".vue", ".svelte" };

	for (size_t i = 0; i < N_ELEMENTS(no); i++)
		if (str_ends(path, no[i]))
			return false;
	return path.n != 0 && !str_ends(path, "/");
}

struct target {
	struct str path; /* n 0: none */
	struct str condition; /* "node.require" */
};

/* One step into a condition or list: the value to go on with; NULL: none. */
static yyjson_val *
choose(struct manifest_reader *r, enum manifest_entry_kind kind, yyjson_val *v,
    struct str *condition)
{
	yyjson_val *key, *value;
	struct str name;
	size_t i, n;

	yyjson_obj_foreach(v, i, n, key, value)
	{
		name = manifest_text(key);
		if (!is_active(kind, name))
			continue;
		*condition = condition->n == 0 ?
		    name :
		    str_of(arena_printf(r->arena, "%.*s.%.*s",
			STR_ARG(*condition), STR_ARG(name)));
		return value;
	}
	return yyjson_arr_get_first(v);
}

static struct target
resolve(struct manifest_reader *r, enum manifest_entry_kind kind, yyjson_val *v)
{
	struct target t = { STR_NONE, STR_NONE };

	for (int depth = 0; depth < MAX_CONDITIONS_DEPTH; depth++) {
		if (yyjson_is_str(v)) {
			t.path = manifest_text(v);
			return t;
		}
		if (!yyjson_is_obj(v) && !yyjson_is_arr(v))
			return t;
		v = choose(r, kind, v, &t.condition);
	}
	return t;
}

/* "name" and "./sub" → "name/sub". */
static struct str
specifier_of(struct manifest_reader *r, struct str subpath)
{
	subpath = manifest_clean_path(subpath);
	if (subpath.n == 0 || str_is(subpath, "."))
		return r->m->name;
	return str_of(arena_printf(r->arena, "%.*s/%.*s", STR_ARG(r->m->name),
	    STR_ARG(subpath)));
}

/* A star stands for every file between the two ends of the target. */
static void
add_pattern(struct manifest_reader *r, enum manifest_entry_kind kind,
    struct str subpath, const struct target *t)
{
	struct str path = manifest_clean_path(t->path), head, tail, middle;
	ptrdiff_t star = str_chr(path, '*'), sub_star = str_chr(subpath, '*');
	struct str sub_head, sub_tail, specifier;

	if (star < 0 || sub_star < 0)
		return;
	head = str_sub(path, 0, (size_t)star);
	tail = str_sub(path, (size_t)star + 1, path.n);
	sub_head = str_sub(subpath, 0, (size_t)sub_star);
	sub_tail = str_sub(subpath, (size_t)sub_star + 1, subpath.n);
	for (size_t i = 0; i < r->list->n && !r->m->cut; i++) {
		struct str f = r->list->v[i];

		if (f.n < head.n + tail.n || !is_code(f) ||
		    !str_eq(str_sub(f, 0, head.n), head) ||
		    !str_eq(str_sub(f, f.n - tail.n, f.n), tail))
			continue;
		middle = str_sub(f, head.n, f.n - tail.n);
		specifier = str_of(arena_printf(r->arena, "%.*s%.*s%.*s",
		    STR_ARG(sub_head), STR_ARG(middle), STR_ARG(sub_tail)));
		manifest_add_entry(r, kind, specifier_of(r, specifier), f,
		    t->condition);
	}
}

static void
add_export(struct manifest_reader *r, struct str subpath, yyjson_val *v)
{
	static const enum manifest_entry_kind kinds[] = { MANIFEST_ENTRY_CJS,
		MANIFEST_ENTRY_ESM };
	struct target t;

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		t = resolve(r, kinds[i], v);
		if (t.path.n == 0)
			continue;
		if (str_chr(subpath, '*') >= 0)
			add_pattern(r, kinds[i], subpath, &t);
		else if (is_code(t.path))
			manifest_add_entry(r, kinds[i],
			    specifier_of(r, subpath), t.path, t.condition);
	}
}

static void
read_exports(struct manifest_reader *r, yyjson_val *exports)
{
	yyjson_val *key, *v;
	size_t i, n;

	/* Keys that begin with "." are subpaths, others are conditions. */
	yyjson_obj_foreach(exports, i, n, key, v)
	{
		if (!str_starts(manifest_text(key), ".")) {
			add_export(r, STR_LIT("."), exports);
			return;
		}
		add_export(r, manifest_text(key), v);
	}
	if (!yyjson_is_obj(exports))
		add_export(r, STR_LIT("."), exports);
}

/* What node tries for a main that is no file, in its order. */
static struct str
resolve_file(struct manifest_reader *r, struct str path)
{
	static const char *const tails[] = { "", ".js", ".json", ".node",
		"/index.js", "/index.json", "/index.node" };
	struct str s;

	path = manifest_clean_path(path);
	while (str_ends(path, "/"))
		path.n--;
	if (str_is(path, "."))
		path = STR_LIT("index");
	for (size_t i = 0; i < N_ELEMENTS(tails); i++) {
		s = str_of(
		    arena_printf(r->arena, "%.*s%s", STR_ARG(path), tails[i]));
		if (s.n != 0 && manifest_has_file(r, s))
			return s;
	}
	return STR_NONE;
}

static void
read_main(struct manifest_reader *r)
{
	struct str main = manifest_text(yyjson_obj_get(r->root, "main"));
	struct str module = manifest_text(yyjson_obj_get(r->root, "module"));
	struct str file = STR_NONE;

	if (main.n != 0)
		file = resolve_file(r, main);
	if (file.n == 0)
		file = resolve_file(r, STR_LIT("index"));
	if (file.n != 0 && is_code(file)) {
		manifest_add_entry(r, MANIFEST_ENTRY_CJS, r->m->name, file,
		    STR_NONE);
		manifest_add_entry(r, MANIFEST_ENTRY_ESM, r->m->name, file,
		    STR_NONE);
	} else if (main.n != 0 && file.n == 0) {
		/* Said to be there, but is not: the import will say so. */
		manifest_add_entry(r, MANIFEST_ENTRY_CJS, r->m->name, main,
		    STR_NONE);
	}
	/* Node does not read "module", but nothing hides that file. */
	module = module.n != 0 ? resolve_file(r, module) : STR_NONE;
	if (module.n != 0 && !str_eq(module, file) && is_code(module))
		manifest_add_entry(r, MANIFEST_ENTRY_ESM,
		    specifier_of(r, module), module, STR_LIT("module"));
}

void
manifest_read_entries(struct manifest_reader *r)
{
	yyjson_val *exports = yyjson_obj_get(r->root, "exports");

	if (exports != NULL && !yyjson_is_null(exports))
		read_exports(r, exports);
	else
		read_main(r);
	r->m->browser_only =
	    r->m->entries.n == 0 && yyjson_obj_get(r->root, "browser") != NULL;
}
