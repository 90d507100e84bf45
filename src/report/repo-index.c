/* SPDX-License-Identifier: Apache-2.0 */
/* The index of the report database. Runs in `lazaret report`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/repo_priv.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS file (source TEXT, path BLOB, size INTEGER,"
    " mtime INTEGER, inode INTEGER, PRIMARY KEY (source, path))"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS seen (source TEXT, raw BLOB, canonical BLOB,"
    " id TEXT, path BLOB);"
    "CREATE INDEX IF NOT EXISTS seen_id ON seen (source, id);"
    /* Of databases made by earlier versions. */
    "DROP INDEX IF EXISTS seen_raw; DROP INDEX IF EXISTS seen_canonical;"
    "DROP INDEX IF EXISTS seen_path;"
    "CREATE TABLE IF NOT EXISTS counter (year INTEGER PRIMARY KEY,"
    " highest INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS start (source TEXT PRIMARY KEY, key BLOB);";

/* Made when something first asks by it: a large first reading of a source
 * whose documents have ids fills none of these. Keys are cut short, what was
 * cut off is compared with the row. */
static const char by_hash[] =
    "CREATE INDEX IF NOT EXISTS seen_raw8 ON seen (substr(raw, 1, 8));"
    "CREATE INDEX IF NOT EXISTS seen_canonical8 ON seen"
    " (substr(canonical, 1, 8));";
static const char by_path[] = "CREATE INDEX IF NOT EXISTS seen_path_end ON seen"
			      " (substr(path, -20));";

static const struct query {
	const char *sql, *index; /* index: made before; may be NULL */
} queries[QUERY__MAX] = {
	[QUERY_FILE_GET] = { "SELECT size, mtime, inode FROM file"
			     " WHERE source = ?1 AND path = ?2",
	    NULL },
	[QUERY_FILE_PUT] = { "INSERT OR REPLACE INTO file VALUES"
			     " (?1, ?2, ?3, ?4, ?5)",
	    NULL },
	[QUERY_FILE_ANY] = { "SELECT 1 FROM file WHERE source = ?1 LIMIT 1",
	    NULL },
	[QUERY_SEEN_RAW] = { "SELECT 1 FROM seen"
			     " WHERE substr(raw, 1, 8) = substr(?2, 1, 8)"
			     " AND raw = ?2 AND source = ?1",
	    by_hash },
	[QUERY_SEEN_CANONICAL] = { "SELECT 1 FROM seen WHERE"
				   " substr(canonical, 1, 8) = substr(?2, 1, 8)"
				   " AND canonical = ?2 AND source = ?1",
	    by_hash },
	[QUERY_SEEN_ID] = { "SELECT raw, canonical FROM seen"
			    " WHERE source = ?1 AND id = ?2"
			    " ORDER BY rowid DESC LIMIT 1",
	    NULL },
	[QUERY_SEEN_PATHS] = { "SELECT DISTINCT path FROM seen"
			       " WHERE source = ?1 AND id = ?2"
			       " AND length(path) > 0 ORDER BY path",
	    NULL },
	[QUERY_SEEN_DELETE_ID] = { "DELETE FROM seen"
				   " WHERE source = ?1 AND id = ?2"
				   " AND raw = ?3 AND path = ?4",
	    NULL },
	[QUERY_SEEN_DELETE_RAW] = { "DELETE FROM seen"
				    " WHERE substr(raw, 1, 8) = substr(?3, 1, "
				    "8)"
				    " AND raw = ?3 AND source = ?1"
				    " AND id IS ?2 AND path = ?4",
	    by_hash },
	[QUERY_SEEN_PUT] = { "INSERT INTO seen VALUES (?1, ?2, ?3, ?4, ?5)",
	    NULL },
	[QUERY_RENAME] = { "UPDATE seen SET path = ?2"
			   " WHERE substr(path, -20) = substr(?1, -20)"
			   " AND path = ?1",
	    by_path },
	[QUERY_START_GET] = { "SELECT key FROM start WHERE source = ?1", NULL },
	[QUERY_START_PUT] = { "INSERT OR REPLACE INTO start VALUES (?1, ?2)",
	    NULL },
	[QUERY_COUNTER_GET] = { "SELECT highest FROM counter WHERE year = ?1",
	    NULL },
	[QUERY_COUNTER_PUT] = { "INSERT OR REPLACE INTO counter"
				" VALUES (?1, ?2)",
	    NULL },
};

static int
fail(struct repo *r, struct error *err)
{
	return error_set(err, -EIO, "index of %s: %s", r->dir,
	    sqlite3_errmsg(r->db));
}

static int
run(struct repo *r, const char *sql, struct error *err)
{
	if (sqlite3_exec(r->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(r, err);
	return 0;
}

/* There are no threads, and nobody asks how much memory was used: the locks
 * for both would take a tenth of each statement's time. */
static void
configure(void)
{
	static bool done;

	if (!done) {
		(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
		(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	}
	done = true;
}

int
repo_index_open(struct repo *r, struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	int rc;

	configure();

	(void)snprintf(path, sizeof(path), "%s/.lazaret/index.db", r->dir);
	if (sqlite3_open_v2(path, &r->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return fail(r, err);
	(void)sqlite3_busy_timeout(r->db, 10000);
	rc = run(r,
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	    "PRAGMA cache_size = -98304; PRAGMA wal_autocheckpoint = 20000;"
	    "PRAGMA temp_store = MEMORY",
	    err);
	if (rc == 0)
		rc = run(r, schema, err);
	return rc == 0 ? run(r, "BEGIN IMMEDIATE", err) : rc;
}

/* Prepared when first used. An index that cannot even be asked is no index:
 * the process ends, and what was not committed is read again. */
static sqlite3_stmt *
query(struct repo *r, enum repo_query i)
{
	struct error err = ERROR_INIT;

	if (r->queries[i] != NULL)
		return r->queries[i];
	if (queries[i].index != NULL && run(r, queries[i].index, &err) != 0)
		fatal("%s", err.msg);
	if (sqlite3_prepare_v3(r->db, queries[i].sql, -1,
		SQLITE_PREPARE_PERSISTENT, &r->queries[i], NULL) != SQLITE_OK)
		fatal("index of %s: %s", r->dir, sqlite3_errmsg(r->db));
	return r->queries[i];
}

static void
close_queries(struct repo *r)
{
	for (int i = 0; i < QUERY__MAX; i++) {
		(void)sqlite3_finalize(r->queries[i]);
		r->queries[i] = NULL;
	}
	repo_said_close(r);
}

/* Makes what was done durable, or undoes it; and the file shorter where that
 * was worth it. False: what is to follow a commit must not. */
static bool
end_transaction(struct repo *r)
{
	bool keep = !r->dry && repo_sync(r, NULL) == 0;
	bool tidied = keep && repo_said_tidy(r, NULL) == 1, done;

	done = sqlite3_exec(r->db, keep ? "COMMIT" : "ROLLBACK", NULL, NULL,
		   NULL) == SQLITE_OK;
	if (done && tidied) {
		close_queries(r);
		(void)sqlite3_exec(r->db,
		    "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
		    NULL);
	}
	return done && !r->dirty;
}

void
repo_index_close(struct repo *r)
{
	bool done = false;

	if (r->db != NULL && sqlite3_get_autocommit(r->db) == 0)
		done = end_transaction(r);
	(void)repo_end_later(r, done, NULL);
	if (r->db == NULL)
		return;
	close_queries(r);
	(void)sqlite3_close(r->db);
	r->db = NULL;
}

void
repo_dry(struct repo *r)
{
	r->dry = true;
}

int
repo_commit(struct repo *r, struct error *err)
{
	int rc;

	if (r->dry)
		return 0;
	rc = repo_sync(r, err);
	if (rc == 0)
		rc = run(r, "COMMIT", err);
	if (rc == 0)
		rc = repo_end_later(r, true, err);
	return rc != 0 ? rc : run(r, "BEGIN IMMEDIATE", err);
}

static void
bind_str(sqlite3_stmt *q, int i, struct str s)
{
	if (s.p == NULL)
		(void)sqlite3_bind_null(q, i);
	else
		(void)sqlite3_bind_blob64(q, i, s.p, s.n, SQLITE_STATIC);
}

static int
step_done(struct repo *r, sqlite3_stmt *q, struct error *err)
{
	int rc = sqlite3_step(q);

	(void)sqlite3_reset(q);
	return rc == SQLITE_DONE ? 0 : fail(r, err);
}

static int64_t
mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

bool
repo_file_any(struct repo *r, struct str source)
{
	sqlite3_stmt *q = query(r, QUERY_FILE_ANY);
	bool any;

	bind_str(q, 1, source);
	any = sqlite3_step(q) == SQLITE_ROW;
	(void)sqlite3_reset(q);
	return any;
}

bool
repo_file_unchanged(struct repo *r, struct str source, struct str file,
    const struct stat *st)
{
	sqlite3_stmt *q = query(r, QUERY_FILE_GET);
	bool same = false;

	bind_str(q, 1, source);
	bind_str(q, 2, file);
	if (sqlite3_step(q) == SQLITE_ROW)
		same = sqlite3_column_int64(q, 0) == st->st_size &&
		    sqlite3_column_int64(q, 1) == mtime_ns(st) &&
		    sqlite3_column_int64(q, 2) == (int64_t)st->st_ino;
	(void)sqlite3_reset(q);
	return same;
}

int
repo_file_remember(struct repo *r, struct str source, struct str file,
    const struct stat *st, struct error *err)
{
	sqlite3_stmt *q = query(r, QUERY_FILE_PUT);

	bind_str(q, 1, source);
	bind_str(q, 2, file);
	(void)sqlite3_bind_int64(q, 3, st->st_size);
	(void)sqlite3_bind_int64(q, 4, mtime_ns(st));
	(void)sqlite3_bind_int64(q, 5, (int64_t)st->st_ino);
	return step_done(r, q, err);
}

static bool
any_row(sqlite3_stmt *q, struct str source, const uint8_t hash[32])
{
	bool found;

	bind_str(q, 1, source);
	bind_str(q, 2, str_n(hash, 32));
	found = sqlite3_step(q) == SQLITE_ROW;
	(void)sqlite3_reset(q);
	return found;
}

static bool
column_is(sqlite3_stmt *q, int column, const uint8_t hash[32])
{
	return sqlite3_column_bytes(q, column) == 32 &&
	    memcmp(sqlite3_column_blob(q, column), hash, 32) == 0;
}

/* A document with an id is compared with the last that had it: a source may
 * go back to what it said earlier, and is followed. */
enum repo_known
repo_seen_before(struct repo *r, const struct repo_seen *s)
{
	enum repo_known known = REPO_NEVER;
	sqlite3_stmt *q;

	if (repo_is_fresh(r, s))
		return REPO_NEVER;
	if (s->id.p == NULL)
		return any_row(query(r, QUERY_SEEN_RAW), s->source, s->raw) ||
			any_row(query(r, QUERY_SEEN_CANONICAL), s->source,
			    s->canonical) ?
		    REPO_SAME :
		    REPO_NEVER;
	q = query(r, QUERY_SEEN_ID);
	bind_str(q, 1, s->source);
	bind_str(q, 2, s->id);
	if (sqlite3_step(q) == SQLITE_ROW)
		known =
		    column_is(q, 0, s->raw) || column_is(q, 1, s->canonical) ?
		    REPO_SAME :
		    REPO_CHANGED;
	(void)sqlite3_reset(q);
	return known;
}

void
repo_seen_paths(struct repo *r, struct str source, struct str id,
    struct repo_paths *ret)
{
	sqlite3_stmt *q = query(r, QUERY_SEEN_PATHS);

	if (id.p == NULL)
		return;
	bind_str(q, 1, source);
	bind_str(q, 2, id);
	while (sqlite3_step(q) == SQLITE_ROW)
		vec_push(ret,
		    mem_strndup(str_n(sqlite3_column_blob(q, 0),
			(size_t)sqlite3_column_bytes(q, 0))));
	(void)sqlite3_reset(q);
}

void
repo_paths_done(struct repo_paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	vec_done(p);
}

/* What was said before of the same bytes in the same file. */
static int
forget_same(struct repo *r, const struct repo_seen *s, struct error *err)
{
	sqlite3_stmt *old = query(r,
	    s->id.p != NULL ? QUERY_SEEN_DELETE_ID : QUERY_SEEN_DELETE_RAW);

	bind_str(old, 1, s->source);
	bind_str(old, 2, s->id);
	bind_str(old, 3, str_n(s->raw, 32));
	bind_str(old, 4, s->path);
	return step_done(r, old, err);
}

int
repo_remember(struct repo *r, const struct repo_seen *s, struct error *err)
{
	sqlite3_stmt *q = query(r, QUERY_SEEN_PUT);
	int rc = s->never ? 0 : forget_same(r, s, err);

	if (rc != 0)
		return rc;
	if (r->unknown != NULL && str_is(s->source, r->unknown)) {
		free(r->unknown);
		r->unknown = NULL;
	}
	bind_str(q, 1, s->source);
	bind_str(q, 2, str_n(s->raw, 32));
	bind_str(q, 3, str_n(s->canonical, 32));
	bind_str(q, 4, s->id);
	bind_str(q, 5, s->path);
	return step_done(r, q, err);
}

int
repo_renamed(struct repo *r, const char *from, const char *to,
    struct error *err)
{
	sqlite3_stmt *q = query(r, QUERY_RENAME);

	bind_str(q, 1, str_of(from));
	bind_str(q, 2, str_of(to));
	return step_done(r, q, err);
}

bool
repo_start_is(struct repo *r, struct str source, struct str key)
{
	sqlite3_stmt *q = query(r, QUERY_START_GET);
	bool same = false;

	bind_str(q, 1, source);
	if (sqlite3_step(q) == SQLITE_ROW)
		same = str_eq(key,
		    str_n(sqlite3_column_blob(q, 0),
			(size_t)sqlite3_column_bytes(q, 0)));
	(void)sqlite3_reset(q);
	return same;
}

int
repo_start_put(struct repo *r, struct str source, struct str key,
    struct error *err)
{
	sqlite3_stmt *q = query(r, QUERY_START_PUT);

	bind_str(q, 1, source);
	bind_str(q, 2, key);
	return step_done(r, q, err);
}

/* --- ids ------------------------------------------------------------------ */

#define MAX_YEAR 9999

struct highest {
	int year;
	uint64_t number;
};

/* MAL-2026-17.json in any folder. */
static bool
id_of(const char *path, struct highest *ret)
{
	const char *slash = strrchr(path, '/');
	struct str name = str_of(slash != NULL ? slash + 1 : path), part;
	uint64_t year, number;

	if (!str_starts(name, "MAL-") || !str_ends(name, ".json"))
		return false;
	name = str_sub(name, 4, name.n - 5);
	if (!str_cut(&name, '-', &part) || str_to_u64(part, &year) != 0 ||
	    str_to_u64(name, &number) != 0 || year == 0 || year > MAX_YEAR)
		return false;
	*ret = (struct highest){ (int)year, number };
	return true;
}

/* The highest of each year. */
static int
look_at(void *data, const char *path)
{
	uint64_t *highest = data;
	struct highest one;

	if (id_of(path, &one) && one.number > highest[one.year])
		highest[one.year] = one.number;
	return 0;
}

static uint64_t
counter_get(struct repo *r, int year)
{
	sqlite3_stmt *q = query(r, QUERY_COUNTER_GET);
	uint64_t v = 0;

	(void)sqlite3_bind_int(q, 1, year);
	if (sqlite3_step(q) == SQLITE_ROW)
		v = (uint64_t)sqlite3_column_int64(q, 0);
	(void)sqlite3_reset(q);
	return v;
}

static int
counter_put(struct repo *r, const struct highest *h, struct error *err)
{
	sqlite3_stmt *q = query(r, QUERY_COUNTER_PUT);

	(void)sqlite3_bind_int(q, 1, h->year);
	(void)sqlite3_bind_int64(q, 2, (int64_t)h->number);
	return step_done(r, q, err);
}

int
repo_saw_id(struct repo *r, const char *path, struct error *err)
{
	struct highest h;

	if (!id_of(path, &h) || h.number <= counter_get(r, h.year))
		return 0;
	return counter_put(r, &h, err);
}

/* What lies in the trees: the counter may be behind it after a death. */
static int
look_at_files(struct repo *r, struct error *err)
{
	uint64_t *highest = mem_array(MAX_YEAR + 1, sizeof(*highest));
	int rc = 0;

	for (int i = 0; i < REPO_TREE__MAX && rc == 0; i++)
		rc = repo_walk(r, (enum repo_tree)i, NULL, look_at, highest,
		    err);
	for (int year = 1; year <= MAX_YEAR && rc == 0; year++)
		if (highest[year] != 0 && highest[year] > counter_get(r, year))
			rc = counter_put(r,
			    &(struct highest){ year, highest[year] }, err);
	free(highest);
	r->files_read = rc == 0;
	return rc;
}

/* The files are looked at once per opening, for all years; the counter also
 * knows of ids whose files are gone. */
int
repo_next_id(struct repo *r, int year, uint64_t *ret_number, struct error *err)
{
	struct highest h = { .year = year };
	int rc = r->files_read ? 0 : look_at_files(r, err);

	if (rc != 0)
		return rc;
	h.number = counter_get(r, year) + 1;
	rc = counter_put(r, &h, err);
	if (rc == 0)
		*ret_number = h.number;
	return rc;
}
