/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix.lock: a map from the name in the project to {:hex, package, version,
 * checksum, tools, dependencies, repository, checksum} or {:git, address,
 * commit, options}. rebar.lock: [{name, {pkg, package, version}, depth}],
 * alone or as the second part of a tuple that begins with its version.
 */
#include "lockfile/families_priv.h"
#include "lockfile/graph_priv.h"
#include "lockfile/lockfile_priv.h"
#include "lockfile/origin_priv.h"
#include "lockfile/term_priv.h"

#define HEX_PACKAGE      1
#define HEX_VERSION      2
#define HEX_DEPENDENCIES 5
#define HEX_REPOSITORY   6

static void
bad_entry(struct lock_list *l, const struct term *t, struct str name)
{
	if (t->whole)
		lock_error(l, t->line, "the entry of \"%.*s\" is not known",
		    STR_ARG(str_sub(name, 0, 80)));
}

static struct lock_package *
add(struct lock_list *l, struct str app, struct str package, struct str version,
    uint32_t line)
{
	struct lock_package *p = lock_add(l, "Hex", package, version, line);

	if (!str_eq(app, package))
		p->alias = app;
	return p;
}

static bool
mix_hex(struct lock_graph *g, const struct term *t)
{
	struct str package = term_text(t, HEX_PACKAGE),
		   version = term_text(t, HEX_VERSION),
		   repository = term_text(t, HEX_REPOSITORY);
	const struct term *dependencies = term_at(t, HEX_DEPENDENCIES);
	struct lock_package *p;

	if (package.n == 0 || version.n == 0)
		return false;
	p = add(g->list, t->label, package, version, t->line);
	if (!str_is(repository, "hexpm"))
		p->origin = lock_origin(g->list->arena, "registry", repository);
	lock_graph_name(g, t->label);
	for (const struct term *d = dependencies != NULL ? dependencies->first :
							   NULL;
	     d != NULL; d = d->next)
		if (term_text(d, 0).p != NULL)
			lock_graph_ask(g, lock_graph_newest(g),
			    term_text(d, 0));
	return true;
}

static bool
mix_git(struct lock_graph *g, const struct term *t)
{
	struct str url = term_text(t, 1), commit = term_text(t, 2);

	if (url.n == 0)
		return false;
	add(g->list, t->label, t->label, STR_NONE, t->line)->origin =
	    lock_origin_git(g->list->arena, url, commit);
	lock_graph_name(g, t->label);
	return true;
}

static bool
mix_path(struct lock_graph *g, const struct term *t)
{
	if (term_text(t, 1).n == 0)
		return false;
	add(g->list, t->label, t->label, STR_NONE, t->line)->origin =
	    lock_origin(g->list->arena, "path", term_text(t, 1));
	lock_graph_name(g, t->label);
	return true;
}

static void
mix_entry(struct lock_graph *g, const struct term *t)
{
	bool known = false;

	if (t->label.n == 0 || !t->whole)
		return;
	if (term_is(t, 0, "hex"))
		known = mix_hex(g, t);
	else if (term_is(t, 0, "git"))
		known = mix_git(g, t);
	else if (term_is(t, 0, "path"))
		known = mix_path(g, t);
	if (!known)
		bad_entry(g->list, t, t->label);
}

static void
mix_read(const struct lock_input *in, struct lock_list *l)
{
	const struct term *map =
	    term_at(term_read(l, in->bytes, TERM_ELIXIR), 0);
	struct lock_graph g;

	if (map == NULL || map->kind != TERM_MAP) {
		lock_error(l, 1, "mix.lock is not a map");
		return;
	}
	lock_graph_init(&g, l);
	for (const struct term *t = map->first; t != NULL; t = t->next)
		mix_entry(&g, t);
	lock_graph_apply(&g);
	lock_graph_done(&g);
}

/* {git, address, {ref, commit}} and others that have a commit. */
static struct str
rebar_origin(struct lock_list *l, const struct term *source)
{
	struct str url = term_text(source, 1);

	if (url.n == 0)
		return STR_NONE;
	return lock_origin_git(l->arena, url, term_text(term_at(source, 2), 1));
}

static void
rebar_entry(struct lock_list *l, const struct term *t)
{
	const struct term *source = term_at(t, 1);
	struct str name = term_text(t, 0);
	struct lock_package *p;

	if (!t->whole || term_is(t, 0, "pkg_hash"))
		return;
	if (name.n != 0 && term_is(source, 0, "pkg") &&
	    term_text(source, 2).n != 0) {
		p = add(l, name, term_text(source, 1), term_text(source, 2),
		    t->line);
	} else if (name.n != 0 && term_is(source, 0, "git") &&
	    rebar_origin(l, source).p != NULL) {
		p = add(l, name, name, STR_NONE, t->line);
		p->origin = rebar_origin(l, source);
	} else {
		bad_entry(l, t, name);
		return;
	}
	p->relation =
	    str_is(term_text(t, 2), "0") ? LOCK_DIRECT : LOCK_TRANSITIVE;
}

static void
rebar_read(const struct lock_input *in, struct lock_list *l)
{
	const struct term *t = term_at(term_read(l, in->bytes, TERM_ERLANG), 0);

	if (t != NULL && t->kind == TERM_TUPLE)
		t = term_at(t, 1);
	if (t == NULL || t->kind != TERM_LIST) {
		lock_error(l, 1, "rebar.lock is not a list of packages");
		return;
	}
	for (const struct term *e = t->first; e != NULL; e = e->next)
		rebar_entry(l, e);
}

static bool
mix_match(struct str path)
{
	return lock_named(path, "mix.lock");
}

static bool
rebar_match(struct str path)
{
	return lock_named(path, "rebar.lock");
}

const struct lock_format lock_formats_beam[] = {
	{ "mix.lock", mix_match, mix_read },
	{ "rebar.lock", rebar_match, rebar_read },
	{ NULL },
};
