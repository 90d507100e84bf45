/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite over one descriptor. Confined processes hold no paths: who can open,
 * opens; SQLite sees the one file behind the descriptor and can create no
 * other (temporary data stays in memory, no journal beside the file).
 */
#ifndef RUNFILE_DATABASE_H
#define RUNFILE_DATABASE_H

#include <stdbool.h>

struct error;
struct sqlite3;

/* Before anything else, in a process that has one thread and does nothing but
 * this: what it writes takes no locks and is in no account of SQLite's own. */
void database_alone(void);
/* fd: borrowed while the database is open. */
int database_open(int fd, bool writable, struct sqlite3 **ret,
    struct error *err);
/* An empty one in memory, for tests of rules. */
int database_memory(struct sqlite3 **ret, struct error *err);
void database_close(struct sqlite3 *db); /* accepts NULL */
void database_closep(struct sqlite3 **db);
/* Statements without results. */
int database_run(struct sqlite3 *db, const char *sql, struct error *err);

#endif
