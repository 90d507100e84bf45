/* SPDX-License-Identifier: Apache-2.0 */
/* Which object of a source holds which document. Runs in `lazaret report`. */
#include "report/presence.h"

#include <errno.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "report/ingest.h"
#include "report/repo_priv.h"
#include "sys/sha256.h"

#define SCOPE_BYTES 8

/* run: the last reading that saw it; id "": an object without documents. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS presence (source BLOB, scope BLOB,"
    " object BLOB, id BLOB, run INTEGER,"
    " PRIMARY KEY (source, scope, object, id)) WITHOUT ROWID";

enum presence_query {
	PRESENCE_LAST_RUN,
	PRESENCE_KNOWS,
	PRESENCE_KEEP,
	PRESENCE_SPARE,
	PRESENCE_PUT,
	PRESENCE_GONE,
	PRESENCE_COUNT,
	PRESENCE_CLEAR,
	PRESENCE_STANDS,
	PRESENCE__MAX
};

#define MINE " source = ?1 AND scope = ?2"

static const char *const queries[PRESENCE__MAX] = {
	[PRESENCE_LAST_RUN] = "SELECT max(run) FROM presence WHERE" MINE,
	[PRESENCE_KNOWS] =
	    "SELECT 1 FROM presence WHERE" MINE " AND object = ?4 LIMIT 1",
	/* What was gone already at that reading (and held) is gone. */
	[PRESENCE_KEEP] = "UPDATE presence SET run = ?3 WHERE" MINE
			  " AND object = ?4 AND run = (SELECT max(run)"
			  " FROM presence WHERE" MINE " AND object = ?4)",
	[PRESENCE_SPARE] =
	    "UPDATE presence SET run = ?3 WHERE" MINE " AND object = ?4",
	[PRESENCE_PUT] = "INSERT OR REPLACE INTO presence"
			 " VALUES (?1, ?2, ?4, ?5, ?3)",
	[PRESENCE_GONE] = "SELECT id FROM presence WHERE" MINE
			  " AND run < ?3 AND length(id) > 0 EXCEPT"
			  " SELECT id FROM presence WHERE" MINE " AND run = ?3",
	[PRESENCE_COUNT] = "SELECT count(DISTINCT id) FROM presence WHERE" MINE
			   " AND run = ?3 AND length(id) > 0",
	[PRESENCE_CLEAR] = "DELETE FROM presence WHERE" MINE " AND run < ?3",
	/* What the source last said of a document went into a report. */
	[PRESENCE_STANDS] = "SELECT length(path) > 0 FROM seen"
			    " WHERE source = ?1 AND id = ?5"
			    " ORDER BY rowid DESC LIMIT 1",
};

struct presence {
	struct repo *repo; /* borrowed */
	char *source; /* owned */
	uint8_t scope[SCOPE_BYTES];
	sqlite3_stmt *queries[PRESENCE__MAX];
	int64_t run; /* this reading; ever higher */
	char *object; /* owned; the open one */
	size_t n_ids; /* of the open one */
	bool unsure; /* a document of the open one is not known */
	bool incomplete;
};

/* An index that cannot be asked is no index: the process ends, and what was
 * not committed is read again. */
static void __attribute__((noreturn)) die(struct presence *p)
{
	fatal("index of %s: %s", p->repo->dir, sqlite3_errmsg(p->repo->db));
}

static void
bind(sqlite3_stmt *q, int i, struct str s)
{
	(void)sqlite3_bind_blob64(q, i, s.p != NULL ? s.p : "", s.n,
	    SQLITE_STATIC);
}

/* The statement with what all of them begin with. */
static sqlite3_stmt *
query(struct presence *p, enum presence_query i)
{
	sqlite3_stmt *q = p->queries[i];

	if (q == NULL &&
	    sqlite3_prepare_v3(p->repo->db, queries[i], -1,
		SQLITE_PREPARE_PERSISTENT, &p->queries[i], NULL) != SQLITE_OK)
		die(p);
	q = p->queries[i];
	bind(q, 1, str_of(p->source));
	bind(q, 2, str_n(p->scope, SCOPE_BYTES));
	(void)sqlite3_bind_int64(q, 3, p->run);
	return q;
}

static void
run_query(struct presence *p, sqlite3_stmt *q)
{
	if (sqlite3_step(q) != SQLITE_DONE)
		die(p);
	(void)sqlite3_reset(q);
}

/* The one number of the one row; 0 when there is none. */
static int64_t
number_of(struct presence *p, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);
	int64_t n = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		die(p);
	(void)sqlite3_reset(q);
	return n;
}

struct presence *
presence_begin(struct repo *r, struct str source, struct str scope)
{
	struct presence *p = mem_alloc(sizeof(*p));
	uint8_t digest[SHA256_BYTES];

	p->repo = r;
	p->source = mem_strndup(source);
	sha256_of(scope, digest);
	memcpy(p->scope, digest, SCOPE_BYTES);
	if (sqlite3_exec(r->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		die(p);
	p->run = number_of(p, query(p, PRESENCE_LAST_RUN)) + 1;
	return p;
}

void
presence_free(struct presence *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < PRESENCE__MAX; i++)
		(void)sqlite3_finalize(p->queries[i]);
	free(p->source);
	free(p->object);
	free(p);
}

/* --- objects -----------------------------------------------------------------
 */

bool
presence_knows(struct presence *p, struct str object)
{
	sqlite3_stmt *q;

	if (p == NULL)
		return true;
	q = query(p, PRESENCE_KNOWS);
	bind(q, 4, object);
	return number_of(p, q) != 0;
}

bool
presence_keep(struct presence *p, struct str object)
{
	sqlite3_stmt *q;

	if (p == NULL)
		return true;
	q = query(p, PRESENCE_KEEP);
	bind(q, 4, object);
	run_query(p, q);
	return sqlite3_changes(p->repo->db) != 0;
}

static void
put(struct presence *p, struct str id)
{
	sqlite3_stmt *q = query(p, PRESENCE_PUT);

	bind(q, 4, str_of(p->object));
	bind(q, 5, id);
	run_query(p, q);
}

void
presence_open(struct presence *p, struct str object)
{
	if (p == NULL)
		return;
	free(p->object);
	p->object = mem_strndup(object);
	p->n_ids = 0;
	p->unsure = false;
}

void
presence_document(struct presence *p, struct str id, bool refused)
{
	if (p == NULL)
		return;
	assert(p->object != NULL);
	if (id.n == 0) {
		p->unsure = p->unsure || refused;
		return;
	}
	put(p, id);
	p->n_ids++;
}

void
presence_close(struct presence *p, bool whole)
{
	if (p == NULL)
		return;
	assert(p->object != NULL);
	if (!whole || p->unsure) {
		sqlite3_stmt *q = query(p, PRESENCE_SPARE);

		bind(q, 4, str_of(p->object));
		run_query(p, q);
	}
	if (p->n_ids == 0)
		put(p, STR_LIT(""));
	free(p->object);
	p->object = NULL;
}

void
presence_incomplete(struct presence *p)
{
	if (p != NULL)
		p->incomplete = true;
}

/* --- the end -----------------------------------------------------------------
 */

struct gone {
	char **v; /* owned */
	size_t n, size;
};

static void
find_gone(struct presence *p, struct gone *ret)
{
	sqlite3_stmt *q = query(p, PRESENCE_GONE), *stands;
	struct str id;

	while (sqlite3_step(q) == SQLITE_ROW) {
		id = str_n(sqlite3_column_blob(q, 0),
		    (size_t)sqlite3_column_bytes(q, 0));
		stands = query(p, PRESENCE_STANDS);
		bind(stands, 5, id);
		/* The others were taken back, or never became a report. */
		if (number_of(p, stands) != 0)
			vec_push(ret, mem_strndup(id));
	}
	(void)sqlite3_reset(q);
}

/* 1: too much at once. Of a small source a few may always go, but not all. */
static int
judge(struct presence *p, const struct presence_rule *rule, size_t n_gone,
    struct error *err)
{
	uint64_t there = (uint64_t)number_of(p, query(p, PRESENCE_COUNT));
	uint64_t percent = (uint64_t)rule->at_most_percent;

	if (rule->allow || n_gone == 0)
		return 0;
	if (there != 0 &&
	    (n_gone <= LIMIT_DELETED_ALWAYS ||
		n_gone * 100 <= (there + n_gone) * percent))
		return 0;
	(void)error_set(err, -EAGAIN,
	    "%zu of %llu documents are gone from the source at once: held, "
	    "nothing was withdrawn; look whether the source is whole, then "
	    "say --allow-deleted",
	    n_gone, (unsigned long long)(there + n_gone));
	return 1;
}

static int
withdraw(struct presence *p, const struct presence_rule *rule,
    const struct gone *gone, struct error *err)
{
	bool all = true;
	int rc = 0;

	for (size_t i = 0; i < gone->n && rc >= 0; i++) {
		struct error why = ERROR_INIT;

		if (!rule->dry)
			rc = ingest_deleted(p->repo, str_of(p->source),
			    str_of(gone->v[i]), &why);
		if (rc < 0)
			return error_set(err, rc, "%s", why.msg);
		all = all && rc == 0;
		rule->gone(rule->arg, str_of(gone->v[i]),
		    rc != 0 ? why.msg : NULL);
	}
	/* What was refused is gone the next time as well. */
	if (all)
		run_query(p, query(p, PRESENCE_CLEAR));
	return 0;
}

int
presence_end(struct presence *p, const struct presence_rule *rule,
    struct error *err)
{
	struct gone gone = { .n = 0 };
	int rc;

	if (p == NULL || p->incomplete)
		return 0;
	find_gone(p, &gone);
	rc = judge(p, rule, gone.n, err);
	if (rc == 0)
		rc = withdraw(p, rule, &gone, err);
	for (size_t i = 0; i < gone.n; i++)
		free(gone.v[i]);
	vec_done(&gone);
	return rc;
}
