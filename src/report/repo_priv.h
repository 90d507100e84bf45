/* SPDX-License-Identifier: Apache-2.0 */
/* Between repo.c (files) and repo-index.c (SQLite). */
#ifndef REPORT_REPO_PRIV_H
#define REPORT_REPO_PRIV_H

#include "report/repo.h"

struct channel;
struct editor;
struct hand;
struct map;
struct sqlite3;
struct sqlite3_stmt;

enum repo_query {
	QUERY_FILE_GET,
	QUERY_FILE_PUT,
	QUERY_SEEN_RAW,
	QUERY_SEEN_CANONICAL,
	QUERY_SEEN_ID,
	QUERY_SEEN_PATHS,
	QUERY_SEEN_DELETE_ID,
	QUERY_SEEN_DELETE_RAW,
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

#define REPO_SAID_QUERIES 12 /* of repo-said.c */

/* The last id of a year that role edit was given. */
struct repo_turn {
	int year;
	uint64_t number;
};

struct repo {
	char *dir; /* owned */
	int trees[REPO_TREE__MAX], lock;
	unsigned counter; /* of temporary files */
	bool dry; /* the index keeps nothing */
	bool dirty; /* documents were changed since the last commit */
	struct {
		enum repo_tree tree;
		char *path; /* owned */
	} * later; /* owned: to be removed after the commit */
	size_t n_later, later_size;
	int years_read[REPO_YEARS];
	struct map *heard; /* owned; of repo-heard.c */
	struct sqlite3 *db; /* NULL: read only */
	struct sqlite3_stmt *queries[QUERY__MAX];
	struct sqlite3_stmt *said[REPO_SAID_QUERIES];
	struct {
		enum repo_tree tree;
		char *path; /* owned */
		int fd;
	} above; /* folder that the last document's folder lies in */
	struct hand *hand; /* owned; NULL: documents are written here */
	bool failed; /* documents are missing: nothing is committed */
	struct editor *editor; /* owned; NULL: not started (edit.h) */
	/* In role edit: who writes, and ids. */
	struct channel *writer;
	struct edit_page *page; /* mapped */
	struct repo_turn turns[REPO_YEARS];
};

extern const char *const repo_folders[REPO_TREE__MAX];
/* openat(2) below a tree, through no symbolic link and not out of it. */
int repo_open_below(int tree, const char *path, int flags);
/* The folder and those above it, through no link either. */
int repo_make_folders(int tree, const char *folder, struct error *err);

/* repo_put() in this process, whoever else there is. */
int repo_put_here(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err);
int hand_put(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err);
bool hand_pending(const struct repo *r, enum repo_tree tree);
/* Before the index learns of documents they must outlive a power cut: one
 * syncfs(2) for all of them, not an fsync(2) for each. */
int repo_sync(struct repo *r, struct error *err);
/* done: the commit was made; otherwise the files stay. */
int repo_end_later(struct repo *r, bool done, struct error *err);
int repo_index_open(struct repo *r, struct error *err);
void repo_index_close(struct repo *r);
void repo_said_close(struct repo *r);

#endif
