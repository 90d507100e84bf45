/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a walk over a database: export-walk.c (which files there are),
 * export-listing.c (names of folders), export-lister.c (of large ones, by a
 * process of its own), export-claims.c (what is as it was), export-merge.c
 * (two processes become one answer). */
#ifndef REPORT_EXPORT_WALK_PRIV_H
#define REPORT_EXPORT_WALK_PRIV_H

#include "base/limits.h"
#include "base/vec.h"
#include "report/export_priv.h"

#define WALK_SHARES    2
#define WALK_MAX_DEPTH 32 /* names have two or three parts */

struct stat;

struct folder {
	int64_t mtime_ns, inode; /* 0: not to be relied on */
};

/* Of the entries of the last export, in memory that both processes have. */
struct claims {
	uint8_t *state;
	struct folder *folders; /* with CLAIM_IN_NEW_FOLDER */
	size_t n;
};

enum {
	CLAIM_NONE,
	CLAIM_SAME,
	CLAIM_IN_NEW_FOLDER /* the file is the same, its folder is not */
};

struct name {
	uint64_t key[2]; /* the first bytes: mostly these are compared */
	const char *text; /* n bytes and a NUL */
	size_t n;
	bool folder;
};

struct list {
	const char *path; /* as walk.path, with a slash at its end */
	VEC(struct name) names; /* as the folder has them */
	struct folder folder;
};

/* A name of a large folder, as the lister leaves it. */
struct listed_name {
	uint32_t at; /* in the list's text, with a NUL behind it */
	uint16_t n;
	uint8_t folder, share; /* whose it is */
};

/* A large folder: this, its path, its names as it has them, their text; each
 * at a multiple of 8 bytes. */
struct listed {
	struct folder folder;
	uint32_t n_names, n_path, n_text, unused;
};

struct level {
	int fd; /* owned */
	VEC(struct name) names; /* of this process, in order */
	size_t next, path_bytes; /* of the folder, with its slash */
	struct folder folder;
};

struct walk {
	const struct exporter *x;
	struct claims claims;
	struct export_files *files;
	struct arena *names; /* that both read, and what each reads alone */
	VEC(struct list) lists; /* of large folders; the lister's alone */
	struct {
		int pid, fd; /* fd: owned, memory that it writes into */
		const char *map; /* the same, when it has ended */
		size_t bytes;
	} lister;
	unsigned share;
	int64_t begin_ns;
	size_t at; /* in x->past: those before have been passed */
	char path[LIMIT_PATH_BYTES];
	size_t path_bytes;
	struct level levels[WALK_MAX_DEPTH];
	size_t depth;
};

/* w->path: a tree's folder, or one below it. */
void export_walk_set_path(struct walk *w, const char *tree, const char *folder);
/* The half of a process. */
int export_walk_share(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err);

/* Folders of which each process visits a part, into w->lists. */
int export_listing_shared(struct walk *w, const struct export_tree *trees,
    size_t n, struct error *err);
/* What the process has to visit, of the folder at w->path. */
int export_listing_take(struct walk *w, struct level *l, struct error *err);
/* Whose name it is, in the folder at w->path, which is the lowest level of
 * depth levels. By the name alone: both must agree, whatever is added. */
unsigned export_listing_share(size_t depth, struct str name, bool folder);
/* text: with a NUL behind it, and borrowed. */
struct name export_listing_name(struct str text, bool folder);

/* In a process that reads folders alone. */
int export_walk_narrow(const struct walk *w, struct error *err);

/* It reads large folders, while we do something else until the second. */
int export_lister_start(struct walk *w, const struct export_tree *trees,
    size_t n, struct error *err);
int export_lister_wait(struct walk *w, struct error *err);
/* Those of this process, of the folder at w->path. False: it is not
 * one that was listed. */
bool export_lister_take(const struct walk *w, struct level *l);
/* Whether these are lists (struct listed) that can be taken. bytes: aligned as
 * malloc(3) does. */
bool export_lister_valid(struct str bytes);
void export_lister_done(struct walk *w);

void export_claims_init(struct claims *c, size_t n);
void export_claims_done(struct claims *c);
bool export_claims_is_same(const struct export_entry *e, const struct stat *st);
void export_claims_apply(const struct claims *c, struct exporter *x);
/* One id, one document: of two files with it (a person copied one) the last
 * stands, and the first is not even read. */
void export_claims_drop_doubles(struct exporter *x, struct export_files *files);

/* Both halves, by this process and another; *ret is in order. */
int export_merge_walks(struct walk *w, const struct export_tree *trees,
    size_t n, struct export_files *ret, struct error *err);

#endif
