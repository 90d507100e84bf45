/* SPDX-License-Identifier: Apache-2.0 */
/* Between repo.c (files) and repo-index.c (SQLite). */
#ifndef REPORT_REPO_PRIV_H
#define REPORT_REPO_PRIV_H

#include "report/repo.h"

struct sqlite3;
struct sqlite3_stmt;

enum repo_query {
	QUERY_FILE_GET,
	QUERY_FILE_PUT,
	QUERY_SEEN_RAW,
	QUERY_SEEN_CANONICAL,
	QUERY_SEEN_ID,
	QUERY_SEEN_PATHS,
	QUERY_SEEN_PUT,
	QUERY_RENAME,
	QUERY_START_GET,
	QUERY_START_PUT,
	QUERY_COUNTER_GET,
	QUERY_COUNTER_PUT,
	QUERY__MAX
};

/* Years whose files have been looked at are remembered modulo this. */
#define REPO_YEARS 64

struct repo {
	char *dir; /* owned */
	int trees[REPO_TREE__MAX], lock;
	unsigned counter; /* of temporary files */
	int years_read[REPO_YEARS];
	struct sqlite3 *db; /* NULL: read only */
	struct sqlite3_stmt *queries[QUERY__MAX];
};

int repo_index_open(struct repo *r, struct error *err);
void repo_index_close(struct repo *r);

#endif
