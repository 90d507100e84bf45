/* SPDX-License-Identifier: Apache-2.0 */
/* Folders, lock and files of the report database. Runs in `lazaret report`. */
#include "report/repo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "report/edit.h"
#include "report/hand.h"
#include "report/outfile.h"
#include "report/repo_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"
#include "sys/term.h"

static const char *const names[REPO_TREE__MAX] = {
	[REPO_MALICIOUS] = "malicious",
	[REPO_WITHDRAWN] = "withdrawn",
	[REPO_UNMERGABLE] = "unmergable",
	[REPO_HELD] = "held",
};

const char *
repo_tree_name(enum repo_tree tree)
{
	return names[tree];
}

const char *
repo_dir(const struct repo *r)
{
	return r->dir;
}

int
repo_tree_fd(struct repo *r, enum repo_tree tree)
{
	if (hand_pending(r, tree))
		(void)repo_settle(r, NULL);
	return r->trees[tree];
}

/* Only new reports are on their way: nothing is waited for because of one that
 * has an id. */
bool
repo_has(struct repo *r, enum repo_tree tree, const char *path)
{
	struct stat st;

	if (strstr(path, "/MAL-0000-") != NULL && hand_pending(r, tree))
		(void)repo_settle(r, NULL);
	return fstatat(r->trees[tree], path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Temporary files of a writer that died; the lock is ours now. */
static void
sweep(int tree)
{
	int fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (str_starts(str_of(e->d_name), ".tmp-"))
			(void)unlinkat(tree, e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	else
		closep(&fd);
}

/* The trees and the ecosystems in them lie where the file system has room:
 * each assignment removes as many files as there are new reports. */
static int
spread_trees(struct repo *r, struct error *err)
{
	static const char *const above[] = { "osv", "osv/malicious" };
	char path[LIMIT_PATH_BYTES];

	for (size_t i = 0; i < N_ELEMENTS(above); i++) {
		_cleanup_(closep) int fd = -1;

		(void)snprintf(path, sizeof(path), "%s/%s", r->dir, above[i]);
		if (paths_make(path, 0755, err) != 0)
			return err->code;
		fd =
		    open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0)
			fd_spread(fd);
	}
	return 0;
}

static int
open_trees(struct repo *r, bool make, struct error *err)
{
	char path[LIMIT_PATH_BYTES];

	if (make && spread_trees(r, err) != 0)
		return err->code;
	for (int i = 0; i < REPO_TREE__MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", r->dir,
		    repo_folders[i]);
		if (make && paths_make(path, 0755, err) != 0)
			return err->code;
		r->trees[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r->trees[i] < 0 && (make || i == REPO_MALICIOUS))
			return error_errno(err, "%s", path);
		if (make)
			sweep(r->trees[i]);
	}
	return 0;
}

static int
take_lock(struct repo *r, struct error *err)
{
	char path[LIMIT_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%s/.lazaret", r->dir);
	if (paths_make(path, 0755, err) != 0)
		return err->code;
	(void)snprintf(path, sizeof(path), "%s/.lazaret/lock", r->dir);
	r->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (r->lock < 0)
		return error_errno(err, "%s", path);
	for (int tries = 0; flock(r->lock, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, "%s", path);
		if (tries == 50)
			(void)fprintf(stderr,
			    "waiting for another process "
			    "that writes %s\n",
			    r->dir);
		(void)usleep(20000);
	}
	return 0;
}

static struct repo *
make(const char *dir)
{
	struct repo *r = mem_alloc(sizeof(*r));

	r->dir = mem_strdup(dir);
	r->lock = -1;
	for (int i = 0; i < REPO_TREE__MAX; i++)
		r->trees[i] = -1;
	return r;
}

int
repo_open(const char *dir, struct repo **ret, struct error *err)
{
	struct repo *r = make(dir);
	int rc = paths_make(dir, 0755, err);

	if (rc == 0)
		rc = take_lock(r, err);
	if (rc == 0)
		rc = open_trees(r, true, err);
	if (rc == 0)
		rc = repo_index_open(r, err);
	if (rc != 0) {
		repo_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

int
repo_open_read(const char *dir, struct repo **ret, struct error *err)
{
	struct repo *r = make(dir);
	int rc = open_trees(r, false, err);

	if (rc != 0) {
		repo_close(r);
		return error_wrap(err, "no report database");
	}
	*ret = r;
	return 0;
}

int
repo_open_made(const char *dir, struct repo **ret, struct error *err)
{
	struct repo *made = NULL;
	int rc = repo_open_read(dir, ret, err);

	if (rc != -ENOENT)
		return rc;
	rc = repo_open(dir, &made, err);
	repo_close(made);
	return rc == 0 ? repo_open_read(dir, ret, err) : rc;
}

void
repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	if (r->hand != NULL)
		(void)hand_end(r, NULL);
	editor_free(r->editor);
	repo_index_close(r);
	free(r->later);
	map_free(r->heard);
	map_free(r->heard_at);
	above_forget(r);
	free(r->fresh.source);
	free(r->unknown);
	for (int i = 0; i < REPO_TREE__MAX; i++)
		closep(&r->trees[i]);
	closep(&r->lock);
	free(r->dir);
	free(r);
}

int
repo_sync(struct repo *r, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	int rc = r->failed ?
	    error_set(err, -EIO, "documents could not be written") :
	    repo_settle(r, err);

	if (rc != 0)
		return rc;
	if (!r->dirty)
		return 0;
	fd = openat(r->trees[REPO_MALICIOUS], ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		return error_errno(err, "%s", r->dir);
	r->dirty = false;
	return 0;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
same_bytes(int folder, const char *name, struct str bytes)
{
	_cleanup_(closep) int fd =
	    openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && fd_has_bytes(fd, bytes);
}

static void
new_temporary(struct repo *r, char name[64])
{
	(void)snprintf(name, 64, ".tmp-%d-%u", (int)getpid(), r->counter++);
}

/* The temporary file lies in the tree's root: rename stays in one file
 * system, and a file left by a death is swept at the next open. */
static int
write_temporary(struct repo *r, int tree, char name[64], struct str bytes,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	int rc;

	new_temporary(r, name);
	fd = openat(tree, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return error_errno(err, "%s", name);
	rc = fd_write_all(fd, bytes.p, bytes.n, err);
	if (rc != 0) /* a full disk needs the room */
		(void)unlinkat(tree, name, 0);
	return rc;
}

static int
cannot_open(const char *folder, struct error *err)
{
	if (errno == ELOOP)
		return error_set(err, -ELOOP,
		    "%s: a symbolic link; remove it from the database", folder);
	return error_errno(err, "%s", folder);
}

static int
cannot_open_str(struct str folder, struct error *err)
{
	char path[LIMIT_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%.*s", STR_ARG(folder));
	return cannot_open(path, err);
}

static int
check_whole(struct repo *r, enum repo_tree tree, struct str folder,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[LIMIT_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "%.*s", STR_ARG(folder));
	fd = repo_open_below(r->trees[tree], path,
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || (errno != ELOOP && errno != ENOTDIR))
		return 0;
	return error_set(err, -errno,
	    "%s/%s: a %s where a package's folder belongs; remove it from the "
	    "database",
	    repo_folders[tree], path,
	    errno == ELOOP ? "symbolic link" : "file");
}

/* What is nearly always in order is known without opening it. */
int
repo_check_folder(struct repo *r, enum repo_tree tree, struct str folder,
    struct error *err)
{
	if (above_is_ours(r, tree, folder) ||
	    above_look(r, tree, folder) != ABOVE_UNKNOWN)
		return 0;
	return check_whole(r, tree, folder, err);
}

/* The folder at path, through no link: others edit the tree, and what is
 * written through a link of theirs would lie elsewhere. */
static int
open_folder(int tree, struct str path, bool make, struct error *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char folder[LIMIT_PATH_BYTES];
	int fd, rc;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    path.n != 0 ? (int)path.n : 1, path.n != 0 ? path.p : ".");
	fd = repo_open_below(tree, folder, flags);
	if (fd < 0 && errno == ENOENT && make) {
		rc = repo_make_folders(tree, folder, err);
		if (rc != 0)
			return rc;
		fd = repo_open_below(tree, folder, flags);
	}
	return fd >= 0 ? fd : cannot_open(folder, err);
}

/* The folder that a file lies in; it is there. */
static int
open_parent(int tree, const char *path, bool make, struct error *err)
{
	ptrdiff_t slash = str_rchr(str_of(path), '/');

	if (!repo_path_valid(str_of(path)))
		return error_set(err, -EINVAL, "%.200s: no path of a report",
		    path);
	return open_folder(tree, str_n(path, slash < 0 ? 0 : (size_t)slash),
	    make, err);
}

/* The folder above a package's, which is open already, most times. */
static int
open_above(struct repo *r, enum repo_tree tree, struct str path,
    struct error *err)
{
	int fd = above_open(r, tree, path), made;

	if (fd == -ENOENT) {
		made = open_folder(r->trees[tree], path, true, err);
		if (made < 0)
			return made;
		(void)close(made);
		above_made(r, tree);
		fd = above_open(r, tree, path);
	}
	if (fd >= 0)
		return fd;
	errno = -fd;
	return cannot_open_str(path, err);
}

/* The folder of a package. 1: it is new, so no file can be there. */
static int
open_package(struct repo *r, enum repo_tree tree, const char *path, int *ret,
    struct error *err)
{
	ptrdiff_t end = str_rchr(str_of(path), '/'), slash;
	char name[LIMIT_PATH_BYTES];
	bool made;
	int above;

	if (!repo_path_valid(str_of(path)))
		return error_set(err, -EINVAL, "%.200s: no path of a report",
		    path);
	slash = end < 0 ? -1 : str_rchr(str_n(path, (size_t)end), '/');
	if (slash < 0) {
		*ret = open_parent(r->trees[tree], path, true, err);
		return *ret < 0 ? *ret : 0;
	}
	(void)snprintf(name, sizeof(name), "%.*s", (int)(end - slash - 1),
	    path + slash + 1);
	above = open_above(r, tree, str_n(path, (size_t)slash), err);
	if (above < 0)
		return above;
	made = mkdirat(above, name, 0755) == 0;
	if (!made && errno == ENOENT) { /* somebody removed it meanwhile */
		above_forget(r);
		above = open_above(r, tree, str_n(path, (size_t)slash), err);
		if (above < 0)
			return above;
		made = mkdirat(above, name, 0755) == 0;
	}
	if (!made && errno != EEXIST)
		return error_errno(err, "%s", path);
	*ret = repo_open_below(above, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? cannot_open(path, err) : made;
}

#define IMPORT_TIME "\"import_time\": \""

/* Of two texts of one length: no other byte than those of a time of import
 * differs. */
static bool
differs_in_time(struct str a, struct str b)
{
	const struct str mark = STR_LIT(IMPORT_TIME);
	size_t at = 0;

	while (at < a.n) {
		ptrdiff_t next = str_find(str_sub(a, at, a.n), mark);
		size_t end = next >= 0 ? at + (size_t)next + mark.n : a.n;

		if (memcmp(a.p + at, b.p + at, end - at) != 0)
			return false;
		at = MIN_OF(end + CLOCK_RFC3339_SIZE - 1, a.n);
	}
	return true;
}

/* After a power cut a file may be empty, or end too early, or in zeros. */
static bool
is_whole(struct str text)
{
	return str_ends(text, "}\n") && str_chr(text, '\0') < 0;
}

/* 1: what is there stays. */
static int
look_at_old(int folder, const struct repo_put *p, struct error *err)
{
	_cleanup_(closep) int fd = openat(folder, last_part(p->path),
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct buf old;
	int rc = 1;

	if (fd < 0)
		return 0;
	buf_init(&old, LIMIT_ARENA_BYTES);
	if (fd_read_all(fd, &old, err) != 0 || !is_whole(buf_str(&old)))
		rc = 0;
	else if (old.n != p->bytes.n ||
	    !differs_in_time(buf_str(&old), p->bytes)) {
		term_print(stderr, str_of(p->path), LIMIT_PATH_BYTES);
		(void)fputs(": somebody has changed it; it stays as it is\n",
		    stderr);
	}
	buf_done(&old);
	return rc;
}

static int
changed(const char *path, struct error *err)
{
	return error_set(err, -ESTALE,
	    "%.200s: somebody has changed it at this moment; it stays as it is",
	    path);
}

static int
put_over(const struct repo_replace *over, const struct repo_put *p,
    struct error *err)
{
	int rc = repo_replace(over, p->own);

	if (rc == 0 || rc == -ESTALE)
		return rc == 0 ? 0 : changed(p->path, err);
	errno = -rc;
	return error_errno(err, "%s", p->path);
}

int
repo_put_here(struct repo *r, const struct repo_put *p, struct error *err)
{
	_cleanup_(closep) int folder = -1;
	int rc = open_package(r, p->tree, p->path, &folder, err);
	const char *name = last_part(p->path);
	int tree = r->trees[p->tree];
	char temporary[64];

	if (rc == 0 && same_bytes(folder, name, p->bytes))
		return 1;
	if (rc == 0 && p->only_new)
		rc = look_at_old(folder, p, err) == 1 ? 2 : 0;
	if (rc == 2)
		return 1;
	if (rc >= 0)
		rc = write_temporary(r, tree, temporary, p->bytes, err);
	if (rc != 0)
		return error_wrap(err, "%s/%s", repo_folders[p->tree], p->path);
	if (p->was != NULL)
		return put_over(&(struct repo_replace){ tree, folder, temporary,
				    name, p->was, p->own },
		    p, err);
	if (renameat(tree, temporary, folder, name) == 0)
		return 0;
	rc = error_errno(err, "%s", p->path);
	(void)unlinkat(tree, temporary, 0);
	return rc;
}

static int
put(struct repo *r, const struct repo_put *p, struct error *err)
{
	r->dirty = true;
	return r->hand != NULL ? hand_put(r, p, err) : repo_put_here(r, p, err);
}

int
repo_put(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err)
{
	return put(r,
	    &(struct repo_put){ .tree = tree, .path = path, .bytes = bytes },
	    err);
}

int
repo_put_new(struct repo *r, enum repo_tree tree, const char *path,
    struct str bytes, struct error *err)
{
	return put(r,
	    &(struct repo_put){ .tree = tree,
		.path = path,
		.bytes = bytes,
		.only_new = true },
	    err);
}

int
repo_get(struct repo *r, enum repo_tree tree, const char *path, struct buf *ret,
    struct error *err)
{
	_cleanup_(closep) int fd = repo_open_below(repo_tree_fd(r, tree), path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "%s", path);
	return fd_read_all(fd, ret, err);
}

static void
remove_empty_folders(int tree, const char *path)
{
	char part[LIMIT_PATH_BYTES];
	char *slash;

	(void)snprintf(part, sizeof(part), "%s", path);
	while ((slash = strrchr(part, '/')) != NULL) {
		*slash = '\0';
		if (unlinkat(tree, part, AT_REMOVEDIR) != 0)
			return;
	}
}

int
repo_move(struct repo *r, enum repo_tree from, const char *from_path,
    enum repo_tree to, const char *to_path, struct error *err)
{
	_cleanup_(closep) int old = -1;
	_cleanup_(closep) int new = -1;
	int rc = repo_settle(r, err);

	if (rc != 0)
		return rc;
	old = open_parent(r->trees[from], from_path, false, err);
	if (old < 0)
		return old;
	new = open_parent(r->trees[to], to_path, true, err);
	if (new < 0)
		return new;
	r->dirty = true;
	if (renameat2(old, last_part(from_path), new, last_part(to_path),
		RENAME_NOREPLACE) != 0)
		return error_errno(err, "%s", to_path);
	above_forget(r);
	remove_empty_folders(r->trees[from], from_path);
	return 0;
}

int
repo_remove(struct repo *r, enum repo_tree tree, const char *path,
    struct error *err)
{
	_cleanup_(closep) int folder = -1;
	int rc = repo_settle(r, err);

	if (rc != 0)
		return rc;
	folder = open_parent(r->trees[tree], path, false, err);
	if (folder < 0)
		return folder;
	r->dirty = true;
	if (unlinkat(folder, last_part(path), 0) != 0)
		return error_errno(err, "%s", path);
	above_forget(r);
	remove_empty_folders(r->trees[tree], path);
	return 0;
}

void
repo_remove_if(struct repo *r, enum repo_tree tree, const char *path,
    const struct repo_was *was, const struct repo_was *own)
{
	r->later =
	    vec_grow(r->later, &r->later_size, r->n_later, sizeof(*r->later));
	r->later[r->n_later].tree = tree;
	r->later[r->n_later].was = *was;
	r->later[r->n_later].own = *own;
	r->later[r->n_later++].path = mem_strdup(path);
}

void
repo_remove_later(struct repo *r, enum repo_tree tree, const char *path)
{
	const struct repo_was any = { .inode = 0 };

	repo_remove_if(r, tree, path, &any, &any);
}

/* What somebody wrote into it came too late for the report that it went into:
 * a person looks. */
static int
put_aside(struct repo *r, enum repo_tree tree, const char *path,
    struct error *err)
{
	int rc = repo_move(r, tree, path, REPO_UNMERGABLE, path, err);

	term_print(stderr, str_of(path), LIMIT_PATH_BYTES);
	(void)fprintf(stderr,
	    ": somebody has changed it after it was merged; %s\n",
	    rc == 0 ? "it is in osv/unmergable now" : "it stays");
	return 0;
}

static int
remove_one(struct repo *r, size_t i, struct error *err)
{
	const char *path = r->later[i].path;
	enum repo_tree tree = r->later[i].tree;
	_cleanup_(closep) int folder = -1;
	char temporary[64];
	int rc;

	if (r->later[i].was.inode == 0)
		return repo_remove(r, tree, path, err);
	rc = repo_settle(r, err);
	if (rc == 0)
		folder = open_parent(r->trees[tree], path, false, err);
	if (rc != 0 || folder < 0)
		return rc != 0 ? rc : folder;
	r->dirty = true;
	new_temporary(r, temporary);
	rc = repo_take_out(&(struct repo_replace){ r->trees[tree], folder,
	    temporary, last_part(path), &r->later[i].was, &r->later[i].own });
	if (rc == -ESTALE)
		return put_aside(r, tree, path, err);
	if (rc != 0) {
		errno = -rc;
		return error_errno(err, "%s", path);
	}
	above_forget(r);
	remove_empty_folders(r->trees[tree], path);
	return 0;
}

int
repo_end_later(struct repo *r, bool done, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->n_later; i++) {
		if (done && rc == 0)
			rc = remove_one(r, i, err);
		/* Asked for twice: a role died, and another did it again. */
		rc = rc == -ENOENT ? 0 : rc;
		free(r->later[i].path);
	}
	r->n_later = 0;
	return rc;
}
