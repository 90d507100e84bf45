/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TOML 1.0 into a tree. Tables, keys and values are read in one pass, nested
 * values without recursion. It refuses what lockfiles must not have (keys and
 * tables given twice, values that do not end) and looks no further into
 * numbers and dates than their letters, since no lockfile needs their value.
 * Runs in the lockfile reader.
 */
#include "lockfile/toml_priv.h"

#include "base/arena.h"
#include "base/limits.h"

/* Members that are looked at one by one; more go through a map. */
#define MANY_MEMBERS 16

enum toml_flags {
	TOML_DEFINED = 1, /* by a header: not a second time */
	TOML_CLOSED = 2, /* inline: nothing is added later */
};

/* --- tables -------------------------------------------------------------- */

static struct str
member_id(struct toml *r, const struct tree_node *table, struct str key)
{
	buf_reset(&r->id);
	buf_put(&r->id, &table, sizeof(table));
	buf_put_str(&r->id, key);
	return buf_str(&r->id);
}

static struct tree_node *
find(struct toml *r, const struct tree_node *table, struct str key)
{
	struct tree_node *c = table->first;

	for (int i = 0; c != NULL && i < MANY_MEMBERS; i++, c = c->next)
		if (str_eq(c->key, key))
			return c;
	if (c == NULL)
		return NULL;
	return map_get(r->members, member_id(r, table, key));
}

static bool
add(struct toml *r, struct tree_node *table, struct tree_node *n)
{
	if (table->kind == TREE_OBJECT && table->n >= MANY_MEMBERS &&
	    map_put(r->members, member_id(r, table, n->key), n) < 0)
		return tree_fail(&r->t, n->line, "too many keys");
	tree_append(table, n);
	return true;
}

static struct tree_node *
add_new(struct toml *r, struct tree_node *table, enum tree_kind kind,
    struct str key)
{
	struct tree_node *n = tree_new(&r->t, kind, key, r->line);

	return n != NULL && add(r, table, n) ? n : NULL;
}

/* The table that one step of a path leads to; made where it is missing. */
static struct tree_node *
descend(struct toml *r, struct tree_node *table, struct str key)
{
	struct tree_node *n = find(r, table, key);

	if (n == NULL)
		return add_new(r, table, TREE_OBJECT, key);
	if (n->kind == TREE_ARRAY && (n->flags & TOML_DEFINED) != 0)
		n = n->last;
	if (n->kind != TREE_OBJECT || (n->flags & TOML_CLOSED) != 0) {
		(void)tree_fail(&r->t, r->line,
		    "\"%.*s\" has a value already and is no table",
		    STR_ARG(str_sub(key, 0, 100)));
		return NULL;
	}
	return n;
}

/* Walks all but the last step of a dotted key. */
static struct tree_node *
read_path(struct toml *r, struct tree_node *from, struct str *ret_last)
{
	int depth = 0;

	for (;;) {
		if (!toml_key(r, ret_last))
			return NULL;
		toml_blank(r);
		if (!toml_take(r, '.'))
			return from;
		toml_blank(r);
		if (++depth > LIMIT_JSON_DEPTH) {
			(void)tree_fail(&r->t, r->line,
			    "a key of more than %d parts", LIMIT_JSON_DEPTH);
			return NULL;
		}
		from = descend(r, from, *ret_last);
		if (from == NULL)
			return NULL;
	}
}

static bool
twice(struct toml *r, struct str key)
{
	return tree_fail(&r->t, r->line, "\"%.*s\" is given a second time",
	    STR_ARG(str_sub(key, 0, 100)));
}

static struct tree_node *
open_table(struct toml *r, struct tree_node *parent, struct str key)
{
	struct tree_node *n = find(r, parent, key);

	if (n == NULL)
		n = add_new(r, parent, TREE_OBJECT, key);
	else if (n->kind != TREE_OBJECT || n->flags != 0)
		return twice(r, key) ? n : NULL;
	if (n != NULL) {
		n->flags |= TOML_DEFINED;
		n->line = r->line;
	}
	return n;
}

static struct tree_node *
open_element(struct toml *r, struct tree_node *parent, struct str key)
{
	struct tree_node *n = find(r, parent, key), *e;

	if (n == NULL) {
		n = add_new(r, parent, TREE_ARRAY, key);
		if (n == NULL)
			return NULL;
		n->flags = TOML_DEFINED;
	} else if (n->kind != TREE_ARRAY || n->flags != TOML_DEFINED) {
		return twice(r, key) ? n : NULL;
	}
	e = add_new(r, n, TREE_OBJECT, STR_NONE);
	if (e != NULL)
		e->flags = TOML_DEFINED;
	return e;
}

/* [table] or [[array of tables]] */
static bool
read_header(struct toml *r)
{
	bool element = toml_take(r, '[');
	struct tree_node *parent;
	struct str key;

	toml_blank(r);
	parent = read_path(r, r->root, &key);
	if (parent == NULL)
		return false;
	if (!toml_take(r, ']') || (element && !toml_take(r, ']')))
		return toml_unexpected(r, "\"]\"");
	r->table =
	    element ? open_element(r, parent, key) : open_table(r, parent, key);
	return r->table != NULL;
}

/* --- values -------------------------------------------------------------- */

/* A value, put into the innermost container; arrays and inline tables are
 * opened only. */
static bool
begin_value(struct toml *r, struct tree_node *into, struct str key)
{
	enum tree_kind kind = TREE_OBJECT;
	struct str text = STR_NONE;
	uint32_t line = r->line; /* a string may end on a later one */
	struct tree_node *n;

	if (toml_take(r, '['))
		kind = TREE_ARRAY;
	else if (!toml_take(r, '{') && !toml_scalar(r, &kind, &text))
		return false;
	n = add_new(r, into, kind, key);
	if (n == NULL)
		return false;
	n->line = line;
	if (kind != TREE_ARRAY && kind != TREE_OBJECT) {
		n->text = text;
		return true;
	}
	n->cut = true; /* until it is closed */
	if (r->depth == LIMIT_JSON_DEPTH)
		return tree_fail(&r->t, r->line, "nested deeper than %d levels",
		    LIMIT_JSON_DEPTH);
	r->stack[r->depth++] = n;
	r->comma = false;
	return true;
}

static bool
read_member(struct toml *r, struct tree_node *table)
{
	struct tree_node *into;
	struct str key;

	into = read_path(r, table, &key);
	if (into == NULL)
		return false;
	if (!toml_take(r, '='))
		return toml_unexpected(r, "\"=\"");
	if (find(r, into, key) != NULL)
		return twice(r, key);
	toml_blank(r);
	return begin_value(r, into, key);
}

/* One element, member, comma or end of the innermost container. */
static bool
step(struct toml *r)
{
	struct tree_node *top = r->stack[r->depth - 1];
	bool object = top->kind == TREE_OBJECT;

	toml_blank_lines(r);
	if (toml_take(r, object ? '}' : ']')) {
		top->cut = false;
		top->flags |= TOML_CLOSED;
		r->depth--;
		r->comma = false;
		return true;
	}
	if (top->n > 0 && !r->comma) {
		r->comma = toml_take(r, ',');
		return r->comma ||
		    toml_unexpected(r,
			object ? "\",\" or \"}\"" : "\",\" or \"]\"");
	}
	r->comma = false;
	return object ? read_member(r, top) : begin_value(r, top, STR_NONE);
}

static bool
read_line(struct toml *r)
{
	if (toml_at_line_end(r))
		return true;
	if (toml_take(r, '['))
		return read_header(r);
	if (!read_member(r, r->table))
		return false;
	while (r->depth > 0)
		if (!step(r))
			return false;
	return true;
}

const struct tree_node *
tree_toml(struct lock_list *l, struct str bytes)
{
	struct toml r = { .t = { .list = l }, .bytes = bytes, .line = 1 };

	if (str_starts(bytes, "\xef\xbb\xbf"))
		r.at = 3;
	r.members = map_new(LIMIT_TREE_NODES);
	buf_init(&r.id, LIMIT_LOCKFILE_BYTES + KIB);
	r.root = r.table = tree_new(&r.t, TREE_OBJECT, STR_NONE, 1);
	while (r.at < bytes.n && !r.t.failed) {
		toml_blank(&r);
		if (read_line(&r))
			(void)toml_line_end(&r);
	}
	if (r.t.failed && r.table != NULL)
		r.table->cut = true;
	map_free(r.members);
	buf_done(&r.id);
	return r.root;
}
