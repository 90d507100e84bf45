/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of sources, through libyaml. Pure functions. */
#include "report/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"

#define MAX_SOURCES 1000

struct parser {
	yaml_document_t doc;
	struct arena *arena;
	struct str folder;
	struct error *err;
};

static int
fail_at(struct parser *p, const yaml_node_t *n, const char *what)
{
	return error_set(p->err, -EINVAL, "line %zu: %s",
	    n != NULL ? n->start_mark.line + 1 : (size_t)1, what);
}

static struct str
text(struct parser *p, const yaml_node_t *n)
{
	struct str s;

	if (n == NULL || n->type != YAML_SCALAR_NODE)
		return STR_NONE;
	s = str_n(n->data.scalar.value, n->data.scalar.length);
	return str_of(arena_strz(p->arena, s));
}

static int
read_text(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = text(p, n);

	if (s.n == 0)
		return fail_at(p, n, "a text is wanted here");
	*(struct str *)to = s;
	return 0;
}

static int
read_bool(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = text(p, n);

	if (!str_is(s, "true") && !str_is(s, "false"))
		return fail_at(p, n, "true or false is wanted here");
	*(bool *)to = str_is(s, "true");
	return 0;
}

struct strings {
	struct str *v;
	size_t n;
};

static int
read_strings(struct parser *p, const yaml_node_t *n, void *to)
{
	struct strings *s = to;
	const yaml_node_item_t *i;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return fail_at(p, n, "a list is wanted here");
	s->v = arena_array(p->arena,
	    (size_t)(n->data.sequence.items.top -
		n->data.sequence.items.start) +
		1,
	    sizeof(*s->v));
	for (i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && rc == 0; i++)
		rc = read_text(p, yaml_document_get_node(&p->doc, *i),
		    &s->v[s->n++]);
	return rc;
}

/* --- mappings as tables -----------------------------------------------------
 */

struct key {
	const char *name;
	int (*read)(struct parser *p, const yaml_node_t *n, void *to);
	void *to;
};

static int
read_mapping(struct parser *p, const yaml_node_t *n, const struct key *keys,
    size_t n_keys)
{
	const yaml_node_pair_t *pair;
	int rc = 0;

	if (n == NULL || n->type != YAML_MAPPING_NODE)
		return fail_at(p, n, "keys and values are wanted here");
	for (pair = n->data.mapping.pairs.start;
	     pair < n->data.mapping.pairs.top && rc == 0; pair++) {
		const yaml_node_t *k =
		    yaml_document_get_node(&p->doc, pair->key);
		struct str name = text(p, k);
		size_t i = 0;

		while (i < n_keys && !str_is(name, keys[i].name))
			i++;
		if (i == n_keys)
			return error_set(p->err, -EINVAL,
			    "line %zu: there is no key \"%.*s\" here",
			    k->start_mark.line + 1,
			    (int)MIN_OF(name.n, (size_t)60),
			    name.p != NULL ? name.p : "");
		rc = keys[i].read(p,
		    yaml_document_get_node(&p->doc, pair->value), keys[i].to);
	}
	return rc;
}

struct filters {
	struct intake_filter *v;
	size_t n;
};

static int
read_filters(struct parser *p, const yaml_node_t *n, void *to)
{
	struct filters *f = to;
	const yaml_node_item_t *i;
	struct str field, pattern;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return fail_at(p, n, "a list is wanted here");
	f->v = arena_array(p->arena,
	    (size_t)(n->data.sequence.items.top -
		n->data.sequence.items.start) +
		1,
	    sizeof(*f->v));
	for (i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && rc == 0; i++) {
		const struct key keys[] = { { "field", read_text, &field },
			{ "pattern", read_text, &pattern } };
		const yaml_node_t *item = yaml_document_get_node(&p->doc, *i);

		field = pattern = STR_NONE;
		rc = read_mapping(p, item, keys, N_ELEMENTS(keys));
		if (rc == 0 &&
		    ((!str_is(field, "aliases") && !str_is(field, "related")) ||
			pattern.p == NULL))
			rc = fail_at(p, item,
			    "a filter has field: aliases or related, and "
			    "pattern");
		f->v[f->n].related = str_is(field, "related");
		f->v[f->n++].pattern = pattern;
	}
	return rc;
}

/* Relative paths start from the configuration file. */
static struct str
absolute(struct parser *p, struct str path)
{
	if (path.p == NULL || str_starts(path, "/"))
		return path;
	return str_of(arena_printf(p->arena, "%.*s/%.*s", STR_ARG(p->folder),
	    STR_ARG(path)));
}

static int
read_count(struct parser *p, const yaml_node_t *n, void *to)
{
	uint64_t v;

	if (str_to_u64(text(p, n), &v) != 0 || v > 1000000)
		return fail_at(p, n, "a number is wanted here");
	*(int64_t *)to = (int64_t)v;
	return 0;
}

/* Each type of storage: its own place, and the keys that make sense. */
static const struct storage_type {
	const char *name, *place;
	const char *allowed; /* beside type and place */
} storage_types[CONFIG_STORAGE__MAX] = {
	[CONFIG_DIRECTORY] = { "directory", "path", "" },
	[CONFIG_GIT] = { "git", "repository", " branch " },
	[CONFIG_HTTP] = { "http", "url", " credentials " },
	[CONFIG_S3] = { "s3", "endpoint",
	    " bucket region credentials profile lookback-entries " },
	[CONFIG_PAGES] = { "pages", "url", " credentials " },
};

/* A key that belongs to another type is a mistake, and named. */
static int
check_storage_keys(struct parser *p, const yaml_node_t *n,
    const struct storage_type *t)
{
	const yaml_node_pair_t *pair;
	char word[64];

	for (pair = n->data.mapping.pairs.start;
	     pair < n->data.mapping.pairs.top; pair++) {
		const yaml_node_t *k =
		    yaml_document_get_node(&p->doc, pair->key);
		struct str name = text(p, k);

		(void)snprintf(word, sizeof(word), " %.*s ", STR_ARG(name));
		if (!str_is(name, "type") && !str_is(name, t->place) &&
		    strstr(t->allowed, word) == NULL)
			return error_set(p->err, -EINVAL,
			    "line %zu: storage of type %s has no key "
			    "\"%.*s\"",
			    k->start_mark.line + 1, t->name, STR_ARG(name));
	}
	return 0;
}

static bool
is_url(struct str s)
{
	return str_starts(s, "https://") || str_starts(s, "http://");
}

bool
config_is_network(const struct config_source *s)
{
	return s->storage == CONFIG_HTTP || s->storage == CONFIG_S3 ||
	    s->storage == CONFIG_PAGES;
}

static int
read_storage(struct parser *p, const yaml_node_t *n, void *to)
{
	struct config_source *s = to;
	struct str type = STR_NONE, url = STR_NONE;
	struct str places[CONFIG_STORAGE__MAX] = { 0 };
	const struct key keys[] = { { "type", read_text, &type },
		{ "path", read_text, &places[CONFIG_DIRECTORY] },
		{ "repository", read_text, &places[CONFIG_GIT] },
		{ "url", read_text, &url },
		{ "endpoint", read_text, &places[CONFIG_S3] },
		{ "branch", read_text, &s->branch },
		{ "bucket", read_text, &s->bucket },
		{ "region", read_text, &s->region },
		{ "credentials", read_text, &s->credentials },
		{ "profile", read_text, &s->profile },
		{ "lookback-entries", read_count, &s->lookback } };
	int rc = read_mapping(p, n, keys, N_ELEMENTS(keys)), t = 0;

	while (rc == 0 && t < CONFIG_STORAGE__MAX &&
	    !str_is(type, storage_types[t].name))
		t++;
	if (rc == 0 && t == CONFIG_STORAGE__MAX)
		rc = fail_at(p, n,
		    "storage type is directory, git, http, s3 or pages");
	if (rc == 0)
		rc = check_storage_keys(p, n, &storage_types[t]);
	if (rc != 0)
		return rc;
	places[CONFIG_HTTP] = places[CONFIG_PAGES] = url;
	s->storage = (enum config_storage)t;
	s->place = places[t];
	if (s->place.p == NULL)
		return error_set(p->err, -EINVAL,
		    "line %zu: storage of type %s needs %s",
		    n->start_mark.line + 1, storage_types[t].name,
		    storage_types[t].place);
	if (t == CONFIG_DIRECTORY)
		s->place = absolute(p, s->place);
	if (config_is_network(s) && !is_url(s->place))
		return fail_at(p, n, "this is no address: https://…");
	if (s->credentials.p != NULL && !str_is(s->credentials, "anonymous") &&
	    !str_is(s->credentials, "environment"))
		s->credentials = absolute(p, s->credentials);
	return 0;
}

static int
read_deleted(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = text(p, n);

	if (!str_is(s, "withdraw") && !str_is(s, "keep"))
		return fail_at(p, n, "deleted is withdraw or keep");
	*(bool *)to = str_is(s, "withdraw");
	return 0;
}

static int
read_percent(struct parser *p, const yaml_node_t *n, void *to)
{
	uint64_t v;

	if (str_to_u64(text(p, n), &v) != 0 || v > 100)
		return fail_at(p, n, "per cent are wanted here: 0 to 100");
	*(int64_t *)to = (int64_t)v;
	return 0;
}

static int
read_kind(struct parser *p, const yaml_node_t *n, void *to)
{
	static const char *const kinds[INTAKE_KIND__MAX] = {
		[INTAKE_OSV] = "osv",
		[INTAKE_GHSA] = "ghsa",
		[INTAKE_MAP] = "map",
	};

	for (int i = 0; i < INTAKE_KIND__MAX; i++)
		if (str_is(text(p, n), kinds[i])) {
			*(enum intake_kind *)to = (enum intake_kind)i;
			return 0;
		}
	return fail_at(p, n, "kind is osv, ghsa or map");
}

static int
read_format(struct parser *p, const yaml_node_t *n, void *to)
{
	if (!bundle_format_parse(text(p, n), to))
		return fail_at(p, n, "format is json, ndjson, csv or zip");
	return 0;
}

static int
read_character(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = text(p, n);

	if (s.n != 1)
		return fail_at(p, n, "one character is wanted here");
	*(char *)to = s.p[0];
	return 0;
}

static int
read_path(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = STR_NONE;
	int rc = read_text(p, n, &s);

	if (rc == 0 && !mapping_path_valid(s))
		rc = fail_at(p, n,
		    "a path is wanted here: members with dots between them, "
		    "[] for every item of a list, or = and a fixed text");
	if (rc == 0)
		*(struct str *)to = s;
	return rc;
}

static int
read_map(struct parser *p, const yaml_node_t *n, void *to)
{
	struct mapping *m = to;
	struct key keys[MAPPING_FIELD__MAX + 2];
	const char *complaint;
	int rc;

	for (int i = 0; i < MAPPING_FIELD__MAX; i++)
		keys[i] =
		    (struct key){ mapping_names[i], read_path, &m->fields[i] };
	keys[MAPPING_FIELD__MAX] =
	    (struct key){ "separator", read_text, &m->separator };
	keys[MAPPING_FIELD__MAX + 1] =
	    (struct key){ "all-versions", read_bool, &m->all_versions };
	rc = read_mapping(p, n, keys, N_ELEMENTS(keys));
	if (rc != 0)
		return rc;
	complaint = mapping_complaint(m);
	return complaint != NULL ? fail_at(p, n, complaint) : 0;
}

static bool
id_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", s.p[i]) ==
		    NULL)
			return false;
	return s.n != 0 && s.n <= 64;
}

static int
read_source(struct parser *p, const yaml_node_t *n, struct config_source *s)
{
	struct strings prefixes = { 0 }, ecosystems = { 0 };
	struct filters filters = { 0 };
	const struct key keys[] = {
		{ "id", read_text, &s->intake.id },
		{ "kind", read_kind, &s->intake.kind },
		{ "format", read_format, &s->format },
		{ "delimiter", read_character, &s->delimiter },
		{ "map", read_map, &s->mapping },
		{ "storage", read_storage, s },
		{ "prefixes", read_strings, &prefixes },
		{ "alias-id", read_bool, &s->intake.alias_id },
		{ "split", read_bool, &s->intake.split },
		{ "allow-multiple-affected", read_bool, &s->intake.split },
		{ "ecosystems", read_strings, &ecosystems },
		{ "filters", read_filters, &filters },
		{ "deleted", read_deleted, &s->withdraw_deleted },
		{ "deleted-at-most", read_percent, &s->deleted_at_most },
		{ "disabled-for-reason", read_text, &s->disabled },
	};
	int rc;

	s->branch = STR_LIT("main");
	s->region = STR_LIT("us-east-1");
	s->lookback = 10;
	s->deleted_at_most = 10;
	rc = read_mapping(p, n, keys, N_ELEMENTS(keys));
	if (rc != 0)
		return rc;
	if (!id_valid(s->intake.id))
		return fail_at(p, n, "a source needs an id of a-z, 0-9 and -");
	if (s->place.p == NULL)
		return fail_at(p, n, "a source needs storage");
	if ((s->intake.kind == INTAKE_MAP) !=
	    (s->mapping.fields[MAPPING_NAME].p != NULL ||
		s->mapping.fields[MAPPING_PURL].p != NULL))
		return fail_at(p, n,
		    "map belongs to kind: map, which needs it");
	s->intake.mapping = &s->mapping;
	if (s->storage == CONFIG_PAGES && s->withdraw_deleted)
		return fail_at(p, n,
		    "pages are read from where they were left, so that "
		    "nothing says what is gone: deleted is keep");
	if ((s->storage == CONFIG_HTTP || s->storage == CONFIG_PAGES) &&
	    prefixes.n != 0)
		return fail_at(p, n,
		    "prefixes are of folders, repositories and buckets");
	s->prefixes = prefixes.v;
	s->n_prefixes = prefixes.n;
	s->intake.ecosystems = ecosystems.v;
	s->intake.n_ecosystems = ecosystems.n;
	s->intake.filters = filters.v;
	s->intake.n_filters = filters.n;
	return 0;
}

static int
read_sources(struct parser *p, const yaml_node_t *n, void *to)
{
	struct config *c = to;
	const yaml_node_item_t *i;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return fail_at(p, n, "a list of sources is wanted here");
	for (i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && rc == 0; i++) {
		const yaml_node_t *item = yaml_document_get_node(&p->doc, *i);
		struct config_source *s = mem_alloc(sizeof(*s));

		rc = read_source(p, item, s);
		for (size_t k = 0; k < c->sources.n && rc == 0; k++)
			if (str_eq(c->sources.v[k]->intake.id, s->intake.id))
				rc = fail_at(p, item, "two sources of one id");
		if (rc == 0 && c->sources.n == MAX_SOURCES)
			rc = fail_at(p, item, "too many sources");
		vec_push(&c->sources, s);
	}
	return rc;
}

/* --- popular packages -------------------------------------------------------
 */

struct populars {
	struct popular_file *files; /* of the arena */
	size_t n;
	const yaml_node_t *at_least; /* looked at when the files are known */
};

static const char *
bad_ecosystem(struct str s)
{
	return osv_ecosystem_valid(s) ?
	    NULL :
	    "an ecosystem as OSV spells it is wanted here (npm, PyPI, …)";
}

static int
read_popular_files(struct parser *p, const yaml_node_t *n, struct populars *all)
{
	const yaml_node_pair_t *pair;
	int rc = 0;

	all->files = arena_array(p->arena,
	    (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start) +
		1,
	    sizeof(*all->files));
	for (pair = n->data.mapping.pairs.start;
	     pair < n->data.mapping.pairs.top && rc == 0; pair++) {
		const yaml_node_t *k =
		    yaml_document_get_node(&p->doc, pair->key);
		struct popular_file *f = &all->files[all->n++];

		f->ecosystem = text(p, k);
		rc = read_text(p, yaml_document_get_node(&p->doc, pair->value),
		    &f->path);
		if (rc == 0 && bad_ecosystem(f->ecosystem) != NULL)
			rc = fail_at(p, k, bad_ecosystem(f->ecosystem));
	}
	return rc;
}

/* A file, a list of them, or one for each ecosystem. */
static int
read_popular(struct parser *p, const yaml_node_t *n, void *to)
{
	struct populars *all = to;
	struct strings paths = { 0 };
	int rc = 0;

	all->n = 0;
	if (n != NULL && n->type == YAML_MAPPING_NODE)
		return read_popular_files(p, n, all);
	if (n != NULL && n->type == YAML_SEQUENCE_NODE) {
		rc = read_strings(p, n, &paths);
	} else {
		paths.v = arena_array(p->arena, 1, sizeof(*paths.v));
		rc = read_text(p, n, &paths.v[paths.n++]);
	}
	all->files = arena_array(p->arena, paths.n + 1, sizeof(*all->files));
	for (; rc == 0 && all->n < paths.n; all->n++)
		all->files[all->n].path = paths.v[all->n];
	return rc;
}

static int
read_number(struct parser *p, const yaml_node_t *n, uint64_t *ret)
{
	return str_to_u64(text(p, n), ret) == 0 ?
	    0 :
	    fail_at(p, n, "a number is wanted here");
}

static int
read_at_least(struct parser *p, const yaml_node_t *n, void *to)
{
	(void)p;
	((struct populars *)to)->at_least = n;
	return 0;
}

/* One number for all files, or one for each ecosystem that has a file. */
static int
set_at_least(struct parser *p, struct populars *all)
{
	const yaml_node_t *n = all->at_least;
	const yaml_node_pair_t *pair;
	uint64_t v = 0;
	int rc = 0;

	if (n == NULL)
		return 0;
	if (n->type != YAML_MAPPING_NODE) {
		rc = read_number(p, n, &v);
		for (size_t i = 0; i < all->n; i++)
			all->files[i].at_least = v;
		return rc;
	}
	for (pair = n->data.mapping.pairs.start;
	     pair < n->data.mapping.pairs.top && rc == 0; pair++) {
		const yaml_node_t *k =
		    yaml_document_get_node(&p->doc, pair->key);
		size_t i = 0;

		while (i < all->n &&
		    (all->files[i].ecosystem.p == NULL ||
			!str_eq(text(p, k), all->files[i].ecosystem)))
			i++;
		if (i == all->n)
			return fail_at(p, k,
			    "popular has no file for this ecosystem");
		rc =
		    read_number(p, yaml_document_get_node(&p->doc, pair->value),
			&all->files[i].at_least);
	}
	return rc;
}

static int
read_unconfirmed(struct parser *p, const yaml_node_t *n, void *to)
{
	struct str s = text(p, n);

	if (!str_is(s, "proof") && !str_is(s, "none"))
		return fail_at(p, n, "unconfirmed is proof or none");
	*(bool *)to = str_is(s, "proof");
	return 0;
}

static int
read_draft(struct parser *p, const yaml_node_t *n, void *to)
{
	const struct key keys[] = { { "unconfirmed", read_unconfirmed, to } };

	return read_mapping(p, n, keys, N_ELEMENTS(keys));
}

int
config_parse(struct arena *a, struct str yaml, struct str folder,
    struct config *ret, struct error *err)
{
	struct parser p = { .arena = a, .folder = folder, .err = err };
	struct config c = { 0 };
	struct strings own = { 0 };
	struct populars popular = { 0 };
	const struct key keys[] = { { "sources", read_sources, &c },
		{ "popular", read_popular, &popular },
		{ "popular-at-least", read_at_least, &popular },
		{ "own-names", read_strings, &own },
		{ "draft", read_draft, &c.draft_unconfirmed } };
	yaml_parser_t y;
	int rc;

	if (yaml_parser_initialize(&y) == 0)
		fatal("no memory for YAML");
	yaml_parser_set_input_string(&y, (const unsigned char *)yaml.p, yaml.n);
	if (yaml_parser_load(&y, &p.doc) == 0) {
		rc = error_set(err, -EINVAL, "line %zu: %s",
		    y.problem_mark.line + 1,
		    y.problem != NULL ? y.problem : "is no YAML");
		yaml_parser_delete(&y);
		return rc;
	}
	rc = read_mapping(&p, yaml_document_get_root_node(&p.doc), keys,
	    N_ELEMENTS(keys));
	if (rc == 0)
		rc = set_at_least(&p, &popular);
	yaml_document_delete(&p.doc);
	yaml_parser_delete(&y);
	if (rc != 0) {
		config_done(&c);
		return rc;
	}
	for (size_t i = 0; i < popular.n; i++)
		popular.files[i].path = absolute(&p, popular.files[i].path);
	c.popular = popular.files;
	c.n_popular = popular.n;
	for (size_t i = 0; i < c.sources.n; i++) {
		c.sources.v[i]->intake.own_names = own.v;
		c.sources.v[i]->intake.n_own_names = own.n;
	}
	*ret = c;
	return 0;
}

void
config_done(struct config *c)
{
	for (size_t i = 0; i < c->sources.n; i++)
		free(c->sources.v[i]);
	vec_done(&c->sources);
}
