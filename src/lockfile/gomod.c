/* SPDX-License-Identifier: Apache-2.0 */
/*
 * go.mod: what is required, with its replacements applied; and go.sum, for the
 * modules that go.mod leaves unnamed. From Go 1.17 on go.mod names them all,
 * and go.sum has left-overs besides; before, the rest is known from go.sum.
 */
#include <ctype.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "ecosystem/version.h"
#include "lockfile/families_priv.h"
#include "lockfile/lockfile_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"

#define MAX_MODULES   1000000
#define COMPLETE_FROM 17 /* minor version of Go 1 */
#define MAX_WORDS     8 /* of one line; none has more than five */

struct module {
	struct str path, version;
	uint32_t line;
	bool indirect;
};

struct replacement {
	struct str path, version; /* version p NULL: a folder */
};

struct gomod {
	struct lock_list *l;
	struct str block; /* "require" inside "require (…)"; p NULL */
	uint32_t block_line;
	uint64_t minor; /* of "go 1.N"; 0: not said */
	VEC(struct module) required;
	struct map *replaced; /* "path" or "path version": replacement */
};

struct words {
	struct str v[MAX_WORDS];
	size_t n;
	struct str comment; /* after "//" */
};

/* A bracket is a word, and a comment needs no blank before it. */
static struct str
take_word(struct str *line)
{
	struct str rest = *line, word = lock_word(&rest);
	ptrdiff_t comment = str_find(word, STR_LIT("//"));
	size_t n = 0;

	if (comment > 0)
		word = str_sub(word, 0, (size_t)comment);
	while (n < word.n && word.p[n] != '(' && word.p[n] != ')')
		n++;
	word = str_sub(word, 0, n != 0 ? n : 1);
	*line = str_sub(*line, word.n, line->n);
	return word;
}

/* Takes the line apart; false when a quote is not closed. */
static bool
words_of(struct str line, struct words *w)
{
	*w = (struct words){ .n = 0 };
	for (;;) {
		struct str rest = str_trim(line), word;

		if (rest.n == 0 || w->n == MAX_WORDS)
			return true;
		if (str_starts(rest, "//")) {
			w->comment = str_trim(str_sub(rest, 2, rest.n));
			return true;
		}
		if (rest.p[0] == '"' || rest.p[0] == '`') {
			char quote = rest.p[0];

			line = str_sub(rest, 1, rest.n);
			if (!str_cut(&line, quote, &word) || line.p == NULL)
				return false;
		} else {
			line = rest;
			word = take_word(&line);
		}
		w->v[w->n++] = word;
	}
}

static struct str
key_of(struct gomod *g, struct str path, struct str version)
{
	return version.n == 0 ? path :
				str_of(arena_printf(g->l->arena, "%.*s %.*s",
				    STR_ARG(path), STR_ARG(version)));
}

static bool
is_folder(struct str path)
{
	return str_starts(path, "./") || str_starts(path, "../") ||
	    str_starts(path, "/") || str_is(path, ".") || str_is(path, "..");
}

static bool
directive_require(struct gomod *g, const struct words *w, uint32_t line)
{
	struct module *m;

	if (w->n != 2)
		return false;
	m = vec_add(&g->required);
	m->path = w->v[0];
	m->version = w->v[1];
	m->line = line;
	m->indirect = str_starts(w->comment, "indirect");
	return true;
}

/* "old [version] => new version" or "old [version] => ./folder" */
static bool
directive_replace(struct gomod *g, const struct words *w, uint32_t line)
{
	size_t arrow = w->n > 1 && str_is(w->v[1], "=>") ? 1 : 2;
	struct replacement *r;
	bool folder;

	(void)line;
	if (w->n < arrow + 2 || !str_is(w->v[arrow], "=>"))
		return false;
	folder = is_folder(w->v[arrow + 1]);
	if (w->n != arrow + (folder ? 2 : 3))
		return false;
	r = arena_alloc(g->l->arena, sizeof(*r));
	r->path = w->v[arrow + 1];
	if (!folder)
		r->version = w->v[arrow + 2];
	(void)map_put(g->replaced,
	    key_of(g, w->v[0], arrow == 2 ? w->v[1] : STR_NONE), r);
	return true;
}

static bool
directive_go(struct gomod *g, const struct words *w, uint32_t line)
{
	struct str rest = w->n == 1 ? w->v[0] : STR_NONE, major, minor;
	size_t n = 0;

	(void)line;
	if (!str_cut(&rest, '.', &major) || !str_is(major, "1"))
		return w->n == 1;
	while (n < rest.n && isdigit((unsigned char)rest.p[n]))
		n++;
	minor = str_sub(rest, 0, n);
	if (str_to_u64(minor, &g->minor) != 0)
		g->minor = 0;
	return true;
}

static void
directive(struct gomod *g, struct str name, const struct words *w,
    uint32_t line)
{
	static const struct {
		const char *name;
		bool (*read)(struct gomod *g, const struct words *w,
		    uint32_t line);
	} rows[] = {
		{ "require", directive_require },
		{ "replace", directive_replace },
		{ "go", directive_go },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_is(name, rows[i].name) && !rows[i].read(g, w, line))
			lock_error(g->l, line,
			    "not what \"%s\" of go.mod looks like",
			    rows[i].name);
}

static void
read_line(struct gomod *g, struct str text, uint32_t line)
{
	struct words w;
	struct str name;

	if (!words_of(text, &w)) {
		lock_error(g->l, line, "a quote is not closed");
		return;
	}
	if (w.n == 0)
		return;
	if (g->block.p != NULL) {
		if (str_is(w.v[0], ")"))
			g->block = STR_NONE;
		else
			directive(g, g->block, &w, line);
		return;
	}
	name = w.v[0];
	if (w.n == 2 && str_is(w.v[1], "(")) {
		g->block = name;
		g->block_line = line;
		return;
	}
	memmove(&w.v[0], &w.v[1], (w.n - 1) * sizeof(w.v[0]));
	w.n--;
	directive(g, name, &w, line);
}

static void
gomod_init(struct gomod *g, struct lock_list *l, struct str bytes)
{
	struct lock_text t;

	*g = (struct gomod){ .l = l, .replaced = map_new(MAX_MODULES) };
	lock_text_init(&t, bytes);
	while (lock_text_next(&t))
		read_line(g, t.text, t.line);
	if (g->block.p != NULL)
		lock_error(l, g->block_line, "\"%.*s (\" is not closed",
		    STR_ARG(str_sub(g->block, 0, 80)));
}

static void
gomod_done(struct gomod *g)
{
	map_free(g->replaced);
	vec_done(&g->required);
}

static struct lock_package *
add(struct gomod *g, struct str path, struct str version, uint32_t line)
{
	const struct replacement *r =
	    map_get(g->replaced, key_of(g, path, version));
	struct lock_package *p;

	if (r == NULL)
		r = map_get(g->replaced, path);
	if (r == NULL)
		return lock_add(g->l, "Go", path, lock_after(version, "v"),
		    line);
	if (r->version.p == NULL) {
		p = lock_add(g->l, "Go", path, STR_NONE, line);
		p->origin = lock_origin(g->l->arena, "path", r->path);
		return p;
	}
	p = lock_add(g->l, "Go", r->path, lock_after(r->version, "v"), line);
	if (!str_eq(r->path, path))
		p->alias = path;
	return p;
}

static void
gomod_read(const struct lock_input *in, struct lock_list *l)
{
	const struct module *m;
	struct gomod g;

	gomod_init(&g, l, in->bytes);
	vec_foreach(m, &g.required) {
		struct lock_package *p = add(&g, m->path, m->version, m->line);

		p->relation = m->indirect ? LOCK_TRANSITIVE : LOCK_DIRECT;
	}
	gomod_done(&g);
}

/* Of the versions that go.sum has of a module the build takes the highest. */
static void
keep_highest(struct map *best, struct arena *a, const struct module *m)
{
	struct module *have = map_get(best, m->path);
	version_compare *rule = version_rule(STR_LIT("Go"));
	int order = 1;

	if (have == NULL) {
		have = arena_alloc(a, sizeof(*have));
		*have = *m;
		(void)map_put(best, m->path, have);
	} else if (rule != NULL && rule(m->version, have->version, &order) &&
	    order > 0) {
		*have = *m;
	}
}

/* "module version hash" or "module version/go.mod hash"; only the first kind
 * was downloaded. */
static void
gosum_lines(const struct lock_input *in, struct gomod *g, struct map *named,
    struct map *best)
{
	struct lock_text t;

	lock_text_init(&t, in->bytes);
	while (lock_text_next(&t)) {
		struct str rest = t.text, path = lock_word(&rest),
			   version = lock_word(&rest), hash = lock_word(&rest);
		struct module m = { path, version, t.line, true };

		if (path.n == 0)
			continue;
		if (hash.n == 0 || lock_word(&rest).n != 0)
			lock_error(g->l, t.line,
			    "not a module, its version and its hash");
		else if (!str_ends(version, "/go.mod") && !map_has(named, path))
			keep_highest(best, g->l->arena, &m);
	}
}

static void
gosum_read(const struct lock_input *in, struct lock_list *l)
{
	struct map *named = map_new(MAX_MODULES), *best = map_new(MAX_MODULES);
	struct str mod = STR_NONE, path;
	struct lock_list elsewhere; /* go.mod's own errors are told there */
	const struct module *m;
	struct gomod g;
	size_t at = 0;
	void *v;

	lock_list_init(&elsewhere, l->arena);
	(void)lock_beside(in, "go.mod", &mod);
	gomod_init(&g, &elsewhere, mod);
	g.l = l;
	vec_foreach(m, &g.required) {
		const struct replacement *r =
		    map_get(g.replaced, key_of(&g, m->path, m->version));

		if (r == NULL)
			r = map_get(g.replaced, m->path);
		(void)map_put(named, m->path, &g);
		if (r != NULL) /* go.sum has it under its other name */
			(void)map_put(named, r->path, &g);
	}
	gosum_lines(in, &g, named, best);
	while (g.minor < COMPLETE_FROM && map_next(best, &at, &path, &v)) {
		m = v;
		add(&g, m->path, m->version, m->line)->relation =
		    LOCK_TRANSITIVE;
	}
	gomod_done(&g);
	lock_list_done(&elsewhere);
	map_free(named);
	map_free(best);
}

static bool
gomod_match(struct str path)
{
	return lock_named(path, "go.mod");
}

static bool
gosum_match(struct str path)
{
	return lock_named(path, "go.sum");
}

const struct lock_format lock_formats_go[] = {
	{ "go.mod", gomod_match, gomod_read },
	{ "go.sum", gosum_match, gosum_read },
	{ NULL },
};
