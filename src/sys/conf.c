/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as tables of keys. Runs in `lazaret scan` and `lazaret report`, on the
 * user's own files. */
#include "sys/conf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <yaml.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

struct conf {
	yaml_document_t doc;
	struct arena *arena;
	struct error *err;
};

/* A node of libyaml under a name of ours, so that readers need no libyaml. */
static const yaml_node_t *
inside(const struct conf_node *n)
{
	return (const yaml_node_t *)(const void *)n;
}

static const struct conf_node *
node(struct conf *c, int index)
{
	return (const struct conf_node *)(const void *)
	    yaml_document_get_node(&c->doc, index);
}

struct arena *
conf_arena(struct conf *c)
{
	return c->arena;
}

uint32_t
conf_line(const struct conf_node *n)
{
	return n != NULL ? (uint32_t)inside(n)->start_mark.line + 1 : 1;
}

int
conf_fail(struct conf *c, const struct conf_node *n, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(c->err, -EINVAL, "line %u: %s", conf_line(n), text);
}

static struct str
scalar(struct conf *c, const struct conf_node *n)
{
	if (n == NULL || inside(n)->type != YAML_SCALAR_NODE)
		return STR_NONE;
	return str_of(arena_strz(c->arena,
	    str_n(inside(n)->data.scalar.value,
		inside(n)->data.scalar.length)));
}

int
conf_text(struct conf *c, const struct conf_node *n, void *to)
{
	struct str s = scalar(c, n);

	if (s.n == 0)
		return conf_fail(c, n, "a text is wanted here");
	*(struct str *)to = s;
	return 0;
}

void
conf_strings_add(struct arena *a, struct conf_strings *s, struct str one)
{
	struct str *more;

	/* What was outgrown stays in the arena: twice as large each time. */
	if (s->n == s->size) {
		s->size = s->n == 0 ? 8 : 2 * s->n;
		more = arena_array(a, s->size, sizeof(*more));
		if (s->n != 0)
			memcpy(more, s->v, s->n * sizeof(*more));
		s->v = more;
	}
	s->v[s->n++] = one;
}

static int
add_string(struct conf *c, const struct conf_node *n, void *to)
{
	struct conf_strings *s = to;
	struct str one;
	int rc = conf_text(c, n, &one);

	if (rc == 0 && s->n == 10000)
		rc = conf_fail(c, n, "too many entries");
	if (rc == 0)
		conf_strings_add(c->arena, s, one);
	return rc;
}

int
conf_strings(struct conf *c, const struct conf_node *n, void *to)
{
	if (n != NULL && inside(n)->type == YAML_SCALAR_NODE)
		return add_string(c, n, to);
	return conf_list(c, n, add_string, to);
}

int
conf_bool(struct conf *c, const struct conf_node *n, void *to)
{
	struct str s = scalar(c, n);

	if (!str_is(s, "true") && !str_is(s, "false"))
		return conf_fail(c, n, "true or false is wanted here");
	*(bool *)to = str_is(s, "true");
	return 0;
}

int
conf_number(struct conf *c, const struct conf_node *n, void *to)
{
	uint64_t v;

	if (str_to_u64(scalar(c, n), &v) != 0)
		return conf_fail(c, n, "a number is wanted here");
	*(uint64_t *)to = v;
	return 0;
}

bool
conf_is_list(const struct conf_node *n)
{
	return n != NULL && inside(n)->type == YAML_SEQUENCE_NODE;
}

bool
conf_is_mapping(const struct conf_node *n)
{
	return n != NULL && inside(n)->type == YAML_MAPPING_NODE;
}

int
conf_duration(struct conf *c, const struct conf_node *n, void *to)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 },
		{ 'd', 86400000 } };
	struct str s = scalar(c, n);
	uint64_t v;

	for (size_t i = 0; s.n > 1 && i < N_ELEMENTS(units); i++) {
		if (s.p[s.n - 1] != units[i].letter)
			continue;
		if (str_to_u64(str_sub(s, 0, s.n - 1), &v) != 0 || v > 1000000)
			break;
		*(int64_t *)to = (int64_t)v * units[i].ms;
		return 0;
	}
	return conf_fail(c, n,
	    "a duration with its unit is wanted here, such as 7d or 12h");
}

int
conf_skip(struct conf *c, const struct conf_node *n, void *to)
{
	(void)c;
	(void)n;
	(void)to;
	return 0;
}

int
conf_list(struct conf *c, const struct conf_node *n,
    int (*item)(struct conf *c, const struct conf_node *n, void *to), void *to)
{
	const yaml_node_item_t *i;
	int rc = 0;

	if (!conf_is_list(n))
		return conf_fail(c, n, "a list is wanted here");
	for (i = inside(n)->data.sequence.items.start;
	     i < inside(n)->data.sequence.items.top && rc == 0; i++)
		rc = item(c, node(c, *i), to);
	return rc;
}

int
conf_pairs(struct conf *c, const struct conf_node *n,
    int (*pair)(struct conf *c, struct str name, const struct conf_node *n,
	void *to),
    void *to)
{
	const yaml_node_pair_t *p;
	int rc = 0;

	if (!conf_is_mapping(n))
		return conf_fail(c, n, "keys and values are wanted here");
	for (p = inside(n)->data.mapping.pairs.start;
	     p < inside(n)->data.mapping.pairs.top && rc == 0; p++)
		rc = pair(c, scalar(c, node(c, p->key)), node(c, p->value), to);
	return rc;
}

struct table {
	const struct conf_key *keys;
	size_t n;
	uint64_t seen; /* bits of keys */
};

static int
read_key(struct conf *c, struct str name, const struct conf_node *n, void *to)
{
	struct table *t = to;

	for (size_t i = 0; i < t->n; i++) {
		if (!str_is(name, t->keys[i].name))
			continue;
		if ((t->seen >> i & 1) != 0)
			return conf_fail(c, n, "the key \"%s\" is there twice",
			    t->keys[i].name);
		t->seen |= (uint64_t)1 << i;
		return t->keys[i].read(c, n, t->keys[i].to);
	}
	return conf_fail(c, n, "there is no key \"%.*s\" here",
	    (int)MIN_OF(name.n, (size_t)60), name.p != NULL ? name.p : "");
}

int
conf_mapping(struct conf *c, const struct conf_node *n,
    const struct conf_key *keys, size_t n_keys)
{
	struct table t = { .keys = keys, .n = n_keys };

	assert(n_keys <= 64);

	return conf_pairs(c, n, read_key, &t);
}

int
conf_parse(struct arena *a, struct str yaml, const struct conf_key *keys,
    size_t n_keys, struct error *err)
{
	struct conf c = { .arena = a, .err = err };
	const struct conf_node *root;
	yaml_parser_t y;
	int rc = 0;

	if (yaml.n > LIMIT_CONFIG_BYTES)
		return error_set(err, -EFBIG, "more than 1 MiB");
	if (yaml_parser_initialize(&y) == 0)
		fatal("no memory for YAML");
	yaml_parser_set_input_string(&y, (const unsigned char *)yaml.p, yaml.n);
	if (yaml_parser_load(&y, &c.doc) == 0) {
		rc = error_set(err, -EINVAL, "line %zu: %s",
		    y.problem_mark.line + 1,
		    y.problem != NULL ? y.problem : "is no YAML");
		yaml_parser_delete(&y);
		return rc;
	}
	root =
	    (const struct conf_node *)(const void *)yaml_document_get_root_node(
		&c.doc);
	if (root != NULL)
		rc = conf_mapping(&c, root, keys, n_keys);
	yaml_document_delete(&c.doc);
	yaml_parser_delete(&y);
	return rc;
}
