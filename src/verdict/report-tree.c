/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as a tree. Many siblings that run one program (a compiler) are one
 * line; what is deep or much is counted, not shown. Runs in show.
 */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "verdict/report.h"
#include "verdict/report_priv.h"

#define MAX_LINES 30 /* of one phase */
#define MAX_DEPTH 12

struct node {
	int64_t id, phase, parent;
	struct str program, command, role, package, ending, trigger;
	int first, next; /* child, sibling; -1: none */
	int last; /* child */
	bool root;
};

struct tree {
	struct arena *arena;
	VEC(struct node) nodes; /* sorted by id */
	int lines; /* left in this phase */
	int hidden; /* processes not shown in this phase */
};

static const char sql[] =
    "SELECT a.id, a.phase, coalesce(a.parent, -1), a.program, "
    "coalesce(brief(a.argv), a.program, '(start of the sandbox)'), a.role, "
    "text(CAST(k.name AS TEXT) || coalesce('@' || CAST(k.version AS TEXT), "
    "'')), CASE WHEN p.exit_signal <> 0 THEN 'signal ' || p.exit_signal "
    "WHEN p.exit_status <> 0 THEN 'status ' || p.exit_status END, a.trigger "
    "FROM actor a JOIN process p ON p.id = a.id "
    "LEFT JOIN package k ON k.id = a.package ORDER BY a.id LIMIT 20000";

static int
load(struct report *p, struct tree *t, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc = reader_prepare(p->r, sql, &st, err);

	while (rc == 0 && (rc = reader_step(p->r, st, err)) == 1) {
		struct node *n = vec_add(&t->nodes);

		rc = 0;
		n->id = reader_int(st, 0);
		n->phase = reader_int(st, 1);
		n->parent = reader_int(st, 2);
		n->program = arena_str(t->arena, reader_str(st, 3));
		n->command = arena_str(t->arena, reader_str(st, 4));
		n->role = arena_str(t->arena, reader_str(st, 5));
		n->package = arena_str(t->arena, reader_str(st, 6));
		n->ending = arena_str(t->arena, reader_str(st, 7));
		n->trigger = arena_str(t->arena, reader_str(st, 8));
		n->first = n->next = n->last = -1;
	}
	return rc;
}

static int
find(const struct tree *t, int64_t id)
{
	size_t low = 0, high = t->nodes.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->nodes.v[mid].id == id)
			return (int)mid;
		if (t->nodes.v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* A parent that comes later, or in another phase, is none: no loops. */
static void
connect_nodes(struct tree *t)
{
	for (int i = 0; i < (int)t->nodes.n; i++) {
		struct node *n = &t->nodes.v[i];
		int parent = find(t, n->parent);

		if (parent < 0 || parent >= i ||
		    t->nodes.v[parent].phase != n->phase) {
			n->root = true;
			continue;
		}
		if (t->nodes.v[parent].first < 0)
			t->nodes.v[parent].first = i;
		else
			t->nodes.v[t->nodes.v[parent].last].next = i;
		t->nodes.v[parent].last = i;
	}
}

static int
count(const struct tree *t, int i, int depth)
{
	int n = 1;

	if (depth > 64)
		return n;
	for (int c = t->nodes.v[i].first; c >= 0; c = t->nodes.v[c].next)
		n += count(t, c, depth + 1);
	return n;
}

static bool
alike(const struct node *a, const struct node *b)
{
	return a->first < 0 && b->first < 0 && str_eq(a->program, b->program) &&
	    str_eq(a->package, b->package);
}

static void
print_one(struct report *p, const struct tree *t, const struct node *n,
    const struct node *parent, int depth, int same)
{
	char times[32] = "";
	bool named = n->package.n != 0 &&
	    (parent == NULL || !str_eq(parent->package, n->package));

	if (same > 1)
		(void)snprintf(times, sizeof(times), " × %d", same);
	(void)t;
	report_line(p,
	    str_is(n->role, "manager") || str_is(n->role, "tool") ? TERM_DIM :
								    TERM_PLAIN,
	    "  %*s%.*s%s%s%.*s%s%s%.*s%s", depth * 2, "",
	    STR_ARG(same > 1 ? n->program : n->command), times,
	    named ? "   [" : "", STR_ARG(named ? n->package : STR_NONE),
	    named ? "]" : "", n->ending.p != NULL ? "   (" : "",
	    STR_ARG(n->ending), n->ending.p != NULL ? ")" : "");
}

/* What these start is compilers and more of themselves. */
static bool
is_build_driver(const struct node *n)
{
	static const char *const names[] = { "make", "gmake", "ninja", "cmake",
		"cc", "c++", "gcc", "g++", "clang", "clang++" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (str_is(n->program, names[i]))
			return true;
	return false;
}

static void
print_node(struct report *p, struct tree *t, int i, int parent, int depth,
    int same)
{
	const struct node *n = &t->nodes.v[i];

	if (t->lines <= 0 || depth > MAX_DEPTH) {
		t->hidden += same > 1 ? same : count(t, i, 0);
		return;
	}
	t->lines--;
	print_one(p, t, n, parent >= 0 ? &t->nodes.v[parent] : NULL, depth,
	    same);
	if (n->first >= 0 && is_build_driver(n)) {
		report_line(p, TERM_DIM, "  %*s… and %d below it",
		    (depth + 1) * 2, "", count(t, i, 0) - 1);
		return;
	}
	for (int c = n->first; c >= 0;) {
		int run = 1, next = t->nodes.v[c].next;

		while (next >= 0 && alike(&t->nodes.v[c], &t->nodes.v[next])) {
			run++;
			next = t->nodes.v[next].next;
		}
		print_node(p, t, c, i, depth + 1, run);
		c = next;
	}
}

static void
end_phase(struct report *p, const struct tree *t)
{
	if (t->hidden != 0)
		report_line(p, TERM_DIM,
		    "  … and %d more (lazaret query: SELECT * FROM "
		    "process_v)",
		    t->hidden);
}

static void
print_all(struct report *p, struct tree *t)
{
	int64_t phase = FACT_NONE;
	char title[64];

	for (int i = 0; i < (int)t->nodes.n; i++) {
		const struct node *n = &t->nodes.v[i];

		if (!n->root)
			continue;
		if (n->phase != phase) {
			end_phase(p, t);
			(void)snprintf(title, sizeof(title), "Processes: %.*s",
			    STR_ARG(n->trigger));
			report_head(p, title);
			phase = n->phase;
			t->lines = MAX_LINES;
			t->hidden = 0;
		}
		print_node(p, t, i, -1, 0, 1);
	}
	end_phase(p, t);
}

int
report_processes(struct report *p, struct error *err)
{
	struct tree t = { 0 };
	int rc;

	t.arena = arena_new(LIMIT_ARENA_BYTES);
	rc = load(p, &t, err);
	if (rc == 0) {
		connect_nodes(&t);
		print_all(p, &t);
	}
	vec_done(&t.nodes);
	arena_free(t.arena);
	return rc;
}
