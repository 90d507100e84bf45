/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a run file, which may be a stranger's: read-only, defensive, with
 * an authorizer, limits and a bound on the work. Callers are confined
 * (lockdown with LOCKDOWN_PURE) before they call reader_open().
 */
#ifndef RUNFILE_READER_H
#define RUNFILE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct buf;
struct error;
struct reader;
struct sqlite3;
struct sqlite3_stmt;

#define RUNFILE_VERSION 1 /* user_version of schema.sql */

/* name: for error sentences. fd: borrowed while open. Not a run file, or one
 * of a newer version: -EINVAL with a sentence that says so. */
int reader_open(int fd, const char *name, struct reader **ret,
    struct error *err);
/* The same guards around a database that was just written in memory. */
int reader_take(struct sqlite3 *db, struct reader **ret, struct error *err);
void reader_free(struct reader *r); /* accepts NULL; closes the database */
void reader_freep(struct reader **r);
struct sqlite3 *reader_db(struct reader *r);
/* Work allowed from now on, in steps of SQLite's machine (not time: the same
 * facts give the same result on any machine). 0: LIMIT_QUERY_STEPS. */
void reader_budget(struct reader *r, int64_t steps);
bool reader_spent(const struct reader *r); /* the budget ran out */
/* Temporary tables and views may be made while on (the judge's prelude). */
void reader_allow_temp(struct reader *r, bool on);

/* Our own statements. sql ends a statement; values are borrowed until the
 * next step. */
int reader_prepare(struct reader *r, const char *sql, struct sqlite3_stmt **ret,
    struct error *err);
/* 1: a row, 0: no more (or -EIO with a sentence). */
int reader_step(struct reader *r, struct sqlite3_stmt *st, struct error *err);
void reader_finishp(struct sqlite3_stmt **st);
struct str reader_str(struct sqlite3_stmt *st, int column); /* p NULL: NULL */
int64_t reader_int(struct sqlite3_stmt *st, int column); /* FACT_NONE: NULL */

/* Content kept under this hash, appended to out (at most its max; more sets
 * out->full). 0; 1 when it was not kept. */
int reader_blob(struct reader *r, struct str sha256, struct buf *out,
    struct error *err);

#endif
