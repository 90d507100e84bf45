/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of layers that belong to the ids of one sandbox. Runs in supervisors
 * and, to remove them, in `lazaret image`. */
#include "sandbox/shift.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "sandbox/image_priv.h"
#include "sys/paths.h"
#include "sys/term.h"

#define FOLDER     ".shifted"
#define TEMPORARY  ".tmp"
#define SLOT_CHARS 3
#define N_IDS      65536u /* what a sandbox has; others are nobody's */
#define NOBODY     65534u
/* FNV-1a, 64 bit: who could choose these names is root, and would gain a copy
 * of another tree of root's. */
#define HASH_BEGIN 0xcbf29ce484222325u
#define HASH_TIMES 0x100000001b3u

/* A file with several names, and where its first one was copied to. */
struct linked {
	dev_t dev;
	ino_t ino;
	char *path; /* owned; below the copy */
};

struct walk {
	const struct shift *s;
	const char *name; /* of the layer, for people */
	dev_t own_dev; /* our own folder is not copied into itself */
	ino_t own_ino;
	uint64_t hash;
	int64_t n_files, n_copied;
	int top; /* of the copy */
	char path[PATH_MAX]; /* below the tree, of what is being looked at */
	VEC(struct linked) linked;
};

typedef int (*visit)(struct walk *w, int from, int to, const char *name,
    const struct stat *st, struct error *err);

/* visit sees every entry of a folder but ours. */
static int
each(struct walk *w, int from, int to, visit f, struct error *err)
{
	int fd = openat(from, ".",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
	    rc = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	size_t n = strlen(w->path);
	const struct dirent *e;
	struct stat st;

	if (d == NULL) {
		closep(&fd);
		return error_errno(err, "%s%s", w->name, w->path);
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n + strlen(e->d_name) + 2 > sizeof(w->path)) {
			rc = error_set(err, -ENAMETOOLONG, "%s%s: too deep",
			    w->name, w->path);
			break;
		}
		(void)snprintf(w->path + n, sizeof(w->path) - n, "/%s",
		    e->d_name);
		if (fstatat(from, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			rc = error_errno(err, "%s%s", w->name, w->path);
		else if (st.st_ino != w->own_ino || st.st_dev != w->own_dev)
			rc = f(w, from, to, e->d_name, &st, err);
		w->path[n] = '\0';
	}
	(void)closedir(d);
	return rc;
}

static int
open_folder(struct walk *w, int at, const char *name, int *ret,
    struct error *err)
{
	*ret =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret >= 0 ? 0 : error_errno(err, "%s%s", w->name, w->path);
}

/* --- fingerprint --- */

static void
hash(struct walk *w, const void *p, size_t n)
{
	const uint8_t *byte = p;

	for (size_t i = 0; i < n; i++)
		w->hash = (w->hash ^ byte[i]) * HASH_TIMES;
}

/* Who changes a file changes st_ctim, and only root of the host can. The order
 * is that of the folder, which stays while nothing is changed. */
static int
look(struct walk *w, int from, int to, const char *name, const struct stat *st,
    struct error *err)
{
	const int64_t told[] = { (int64_t)st->st_ino, st->st_mode, st->st_uid,
		st->st_gid, st->st_size, st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec };
	_cleanup_(closep) int fd = -1;
	int rc;

	hash(w, name, strlen(name) + 1);
	hash(w, told, sizeof(told));
	w->n_files++;
	if (!S_ISDIR(st->st_mode))
		return 0;
	rc = open_folder(w, from, name, &fd, err);
	return rc != 0 ? rc : each(w, fd, to, look, err);
}

/* --- copy --- */

static uint32_t
shifted(const struct walk *w, uint32_t id)
{
	return w->s->uid_base + (id < N_IDS ? id : NOBODY);
}

/* Owner first: a change of it takes setuid bits away. */
static int
give(struct walk *w, int to, const char *name, const struct stat *st,
    struct error *err)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, shifted(w, st->st_uid), shifted(w, st->st_gid),
		AT_SYMLINK_NOFOLLOW) != 0 ||
	    (!S_ISLNK(st->st_mode) &&
		fchmodat(to, name, st->st_mode & 07777, 0) != 0) ||
	    utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(err, "copy of %s%s", w->name, w->path);
	return 0;
}

static int
copy_bytes(struct walk *w, int from, int to, const char *name, off_t size,
    struct error *err)
{
	_cleanup_(closep) int in =
	    openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int out = openat(to, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool by_range = true;

	if (in < 0 || out < 0)
		return error_errno(err, "copy of %s%s", w->name, w->path);
	for (ssize_t n = 1; size > 0 && n != 0;) {
		n = by_range ?
		    copy_file_range(in, NULL, out, NULL, (size_t)size, 0) :
		    sendfile(out, in, NULL, (size_t)size);
		if (n >= 0) {
			size -= n;
			continue;
		}
		/* Between file systems it is not always there. */
		if (!by_range)
			return error_errno(err, "copy of %s%s", w->name,
			    w->path);
		by_range = false;
		n = 1;
	}
	return 0;
}

static int
copy_file(struct walk *w, int from, int to, const char *name,
    const struct stat *st, struct error *err)
{
	struct linked l = { st->st_dev, st->st_ino, NULL };
	int rc;

	for (size_t i = 0; st->st_nlink > 1 && i < w->linked.n; i++) {
		const struct linked *have = &w->linked.v[i];

		if (have->ino != l.ino || have->dev != l.dev)
			continue;
		return linkat(w->top, have->path, to, name, 0) == 0 ?
		    0 :
		    error_errno(err, "copy of %s%s", w->name, w->path);
	}
	rc = copy_bytes(w, from, to, name, st->st_size, err);
	if (rc != 0 || st->st_nlink < 2)
		return rc;
	l.path = mem_strdup(w->path + 1);
	vec_push(&w->linked, l);
	return 0;
}

static int
copy_link(struct walk *w, int from, int to, const char *name, struct error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return error_errno(err, "%s%s", w->name, w->path);
	target[n] = '\0';
	return symlinkat(target, to, name) == 0 ?
	    0 :
	    error_errno(err, "copy of %s%s", w->name, w->path);
}

/* Devices, sockets and FIFOs are of no use in there and left out; so are
 * extended attributes (no capability of a file counts in a sandbox). */
static int
copy(struct walk *w, int from, int to, const char *name, const struct stat *st,
    struct error *err)
{
	_cleanup_(closep) int in = -1;
	_cleanup_(closep) int out = -1;
	int rc = 0;

	if (w->s->progress != NULL && ++w->n_copied % 64 == 0)
		progress_say(w->s->progress,
		    "copying %s for the ids of the sandbox: %" PRId64
		    " of %" PRId64 " files",
		    w->name, w->n_copied, w->n_files);
	if (S_ISLNK(st->st_mode)) {
		rc = copy_link(w, from, to, name, err);
	} else if (S_ISREG(st->st_mode)) {
		rc = copy_file(w, from, to, name, st, err);
	} else if (S_ISDIR(st->st_mode)) {
		if (mkdirat(to, name, 0700) != 0)
			return error_errno(err, "copy of %s%s", w->name,
			    w->path);
		rc = open_folder(w, from, name, &in, err);
		if (rc == 0)
			rc = open_folder(w, to, name, &out, err);
		if (rc == 0)
			rc = each(w, in, out, copy, err);
	} else {
		return 0;
	}
	return rc != 0 ? rc : give(w, to, name, st, err);
}

static int
copy_tree(struct walk *w, int tree, const char *slot, const char *tmp,
    const char *path, struct error *err)
{
	_cleanup_(closep) int top = -1;
	struct stat st;
	int rc = image_tree_remove(tmp, err);

	if (rc != 0)
		return rc;
	if (fstat(tree, &st) != 0 || mkdir(tmp, 0700) != 0)
		return error_errno(err, "%s", tmp);
	rc = open_folder(w, AT_FDCWD, tmp, &top, err);
	if (rc != 0)
		return rc;
	w->top = top;
	rc = each(w, tree, top, copy, err);
	if (w->s->progress != NULL)
		progress_end(w->s->progress);
	if (rc == 0)
		rc = give(w, AT_FDCWD, tmp, &st, err);
	if (rc == 0 && (syncfs(top) != 0 || rename(tmp, path) != 0))
		rc = error_errno(err, "%s", path);
	if (rc != 0) {
		struct error ignored = ERROR_INIT;

		(void)image_tree_remove(tmp, &ignored);
		return error_wrap(err, "%s", slot);
	}
	return 0;
}

/* --- the store --- */

static int
home_of(const char *state, char **ret, struct error *err)
{
	char images[PATH_MAX];
	int rc = paths_get(PATHS_IMAGES, state, images, sizeof(images), err);

	if (rc == 0)
		*ret = mem_printf("%s/" FOLDER, images);
	return rc;
}

/* Between our mkdir and our lock it may be removed: then again. */
static int
lock_slot(const char *path, int *lock, struct error *err)
{
	struct stat st;

	for (int tries = 0; tries < 8; tries++) {
		_cleanup_(closep) int fd = -1;

		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return error_errno(err, "%s", path);
		fd =
		    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_SH) == 0 && fstat(fd, &st) == 0 &&
		    st.st_nlink != 0 && access(path, F_OK) == 0) {
			*lock = steal_fd(&fd);
			return 0;
		}
		if (fd < 0 && errno != ENOENT)
			return error_errno(err, "%s", path);
	}
	return error_set(err, -EBUSY, "%s is being removed", path);
}

/* Copies of what has changed since, or of images that are gone, are not used
 * again: of a slot that has too many, those that were not used last. */
static void
make_room(const char *slot)
{
	struct error ignored = ERROR_INIT;
	_cleanup_(freep) char *oldest = NULL;
	struct timespec least = { 0 };
	DIR *d = opendir(slot);
	const struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		n++;
		if (oldest != NULL && st.st_atim.tv_sec >= least.tv_sec)
			continue;
		least = st.st_atim;
		free(oldest);
		oldest = mem_printf("%s/%s", slot, e->d_name);
	}
	if (d != NULL)
		(void)closedir(d);
	if (n >= LIMIT_SHIFT_COPIES)
		(void)image_tree_remove(oldest, &ignored);
}

static void
walk_done(struct walk *w)
{
	for (size_t i = 0; i < w->linked.n; i++)
		free(w->linked.v[i].path);
	vec_done(&w->linked);
}

int
shift_layer(const struct shift *s, int tree, const char *name, int *lock,
    int *ret, struct error *err)
{
	const struct timespec used[] = { { .tv_nsec = UTIME_NOW },
		{ .tv_nsec = UTIME_OMIT } };
	_cleanup_(freep) char *home = NULL;
	_cleanup_(freep) char *slot = NULL;
	_cleanup_(freep) char *tmp = NULL;
	_cleanup_(freep) char *path = NULL;
	struct walk w = { .s = s, .name = name, .hash = HASH_BEGIN };
	struct stat own;
	int rc = home_of(s->state, &home, err);

	if (rc != 0)
		return rc;
	slot = mem_printf("%s/%s", home, s->slot);
	tmp = mem_printf("%s/" TEMPORARY, slot);
	rc = paths_make(home, 0700, err);
	if (rc == 0 && *lock < 0)
		rc = lock_slot(slot, lock, err);
	if (rc == 0 && stat(home, &own) != 0)
		rc = error_errno(err, "%s", home);
	if (rc != 0)
		return rc;
	w.own_dev = own.st_dev;
	w.own_ino = own.st_ino;
	rc = each(&w, tree, -1, look, err);
	path = mem_printf("%s/%016" PRIx64, slot, w.hash);
	if (rc == 0 && access(path, F_OK) != 0) {
		make_room(slot);
		rc = copy_tree(&w, tree, slot, tmp, path, err);
	}
	walk_done(&w);
	if (rc != 0)
		return rc;
	(void)utimensat(AT_FDCWD, path, used, 0);
	return open_folder(&w, AT_FDCWD, path, ret, err);
}

static bool
is_slot(const char *name)
{
	return strlen(name) == SLOT_CHARS &&
	    strspn(name, "0123456789abcdef") == SLOT_CHARS;
}

int
shift_slot(const char *state, size_t i, char ret[4], struct error *err)
{
	_cleanup_(freep) char *home = NULL;
	const struct dirent *e;
	int rc = home_of(state, &home, err);
	DIR *d;

	if (rc != 0)
		return rc;
	d = opendir(home);
	rc = -ENOENT;
	while (d != NULL && rc != 0 && (e = readdir(d)) != NULL) {
		if (!is_slot(e->d_name) || i-- != 0)
			continue;
		memcpy(ret, e->d_name, SLOT_CHARS + 1);
		rc = 0;
	}
	if (d != NULL)
		(void)closedir(d);
	return rc;
}

int64_t
shift_gc(const char *state)
{
	struct error ignored = ERROR_INIT;
	_cleanup_(freep) char *home = NULL;
	const struct dirent *e;
	int64_t bytes = 0;
	DIR *d;

	if (home_of(state, &home, &ignored) != 0)
		return 0;
	d = opendir(home);
	while (d != NULL && (e = readdir(d)) != NULL) {
		_cleanup_(freep) char *slot =
		    mem_printf("%s/%s", home, e->d_name);
		_cleanup_(closep) int fd = -1;

		if (!is_slot(e->d_name))
			continue;
		fd =
		    open(slot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
			continue;
		bytes += image_tree_bytes(slot);
		(void)image_tree_remove(slot, &ignored);
	}
	if (d != NULL)
		(void)closedir(d);
	return bytes;
}
