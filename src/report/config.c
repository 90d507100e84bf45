/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of sources: tables of keys for sys/conf.h. Pure functions.
 */
#include "report/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "sys/conf.h"

#define MAX_SOURCES 1000
#define MAX_FILTERS 1000

static struct str
text(struct conf *c, const struct conf_node *n)
{
	struct str s = STR_NONE;

	return conf_text(c, n, &s) == 0 ? s : STR_NONE;
}

/* Which of some words; -1 with the complaint when it is none of them. */
static int
read_word(struct conf *c, const struct conf_node *n, const char *const words[],
    int n_words, const char *complaint)
{
	struct str s = text(c, n);

	for (int i = 0; i < n_words; i++)
		if (str_is(s, words[i]))
			return i;
	(void)conf_fail(c, n, "%s", complaint);
	return -1;
}

/* A number up to a limit, as int64_t. */
static int
read_up_to(struct conf *c, const struct conf_node *n, uint64_t most,
    int64_t *to)
{
	uint64_t v;
	int rc = conf_number(c, n, &v);

	if (rc != 0)
		return rc;
	if (v > most)
		return conf_fail(c, n, "at most %llu is wanted here",
		    (unsigned long long)most);
	*to = (int64_t)v;
	return 0;
}

struct filters {
	struct intake_filter *v; /* MAX_FILTERS, of the arena */
	size_t n;
};

static int
read_filter(struct conf *c, const struct conf_node *n, void *to)
{
	struct filters *f = to;
	struct str field = STR_NONE, pattern = STR_NONE;
	struct error err = ERROR_INIT;
	const struct conf_key keys[] = { { "field", conf_text, &field },
		{ "pattern", conf_text, &pattern } };
	int rc = conf_mapping(c, n, keys, N_ELEMENTS(keys));

	if (rc == 0 &&
	    ((!str_is(field, "aliases") && !str_is(field, "related")) ||
		pattern.p == NULL))
		rc = conf_fail(c, n,
		    "a filter has field: aliases or related, and pattern");
	if (rc == 0 && intake_filter_check(pattern, &err) != 0)
		rc = conf_fail(c, n, "%s", err.msg);
	if (rc == 0 && f->n == MAX_FILTERS)
		rc = conf_fail(c, n, "too many filters");
	if (rc == 0)
		f->v[f->n++] =
		    (struct intake_filter){ str_is(field, "related"), pattern };
	return rc;
}

static int
read_filters(struct conf *c, const struct conf_node *n, void *to)
{
	struct filters *f = to;

	f->v = arena_array(conf_arena(c), MAX_FILTERS, sizeof(*f->v));
	f->n = 0;
	return conf_list(c, n, read_filter, f);
}

/* Relative paths start from the configuration file. */
static void
make_absolute(struct arena *a, struct str folder, struct str *path)
{
	if (path->p != NULL && !str_starts(*path, "/"))
		*path = str_of(arena_printf(a, "%.*s/%.*s", STR_ARG(folder),
		    STR_ARG(*path)));
}

static int
read_count(struct conf *c, const struct conf_node *n, void *to)
{
	return read_up_to(c, n, 1000000, to);
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
check_storage_key(struct conf *c, struct str name, const struct conf_node *n,
    void *to)
{
	const struct storage_type *const *t = to;
	char word[64];

	(void)snprintf(word, sizeof(word), " %.*s ", STR_ARG(name));
	if (str_is(name, "type") || str_is(name, (*t)->place) ||
	    strstr((*t)->allowed, word) != NULL)
		return 0;
	return conf_fail(c, n, "storage of type %s has no key \"%.*s\"",
	    (*t)->name, STR_ARG(name));
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
read_storage(struct conf *c, const struct conf_node *n, void *to)
{
	struct config_source *s = to;
	const struct storage_type *own;
	struct str type = STR_NONE, url = STR_NONE;
	struct str places[CONFIG_STORAGE__MAX] = { 0 };
	const struct conf_key keys[] = { { "type", conf_text, &type },
		{ "path", conf_text, &places[CONFIG_DIRECTORY] },
		{ "repository", conf_text, &places[CONFIG_GIT] },
		{ "url", conf_text, &url },
		{ "endpoint", conf_text, &places[CONFIG_S3] },
		{ "branch", conf_text, &s->branch },
		{ "bucket", conf_text, &s->bucket },
		{ "region", conf_text, &s->region },
		{ "credentials", conf_text, &s->credentials },
		{ "profile", conf_text, &s->profile },
		{ "lookback-entries", read_count, &s->lookback } };
	int rc = conf_mapping(c, n, keys, N_ELEMENTS(keys)), t = 0;

	while (rc == 0 && t < CONFIG_STORAGE__MAX &&
	    !str_is(type, storage_types[t].name))
		t++;
	if (rc == 0 && t == CONFIG_STORAGE__MAX)
		rc = conf_fail(c, n,
		    "storage type is directory, git, http, s3 or pages");
	if (rc != 0)
		return rc;
	own = &storage_types[t];
	rc = conf_pairs(c, n, check_storage_key, &own);
	if (rc != 0)
		return rc;
	places[CONFIG_HTTP] = places[CONFIG_PAGES] = url;
	s->storage = (enum config_storage)t;
	s->place = places[t];
	if (s->place.p == NULL)
		return conf_fail(c, n, "storage of type %s needs %s", own->name,
		    own->place);
	if (config_is_network(s) && !is_url(s->place))
		return conf_fail(c, n, "this is no address: https://…");
	return 0;
}

static int
read_deleted(struct conf *c, const struct conf_node *n, void *to)
{
	static const char *const words[] = { "keep", "withdraw" };
	int i = read_word(c, n, words, 2, "deleted is withdraw or keep");

	*(bool *)to = i == 1;
	return i < 0 ? -EINVAL : 0;
}

static int
read_percent(struct conf *c, const struct conf_node *n, void *to)
{
	return read_up_to(c, n, 100, to);
}

static int
read_kind(struct conf *c, const struct conf_node *n, void *to)
{
	static const char *const kinds[INTAKE_KIND__MAX] = {
		[INTAKE_OSV] = "osv",
		[INTAKE_GHSA] = "ghsa",
		[INTAKE_MAP] = "map",
	};
	int i = read_word(c, n, kinds, INTAKE_KIND__MAX,
	    "kind is osv, ghsa or map");

	if (i < 0)
		return -EINVAL;
	*(enum intake_kind *)to = (enum intake_kind)i;
	return 0;
}

static int
read_format(struct conf *c, const struct conf_node *n, void *to)
{
	if (!bundle_format_parse(text(c, n), to))
		return conf_fail(c, n, "format is json, ndjson, csv or zip");
	return 0;
}

static int
read_character(struct conf *c, const struct conf_node *n, void *to)
{
	struct str s = text(c, n);

	if (s.n != 1)
		return conf_fail(c, n, "one character is wanted here");
	*(char *)to = s.p[0];
	return 0;
}

static int
read_path(struct conf *c, const struct conf_node *n, void *to)
{
	struct str s = STR_NONE;
	int rc = conf_text(c, n, &s);

	if (rc == 0 && !mapping_path_valid(s))
		rc = conf_fail(c, n,
		    "a path is wanted here: members with dots between them, "
		    "[] for every item of a list, or = and a fixed text");
	if (rc == 0)
		*(struct str *)to = s;
	return rc;
}

static int
read_map(struct conf *c, const struct conf_node *n, void *to)
{
	struct mapping *m = to;
	struct conf_key keys[MAPPING_FIELD__MAX + 2];
	const char *complaint;
	int rc;

	for (int i = 0; i < MAPPING_FIELD__MAX; i++)
		keys[i] = (struct conf_key){ mapping_names[i], read_path,
			&m->fields[i] };
	keys[MAPPING_FIELD__MAX] =
	    (struct conf_key){ "separator", conf_text, &m->separator };
	keys[MAPPING_FIELD__MAX + 1] =
	    (struct conf_key){ "all-versions", conf_bool, &m->all_versions };
	rc = conf_mapping(c, n, keys, N_ELEMENTS(keys));
	if (rc != 0)
		return rc;
	complaint = mapping_complaint(m);
	return complaint != NULL ? conf_fail(c, n, "%s", complaint) : 0;
}

static int
check_ecosystem(struct conf *c, struct str name, const struct conf_node *n)
{
	if (osv_ecosystem_valid(name) && str_chr(name, ':') < 0)
		return 0;
	return conf_fail(c, n,
	    "\"%.*s\" is no ecosystem as OSV spells it (npm, PyPI, …)",
	    STR_ARG(str_sub(name, 0, 60)));
}

/* A name, or a list of names. */
static int
read_ecosystems(struct conf *c, const struct conf_node *n, void *to)
{
	struct conf_strings *s = to;
	int rc = conf_strings(c, n, s);

	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = check_ecosystem(c, s->v[i], n);
	return rc;
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
read_source(struct conf *c, const struct conf_node *n, struct config_source *s)
{
	struct conf_strings prefixes = { 0 }, ecosystems = { 0 };
	struct filters filters = { 0 };
	const struct conf_key keys[] = {
		{ "id", conf_text, &s->intake.id },
		{ "kind", read_kind, &s->intake.kind },
		{ "format", read_format, &s->format },
		{ "delimiter", read_character, &s->delimiter },
		{ "map", read_map, &s->mapping },
		{ "storage", read_storage, s },
		{ "prefixes", conf_strings, &prefixes },
		{ "alias-id", conf_bool, &s->intake.alias_id },
		{ "split", conf_bool, &s->intake.split },
		{ "allow-multiple-affected", conf_bool, &s->intake.split },
		{ "ecosystems", read_ecosystems, &ecosystems },
		{ "filters", read_filters, &filters },
		{ "deleted", read_deleted, &s->withdraw_deleted },
		{ "deleted-at-most", read_percent, &s->deleted_at_most },
		{ "disabled-for-reason", conf_text, &s->disabled },
	};
	int rc;

	s->branch = STR_LIT("main");
	s->region = STR_LIT("us-east-1");
	s->lookback = 10;
	s->deleted_at_most = 10;
	rc = conf_mapping(c, n, keys, N_ELEMENTS(keys));
	if (rc != 0)
		return rc;
	if (!id_valid(s->intake.id))
		return conf_fail(c, n,
		    "a source needs an id of a-z, 0-9 and -");
	if (s->place.p == NULL)
		return conf_fail(c, n, "a source needs storage");
	if ((s->intake.kind == INTAKE_MAP) !=
	    (s->mapping.fields[MAPPING_NAME].p != NULL ||
		s->mapping.fields[MAPPING_PURL].p != NULL))
		return conf_fail(c, n,
		    "map belongs to kind: map, which needs it");
	s->intake.mapping = &s->mapping;
	if (s->storage == CONFIG_PAGES && s->withdraw_deleted)
		return conf_fail(c, n,
		    "pages are read from where they were left, so that "
		    "nothing says what is gone: deleted is keep");
	if ((s->storage == CONFIG_HTTP || s->storage == CONFIG_PAGES) &&
	    prefixes.n != 0)
		return conf_fail(c, n,
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
add_source(struct conf *c, const struct conf_node *n, void *to)
{
	struct config *all = to;
	struct config_source *s = mem_alloc(sizeof(*s));
	int rc = read_source(c, n, s);

	for (size_t k = 0; k < all->sources.n && rc == 0; k++)
		if (str_eq(all->sources.v[k]->intake.id, s->intake.id))
			rc = conf_fail(c, n, "two sources of one id");
	if (rc == 0 && all->sources.n == MAX_SOURCES)
		rc = conf_fail(c, n, "too many sources");
	vec_push(&all->sources, s);
	return rc;
}

static int
read_sources(struct conf *c, const struct conf_node *n, void *to)
{
	return conf_list(c, n, add_source, to);
}

/* --- popular packages -------------------------------------------------------
 */

#define MAX_POPULAR 1000

struct populars {
	struct popular_file *files, *least; /* MAX_POPULAR each, of the arena */
	size_t n, n_least;
};

static struct popular_file *
add_popular(struct conf *c, const struct conf_node *n, struct popular_file *v,
    size_t *n_v)
{
	if (*n_v != MAX_POPULAR)
		return &v[(*n_v)++];
	(void)conf_fail(c, n, "too many entries");
	return NULL;
}

static int
read_popular_file(struct conf *c, const struct conf_node *n, void *to)
{
	struct populars *all = to;
	struct popular_file *f = add_popular(c, n, all->files, &all->n);

	return f == NULL ? -EINVAL : conf_text(c, n, &f->path);
}

static int
read_popular_pair(struct conf *c, struct str name, const struct conf_node *n,
    void *to)
{
	struct populars *all = to;
	int rc = check_ecosystem(c, name, n);

	if (rc == 0)
		rc = read_popular_file(c, n, to);
	if (rc == 0)
		all->files[all->n - 1].ecosystem = name;
	return rc;
}

/* A file, a list of them, or one for each ecosystem. */
static int
read_popular(struct conf *c, const struct conf_node *n, void *to)
{
	if (conf_is_mapping(n))
		return conf_pairs(c, n, read_popular_pair, to);
	return conf_is_list(n) ? conf_list(c, n, read_popular_file, to) :
				 read_popular_file(c, n, to);
}

static int
read_least_pair(struct conf *c, struct str name, const struct conf_node *n,
    void *to)
{
	struct populars *all = to;
	struct popular_file *f = add_popular(c, n, all->least, &all->n_least);
	int rc = f == NULL ? -EINVAL : check_ecosystem(c, name, n);

	if (rc == 0)
		rc = conf_number(c, n, &f->at_least);
	if (rc == 0)
		f->ecosystem = name;
	return rc;
}

/* One number for all files, or one for each ecosystem that has a file. */
static int
read_least(struct conf *c, const struct conf_node *n, void *to)
{
	struct populars *all = to;
	struct popular_file *f;

	if (conf_is_mapping(n))
		return conf_pairs(c, n, read_least_pair, to);
	f = add_popular(c, n, all->least, &all->n_least);
	return f == NULL ? -EINVAL : conf_number(c, n, &f->at_least);
}

/* When both are known, in whatever order they stand in the file. */
static int
set_least(struct populars *all, struct error *err)
{
	for (size_t i = 0; i < all->n_least; i++) {
		const struct popular_file *least = &all->least[i];
		bool found = least->ecosystem.p == NULL;

		for (size_t k = 0; k < all->n; k++) {
			struct popular_file *f = &all->files[k];

			if (least->ecosystem.p != NULL &&
			    (f->ecosystem.p == NULL ||
				!str_eq(f->ecosystem, least->ecosystem)))
				continue;
			f->at_least = least->at_least;
			found = true;
		}
		if (!found)
			return error_set(err, -EINVAL,
			    "popular-at-least: popular has no file for this "
			    "ecosystem: %.*s",
			    STR_ARG(least->ecosystem));
	}
	return 0;
}

static int
read_unconfirmed(struct conf *c, const struct conf_node *n, void *to)
{
	static const char *const words[] = { "none", "proof" };
	int i = read_word(c, n, words, 2, "unconfirmed is proof or none");

	*(bool *)to = i == 1;
	return i < 0 ? -EINVAL : 0;
}

static int
read_draft(struct conf *c, const struct conf_node *n, void *to)
{
	const struct conf_key keys[] = { { "unconfirmed", read_unconfirmed,
	    to } };

	return conf_mapping(c, n, keys, N_ELEMENTS(keys));
}

/* What the keys cannot do one by one. */
static void
finish(struct config *c, struct populars *popular, struct conf_strings own,
    struct arena *a, struct str folder)
{
	for (size_t i = 0; i < popular->n; i++)
		make_absolute(a, folder, &popular->files[i].path);
	c->popular = popular->files;
	c->n_popular = popular->n;
	for (size_t i = 0; i < c->sources.n; i++) {
		struct config_source *s = c->sources.v[i];

		if (s->storage == CONFIG_DIRECTORY)
			make_absolute(a, folder, &s->place);
		if (!str_is(s->credentials, "anonymous") &&
		    !str_is(s->credentials, "environment"))
			make_absolute(a, folder, &s->credentials);
		s->intake.own_names = own.v;
		s->intake.n_own_names = own.n;
	}
}

int
config_parse(struct arena *a, struct str yaml, struct str folder,
    struct config *ret, struct error *err)
{
	struct config c = { 0 };
	struct conf_strings own = { 0 };
	struct populars popular = {
		.files = arena_array(a, MAX_POPULAR, sizeof(*popular.files)),
		.least = arena_array(a, MAX_POPULAR, sizeof(*popular.least)),
	};
	const struct conf_key keys[] = { { "sources", read_sources, &c },
		{ "popular", read_popular, &popular },
		{ "popular-at-least", read_least, &popular },
		{ "own-names", conf_strings, &own },
		{ "draft", read_draft, &c.draft_unconfirmed } };
	int rc = 0;

	if (str_trim(yaml).n == 0)
		return error_set(err, -EINVAL, "line 1: is empty");
	rc = conf_parse(a, yaml, keys, N_ELEMENTS(keys), err);
	if (rc == 0)
		rc = set_least(&popular, err);
	if (rc != 0) {
		config_done(&c);
		return rc;
	}
	finish(&c, &popular, own, a, folder);
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
