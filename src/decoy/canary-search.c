/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary pass over a run file. Each source is a query that gives rows of
 * bytes; rows of one group (a host in a phase) are also tried together, for
 * secrets in pieces. Runs in judge.
 */
#include "decoy/canary-search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/safeguard.h"
#include "decoy/canary-find.h"
#include "runfile/fact.h"
#include "runfile/reader.h"

/* Bytes of one group that are tried one behind the other. */
#define MAX_JOINED     (4 * MIB)
#define MAX_PIECE      (1 * MIB)
#define MAX_CANARIES   1000
#define MAX_SEEN_NAMES 100000

enum column {
	COLUMN_ROW,
	COLUMN_PHASE,
	COLUMN_PROCESS,
	COLUMN_PACKAGE,
	COLUMN_AT,
	COLUMN_BYTES,
	COLUMN_SHA256,
	COLUMN_GROUP
};

/* How a row of bytes is looked at. */
enum shape {
	SHAPE_PLAIN,
	SHAPE_NAME, /* labels of a DNS name */
};

struct source {
	const char *place, *table;
	unsigned what;
	enum shape shape;
	const char *sql; /* columns as above; ordered by group and time */
};

#define HEAD "SELECT t.id, t.phase, t.process, k.path, t.at, "
#define BODY(table) \
	" FROM " table " t JOIN phase f ON f.id = t.phase " \
	"LEFT JOIN package k ON k.id = t.package "
#define NOT_BASELINE "f.baseline = 0 "
/* As in rule host-beacon. */
#define LOCAL_NAME \
	"(instr(rtrim(CAST(t.name AS TEXT), '.'), '.') = 0 " \
	"OR CAST(t.name AS TEXT) LIKE '%.local' " \
	"OR CAST(t.name AS TEXT) LIKE '%.localdomain' " \
	"OR CAST(t.name AS TEXT) LIKE '%.lan')"
#define NAMES(first) \
	HEAD "t.name, NULL, t.phase || " LOCAL_NAME BODY( \
	    "dns_query") "WHERE " NOT_BASELINE "ORDER BY " first \
			 "t.phase, t.at, t.id"

/* Requests that the relay answered carry the package manager's own login;
 * their URLs are still looked at. */
static const struct source sources[] = {
	/* Names that go to nobody last, and apart: there is no end of them. */
	{ "dns", "dns_query", CANARY_ANY, SHAPE_NAME,
	    SAFEGUARD(nobody_last) ? NAMES(LOCAL_NAME ", ") : NAMES("") },
	{ "url", "http_exchange", CANARY_ANY, SHAPE_PLAIN,
	    HEAD "t.url, NULL, t.phase || ' ' || coalesce(t.host, '')" BODY(
		"http_exchange") "WHERE " NOT_BASELINE
				 "ORDER BY 8, t.at, t.id" },
	{ "header", "http_exchange", CANARY_ANY, SHAPE_PLAIN,
	    HEAD "t.request_headers, NULL, t.phase || ' ' || "
		 "coalesce(t.host, '')" BODY(
		     "http_exchange") "WHERE " NOT_BASELINE
				      "AND coalesce(t.answer, '') <> 'relay' "
				      "ORDER BY 8, t.at, t.id" },
	{ "payload", "payload", CANARY_ANY, SHAPE_PLAIN,
	    HEAD
	    "NULL, t.sha256, t.phase || ' ' || coalesce(x.host, c.name, "
	    "c.address, t.connection, '')" BODY(
		"payload") "LEFT JOIN http_exchange x ON x.id = t.exchange "
			   "LEFT JOIN connection c ON c.id = t.connection "
			   "WHERE " NOT_BASELINE
			   "AND coalesce(x.answer, '') <> 'relay' "
			   "AND coalesce(c.application, '') <> 'dns' "
			   "ORDER BY 8, t.at, t.id" },
	{ "payload", "http_exchange", CANARY_ANY, SHAPE_PLAIN,
	    HEAD "NULL, t.request_sha256, t.phase || ' ' || "
		 "coalesce(t.host, '')" BODY(
		     "http_exchange") "WHERE " NOT_BASELINE
				      "AND t.request_sha256 IS NOT NULL "
				      "AND coalesce(t.answer, '') <> 'relay' "
				      "AND NOT EXISTS "
				      "(SELECT 1 FROM payload p WHERE "
				      "p.exchange = t.id "
				      "AND p.sha256 = t.request_sha256) ORDER "
				      "BY 8, t.at, t.id" },
	{ "argv", "exec_event", CANARY_SECRETS, SHAPE_PLAIN,
	    HEAD "t.argv, NULL, NULL" BODY("exec_event") "WHERE " NOT_BASELINE
							 "ORDER BY t.id" },
	/* Who wrote the file last. */
	{ "file", "written_file", CANARY_SECRETS, SHAPE_PLAIN,
	    "SELECT t.id, t.phase, (SELECT v.process FROM file_event v "
	    "WHERE (v.path = t.path OR v.path2 = t.path) AND v.op IN "
	    "('create', 'write', 'rename', 'link', 'open') "
	    "AND coalesce(v.result, 0) >= 0 AND (v.op <> 'open' "
	    "OR (coalesce(v.flags, 0) & 3) <> 0) "
	    "ORDER BY v.phase DESC, v.at DESC, v.id DESC LIMIT 1), NULL, "
	    "NULL, NULL, t.sha256, NULL FROM written_file t "
	    "JOIN phase f ON f.id = t.phase WHERE " NOT_BASELINE
	    "AND t.sha256 IS NOT NULL AND t.change <> 'deleted' "
	    "AND NOT (length(?1) > 1 AND substr(t.path, 1, length(?1) + 1) "
	    "= CAST(?1 || '/' AS BLOB)) ORDER BY t.id" },
};

struct state {
	struct reader *r;
	struct canary_finder *finder;
	int (*emit)(void *, const struct fact_canary_hit *, struct error *);
	void *arg;
	struct canary_search_result result;
	struct arena *arena;
	struct map *counts; /* canary and place → hits so far */
};

/* What is tried together. */
struct group {
	struct str key;
	struct canary_split *split;
	struct buf joined;
	struct map *names; /* names that were asked already */
	struct canary_matches whole; /* found without joining */
	struct fact_canary_hit last; /* row of the last piece */
	int64_t pieces;
};

static int
load_canaries(struct state *s, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc, n = 0;

	rc = reader_prepare(s->r,
	    "SELECT id, strength, value FROM canary ORDER BY id", &st, err);
	while (rc == 0 && (rc = reader_step(s->r, st, err)) == 1) {
		(void)canary_finder_add(s->finder, reader_int(st, 0),
		    str_is(reader_str(st, 1), "identity"), reader_str(st, 2));
		rc = 0;
		if (++n == MAX_CANARIES)
			break;
	}
	return rc;
}

/* The home, from the environment that programs were given. */
static int
find_home(struct state *s, struct str *ret, struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	struct str env, part;
	int rc;

	*ret = STR_LIT("");
	rc = reader_prepare(s->r,
	    "SELECT e.env FROM exec_event e JOIN phase f ON f.id = e.phase "
	    "WHERE f.baseline = 0 AND instr(e.env, CAST('HOME=/' AS BLOB)) "
	    "ORDER BY e.id LIMIT 1",
	    &st, err);
	if (rc == 0)
		rc = reader_step(s->r, st, err);
	if (rc != 1)
		return rc;
	env = reader_str(st, 0);
	while (str_cut(&env, '\0', &part))
		if (str_starts(part, "HOME=/"))
			*ret = arena_str(s->arena, str_sub(part, 5, part.n));
	return 0;
}

static int
say(struct state *s, const struct source *src, struct fact_canary_hit hit,
    const struct canary_match *m, struct error *err)
{
	char key[48];
	uintptr_t n;

	/* For each place: what rules do not mind in one must not use up what
	 * they would mind in another. */
	(void)snprintf(key, sizeof(key), "%lld %s", (long long)m->canary,
	    SAFEGUARD(places) ? src->place : "");
	n = (uintptr_t)map_get(s->counts, str_of(key));
	if (n >= LIMIT_CANARY_HITS)
		return 0;
	(void)map_put(s->counts, str_of(key), (void *)(n + 1));
	hit.canary = m->canary;
	hit.place = str_of(src->place);
	hit.encoding = str_of(m->encoding);
	hit.split = m->split;
	hit.evidence_table = str_of(src->table);
	hit.offset = m->offset >= 0 ? m->offset : FACT_NONE;
	if (m->row >= 0)
		hit.evidence_row = m->row;
	s->result.hits++;
	return s->emit(s->arg, &hit, err);
}

static bool
is_known(const struct canary_matches *m, int64_t canary)
{
	for (size_t i = 0; i < m->list.n; i++)
		if (m->list.v[i].canary == canary)
			return true;
	return false;
}

/* What only the pieces of a group together held. */
static int
end_group(struct state *s, const struct source *src, struct group *g,
    struct error *err)
{
	struct canary_matches found = { 0 };
	int rc = 0;

	if (g->split != NULL)
		canary_split_end(g->split, &found);
	g->split = NULL;
	if (g->pieces > 1) {
		size_t before = found.list.n;

		canary_find(s->finder, buf_str(&g->joined), CANARY_SECRETS,
		    &found);
		for (size_t i = before; i < found.list.n; i++) {
			found.list.v[i].split = g->pieces;
			found.list.v[i].offset = -1;
		}
	}
	for (size_t i = 0; i < found.list.n && rc == 0; i++) {
		int64_t canary = found.list.v[i].canary;

		if (is_known(&g->whole, canary))
			continue;
		vec_push(&g->whole.list, found.list.v[i]);
		rc = say(s, src, g->last, &found.list.v[i], err);
	}
	canary_matches_done(&found);
	canary_matches_done(&g->whole);
	buf_done(&g->joined);
	map_free(g->names);
	g->names = NULL;
	*g = (struct group){ .key = STR_NONE };
	return rc;
}

static void
begin_group(struct state *s, struct group *g, struct str key)
{
	*g = (struct group){ .key = arena_str(s->arena, key) };
	g->split = canary_split_new(s->finder);
	buf_init(&g->joined, MAX_JOINED);
	g->names = map_new(MAX_SEEN_NAMES);
}

static void
add_piece(struct group *g, int64_t row, struct str piece)
{
	piece = str_sub(piece, 0, MAX_PIECE);
	canary_split_add(g->split, row, piece);
	buf_put_str(&g->joined, piece);
	g->pieces++;
}

static int
search_bytes(struct state *s, const struct source *src, struct group *g,
    const struct fact_canary_hit *at, struct str bytes, int64_t split,
    struct error *err)
{
	struct canary_matches found = { 0 };
	int rc = 0;

	canary_find(s->finder, bytes, src->what, &found);
	for (size_t i = 0; i < found.list.n && rc == 0; i++) {
		struct canary_match *m = &found.list.v[i];

		if (split != 0 && is_known(&g->whole, m->canary))
			continue;
		if (split != 0)
			m->offset = -1;
		m->split = split;
		vec_push(&g->whole.list, *m);
		rc = say(s, src, *at, m, err);
	}
	canary_matches_done(&found);
	return rc;
}

/* Without the dots, and without the last two labels, which somebody had to
 * register. */
static void
put_labels(struct buf *all, struct buf *front, struct str name,
    int64_t *ret_labels)
{
	struct str rest = name, label;
	int64_t n = 0, i = 0;

	if (name.n != 0 && name.p[name.n - 1] == '.')
		rest.n--;
	name = rest;
	while (str_cut(&rest, '.', &label))
		n++;
	rest = name;
	while (str_cut(&rest, '.', &label)) {
		buf_put_str(all, label);
		if (i++ < n - 2)
			buf_put_str(front, label);
	}
	*ret_labels = n;
}

static int
search_name(struct state *s, const struct source *src, struct group *g,
    const struct fact_canary_hit *at, struct str name, struct error *err)
{
	struct buf all, front;
	int64_t labels;
	int rc = 0;

	/* The same name again (A and AAAA, retries) is no new piece. */
	if (map_put(g->names, name, g) != 0)
		return 0;
	buf_init(&all, LIMIT_TEXT_BYTES);
	buf_init(&front, LIMIT_TEXT_BYTES);
	put_labels(&all, &front, name, &labels);
	rc = search_bytes(s, src, g, at, name, 0, err);
	if (rc == 0 && labels > 1)
		rc = search_bytes(s, src, g, at, buf_str(&all), labels, err);
	if (rc == 0 && front.n != 0)
		add_piece(g, at->evidence_row, buf_str(&front));
	buf_done(&all);
	buf_done(&front);
	return rc;
}

static int
take_row(struct state *s, const struct source *src, sqlite3_stmt *st,
    struct group *g, struct error *err)
{
	struct fact_canary_hit at;
	struct buf content;
	struct str bytes = reader_str(st, COLUMN_BYTES);
	struct str key = reader_str(st, COLUMN_GROUP);
	int rc = 0;

	fact_init(FACT_CANARY_HIT, &at);
	at.phase = reader_int(st, COLUMN_PHASE);
	at.process = reader_int(st, COLUMN_PROCESS);
	at.package = arena_str(s->arena, reader_str(st, COLUMN_PACKAGE));
	at.at = reader_int(st, COLUMN_AT);
	at.evidence_row = reader_int(st, COLUMN_ROW);
	if (g->split == NULL || !str_eq(g->key, key)) {
		if (g->split != NULL)
			rc = end_group(s, src, g, err);
		if (rc != 0)
			return rc;
		begin_group(s, g, key);
	}
	buf_init(&content, LIMIT_BLOB_BYTES);
	if (bytes.p == NULL)
		rc = reader_blob(s->r, reader_str(st, COLUMN_SHA256), &content,
		    err);
	if (rc == 0 && bytes.p == NULL)
		bytes = buf_str(&content);
	g->last = at;
	if (rc == 0 && src->shape == SHAPE_NAME)
		rc = search_name(s, src, g, &at, bytes, err);
	else if (rc == 0)
		rc = search_bytes(s, src, g, &at, bytes, 0, err);
	if (rc == 0 && src->shape == SHAPE_PLAIN && key.p != NULL)
		add_piece(g, at.evidence_row, bytes);
	buf_done(&content);
	return rc < 0 ? rc : 0; /* 1: content that was not kept */
}

static int
search_source(struct state *s, const struct source *src, struct str home,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	struct group g = { .key = STR_NONE };
	int rc, more = 0;

	reader_budget(s->r, 0);
	rc = reader_prepare(s->r, src->sql, &st, err);
	if (rc != 0)
		return rc;
	if (sqlite3_bind_parameter_count(st) != 0)
		(void)sqlite3_bind_text64(st, 1, home.p, home.n, SQLITE_STATIC,
		    SQLITE_UTF8);
	while (rc == 0 && (more = reader_step(s->r, st, err)) == 1) {
		rc = take_row(s, src, st, &g, err);
		if (canary_finder_spent(s->finder))
			break;
	}
	if (g.split != NULL) {
		int end = end_group(s, src, &g, rc == 0 ? err : NULL);

		rc = rc == 0 ? end : rc;
	}
	return more < 0 ? more : rc;
}

int
canary_search(struct reader *r,
    int (
	*emit)(void *arg, const struct fact_canary_hit *hit, struct error *err),
    void *arg, struct canary_search_result *ret, struct error *err)
{
	struct state s = { .r = r, .emit = emit, .arg = arg };
	struct str home = STR_LIT("");
	int rc;

	s.finder = canary_finder_new(LIMIT_CANARY_BYTES);
	s.arena = arena_new(LIMIT_ARENA_BYTES);
	s.counts = map_new(MAX_CANARIES);
	rc = load_canaries(&s, err);
	if (rc == 0)
		rc = find_home(&s, &home, err);
	for (size_t i = 0; i < N_ELEMENTS(sources) && rc == 0; i++)
		rc = search_source(&s, &sources[i], home, err);
	s.result.cut = canary_finder_spent(s.finder);
	if (rc == 0)
		*ret = s.result;
	canary_finder_free(s.finder);
	arena_free(s.arena);
	map_free(s.counts);
	return rc;
}
