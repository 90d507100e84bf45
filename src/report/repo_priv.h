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
	QUERY_FILE_ANY,
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

/* Years of which role edit remembers the last id, modulo this. */
#define REPO_YEARS 64

#define REPO_SAID_QUERIES 14 /* of repo-said.c */

/* The last id of a year that role edit was given. */
struct repo_turn {
	int year;
	uint64_t number;
};

/* A file as it was read: who writes into it changes its time, who saves it
 * anew its number. inode 0: none, or not known. */
struct repo_was {
	int64_t inode, size, mtime_ns;
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
		struct repo_was was; /* and as we wrote it; inode 0: any */
		struct repo_was own;
	} * later; /* owned: to be removed after the commit */
	size_t n_later, later_size;
	bool files_read; /* for the highest ids */
	struct map *heard, *heard_at; /* owned; of repo-heard.c */
	struct sqlite3 *db; /* NULL: read only */
	struct sqlite3_stmt *queries[QUERY__MAX];
	struct sqlite3_stmt *said[REPO_SAID_QUERIES];
	struct repo_above *above; /* owned; of repo-above.c; NULL: none */
	struct {
		char *source; /* owned; the last that was heard */
		bool all_heard; /* of which nothing was known before */
		bool first; /* nothing was heard of the last document's id */
	} fresh; /* of repo-heard.c */
	char *unknown; /* owned; source of which nothing is known; NULL */
	struct hand *hand; /* owned; NULL: documents are written here */
	bool said_dropped; /* of repo-said.c: rows went */
	bool failed; /* documents are missing: nothing is committed */
	struct editor *editor; /* owned; NULL: not started (edit.h) */
	/* In role edit: who writes, and ids. */
	struct channel *writer;
	struct edit_page *page; /* mapped */
	struct repo_turn turns[REPO_YEARS];
	struct map *read; /* owned; tree and path → struct repo_was, owned */
};

extern const char *const repo_folders[REPO_TREE__MAX];
/* openat(2) below a tree, through no symbolic link and not out of it. */
int repo_open_below(int tree, const char *path, int flags);
/* The folder and those above it, through no link either. */
int repo_make_folders(int tree, const char *folder, struct error *err);

/* Descriptors of folders that packages' folders lie in. */
/* Of the folder at path, borrowed until the next call; -errno. */
int above_open(struct repo *r, enum repo_tree tree, struct str path);
/* Whether the folder lies in one that this opening found missing, so that all
 * that is in there is of our making. */
bool above_is_ours(struct repo *r, enum repo_tree tree, struct str folder);
enum above_found {
	ABOVE_NOTHING, /* there is nothing at this path */
	ABOVE_FOLDER,
	ABOVE_UNKNOWN, /* to be asked of the whole path */
};
enum above_found above_look(struct repo *r, enum repo_tree tree,
    struct str folder);
/* Folders were made: what was not there may be. */
void above_made(struct repo *r, enum repo_tree tree);
/* Folders were moved or removed. */
void above_forget(struct repo *r);

struct repo_was repo_was_of(const struct stat *st);

/* A file of a folder, and a name in the tree's root that is nobody's. */
struct repo_replace {
	int tree, folder;
	const char *temporary, *name;
	/* What may be there: as it was read, or as we wrote it (own may be
	 * NULL). */
	const struct repo_was *was, *own;
};
/* Puts what is at temporary in the place of the file. -ESTALE: that was
 * another one, or has gone; it stays so. */
int repo_replace(const struct repo_replace *p, struct repo_was *ret_now);
/* Removes the file. -ESTALE: it is another one, and stays. */
int repo_take_out(const struct repo_replace *p);

/* repo_put() in this process, whoever else there is. */
struct repo_put {
	enum repo_tree tree;
	const char *path;
	struct str bytes;
	bool only_new; /* repo_put_new() */
	/* As in repo_replace(); was NULL: whatever is there goes. */
	const struct repo_was *was;
	struct repo_was *own; /* becomes what is there then */
};
int repo_put_here(struct repo *r, const struct repo_put *p, struct error *err);
int hand_put(struct repo *r, const struct repo_put *p, struct error *err);
bool hand_pending(const struct repo *r, enum repo_tree tree);
/* Before the index learns of documents they must outlive a power cut: one
 * syncfs(2) for all of them, not an fsync(2) for each. */
int repo_sync(struct repo *r, struct error *err);
/* repo_remove_later(), of a file that may be edited until then. */
void repo_remove_if(struct repo *r, enum repo_tree tree, const char *path,
    const struct repo_was *was, const struct repo_was *own);
/* done: the commit was made; otherwise the files stay. */
int repo_end_later(struct repo *r, bool done, struct error *err);
/* Nothing was known of the source when it was first heard in this opening, and
 * no document with this id has come since (repo_heard_later). */
bool repo_is_fresh(const struct repo *r, const struct repo_seen *s);
/* Whether the index knows a document of the source. */
bool repo_knows_source(struct repo *r, struct str source);
int repo_index_open(struct repo *r, struct error *err);
void repo_index_close(struct repo *r);
void repo_said_close(struct repo *r);
/* In a transaction that is about to end: when most rows that there ever were
 * are gone, those that are left move together. 1: they did, and the file may
 * be made shorter when the transaction has ended. */
int repo_said_tidy(struct repo *r, struct error *err);

#endif
