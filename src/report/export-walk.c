/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which reports are as they were exported and which are not. Two processes
 * have half of the packages each: a database has a quarter of a million, and a
 * folder for each. All changes of a database are made by renaming, so a folder
 * whose time and number are those of the last export has the same files;
 * but each file is looked at, because a person may have written into it.
 *
 * Runs in `lazaret report export`. Nothing is opened here but folders.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_walk_priv.h"
#include "sys/clock.h"

#define NAMES_MAX_BYTES \
	((size_t)4 << 30) /* of the most reports that there are */

/* The folder at w->path becomes the lowest level. What is gone is empty. */
static int
enter(struct walk *w, int parent, const char *name, struct error *err)
{
	struct level *l = &w->levels[w->depth];
	int fd;

	if (w->depth == WALK_MAX_DEPTH)
		return error_set(err, -ELOOP, "%s: too deep", w->path);
	fd = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_errno(err, "%s", w->path);
	*l = (struct level){ .fd = fd, .path_bytes = w->path_bytes };
	w->depth++;
	return export_listing_take(w, l, err);
}

static void
leave(struct walk *w)
{
	struct level *l = &w->levels[--w->depth];

	vec_done(&l->names);
	closep(&l->fd);
}

/* --- files ------------------------------------------------------------------
 */

static void
add_file(struct walk *w, const char *path, struct folder folder)
{
	vec_push(w->files,
	    ((struct export_file){ .path = mem_strdup(path),
		.folder_mtime_ns = folder.mtime_ns,
		.folder_inode = folder.inode }));
}

/* The first entry of the last export that is not before the path. */
static const struct export_entry *
seek(struct walk *w, struct str path)
{
	while (w->at < w->x->n_past &&
	    export_path_cmp(w->x->past[w->at].path, path) < 0)
		w->at++;
	return w->at < w->x->n_past ? &w->x->past[w->at] : NULL;
}

static int
visit_file(struct walk *w, const struct level *l, const char *name,
    struct error *err)
{
	struct str path = str_n(w->path, w->path_bytes);
	const struct export_entry *e = seek(w, path);
	struct stat st;

	if (e != NULL && str_eq(e->path, path)) {
		if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return errno == ENOENT ?
			    0 :
			    error_errno(err, "%s", w->path);
		if (export_claims_is_same(e, &st)) {
			w->claims.state[w->at] = CLAIM_IN_NEW_FOLDER;
			w->claims.folders[w->at] = l->folder;
			return 0;
		}
	}
	add_file(w, w->path, l->folder);
	return 0;
}

static bool
lies_in(const struct export_entry *e, struct str folder)
{
	return e->path.n > folder.n &&
	    memcmp(e->path.p, folder.p, folder.n) == 0;
}

/* The folder at w->path has the files of the last export and no others: they
 * are looked at without reading it. False: it must be read. */
static bool
visit_known(struct walk *w, const struct level *l, const char *name)
{
	struct str path = str_n(w->path, w->path_bytes);
	const struct export_entry *e = seek(w, path);
	struct folder folder;
	struct stat st;

	if (e == NULL || e->folder_mtime_ns == 0 || !lies_in(e, path) ||
	    fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    outfile_mtime_ns(&st) != e->folder_mtime_ns ||
	    (int64_t)st.st_ino != e->folder_inode)
		return false;
	folder = (struct folder){ e->folder_mtime_ns, e->folder_inode };
	for (; w->at < w->x->n_past; w->at++) {
		e = &w->x->past[w->at];
		if (!lies_in(e, path))
			break;
		/* Gone this moment, or as it was, or not. */
		if (fstatat(l->fd, e->path.p + l->path_bytes, &st,
			AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (export_claims_is_same(e, &st))
			w->claims.state[w->at] = CLAIM_SAME;
		else
			add_file(w, e->path.p, folder);
	}
	return true;
}

/* The next name of the lowest level, or its end. */
static int
step(struct walk *w, struct error *err)
{
	struct level *l = &w->levels[w->depth - 1];
	const struct name *e;

	if (l->next == l->names.n) {
		leave(w);
		return 0;
	}
	e = &l->names.v[l->next++];
	if (e->n + 2 > sizeof(w->path) - l->path_bytes)
		return error_set(err, -ENAMETOOLONG, "%.*s%s",
		    (int)l->path_bytes, w->path, e->text);
	memcpy(w->path + l->path_bytes, e->text, e->n + 1);
	w->path_bytes = l->path_bytes + e->n;
	if (!e->folder)
		return visit_file(w, l, e->text, err);
	memcpy(w->path + w->path_bytes++, "/", 2);
	if (visit_known(w, l, e->text))
		return 0;
	return enter(w, l->fd, e->text, err);
}

/* --- folders ----------------------------------------------------------------
 */

void
export_walk_set_path(struct walk *w, const char *tree, const char *folder)
{
	w->path_bytes = (size_t)snprintf(w->path, sizeof(w->path), "%s/%s%s",
	    tree, folder, folder[0] != '\0' ? "/" : "");
	assert(w->path_bytes < sizeof(w->path));
}

int
export_walk_share(struct walk *w, const struct export_tree *trees, size_t n,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (trees[i].fd < 0)
			continue;
		export_walk_set_path(w, trees[i].name, "");
		rc = enter(w, trees[i].fd, ".", err);
		while (rc == 0 && w->depth != 0)
			rc = step(w, err);
	}
	while (w->depth != 0)
		leave(w);
	return rc;
}

int
export_walk_narrow(const struct walk *w, struct error *err)
{
	return w->x->narrow != NULL ? w->x->narrow(w->x->narrow_arg, err) : 0;
}

int
export_walk(struct exporter *x, const struct export_tree *trees, size_t n,
    struct export_files *ret, struct error *err)
{
	struct walk *w = mem_alloc(sizeof(*w));
	int rc;

	w->x = x;
	w->begin_ns = clock_wall_ns();
	w->names = arena_new(NAMES_MAX_BYTES);
	rc = export_lister_start(w, trees, n, err);
	if (rc == 0) {
		export_load(x);
		rc = export_lister_wait(w, err);
	}
	export_claims_init(&w->claims, x->n_past);
	if (rc == 0)
		rc = export_merge_walks(w, trees, n, ret, err);
	if (rc == 0) {
		export_claims_apply(&w->claims, x);
		export_claims_drop_doubles(x, ret);
		x->places = EXPORT_ROW(x->places + EXPORT_GROUP - 1) *
		    EXPORT_GROUP; /* so that workers have whole rows */
		for (size_t i = 0; i < ret->n; i++)
			ret->v[i].place = x->places++;
	}
	export_lister_done(w);
	arena_free(w->names);
	export_claims_done(&w->claims);
	free(w);
	return rc;
}

void
export_files_done(struct export_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->v[i].path);
	vec_done(files);
}
