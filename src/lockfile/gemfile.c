/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemfile.lock and gems.locked: sections that begin in the first column, each
 * with where its gems come from; "specs:" has a gem at four blanks and what it
 * asks for at six.
 */
#include "base/cleanup.h"
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/lockfile_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/text_priv.h"

enum section {
	OTHER,
	GEM,
	GIT,
	LOCAL,
	PLUGIN,
	DEPENDENCIES
};

struct gemfile {
	struct lock_list *l;
	struct lock_graph graph;
	struct lock_text text;
	enum section section;
	bool specs; /* below "specs:" */
	struct str remote, revision; /* of this section */
	unsigned n_remotes;
	uint32_t gem; /* the newest entry, or LOCK_NONE */
	VEC(struct str) direct;
};

static enum section
section_of(struct str name)
{
	static const struct {
		const char *name;
		enum section section;
	} rows[] = {
		{ "GEM", GEM },
		{ "GIT", GIT },
		{ "PATH", LOCAL },
		{ "PLUGIN SOURCE", PLUGIN },
		{ "DEPENDENCIES", DEPENDENCIES },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_is(name, rows[i].name))
			return rows[i].section;
	return OTHER;
}

/* "name (1.0-java)!" with everything but the name optional. */
static bool
split(struct str s, struct str *ret_name, struct str *ret_version)
{
	s = str_trim(s);
	if (str_ends(s, "!"))
		s.n--;
	*ret_name = lock_word(&s);
	*ret_version = STR_NONE;
	s = str_trim(s);
	if (s.n != 0) {
		if (s.p[0] != '(' || !str_ends(s, ")"))
			return false;
		*ret_version = str_sub(s, 1, s.n - 1);
	}
	return ret_name->n != 0;
}

static struct str
origin_of(const struct gemfile *g)
{
	struct arena *a = g->l->arena;

	switch (g->section) {
	case GIT:
		return lock_origin_git(a, g->remote, g->revision);
	case LOCAL:
		return lock_origin(a, "path", g->remote);
	case PLUGIN:
		return lock_origin(a, "url", g->remote);
	case GEM:
		/* Of several remotes the file does not say which. */
		if (g->n_remotes == 1)
			return lock_origin(a, "registry", g->remote);
		break;
	case OTHER:
	case DEPENDENCIES:
		break;
	}
	return STR_LIT("registry");
}

static void
add_gem(struct gemfile *g)
{
	struct str name, version;
	struct lock_package *p;

	g->gem = LOCK_NONE;
	if (!split(g->text.text, &name, &version) || version.n == 0) {
		lock_error(g->l, g->text.line,
		    "\"%.*s\" is not a gem and its version",
		    STR_ARG(str_sub(str_trim(g->text.text), 0, 80)));
		return;
	}
	/* A dash in a version begins the platform. */
	p = lock_add(g->l, "RubyGems", name, lock_before(version, '-'),
	    g->text.line);
	p->origin = origin_of(g);
	g->gem = lock_graph_newest(&g->graph);
	lock_graph_name(&g->graph, name);
}

static void
set(struct gemfile *g, struct str line)
{
	struct str key, value = line;

	if (!str_cut(&value, ':', &key) || value.p == NULL)
		return;
	value = str_trim(value);
	if (str_is(key, "remote")) {
		g->remote = value;
		g->n_remotes++;
	} else if (str_is(key, "revision")) {
		g->revision = value;
	}
	g->specs = str_is(key, "specs");
}

static void
begin_section(struct gemfile *g)
{
	g->section = section_of(str_trim(g->text.text));
	g->specs = false;
	g->remote = g->revision = STR_NONE;
	g->n_remotes = 0;
	g->gem = LOCK_NONE;
	if (str_starts(g->text.text, "<<<<<<<") ||
	    str_starts(g->text.text, ">>>>>>>"))
		lock_error(g->l, g->text.line,
		    "a merge conflict is not resolved");
}

static void
read_line(struct gemfile *g)
{
	size_t indent = lock_indent(g->text.text);
	struct str name, version;

	if (str_trim(g->text.text).n == 0)
		return;
	if (indent == 0) {
		begin_section(g);
	} else if (g->section == DEPENDENCIES) {
		if (split(g->text.text, &name, &version))
			vec_push(&g->direct, name);
	} else if (g->section != OTHER && indent == 2) {
		set(g, str_trim(g->text.text));
	} else if (g->specs && indent == 4) {
		add_gem(g);
	} else if (g->specs && indent == 6 && g->gem != LOCK_NONE &&
	    split(g->text.text, &name, &version)) {
		lock_graph_ask(&g->graph, g->gem, name);
	}
}

static int
compare_str(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

/* Entries named under DEPENDENCIES, one for each platform. */
static void
mark_direct(struct gemfile *g, size_t first)
{
	if (g->direct.n == 0)
		return;
	qsort(g->direct.v, g->direct.n, sizeof(struct str), compare_str);
	for (size_t i = first; i < g->l->packages.n; i++) {
		struct lock_package *p = &g->l->packages.v[i];

		if (bsearch(&p->name, g->direct.v, g->direct.n,
			sizeof(struct str), compare_str) != NULL)
			p->relation = LOCK_DIRECT;
	}
}

static void
gemfile_read(const struct lock_input *in, struct lock_list *l)
{
	struct gemfile g = { .l = l, .gem = LOCK_NONE };
	size_t first = l->packages.n;

	lock_graph_init(&g.graph, l);
	lock_text_init(&g.text, in->bytes);
	while (lock_text_next(&g.text))
		read_line(&g);
	mark_direct(&g, first);
	lock_graph_apply(&g.graph);
	lock_graph_done(&g.graph);
	vec_done(&g.direct);
}

static bool
gemfile_match(struct str path)
{
	/* One project may have several: gemfiles/rails_7.gemfile.lock. */
	return lock_named(path, "Gemfile.lock") ||
	    lock_named(path, "gems.locked") || str_ends(path, ".gemfile.lock");
}

const struct lock_format lock_formats_gem[] = {
	{ "Gemfile.lock", gemfile_match, gemfile_read },
	{ NULL },
};
