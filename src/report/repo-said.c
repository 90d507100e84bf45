/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the index knows about who said what: the items of each origin
 * (provenance.h), and which source a file came from. Runs in `lazaret report`.
 */
#include <stdlib.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/repo_priv.h"
#include "sys/sha256.h"

/* Of two rows the later one counts; folder: report_key(). */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS said (source BLOB, sha256 BLOB, folder BLOB,"
    " items BLOB);"
    /* Of what was merged alone, so that there are few of them. */
    "CREATE TABLE IF NOT EXISTS part (sha256 BLOB, folder BLOB, source BLOB,"
    " text BLOB, PRIMARY KEY (sha256, folder, source));";
/* Made when something first asks by it, as in repo-index.c. */
static const char by_said[] = "CREATE INDEX IF NOT EXISTS said_sha256 ON said"
			      " (substr(sha256, 1, 12));";
static const char by_hash[] = "CREATE INDEX IF NOT EXISTS seen_canonical8 ON"
			      " seen (substr(canonical, 1, 8));";
static const char by_raw[] = "CREATE INDEX IF NOT EXISTS seen_raw8 ON seen"
			     " (substr(raw, 1, 8))";
static const char by_path[] = "CREATE INDEX IF NOT EXISTS seen_path_end ON seen"
			      " (substr(path, -20));";

enum said_query {
	SAID_PUT,
	SAID_GET,
	SAID_DROP,
	SAID_FILES,
	SAID_PART_PUT,
	SAID_PART_GET,
	SAID_PART_DROP,
	SAID_WHO,
	SAID_FROM,
	SAID_ANOTHER,
	SAID_ANY,
	SAID_CANONICAL,
	SAID_START,
	SAID_ELSEWHERE,
	SAID__MAX
};

#define PATH_IS " substr(path, -20) = substr(?1, -20) AND path = ?1"

static const struct query {
	const char *sql, *index; /* index: made before; may be NULL */
} queries[SAID__MAX] = {
	[SAID_PUT] = { "INSERT INTO said VALUES (?1, ?2, ?3, ?4)", NULL },
	[SAID_GET] = { "SELECT items FROM said"
		       " WHERE substr(sha256, 1, 12) = substr(?2, 1, 12)"
		       " AND sha256 = ?2 AND source = ?1 AND folder = ?3"
		       " ORDER BY rowid DESC LIMIT 1",
	    by_said },
	[SAID_DROP] = { "DELETE FROM said"
			" WHERE substr(sha256, 1, 12) = substr(?2, 1, 12)"
			" AND sha256 = ?2 AND source = ?1 AND folder = ?3",
	    by_said },
	[SAID_FILES] = { "SELECT count(DISTINCT path) FROM seen"
			 " WHERE substr(raw, 1, 8) = substr(?2, 1, 8)"
			 " AND raw = ?2 AND source = ?1"
			 " AND substr(path, 1, length(?3)) = ?3",
	    by_raw },
	[SAID_PART_PUT] = { "INSERT OR REPLACE INTO part VALUES"
			    " (?2, ?3, ?1, ?4)",
	    NULL },
	[SAID_PART_GET] = { "SELECT text FROM part WHERE sha256 = ?2"
			    " AND folder = ?3 AND source = ?1",
	    NULL },
	[SAID_PART_DROP] = { "DELETE FROM part WHERE sha256 = ?2"
			     " AND folder = ?3 AND source = ?1",
	    NULL },
	[SAID_WHO] = { "SELECT source, id FROM seen WHERE" PATH_IS
		       " AND id IS NOT NULL ORDER BY rowid DESC LIMIT 1",
	    by_path },
	[SAID_FROM] = { "SELECT 1 FROM seen WHERE" PATH_IS " AND source = ?2",
	    by_path },
	[SAID_ANOTHER] = { "SELECT 1 FROM seen WHERE" PATH_IS
			   " AND source = ?2 AND id IS NOT ?3",
	    by_path },
	[SAID_ANY] = { "SELECT 1 FROM seen WHERE source = ?1 LIMIT 1", NULL },
	[SAID_CANONICAL] = { "SELECT 1 FROM seen WHERE"
			     " substr(canonical, 1, 8) = substr(?2, 1, 8)"
			     " AND canonical = ?2 AND source = ?1",
	    by_hash },
	[SAID_START] = { "SELECT key FROM start WHERE source = ?1", NULL },
	/* The index of seen begins with the source: from one to the next. */
	[SAID_ELSEWHERE] = { "WITH RECURSIVE s(x) AS ("
			     "SELECT min(source) FROM seen UNION ALL"
			     " SELECT (SELECT min(source) FROM seen"
			     " WHERE source > x) FROM s WHERE x IS NOT NULL)"
			     " SELECT DISTINCT path FROM s JOIN seen"
			     " ON seen.source = s.x AND seen.id = ?2"
			     " WHERE s.x <> ?1 AND length(path) > 0"
			     " ORDER BY path LIMIT 100",
	    NULL },
};

static_assert(SAID__MAX <= REPO_SAID_QUERIES, "room in struct repo");

static int
fail(struct repo *r, struct error *err)
{
	return error_set(err, -EIO, "index of %s: %s", r->dir,
	    sqlite3_errmsg(r->db));
}

/* An index that cannot be asked is no index: the process ends, and what was
 * not committed is read again. */
static sqlite3_stmt *
query(struct repo *r, enum said_query i)
{
	if (r->said[i] != NULL)
		return r->said[i];
	if (sqlite3_exec(r->db, schema, NULL, NULL, NULL) != SQLITE_OK ||
	    (queries[i].index != NULL &&
		sqlite3_exec(r->db, queries[i].index, NULL, NULL, NULL) !=
		    SQLITE_OK) ||
	    sqlite3_prepare_v3(r->db, queries[i].sql, -1,
		SQLITE_PREPARE_PERSISTENT, &r->said[i], NULL) != SQLITE_OK)
		fatal("index of %s: %s", r->dir, sqlite3_errmsg(r->db));
	return r->said[i];
}

void
repo_said_close(struct repo *r)
{
	for (int i = 0; i < SAID__MAX; i++) {
		(void)sqlite3_finalize(r->said[i]);
		r->said[i] = NULL;
	}
}

static void
bind(sqlite3_stmt *q, int i, struct str s)
{
	(void)sqlite3_bind_blob64(q, i, s.p != NULL ? s.p : "", s.n,
	    SQLITE_STATIC);
}

static struct str
column(sqlite3_stmt *q, int i)
{
	return str_n(sqlite3_column_blob(q, i),
	    (size_t)sqlite3_column_bytes(q, i));
}

static int
put(struct repo *r, enum said_query i, const struct repo_said *s,
    struct str value, struct error *err)
{
	sqlite3_stmt *q = query(r, i);
	int rc;

	bind(q, 1, s->source);
	bind(q, 2, s->sha256);
	bind(q, 3, s->package);
	bind(q, 4, value);
	rc = sqlite3_step(q);
	(void)sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(r, err);
}

static bool
get(struct repo *r, enum said_query i, const struct repo_said *s,
    struct buf *ret)
{
	sqlite3_stmt *q = query(r, i);
	bool found;

	bind(q, 1, s->source);
	bind(q, 2, s->sha256);
	bind(q, 3, s->package);
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found)
		buf_put_str(ret, column(q, 0));
	(void)sqlite3_reset(q);
	return found;
}

int
repo_said_put(struct repo *r, const struct repo_said *s, struct str items,
    struct error *err)
{
	return put(r, SAID_PUT, s, items, err);
}

bool
repo_said_get(struct repo *r, const struct repo_said *s, struct buf *ret_items)
{
	return get(r, SAID_GET, s, ret_items);
}

int
repo_part_put(struct repo *r, const struct repo_said *s, struct str text,
    struct error *err)
{
	return put(r, SAID_PART_PUT, s, text, err);
}

bool
repo_part_get(struct repo *r, const struct repo_said *s, struct buf *ret_text)
{
	return get(r, SAID_PART_GET, s, ret_text);
}

static int
drop(struct repo *r, enum said_query i, const struct repo_said *s,
    struct error *err)
{
	sqlite3_stmt *q = query(r, i);
	int rc;

	bind(q, 1, s->source);
	bind(q, 2, s->sha256);
	bind(q, 3, s->package);
	rc = sqlite3_step(q);
	(void)sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(r, err);
}

static bool
from_hex(struct str hex, uint8_t ret[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	if (hex.n != (size_t)SHA256_BYTES * 2)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		ptrdiff_t v = str_chr(str_of(digits), hex.p[i]);

		if (v < 0)
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | v);
	}
	return true;
}

int
repo_said_drop(struct repo *r, const struct repo_said *s, struct error *err)
{
	r->said_dropped = true;
	return drop(r, SAID_DROP, s, err);
}

/* What a source said went into another file of the package as well: it went
 * back to what it had said when that was merged. */
static bool
is_elsewhere(struct repo *r, const struct repo_said *s)
{
	struct str folder = s->package;
	sqlite3_stmt *q = query(r, SAID_FILES);
	ptrdiff_t newline = str_rchr(folder, '\n');
	uint8_t raw[SHA256_BYTES];
	struct buf b;
	bool more;

	if (!from_hex(s->sha256, raw))
		return false;
	buf_init(&b, LIMIT_PATH_BYTES);
	buf_put_str(&b,
	    str_sub(folder, 0, newline < 0 ? folder.n : (size_t)newline));
	buf_putc(&b, '/');
	bind(q, 1, s->source);
	bind(q, 2, str_n(raw, sizeof(raw)));
	bind(q, 3, buf_str(&b));
	more = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int(q, 0) > 1;
	(void)sqlite3_reset(q);
	buf_done(&b);
	return more;
}

int
repo_part_drop(struct repo *r, const struct repo_said *s, struct error *err)
{
	int rc;

	if (is_elsewhere(r, s))
		return 0;
	rc = drop(r, SAID_PART_DROP, s, err);

	return rc == 0 ? repo_said_drop(r, s, err) : rc;
}

/* --- consolidation ----------------------------------------------------------
 */

/* Fewer are not worth it. */
#define TIDY_MIN_ROWS 256

/* Rows are numbered as they come, so their numbers say how many there were.
 * Those that are left may be thin on each page: they are written anew. */
static const char count_rows[] =
    "SELECT ifnull(max(rowid), 0), count(*) FROM said";
static const char move_together[] =
    "CREATE TABLE said_tidy (source BLOB, sha256 BLOB, folder BLOB,"
    " items BLOB);"
    "INSERT INTO said_tidy SELECT source, sha256, folder, items FROM said"
    " WHERE rowid IN (SELECT max(rowid) FROM said"
    " GROUP BY source, sha256, folder) ORDER BY rowid;"
    "DROP TABLE said;"
    "ALTER TABLE said_tidy RENAME TO said";

static bool
is_thin(struct repo *r)
{
	sqlite3_stmt *q = NULL;
	sqlite3_int64 all = 0, left = 0;

	if (sqlite3_prepare_v2(r->db, count_rows, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW) {
		all = sqlite3_column_int64(q, 0);
		left = sqlite3_column_int64(q, 1);
	}
	(void)sqlite3_finalize(q);
	return all >= TIDY_MIN_ROWS && all - left > left;
}

int
repo_said_tidy(struct repo *r, struct error *err)
{
	if (!r->said_dropped || !is_thin(r))
		return 0;
	repo_said_close(r); /* statements hold the table */
	if (sqlite3_exec(r->db, move_together, NULL, NULL, NULL) != SQLITE_OK)
		return fail(r, err);
	return 1;
}

bool
repo_seen_who(struct repo *r, const char *path, char **ret_source,
    char **ret_id)
{
	sqlite3_stmt *q = query(r, SAID_WHO);
	bool found;

	bind(q, 1, str_of(path));
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found) {
		*ret_source = mem_strndup(column(q, 0));
		*ret_id = mem_strndup(column(q, 1));
	}
	(void)sqlite3_reset(q);
	return found;
}

void
repo_seen_elsewhere(struct repo *r, struct str source, struct str id,
    struct repo_paths *ret)
{
	sqlite3_stmt *q = query(r, SAID_ELSEWHERE);

	bind(q, 1, source);
	bind(q, 2, id);
	while (sqlite3_step(q) == SQLITE_ROW)
		vec_push(ret, mem_strndup(column(q, 0)));
	(void)sqlite3_reset(q);
}

static bool
any_row(sqlite3_stmt *q, struct str a, struct str b)
{
	bool found;

	bind(q, 1, a);
	if (b.p != NULL)
		bind(q, 2, b);
	found = sqlite3_step(q) == SQLITE_ROW;
	(void)sqlite3_reset(q);
	return found;
}

bool
repo_seen_from(struct repo *r, const char *path, struct str source)
{
	return any_row(query(r, SAID_FROM), str_of(path), source);
}

bool
repo_seen_another(struct repo *r, const char *path, struct str source,
    struct str id)
{
	sqlite3_stmt *q = query(r, SAID_ANOTHER);

	bind(q, 3, id);
	return any_row(q, str_of(path), source);
}

/* Asked for each document of a source about the same few others: that one is
 * not known is kept until it is (repo_remember). */
bool
repo_knows_source(struct repo *r, struct str source)
{
	if (r->unknown != NULL && str_is(source, r->unknown))
		return false;
	if (any_row(query(r, SAID_ANY), source, STR_NONE))
		return true;
	free(r->unknown);
	r->unknown = mem_strndup(source);
	return false;
}

bool
repo_seen_content(struct repo *r, struct str source,
    const uint8_t canonical[32])
{
	return repo_knows_source(r, source) &&
	    any_row(query(r, SAID_CANONICAL), source, str_n(canonical, 32));
}

void
repo_start_get(struct repo *r, struct str source, struct buf *ret)
{
	sqlite3_stmt *q = query(r, SAID_START);

	bind(q, 1, source);
	if (sqlite3_step(q) == SQLITE_ROW)
		buf_put_str(ret, column(q, 0));
	(void)sqlite3_reset(q);
}
