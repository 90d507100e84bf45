/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML into a tree, from libyaml's events. An alias shares the children of
 * its anchor; what a file stands for with all of them followed is limited, and
 * an anchor can only be used once it is closed, so there are no circles. Runs
 * in the lockfile reader.
 */
#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/map.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree_priv.h"

#define MAX_ANCHORS 10000

struct level {
	struct tree_node *node;
	struct str key; /* the key whose value comes next */
	bool has_key;
	uint32_t key_line;
	size_t weight; /* values below it, aliases followed */
	char *anchor; /* NULL: none */
};

struct anchor {
	struct tree_node *node;
	size_t weight;
};

struct reader {
	struct tree t;
	yaml_parser_t parser;
	struct map *anchors; /* name to struct anchor, in the arena */
	struct level stack[LIMIT_JSON_DEPTH];
	int depth;
	struct tree_node *first, *last; /* documents */
};

static uint32_t
line_of(const yaml_mark_t *m)
{
	return (uint32_t)m->line + 1;
}

/* A finished value: member, element or root. */
static bool
add(struct reader *r, struct tree_node *n)
{
	struct level *top;

	if (r->depth == 0) {
		if (r->last != NULL)
			r->last->next = n;
		else
			r->first = n;
		r->last = n;
		return true;
	}
	top = &r->stack[r->depth - 1];
	if (top->node->kind == TREE_OBJECT) {
		n->key = top->key;
		n->line = top->key_line;
		top->has_key = false;
	}
	tree_append(top->node, n);
	return true;
}

static bool
weigh(struct reader *r, size_t weight, uint32_t line)
{
	if (r->depth == 0)
		return true;
	r->stack[r->depth - 1].weight += weight;
	if (r->stack[r->depth - 1].weight > LIMIT_YAML_EXPANDED)
		return tree_fail(&r->t, line,
		    "its aliases stand for more than %d values",
		    LIMIT_YAML_EXPANDED);
	return true;
}

/* Whether the next value is the key of a mapping. */
static bool
at_key(const struct reader *r)
{
	const struct level *top;

	if (r->depth == 0)
		return false;
	top = &r->stack[r->depth - 1];
	return top->node->kind == TREE_OBJECT && !top->has_key;
}

static bool
remember(struct reader *r, const char *name, struct tree_node *n, size_t weight,
    uint32_t line)
{
	struct anchor *a;

	if (name == NULL)
		return true;
	a = arena_alloc(r->t.list->arena, sizeof(*a));
	a->node = n;
	a->weight = weight;
	if (map_put(r->anchors, str_of(name), a) < 0)
		return tree_fail(&r->t, line, "more than %d anchors",
		    MAX_ANCHORS);
	return true;
}

/* --- scalars ------------------------------------------------------------- */

/* YAML's core schema, for values written without quotes. */
static enum tree_kind
plain_kind(struct str s)
{
	static const struct {
		const char *word;
		enum tree_kind kind;
	} words[] = { { "", TREE_NULL }, { "~", TREE_NULL },
		{ "null", TREE_NULL }, { "Null", TREE_NULL },
		{ "NULL", TREE_NULL }, { "true", TREE_BOOL },
		{ "True", TREE_BOOL }, { "TRUE", TREE_BOOL },
		{ "false", TREE_BOOL }, { "False", TREE_BOOL },
		{ "FALSE", TREE_BOOL } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_is(s, words[i].word))
			return words[i].kind;
	/* A version is text, also where it looks like a number ("1.0"). */
	return TREE_STRING;
}

static bool
on_scalar(struct reader *r, const yaml_event_t *e)
{
	uint32_t line = line_of(&e->start_mark);
	enum tree_kind kind = TREE_STRING;
	struct tree_node *n;
	struct level *top;
	struct str s;

	s = arena_str(r->t.list->arena,
	    str_n(e->data.scalar.value, e->data.scalar.length));
	if (at_key(r)) {
		top = &r->stack[r->depth - 1];
		top->key = s;
		top->key_line = line;
		top->has_key = true;
		return true;
	}
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		kind = plain_kind(s);
	if (kind == TREE_BOOL)
		s = (s.p[0] | 0x20) == 't' ? STR_LIT("true") : STR_LIT("false");
	n = tree_new(&r->t, kind, STR_NONE, line);
	if (n == NULL)
		return false;
	n->text = s;
	return weigh(r, 1, line) && add(r, n) &&
	    remember(r, (const char *)e->data.scalar.anchor, n, 1, line);
}

/* --- structure ----------------------------------------------------------- */

static bool
begin(struct reader *r, enum tree_kind kind, const yaml_mark_t *mark,
    const yaml_char_t *anchor)
{
	uint32_t line = line_of(mark);
	struct tree_node *n;
	struct level *l;

	if (at_key(r))
		return tree_fail(&r->t, line,
		    "a mapping or list cannot be a key here");
	if (r->depth == LIMIT_JSON_DEPTH)
		return tree_fail(&r->t, line, "nested deeper than %d levels",
		    LIMIT_JSON_DEPTH);
	n = tree_new(&r->t, kind, STR_NONE, line);
	if (n == NULL || !add(r, n))
		return false;
	n->cut = true;
	l = &r->stack[r->depth++];
	*l = (struct level){ .node = n, .weight = 1 };
	if (anchor != NULL)
		l->anchor =
		    arena_strz(r->t.list->arena, str_of((const char *)anchor));
	return true;
}

static bool
end(struct reader *r)
{
	struct level *l = &r->stack[--r->depth];

	l->node->cut = false;
	return weigh(r, l->weight, l->node->line) &&
	    remember(r, l->anchor, l->node, l->weight, l->node->line);
}

static bool
on_alias(struct reader *r, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	uint32_t line = line_of(&e->start_mark);
	const struct anchor *a = map_get(r->anchors, str_of(name));
	struct tree_node *n;

	if (a == NULL)
		return tree_fail(&r->t, line,
		    "alias *%.100s has no anchor before it", name);
	if (at_key(r))
		return tree_fail(&r->t, line, "an alias cannot be a key here");
	n = tree_new(&r->t, a->node->kind, STR_NONE, line);
	if (n == NULL)
		return false;
	*n = *a->node;
	n->key = STR_NONE;
	n->next = NULL;
	n->line = line;
	return weigh(r, a->weight, line) && add(r, n);
}

static bool
on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return begin(r, TREE_ARRAY, &e->start_mark,
		    e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return begin(r, TREE_OBJECT, &e->start_mark,
		    e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return end(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return true;
	}
	return true;
}

static void
read_events(struct reader *r)
{
	yaml_event_t e;
	bool more = true;

	while (more && !r->t.failed) {
		if (yaml_parser_parse(&r->parser, &e) == 0) {
			(void)tree_fail(&r->t, line_of(&r->parser.problem_mark),
			    "not YAML: %.200s",
			    r->parser.problem != NULL ? r->parser.problem :
							"unreadable");
			return;
		}
		more = e.type != YAML_STREAM_END_EVENT;
		(void)on_event(r, &e);
		yaml_event_delete(&e);
	}
}

const struct tree_node *
tree_yaml(struct lock_list *l, struct str bytes)
{
	struct reader r = { .t = { .list = l } };

	if (yaml_parser_initialize(&r.parser) == 0) {
		lock_error(l, 0, "no memory for YAML");
		return NULL;
	}
	r.anchors = map_new(MAX_ANCHORS);
	yaml_parser_set_input_string(&r.parser,
	    (const unsigned char *)(bytes.p != NULL ? bytes.p : ""), bytes.n);
	read_events(&r);
	yaml_parser_delete(&r.parser);
	map_free(r.anchors);
	return r.first;
}
