/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every document of a tree, in the order of bytes. A database has a folder
 * for each package, a quarter of a million: fts(3) asks for each entry's
 * status and its folder's again, here a folder is opened, read and closed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/repo_priv.h"

#define ENTRIES_BYTES (64 * KIB)
/* Names have two or three parts; deeper is no database of ours. */
#define MAX_DEPTH 32

struct entry {
	char *name; /* owned */
	bool folder;
	bool link; /* and no report: it leads elsewhere */
};

struct level {
	struct entry *v; /* owned */
	size_t n, size, next;
	size_t path_bytes; /* of the folder, with its slash */
};

struct walk {
	int tree;
	int (*link)(void *data, const char *path); /* may be NULL */
	char path[LIMIT_PATH_BYTES];
	struct level levels[MAX_DEPTH];
	size_t depth;
};

/* One read of a folder; used up before a callback may walk as well. */
static _Alignas(16) char entries[ENTRIES_BYTES];

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name,
	    ((const struct entry *)b)->name);
}

static bool
is_report(const char *name)
{
	return str_starts(str_of(name), "MAL-") &&
	    str_ends(str_of(name), ".json");
}

static unsigned char
type_of(int fd, const struct dirent64 *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

static void
add_entries(struct level *l, int fd, const char *bytes, size_t n)
{
	const struct dirent64 *e;
	struct entry one;
	unsigned char type;

	for (size_t at = 0; at < n; at += e->d_reclen) {
		e = (const struct dirent64 *)(const void *)(bytes + at);
		type = type_of(fd, e);
		one.folder = type == DT_DIR;
		/* What should be a report says itself that it is none. */
		one.link = type == DT_LNK && !is_report(e->d_name);
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!one.folder && !one.link &&
		    (e->d_name[0] == '.' ||
			!str_ends(str_of(e->d_name), ".json")))
			continue;
		one.name = mem_strdup(e->d_name);
		vec_push(l, one);
	}
}

/* The folder at path becomes the lowest level. What is gone is empty. */
static int
enter(struct walk *w, size_t path_bytes, struct error *err)
{
	_cleanup_(closep) int fd =
	    repo_open_below(w->tree, path_bytes != 0 ? w->path : ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct level *l;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(err, "%s", w->path);
	if (w->depth == MAX_DEPTH)
		return error_set(err, -ELOOP, "%s: too deep", w->path);
	l = &w->levels[w->depth++];
	l->next = l->n = 0;
	l->path_bytes = path_bytes;
	while ((n = getdents64(fd, entries, ENTRIES_BYTES)) > 0)
		add_entries(l, fd, entries, (size_t)n);
	if (n < 0)
		return error_errno(err, "%s", w->path);
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	return 0;
}

/* The next entry of the lowest level is at path, or the level ends. */
static int
step(struct walk *w, int (*fn)(void *data, const char *path), void *data,
    struct error *err)
{
	struct level *l = &w->levels[w->depth - 1];
	struct entry *e;
	int n;

	if (l->next == l->n) {
		for (size_t i = 0; i < l->n; i++)
			free(l->v[i].name);
		l->n = 0;
		w->depth--;
		return 0;
	}
	e = &l->v[l->next++];
	n = snprintf(w->path + l->path_bytes, sizeof(w->path) - l->path_bytes,
	    "%s%s", e->name, e->folder ? "/" : "");
	if (n < 0 || (size_t)n >= sizeof(w->path) - l->path_bytes)
		return error_set(err, -ENAMETOOLONG, "%s", w->path);
	if (e->link)
		return w->link != NULL ? w->link(data, w->path) : 0;
	return e->folder ? enter(w, l->path_bytes + (size_t)n, err) :
			   fn(data, w->path);
}

int
repo_walk(struct repo *r, enum repo_tree tree, const char *folder,
    int (*fn)(void *data, const char *path), void *data, struct error *err)
{
	return repo_walk_links(r, tree, folder, fn, NULL, data, err);
}

int
repo_walk_links(struct repo *r, enum repo_tree tree, const char *folder,
    int (*fn)(void *data, const char *path),
    int (*link)(void *data, const char *path), void *data, struct error *err)
{
	struct walk *w;
	int rc;

	rc = tree != REPO_WITHDRAWN ? repo_settle(r, err) : 0;
	if (rc != 0)
		return rc;
	/* Intake asks for each package's folder: most are not there. */
	if (r->trees[tree] < 0 ||
	    (folder != NULL && tree == REPO_WITHDRAWN &&
		above_look(r, tree, str_of(folder)) == ABOVE_NOTHING) ||
	    (folder != NULL && faccessat(r->trees[tree], folder, F_OK, 0) != 0))
		return 0;
	w = mem_alloc(sizeof(*w));
	w->tree = r->trees[tree];
	w->link = link;
	if (folder != NULL && folder[0] != '\0')
		(void)snprintf(w->path, sizeof(w->path), "%s%s", folder,
		    str_ends(str_of(folder), "/") ? "" : "/");
	rc = enter(w, strlen(w->path), err);
	while (rc == 0 && w->depth != 0)
		rc = step(w, fn, data, err);
	for (size_t i = 0; i < MAX_DEPTH; i++) {
		for (size_t k = 0; k < w->levels[i].n; k++)
			free(w->levels[i].v[k].name);
		free(w->levels[i].v);
	}
	free(w);
	return rc;
}
