/* SPDX-License-Identifier: Apache-2.0 */
/* Trees: building and looking up. Runs in the lockfile reader. */
#include "lockfile/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/limits.h"
#include "lockfile/lockfile.h"
#include "lockfile/tree_priv.h"

#define CHUNK_NODES 512

bool
tree_fail(struct tree *t, uint32_t line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (t->failed)
		return false;
	t->failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lock_error(t->list, line, "%s", text);
	return false;
}

struct tree_node *
tree_new(struct tree *t, enum tree_kind kind, struct str key, uint32_t line)
{
	struct tree_node *n;

	if (t->n_nodes >= LIMIT_TREE_NODES) {
		(void)tree_fail(t, line,
		    "the file has more than %d values: split it",
		    LIMIT_TREE_NODES);
		return NULL;
	}
	if (t->n_chunk == 0) {
		t->chunk = arena_array(t->list->arena, CHUNK_NODES, sizeof(*n));
		t->n_chunk = CHUNK_NODES;
	}
	n = t->chunk++;
	t->n_chunk--;
	t->n_nodes++;
	n->kind = kind;
	n->key = key;
	n->line = line;
	return n;
}

void
tree_append(struct tree_node *parent, struct tree_node *child)
{
	assert(parent->kind == TREE_ARRAY || parent->kind == TREE_OBJECT);
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

size_t
tree_utf8(char *p, uint32_t code)
{
	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		code = 0xfffd;
	if (code < 0x80) {
		p[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		p[0] = (char)(0xc0 | code >> 6);
		p[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		p[0] = (char)(0xe0 | code >> 12);
		p[1] = (char)(0x80 | (code >> 6 & 0x3f));
		p[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	p[0] = (char)(0xf0 | code >> 18);
	p[1] = (char)(0x80 | (code >> 12 & 0x3f));
	p[2] = (char)(0x80 | (code >> 6 & 0x3f));
	p[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

bool
tree_is(const struct tree_node *n, enum tree_kind kind)
{
	return n != NULL && n->kind == kind;
}

static bool
is_container(const struct tree_node *n)
{
	return tree_is(n, TREE_ARRAY) || tree_is(n, TREE_OBJECT);
}

const struct tree_node *
tree_first(const struct tree_node *n)
{
	return is_container(n) ? n->first : NULL;
}

const struct tree_node *
tree_get(const struct tree_node *n, const char *key)
{
	const struct tree_node *c, *found = NULL;
	struct str k = str_of(key);

	if (!tree_is(n, TREE_OBJECT))
		return NULL;
	tree_foreach(c, n)
		if (str_eq(c->key, k))
			found = c;
	return found;
}

struct str
tree_text(const struct tree_node *n)
{
	if (n == NULL || n->kind == TREE_NULL || is_container(n))
		return STR_NONE;
	return n->text;
}

struct str
tree_get_text(const struct tree_node *n, const char *key)
{
	return tree_text(tree_get(n, key));
}

struct str
tree_get_string(const struct tree_node *n, const char *key)
{
	const struct tree_node *c = tree_get(n, key);

	return tree_is(c, TREE_STRING) ? c->text : STR_NONE;
}

bool
tree_get_true(const struct tree_node *n, const char *key)
{
	const struct tree_node *c = tree_get(n, key);

	return tree_is(c, TREE_BOOL) && str_is(c->text, "true");
}

bool
tree_whole(const struct tree_node *n)
{
	if (n == NULL || !n->cut)
		return n != NULL;
	return is_container(n) && n->last != NULL && n->last->cut;
}
