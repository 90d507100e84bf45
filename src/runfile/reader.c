/* SPDX-License-Identifier: Apache-2.0 */
/* Guards around a stranger's database. Runs in judge, show and query. */
#include "runfile/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "runfile/database.h"
#include "runfile/fact.h"

#define MAGIC           0x72656164
#define APPLICATION_ID  0x4c415a52
#define AT_USER_VERSION 60 /* offsets in SQLite's header */
#define AT_APPLICATION  68
#define HEADER_BYTES    100
#define STEPS_PER_CHECK 10000
#define MAX_VALUE_BYTES (int)(64 * MIB) /* of a row, a string, a blob */

struct reader {
	uint32_t magic;
	sqlite3 *db; /* owned */
	int64_t steps; /* left */
	bool spent, temp;
};

static int
spend(void *arg)
{
	struct reader *r = arg;

	r->steps -= STEPS_PER_CHECK;
	if (r->steps <= 0)
		r->spent = true;
	return r->spent;
}

static bool
is_one_of(const char *s, const char *const *list)
{
	for (; s != NULL && *list != NULL; list++)
		if (sqlite3_stricmp(s, *list) == 0)
			return true;
	return false;
}

/* What a statement may do. Everything not named here is denied: writing,
 * attaching, changing settings, loading code. */
static int
authorize(void *arg, int action, const char *a, const char *b,
    const char *database, const char *inner)
{
	static const char *const denied_functions[] = { "load_extension",
		"readfile", "writefile", "edit", "fts3_tokenizer", "zeroblob",
		"randomblob", "random", NULL };
	static const char *const named[] = { "table_info", "table_xinfo",
		"index_list", "index_info", NULL };
	static const char *const pragmas[] = { "table_list", "user_version",
		"application_id", NULL };
	const struct reader *r = arg;

	(void)inner;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return is_one_of(b, denied_functions) ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		if (b != NULL)
			return is_one_of(a, named) ? SQLITE_OK : SQLITE_DENY;
		return is_one_of(a, pragmas) ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_CREATE_TEMP_INDEX:
		return r->temp ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_REINDEX:
		return r->temp &&
			(database == NULL ||
			    sqlite3_stricmp(database, "temp") == 0) ?
		    SQLITE_OK :
		    SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static void
limit(sqlite3 *db)
{
	static const struct {
		int what, value;
	} limits[] = {
		{ SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES },
		{ SQLITE_LIMIT_SQL_LENGTH, 512 * 1024 },
		{ SQLITE_LIMIT_COLUMN, 200 },
		{ SQLITE_LIMIT_EXPR_DEPTH, 200 },
		{ SQLITE_LIMIT_COMPOUND_SELECT, 50 },
		{ SQLITE_LIMIT_VDBE_OP, 250000 },
		{ SQLITE_LIMIT_FUNCTION_ARG, 32 },
		{ SQLITE_LIMIT_ATTACHED, 0 },
		{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 },
		{ SQLITE_LIMIT_VARIABLE_NUMBER, 100 },
		{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(limits); i++)
		(void)sqlite3_limit(db, limits[i].what, limits[i].value);
}

/* db: owned from here on, also on failure. */
static int
guard(sqlite3 *db, struct reader **ret, struct error *err)
{
	struct reader *r = mem_alloc(sizeof(*r));
	int rc;

	r->magic = MAGIC;
	r->db = db;
	(void)sqlite3_hard_heap_limit64(LIMIT_QUERY_MEMORY_BYTES);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0,
	    NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	limit(db);
	reader_budget(r, 0);
	sqlite3_progress_handler(db, STEPS_PER_CHECK, spend, r);
	rc = database_run(db,
	    "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA recursive_triggers = OFF",
	    err);
	if (rc == 0 && sqlite3_set_authorizer(db, authorize, r) != SQLITE_OK)
		rc = error_set(err, -EIO, "SQLite: no authorizer");
	if (rc != 0) {
		reader_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

static uint32_t
big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Before SQLite sees a byte of it. */
static int
check_header(int fd, const char *name, struct error *err)
{
	unsigned char h[HEADER_BYTES];
	ssize_t n = pread(fd, h, sizeof(h), 0);
	uint32_t version;

	if (n < 0)
		return error_errno(err, "%s", name);
	if (n < (ssize_t)sizeof(h) ||
	    memcmp(h, "SQLite format 3", sizeof("SQLite format 3")) != 0 ||
	    big_endian(h + AT_APPLICATION) != APPLICATION_ID)
		return error_set(err, -EINVAL, "%s is not a run file (*.laz)",
		    name);
	version = big_endian(h + AT_USER_VERSION);
	if (version > RUNFILE_VERSION)
		return error_set(err, -EINVAL,
		    "%s is a run file of version %u; this lazaret reads up to "
		    "%d: use a newer one",
		    name, version, RUNFILE_VERSION);
	if (version < 1)
		return error_set(err, -EINVAL,
		    "%s is a run file without a version", name);
	return 0;
}

int
reader_open(int fd, const char *name, struct reader **ret, struct error *err)
{
	sqlite3_stmt *st = NULL;
	struct error inner = ERROR_INIT;
	struct reader *r = NULL;
	sqlite3 *db = NULL;
	int rc;

	rc = check_header(fd, name, err);
	if (rc == 0)
		rc = database_open(fd, false, &db, err);
	if (rc == 0)
		rc = guard(db, &r, err);
	if (rc != 0)
		return rc;
	/* A schema that cannot be read is found here, with the file's name. */
	rc = reader_prepare(r, "SELECT 1 FROM run, phase, verdict LIMIT 1", &st,
	    &inner);
	if (rc == 0)
		rc = reader_step(r, st, &inner);
	reader_finishp(&st);
	if (rc < 0) {
		reader_free(r);
		return error_set(err, -EINVAL, "%s is damaged: %s", name,
		    inner.msg);
	}
	*ret = r;
	return 0;
}

int
reader_take(sqlite3 *db, struct reader **ret, struct error *err)
{
	return guard(db, ret, err);
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	assert(r->magic == MAGIC);
	database_close(r->db);
	free(r);
}

void
reader_freep(struct reader **r)
{
	reader_free(*r);
	*r = NULL;
}

sqlite3 *
reader_db(struct reader *r)
{
	return r->db;
}

void
reader_budget(struct reader *r, int64_t steps)
{
	r->steps = steps != 0 ? steps : LIMIT_QUERY_STEPS;
	r->spent = false;
}

bool
reader_spent(const struct reader *r)
{
	return r->spent;
}

void
reader_allow_temp(struct reader *r, bool on)
{
	r->temp = on;
}

int
reader_prepare(struct reader *r, const char *sql, sqlite3_stmt **ret,
    struct error *err)
{
	if (sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) != SQLITE_OK)
		return error_set(err, -EIO, "%s", sqlite3_errmsg(r->db));
	return 0;
}

int
reader_step(struct reader *r, sqlite3_stmt *st, struct error *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	if (r->spent)
		return error_set(err, -EIO,
		    "more work than a query is allowed; narrow it");
	return error_set(err, -EIO, "%s", sqlite3_errmsg(r->db));
}

void
reader_finishp(sqlite3_stmt **st)
{
	(void)sqlite3_finalize(*st);
	*st = NULL;
}

struct str
reader_str(sqlite3_stmt *st, int column)
{
	const void *p;

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return STR_NONE;
	p = sqlite3_column_blob(st, column);
	if (p == NULL)
		return STR_LIT("");
	return str_n(p, (size_t)sqlite3_column_bytes(st, column));
}

int64_t
reader_int(sqlite3_stmt *st, int column)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return FACT_NONE;
	return sqlite3_column_int64(st, column);
}

static void
inflate_into(struct str packed, struct buf *out)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer in = { packed.p, packed.n, 0 };
	char chunk[16 * KIB];
	size_t rc = 1;

	if (z == NULL)
		fatal("no memory for zstd");
	while (rc != 0 && !ZSTD_isError(rc) && !out->full) {
		ZSTD_outBuffer o = { chunk, sizeof(chunk), 0 };
		size_t before = in.pos;

		rc = ZSTD_decompressStream(z, &o, &in);
		buf_put(out, chunk, o.pos);
		if (o.pos == 0 && in.pos == before)
			break; /* cut short */
	}
	(void)ZSTD_freeDStream(z);
}

int
reader_blob(struct reader *r, struct str sha256, struct buf *out,
    struct error *err)
{
	_cleanup_(reader_finishp) sqlite3_stmt *st = NULL;
	int rc;

	if (sha256.p == NULL)
		return 1;
	rc = reader_prepare(r, "SELECT zstd FROM blob WHERE sha256 = ?", &st,
	    err);
	if (rc != 0)
		return rc;
	(void)sqlite3_bind_text64(st, 1, sha256.p, sha256.n, SQLITE_STATIC,
	    SQLITE_UTF8);
	rc = reader_step(r, st, err);
	if (rc <= 0)
		return rc < 0 ? rc : 1;
	inflate_into(reader_str(st, 0), out);
	return 0;
}
