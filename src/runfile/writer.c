/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts into rows. Runs in scribe; in tests also over memory. Statements come
 * from the tables of fact.c: one upsert per kind, made when first needed.
 */
#include "runfile/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "runfile/database.h"
#include "runfile/views.h"
#include "runfile/writer_priv.h"
#include "sys/sha256.h"

#define MAGIC          0x77726974
#define ZSTD_LEVEL     3
#define MAX_PACKAGES   100000
#define SQL_BYTES      (64 * KIB)
#define VIEW_BYTES     (64 * KIB)
#define INSERT_PACKAGE "INSERT INTO package(id, path, name) VALUES(?, ?, ?)"

extern const char schema_sql[];

static int
broken(const struct writer *w, struct error *err)
{
	return error_set(err, -EIO, "run file: %s", sqlite3_errmsg(w->db));
}

/* Columns without a name in the fact: rows of these tables are number 1. */
static bool
is_single(enum fact_kind kind)
{
	return kind == FACT_RUN || kind == FACT_VERDICT;
}

static bool
has_id(enum fact_kind kind)
{
	return str_is(str_of(fact_table(kind)->columns[0].name), "id");
}

/* The value of a column in an upsert. `baseline` is the one that is NOT NULL
 * and may be absent. */
static void
put_value(struct buf *b, enum fact_kind kind, const struct fact_column *c,
    int n)
{
	const char *table = fact_table(kind)->name;

	if (kind == FACT_PHASE && str_is(str_of(c->name), "baseline"))
		buf_printf(b,
		    "coalesce(?%d, (SELECT %s FROM %s WHERE id = ?1), 0)", n,
		    c->name, table);
	else
		buf_printf(b, "?%d", n);
}

static void
put_upsert(struct buf *b, enum fact_kind kind)
{
	const struct fact_table *t = fact_table(kind);
	const struct fact_column *c;
	const char *comma = "";
	bool keyed = is_single(kind) || has_id(kind);
	int n = 0;

	buf_printf(b, "INSERT INTO %s(%s", t->name,
	    is_single(kind) ? "id, " : "");
	for (c = t->columns; c->name != NULL; c++, comma = ", ")
		buf_printf(b, "%s%s", comma, c->name);
	buf_printf(b, ") VALUES(%s", is_single(kind) ? "1, " : "");
	comma = "";
	for (c = t->columns; c->name != NULL; c++, comma = ", ") {
		buf_puts(b, comma);
		put_value(b, kind, c, ++n);
	}
	buf_puts(b, ")");
	if (!keyed)
		return;
	buf_puts(b, " ON CONFLICT(id) DO UPDATE SET ");
	comma = "";
	for (c = t->columns; c->name != NULL; c++) {
		if (str_is(str_of(c->name), "id"))
			continue;
		buf_printf(b, "%s%s = coalesce(excluded.%s, %s)", comma,
		    c->name, c->name, c->name);
		comma = ", ";
	}
}

static int
prepare(struct writer *w, const char *sql, sqlite3_stmt **ret,
    struct error *err)
{
	if (sqlite3_prepare_v3(w->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret,
		NULL) != SQLITE_OK)
		return broken(w, err);
	return 0;
}

static int
statement(struct writer *w, enum fact_kind kind, struct error *err)
{
	struct buf sql;
	int rc;

	if (w->statements[kind] != NULL)
		return 0;
	buf_init(&sql, SQL_BYTES);
	put_upsert(&sql, kind);
	assert(!sql.full);
	rc = prepare(w, buf_str(&sql).p, &w->statements[kind], err);
	buf_done(&sql);
	return rc;
}

/* Is this there already? A file that another writer has left is gone on with: a
 * rehearsal judges a copy. */
static int
has(struct writer *w, const char *name, bool *ret, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int rc =
	    prepare(w, "SELECT 1 FROM sqlite_schema WHERE name = ?", &st, err);

	if (rc != 0)
		return rc;
	(void)sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	*ret = sqlite3_step(st) == SQLITE_ROW;
	return sqlite3_finalize(st) == SQLITE_OK ? 0 : broken(w, err);
}

static int
load_packages(struct writer *w, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int rc =
	    prepare(w, "SELECT path, id FROM package ORDER BY id", &st, err);

	while (rc == 0 && sqlite3_step(st) == SQLITE_ROW) {
		struct str path = str_n(sqlite3_column_blob(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0));
		uintptr_t id = (uintptr_t)sqlite3_column_int64(st, 1);
		if (map_put(w->packages, path, (void *)id) < 0)
			break;
	}
	return rc == 0 && sqlite3_finalize(st) != SQLITE_OK ? broken(w, err) :
							      rc;
}

int
writer_make_tables(sqlite3 *db, struct error *err)
{
	return database_run(db, schema_sql, err);
}

int
writer_new(sqlite3 *db, struct writer **ret, struct error *err)
{
	_cleanup_(writer_freep) struct writer *w = mem_alloc(sizeof(*w));
	bool made = false;
	int rc;

	w->magic = MAGIC;
	w->db = db;
	w->packages = map_new(MAX_PACKAGES);
	rc = database_run(db,
	    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536;"
	    "BEGIN",
	    err);
	if (rc == 0)
		rc = has(w, "run", &made, err);
	if (rc == 0)
		rc = has(w, "run_v", &w->has_views, err);
	if (rc == 0)
		rc = made ? load_packages(w, err) : writer_make_tables(db, err);
	if (rc == 0)
		rc = prepare(w, INSERT_PACKAGE, &w->insert_package, err);
	if (rc == 0)
		rc = prepare(w,
		    "INSERT INTO blob(sha256, size, zstd) VALUES(?, ?, ?)",
		    &w->insert_blob, err);
	if (rc != 0)
		return rc;
	w->open = true;
	w->zstd = ZSTD_createCCtx();
	if (w->zstd == NULL)
		fatal("no memory for zstd");
	*ret = steal(&w);
	return 0;
}

void
writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	assert(w->magic == MAGIC);
	for (int k = 0; k < FACT__MAX; k++)
		(void)sqlite3_finalize(w->statements[k]);
	(void)sqlite3_finalize(w->insert_package);
	(void)sqlite3_finalize(w->insert_blob);
	map_free(w->packages);
	(void)ZSTD_freeCCtx(w->zstd);
	free(w);
}

void
writer_freep(struct writer **w)
{
	writer_free(*w);
	*w = NULL;
}

void
writer_refuse(struct writer *w, const char *sentence)
{
	if (w->refused++ == 0)
		(void)snprintf(w->refusal, sizeof(w->refusal), "%s", sentence);
}

static int
over(struct writer *w, const char *table, const char *what)
{
	char sentence[sizeof(w->refusal)];

	(void)snprintf(sentence, sizeof(sentence), "%s: more than %s", table,
	    what);
	writer_refuse(w, sentence);
	return 1;
}

static int
begin(struct writer *w, struct error *err)
{
	int rc;

	if (w->open)
		return 0;
	rc = database_run(w->db, "BEGIN", err);
	w->open = rc == 0;
	return rc;
}

/* "node_modules/a/node_modules/@s/b" → "@s/b"; otherwise absent. */
static struct str
package_name(struct str path)
{
	static const char folder[] = "node_modules/";
	size_t n = sizeof(folder) - 1;

	for (size_t i = path.n; i >= n; i--)
		if (memcmp(path.p + i - n, folder, n) == 0 && i != path.n &&
		    (i == n || path.p[i - n - 1] == '/'))
			return str_sub(path, i, path.n);
	return STR_NONE;
}

static void
bind_bytes(sqlite3_stmt *st, int n, struct str s)
{
	if (s.p == NULL)
		(void)sqlite3_bind_null(st, n);
	else
		(void)sqlite3_bind_blob64(st, n, s.n != 0 ? s.p : "", s.n,
		    SQLITE_STATIC);
}

static void
bind_text(sqlite3_stmt *st, int n, struct str s)
{
	if (s.p == NULL)
		(void)sqlite3_bind_null(st, n);
	else
		(void)sqlite3_bind_text64(st, n, s.n != 0 ? s.p : "", s.n,
		    SQLITE_STATIC, SQLITE_UTF8);
}

static void
bind_int(sqlite3_stmt *st, int n, int64_t v)
{
	if (v == FACT_NONE)
		(void)sqlite3_bind_null(st, n);
	else
		(void)sqlite3_bind_int64(st, n, v);
}

static int
run_once(struct writer *w, sqlite3_stmt *st, struct error *err)
{
	int rc = sqlite3_step(st);

	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	if (rc == SQLITE_DONE)
		return 0;
	/* A row that breaks a constraint is a bad fact, not a broken file. */
	if ((rc & 0xff) == SQLITE_CONSTRAINT) {
		writer_refuse(w, sqlite3_errmsg(w->db));
		return 1;
	}
	return broken(w, err);
}

/* package.id of an install folder, FACT_NONE for none. */
static int
intern(struct writer *w, struct str path, int64_t *ret, struct error *err)
{
	sqlite3_stmt *st = w->insert_package;
	uintptr_t id;
	int rc;

	*ret = FACT_NONE;
	if (path.p == NULL)
		return 0;
	id = (uintptr_t)map_get(w->packages, path);
	if (id == 0) {
		id = map_count(w->packages) + 1;
		if (map_put(w->packages, path, (void *)id) < 0)
			return over(w, "package", "its rows");
		bind_int(st, 1, (int64_t)id);
		bind_bytes(st, 2, path);
		bind_bytes(st, 3, package_name(path));
		rc = run_once(w, st, err);
		if (rc != 0)
			return rc;
	}
	*ret = (int64_t)id;
	return 0;
}

static int
bind_column(struct writer *w, sqlite3_stmt *st, int n,
    const struct fact_column *c, const char *fact, struct error *err)
{
	int64_t v = FACT_NONE;
	struct str s = STR_NONE;
	int rc = 0;

	if (c->type == FACT_INT || c->type == FACT_REAL)
		memcpy(&v, fact + c->offset, sizeof(v));
	else
		memcpy(&s, fact + c->offset, sizeof(s));
	switch (c->type) {
	case FACT_INT:
		bind_int(st, n, v);
		break;
	case FACT_REAL:
		if (v == FACT_NONE)
			(void)sqlite3_bind_null(st, n);
		else
			(void)sqlite3_bind_double(st, n, (double)v / 1000);
		break;
	case FACT_PACKAGE:
		rc = intern(w, s, &v, err);
		bind_int(st, n, v);
		break;
	case FACT_BYTES:
		bind_bytes(st, n, s);
		break;
	case FACT_WORD:
	case FACT_TEXT:
	case FACT_SHA256:
		bind_text(st, n, s);
		break;
	case FACT_TYPE__MAX:
		assert(0);
	}
	return rc;
}

static int
add_blob(struct writer *w, const struct fact_blob *f, struct error *err)
{
	_cleanup_(freep) void *packed = NULL;
	sqlite3_stmt *st = w->insert_blob;
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];
	size_t n;
	int rc;

	sha256_of(f->bytes, digest);
	sha256_hex(digest, hex);
	if (f->sha256.p != NULL && !str_is(f->sha256, hex)) {
		writer_refuse(w, "blob: sha256 is not that of its bytes");
		return 1;
	}
	if (w->blob_bytes + (int64_t)f->bytes.n > LIMIT_RUN_BLOBS_BYTES)
		return over(w, "blob", "its bytes");
	n = ZSTD_compressBound(f->bytes.n);
	packed = mem_alloc(n);
	n = ZSTD_compressCCtx(w->zstd, packed, n, f->bytes.p, f->bytes.n,
	    ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return error_set(err, -EIO, "zstd: %s", ZSTD_getErrorName(n));
	bind_text(st, 1, str_of(hex));
	bind_int(st, 2, (int64_t)f->bytes.n);
	bind_bytes(st, 3, str_n(packed, n));
	rc = sqlite3_step(st);
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	if (rc == SQLITE_CONSTRAINT_PRIMARYKEY)
		return 0; /* kept already */
	if (rc != SQLITE_DONE)
		return broken(w, err);
	w->blob_bytes += (int64_t)f->bytes.n;
	w->count++;
	return 0;
}

int
writer_add(struct writer *w, enum fact_kind kind, const void *fact,
    struct error *err)
{
	const struct fact_column *c;
	sqlite3_stmt *st;
	int n = 0, rc;

	assert(w->magic == MAGIC && kind < FACT__MAX);
	rc = begin(w, err);
	if (rc == 0 && kind == FACT_BLOB)
		return add_blob(w, fact, err);
	if (rc == 0)
		rc = statement(w, kind, err);
	if (rc != 0)
		return rc;
	if (w->rows[kind] >= LIMIT_RUN_ROWS)
		return over(w, fact_table(kind)->name, "its rows");
	st = w->statements[kind];
	for (c = fact_table(kind)->columns; c->name != NULL && rc == 0; c++)
		rc = bind_column(w, st, ++n, c, fact, err);
	if (rc != 0) {
		(void)sqlite3_clear_bindings(st);
		return rc;
	}
	rc = run_once(w, st, err);
	if (rc == 0) {
		w->rows[kind]++;
		w->count++;
	}
	return rc;
}

/* What was refused, where rules and people find it. */
static int
note_refusals(struct writer *w, struct error *err)
{
	struct fact_metadata f = { STR_LIT(WRITER_REFUSED_KEY), STR_NONE };
	char value[sizeof(w->refusal) + 32];
	int rc;

	if (w->refused == w->refused_noted)
		return 0;
	rc = database_run(w->db,
	    "DELETE FROM metadata WHERE key = '" WRITER_REFUSED_KEY "'", err);
	if (rc != 0)
		return rc;
	(void)snprintf(value, sizeof(value), "%lld: %s", (long long)w->refused,
	    w->refusal);
	f.value = str_of(value);
	rc = writer_add(w, FACT_METADATA, &f, err);
	w->count--; /* ours */
	w->refused_noted = w->refused;
	return rc < 0 ? rc : 0;
}

/* Not by its own statement: SQLite would read each of them, here and at each
 * start with a file that has them, and only readers have a use for that. */
static int
add_view(struct writer *w, sqlite3_stmt *st, int number, struct error *err)
{
	struct buf name, sql;
	int rc;

	buf_init(&name, 80);
	buf_init(&sql, VIEW_BYTES);
	views_one(number, &name, &sql);
	assert(!name.full && !sql.full);
	bind_text(st, 1, buf_str(&name));
	bind_text(st, 2, buf_str(&sql));
	rc = run_once(w, st, err);
	buf_done(&name);
	buf_done(&sql);
	return rc > 0 ? -EIO : rc;
}

/* Before the first commit: a file without them is none yet. */
static int
add_views(struct writer *w, struct error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = database_run(w->db, "PRAGMA writable_schema = ON", err);

	if (rc == 0)
		rc = prepare(w,
		    "INSERT INTO sqlite_schema(type, name, tbl_name, rootpage, "
		    "sql) VALUES('view', ?1, ?1, 0, ?2)",
		    &st, err);
	for (int k = 0; k < VIEWS_COUNT && rc == 0; k++)
		rc = add_view(w, st, k, err);
	(void)sqlite3_finalize(st);
	if (rc == 0)
		rc = database_run(w->db, "PRAGMA writable_schema = RESET", err);
	w->has_views = rc == 0;
	return rc;
}

int
writer_commit(struct writer *w, struct error *err)
{
	int rc = begin(w, err);

	if (rc == 0)
		rc = note_refusals(w, err);
	if (rc == 0 && !w->has_views)
		rc = add_views(w, err);
	if (rc == 0)
		rc = database_run(w->db, "COMMIT", err);
	w->open = false;
	return rc;
}

int64_t
writer_count(const struct writer *w)
{
	return w->count;
}

int64_t
writer_refused(const struct writer *w)
{
	return w->refused;
}

const char *
writer_first_refusal(const struct writer *w)
{
	return w->refusal;
}
