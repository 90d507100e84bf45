/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report database: a folder of OSV documents that git can hold, and an
 * index beside it.
 *
 *	DIR/osv/malicious/<ecosystem>/<name>/MAL-YYYY-N.json   live
 *	DIR/osv/withdrawn/<ecosystem>/<name>/MAL-YYYY-N.json   taken back
 *	DIR/osv/unmergable/<ecosystem>/<name>/MAL-0000-….json  a person's turn
 *	DIR/osv/malicious/.id-allocator    changes with every allocation
 *	DIR/held/<ecosystem>/<name>/…      see held.h
 *	DIR/.lazaret/index.db              what has been seen, highest ids
 *	DIR/.lazaret/lock                  one writer at a time
 *
 * The documents are the truth: every change is one rename(2), made before
 * the index learns of it, so that a death at any moment leaves valid files
 * and an index that is at most behind. The index can be deleted; then sources
 * are read again and what is there already is found by name.
 */
#ifndef REPORT_REPO_H
#define REPORT_REPO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/vec.h"

struct buf;
struct error;
struct repo;

enum repo_tree {
	REPO_MALICIOUS,
	REPO_WITHDRAWN,
	REPO_UNMERGABLE,
	REPO_HELD, /* through held.h */
	REPO_TREE__MAX
};

/* Makes the folders when absent; waits for another writer (and says so on
 * standard error after a second). */
int repo_open(const char *dir, struct repo **ret, struct error *err);
/* The same without the right to write: no lock, no index. -ENOENT when there
 * is no database. */
int repo_open_read(const char *dir, struct repo **ret, struct error *err);
/* The same, of a database that is made when there is none. */
int repo_open_made(const char *dir, struct repo **ret, struct error *err);
void repo_close(struct repo *r); /* commits; accepts NULL */
/* Removes a closed database that was made for a dry run: its index and its
 * empty folders, and nothing that somebody else put there. */
void repo_unmake(const char *dir);
/* From now on nothing that the index learns is kept, commits included. For dry
 * runs, which change no document. */
void repo_dry(struct repo *r);
const char *repo_dir(const struct repo *r);
/* Borrowed; what was put there is there (repo_settle). */
int repo_tree_fd(struct repo *r, enum repo_tree tree);
const char *repo_tree_name(enum repo_tree tree); /* "malicious", … */

/* --- files (paths are relative to their tree) ----------------------------- */

/* Whether it can be a file of a tree: <ecosystem>/<name>/MAL-…, no part that
 * leads elsewhere. What writes looks at every path so: names come from
 * processes that read foreign bytes. */
bool repo_path_valid(struct str path);
/* Whether reports can lie in a folder of a tree, be it there or not. -ELOOP:
 * there is a symbolic link on the way; -ENOTDIR: something that is no folder.
 * Others edit the tree, and nothing is written through links of theirs. */
int repo_check_folder(struct repo *r, enum repo_tree tree, struct str folder,
    struct error *err);
/* Writes by rename; missing folders are made. 1: the same bytes are there
 * already, nothing was done. */
int repo_put(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err);
/* The same of what is not there yet. A file that is there and whole stays, as
 * does what somebody wrote into it; 1, and it is named on standard error, where
 * it is not the same but for the time of its import. */
int repo_put_new(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err);
/* Waits for documents that another process writes (hand.h). */
int repo_settle(struct repo *r, struct error *err);
bool repo_has(struct repo *r, enum repo_tree tree, const char *path);
int repo_get(struct repo *r, enum repo_tree tree, const char *path,
    struct buf *ret, struct error *err);
/* -EEXIST when the target is there. */
int repo_move(struct repo *r, enum repo_tree from, const char *from_path,
    enum repo_tree to, const char *to_path, struct error *err);
/* Removes the file, and folders that are empty then. */
int repo_remove(struct repo *r, enum repo_tree tree, const char *path,
    struct error *err);
/* The same with the next commit, after it: until the index knows where its
 * content has gone to, a file stays. */
void repo_remove_later(struct repo *r, enum repo_tree tree, const char *path);
/* Calls fn for every *.json of a tree (below folder when not NULL) in the
 * order of bytes; a non-zero answer ends the walk and is returned. */
int repo_walk(struct repo *r, enum repo_tree tree, const char *folder,
    int (*fn)(void *data, const char *path), void *data, struct error *err);
/* The same, and calls link for every symbolic link that has no report's name:
 * none is followed. */
int repo_walk_links(struct repo *r, enum repo_tree tree, const char *folder,
    int (*fn)(void *data, const char *path),
    int (*link)(void *data, const char *path), void *data, struct error *err);

/* What a person names: an id, a file, a folder, ecosystem/name. The path of
 * the one report that is meant; -ENOENT, -EEXIST (several). */
int repo_find(struct repo *r, enum repo_tree tree, const char *what,
    char **ret_path, struct error *err);
/* Takes a source's origin back. A report without any origin left is withdrawn,
 * or removed when it has no id yet. source_id p NULL: all of the source.
 * -ENOENT: no such file; -EINVAL: it cannot be read. */
int repo_retract_origin(struct repo *r, const char *path, struct str source,
    struct str source_id, struct error *err);

/* The source's word stands in the withdrawn report at path: a person has
 * withdrawn it, and not the source. */
bool repo_stands_withdrawn(struct repo *r, const char *path, struct str source);

/* In role edit: the document at hand, and what was done until now, for those
 * who hear that the role died. */
struct consolidate_counts;
void repo_at(struct repo *r, const char *path);
void repo_did(struct repo *r, const struct consolidate_counts *counts);

/* --- the index ------------------------------------------------------------ */

/* What is remembered of a source's document. */
struct repo_seen {
	struct str source; /* its name */
	uint8_t raw[32], canonical[32]; /* SHA-256 */
	struct str id; /* at the source; p NULL: none */
	struct str path; /* file it became, in its tree; "" when none */
	bool never; /* repo_seen_before() said REPO_NEVER of it */
};

/* Whether any file of the source was taken in. */
bool repo_file_any(struct repo *r, struct str source);
/* Whether the source's file was taken in with this size and these times. */
bool repo_file_unchanged(struct repo *r, struct str source, struct str file,
    const struct stat *st);
int repo_file_remember(struct repo *r, struct str source, struct str file,
    const struct stat *st, struct error *err);
/* Same: this is what was last seen of the document (formatted otherwise, it is
 * the same); a document without an id: when it was ever seen. */
enum repo_known {
	REPO_NEVER,
	REPO_CHANGED,
	REPO_SAME
};
/* Several documents of one source with one id, in one opening: true when this
 * one is not the latest that was heard, so that it does not matter in which
 * order they come. (Between openings a source may go back.) */
bool repo_heard_later(struct repo *r, const struct repo_seen *s,
    int64_t modified_s);
/* A document of this id and time, about a package in another folder, was heard
 * in this opening: no version of this one, but another that has its id. */
bool repo_heard_elsewhere(struct repo *r, const struct repo_seen *s,
    struct str folder, int64_t modified_s);
enum repo_known repo_seen_before(struct repo *r, const struct repo_seen *s);
/* Every file that earlier versions of the source's document went into. */
struct repo_paths {
	char **v; /* owned */
	size_t n, size;
};
void repo_seen_paths(struct repo *r, struct str source, struct str id,
    struct repo_paths *ret);
void repo_paths_done(struct repo_paths *p);
int repo_remember(struct repo *r, const struct repo_seen *s, struct error *err);
/* After a merge or an assignment: what became `from` is now in `to`. */
int repo_renamed(struct repo *r, const char *from, const char *to,
    struct error *err);
/* Items of one origin of one report (provenance.h). */
struct repo_said {
	struct str source, sha256; /* as the origin has them */
	struct str package; /* report_key() of the report */
};
int repo_said_put(struct repo *r, const struct repo_said *s, struct str items,
    struct error *err);
/* Nobody refers to it any more, or it is about to be said again. */
int repo_said_drop(struct repo *r, const struct repo_said *s,
    struct error *err);
/* false: not known. */
bool repo_said_get(struct repo *r, const struct repo_said *s,
    struct buf *ret_items);
/* What one origin said by itself, before it was merged (parts.h). */
int repo_part_put(struct repo *r, const struct repo_said *s, struct str text,
    struct error *err);
bool repo_part_get(struct repo *r, const struct repo_said *s,
    struct buf *ret_text);
/* Nobody refers to the origin any more: nor is it known what it said. */
int repo_part_drop(struct repo *r, const struct repo_said *s,
    struct error *err);
/* The source's document that last went into a file; both owned. */
bool repo_seen_who(struct repo *r, const char *path, char **ret_source,
    char **ret_id);
/* Files of other sources' documents with this id of their own. */
void repo_seen_elsewhere(struct repo *r, struct str source, struct str id,
    struct repo_paths *ret);
/* Whether the source had a part in a file, and whether it has said this. */
bool repo_seen_from(struct repo *r, const char *path, struct str source);
/* The same, with a document of another id. */
bool repo_seen_another(struct repo *r, const char *path, struct str source,
    struct str id);
bool repo_seen_content(struct repo *r, struct str source,
    const uint8_t canonical[32]);
/* Where the next reading of a source starts: a commit, and a hash of how the
 * source is configured. */
/* What was remembered is added to ret; nothing when there is nothing. */
void repo_start_get(struct repo *r, struct str source, struct buf *ret);
bool repo_start_is(struct repo *r, struct str source, struct str key);
int repo_start_put(struct repo *r, struct str source, struct str key,
    struct error *err);
/* The next id of a year: never given out before, over all trees. */
int repo_next_id(struct repo *r, int year, uint64_t *ret_number,
    struct error *err);
/* This id is in use: the counter does not stay below it. */
int repo_saw_id(struct repo *r, const char *path, struct error *err);
/* Makes what was done so far durable. */
int repo_commit(struct repo *r, struct error *err);

#endif
