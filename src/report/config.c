/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of sources, through libyaml. Pure functions. */
#include "report/config.h"

#include <errno.h>

#include <yaml.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

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

static int
read_storage(struct parser *p, const yaml_node_t *n, void *to)
{
	struct config_source *s = to;
	struct str type = STR_NONE, path = STR_NONE, repository = STR_NONE;
	const struct key keys[] = { { "type", read_text, &type },
		{ "path", read_text, &path },
		{ "repository", read_text, &repository },
		{ "branch", read_text, &s->branch } };
	int rc = read_mapping(p, n, keys, N_ELEMENTS(keys));

	if (rc != 0)
		return rc;
	s->storage = str_is(type, "git") ? CONFIG_GIT : CONFIG_DIRECTORY;
	s->place = s->storage == CONFIG_GIT ? repository : path;
	if (!str_is(type, "git") && !str_is(type, "directory"))
		return fail_at(p, n,
		    "storage type is directory or git (http, s3 and blob are "
		    "not supported yet: bring the files into a directory)");
	if (s->place.p == NULL)
		return fail_at(p, n,
		    "storage needs path (directory) or repository (git)");
	if (s->storage == CONFIG_DIRECTORY && !str_starts(s->place, "/"))
		s->place = str_of(arena_printf(p->arena, "%.*s/%.*s",
		    STR_ARG(p->folder), STR_ARG(s->place)));
	return 0;
}

static int
read_kind(struct parser *p, const yaml_node_t *n, void *to)
{
	(void)to;
	if (!str_is(text(p, n), "osv"))
		return fail_at(p, n,
		    "kind is osv (ghsa and map are not supported yet)");
	return 0;
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
		{ "kind", read_kind, NULL },
		{ "storage", read_storage, s },
		{ "prefixes", read_strings, &prefixes },
		{ "alias-id", read_bool, &s->intake.alias_id },
		{ "split", read_bool, &s->intake.split },
		{ "allow-multiple-affected", read_bool, &s->intake.split },
		{ "ecosystems", read_strings, &ecosystems },
		{ "filters", read_filters, &filters },
		{ "disabled-for-reason", read_text, &s->disabled },
	};
	int rc;

	s->branch = STR_LIT("main");
	rc = read_mapping(p, n, keys, N_ELEMENTS(keys));
	if (rc != 0)
		return rc;
	if (!id_valid(s->intake.id))
		return fail_at(p, n, "a source needs an id of a-z, 0-9 and -");
	if (s->place.p == NULL)
		return fail_at(p, n, "a source needs storage");
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
		struct config_source s = { .branch = STR_NONE };

		rc = read_source(p, item, &s);
		for (size_t k = 0; k < c->sources.n && rc == 0; k++)
			if (str_eq(c->sources.v[k].intake.id, s.intake.id))
				rc = fail_at(p, item, "two sources of one id");
		if (rc == 0 && c->sources.n == MAX_SOURCES)
			rc = fail_at(p, item, "too many sources");
		if (rc == 0)
			vec_push(&c->sources, s);
	}
	return rc;
}

int
config_parse(struct arena *a, struct str yaml, struct str folder,
    struct config *ret, struct error *err)
{
	struct parser p = { .arena = a, .folder = folder, .err = err };
	struct config c = { 0 };
	const struct key keys[] = { { "sources", read_sources, &c } };
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
	yaml_document_delete(&p.doc);
	yaml_parser_delete(&y);
	if (rc != 0)
		config_done(&c);
	else
		*ret = c;
	return rc;
}

void
config_done(struct config *c)
{
	vec_done(&c->sources);
}
