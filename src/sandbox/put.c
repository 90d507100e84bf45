/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer of put files. A folder made here hides nothing of the layers
 * below (overlay merges folders) but would hide a symbolic link there, so
 * paths are resolved against all layers first. Runs in supervisors.
 */
#include "sandbox/put.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "sandbox/mounts.h"
#include "sandbox/sandbox.h"
#include "sys/fd.h"

#define MAX_LINKS 16

/* What is at a relative path without links in its parents: put layer first.
 * False: nothing. Ids are those inside. */
static bool
look(const struct mounts *m, const char *rel, struct stat *ret, int *ret_layer)
{
	*ret_layer = m->put;
	if (fstatat(m->put, rel, ret, AT_SYMLINK_NOFOLLOW) == 0) {
		ret->st_uid -= m->uid_base;
		ret->st_gid -= m->uid_base;
		return true;
	}
	for (size_t i = 0; i < m->n_layers; i++) {
		*ret_layer = m->layers[i];
		if (fstatat(m->layers[i], rel, ret, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		/* An idmapped mount shows ids as the host would see them. */
		ret->st_uid -= m->uid_base;
		ret->st_gid -= m->uid_base;
		return true;
	}
	return false;
}

/* Writes what replaces the link at `rel` and what follows it to ret. */
static int
follow(int layer, const char *rel, const char *rest, char *ret, size_t size,
    struct error *err)
{
	char target[PATH_MAX];
	const char *slash = strrchr(rel, '/');
	ssize_t n = readlinkat(layer, rel, target, sizeof(target) - 1);

	if (n <= 0)
		return error_errno(err, "%s", rel);
	target[n] = '\0';
	if (strstr(target, "..") != NULL)
		return error_set(err, -ELOOP,
		    "%s is a link upwards: name its target instead", rel);
	if (target[0] == '/')
		n = snprintf(ret, size, "%s%s", target + 1, rest);
	else
		n = snprintf(ret, size, "%.*s%s%s",
		    slash != NULL ? (int)(slash - rel + 1) : 0, rel, target,
		    rest);
	if (n < 0 || (size_t)n >= size)
		return error_set(err, -ENAMETOOLONG, "%s is too long", rel);
	return 0;
}

/* path (relative, no dots) with every link among its parents replaced. */
static int
resolve(const struct mounts *m, const char *path, char ret[PATH_MAX],
    struct error *err)
{
	char rel[PATH_MAX], next[PATH_MAX];
	struct stat st;
	int layer, rc, n_links = 0;

	if (strlen(path) >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%s is too long", path);
	memcpy(ret, path, strlen(path) + 1);
	for (char *at = strchr(ret, '/'); at != NULL;) {
		(void)snprintf(rel, sizeof(rel), "%.*s", (int)(at - ret), ret);
		if (!look(m, rel, &st, &layer))
			return 0; /* nor is there anything below it */
		if (!S_ISLNK(st.st_mode)) {
			at = strchr(at + 1, '/');
			continue;
		}
		if (++n_links > MAX_LINKS)
			return error_set(err, -ELOOP, "%s: too many links",
			    path);
		rc = follow(layer, rel, at, next, sizeof(next), err);
		if (rc != 0)
			return rc;
		memcpy(ret, next, strlen(next) + 1);
		at = strchr(ret, '/');
	}
	return 0;
}

static bool
is_below(const char *rel, const char *home)
{
	size_t n = strlen(home + 1);

	return strncmp(rel, home + 1, n) == 0 &&
	    (rel[n] == '/' || rel[n] == '\0');
}

static int
own(const struct mounts *m, const char *rel, uint32_t uid, uint32_t gid,
    unsigned mode, bool link, struct error *err)
{
	if (fchownat(m->put, rel, m->uid_base + uid, m->uid_base + gid,
		AT_SYMLINK_NOFOLLOW) != 0 ||
	    (!link && fchmodat(m->put, rel, mode, 0) != 0))
		return error_errno(err, "cannot put /%s", rel);
	return 0;
}

/* One folder: as below when it is there, otherwise new. *bare: the one above
 * is new, and nothing is below it. */
static int
make_parent(const struct mounts *m, const struct put_home *home,
    const char *rel, bool *bare, struct error *err)
{
	struct stat st = { 0 };
	int layer = -1;
	bool there = !*bare && look(m, rel, &st, &layer);

	*bare = !there;
	if (there && layer == m->put)
		return 0;
	if (there && !S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, "/%s is not a folder", rel);
	if (mkdirat(m->put, rel, 0700) != 0)
		return error_errno(err, "cannot put /%s", rel);
	if (there)
		return own(m, rel, st.st_uid, st.st_gid, st.st_mode & 07777,
		    false, err);
	if (is_below(rel, home->path))
		return own(m, rel, home->uid, home->gid, 0755, false, err);
	return own(m, rel, 0, 0, 0755, false, err);
}

static int
make_parents(const struct mounts *m, const struct put_home *home,
    const char *rel, struct error *err)
{
	char part[PATH_MAX];
	bool bare = false;
	int rc = 0;

	for (const char *at = strchr(rel, '/'); at != NULL && rc == 0;
	     at = strchr(at + 1, '/')) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(at - rel),
		    rel);
		rc = make_parent(m, home, part, &bare, err);
	}
	return rc;
}

static int
copy_fd(int to, int from, struct error *err)
{
	/* Not cleared: most files are smaller, and each page costs. */
	_cleanup_(freep) char *chunk = mem_resize(NULL, 64 * KIB);
	int64_t total = 0;
	ssize_t n;
	int rc;

	while ((n = pread(from, chunk, 64 * KIB, total)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "read");
		total += n;
		if (total > LIMIT_SANDBOX_PUT_BYTES)
			return error_set(err, -EFBIG, "larger than %lld bytes",
			    LIMIT_SANDBOX_PUT_BYTES);
		rc = fd_write_all(to, chunk, (size_t)n, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
write_file(const struct mounts *m, const char *rel,
    const struct sandbox_file *f, struct error *err)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_(closep) int fd = openat(m->put, rel, flags, 0600);

	/* The last one of a name wins. */
	if (fd < 0 && errno == EEXIST && unlinkat(m->put, rel, 0) == 0)
		fd = openat(m->put, rel, flags, 0600);
	if (fd < 0)
		return error_errno(err, "cannot put /%s", rel);
	if (f->kind == SANDBOX_FILE_FD)
		return copy_fd(fd, f->fd, err);
	return fd_write_all(fd, f->bytes.p, f->bytes.n, err);
}

static int
make_link(const struct mounts *m, const char *rel, struct str target,
    struct error *err)
{
	_cleanup_(freep) char *z = mem_strndup(target);

	(void)unlinkat(m->put, rel, 0);
	if (symlinkat(z, m->put, rel) != 0)
		return error_errno(err, "cannot put /%s", rel);
	return 0;
}

static int
make_last(const struct mounts *m, const char *rel, const struct sandbox_file *f,
    struct error *err)
{
	switch (f->kind) {
	case SANDBOX_FILE_BYTES:
	case SANDBOX_FILE_FD:
		return write_file(m, rel, f, err);
	case SANDBOX_FILE_DIR:
		if (mkdirat(m->put, rel, 0700) != 0 && errno != EEXIST)
			return error_errno(err, "cannot put /%s", rel);
		return 0;
	case SANDBOX_FILE_SYMLINK:
		return make_link(m, rel, f->bytes, err);
	case SANDBOX_FILE__MAX:
		break;
	}
	return error_set(err, -EINVAL, "put: unknown kind of file");
}

/* The place of a file, relative to the layer, and the folder it is in. */
static int
make_folder(const struct mounts *m, const struct put_home *home,
    struct put_folder *last, const char *path, char ret[PATH_MAX],
    struct error *err)
{
	size_t n = (size_t)(strrchr(path, '/') - path);
	char *slash;
	int rc;

	if (n != 0 && n < PATH_MAX && strncmp(last->named, path, n) == 0 &&
	    last->named[n] == '\0')
		return snprintf(ret, PATH_MAX, "%s%s", last->made, path + n) <
			PATH_MAX ?
		    0 :
		    error_set(err, -ENAMETOOLONG, "%s is too long", path);
	last->named[0] = '\0';
	rc = resolve(m, path + 1, ret, err);
	if (rc == 0)
		rc = make_parents(m, home, ret, err);
	slash = strrchr(ret, '/');
	if (rc != 0 || n == 0 || slash == NULL)
		return rc;
	(void)snprintf(last->named, PATH_MAX, "%.*s", (int)n, path);
	(void)snprintf(last->made, PATH_MAX, "%.*s", (int)(slash - ret), ret);
	return 0;
}

int
put_file(const struct mounts *m, const struct put_home *home,
    struct put_folder *last, const struct sandbox_file *f, struct error *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = f->mtime } };
	bool folder = f->kind == SANDBOX_FILE_DIR;
	unsigned mode = f->mode != 0 ? f->mode : folder ? 0755 : 0644;
	char rel[PATH_MAX];
	int rc;

	rc = make_folder(m, home, last, f->path, rel, err);
	if (rc == 0)
		rc = make_last(m, rel, f, err);
	if (rc == 0)
		rc = own(m, rel, f->uid, f->gid, mode,
		    f->kind == SANDBOX_FILE_SYMLINK, err);
	if (rc != 0)
		return error_wrap(err, "%s", f->path);
	if (f->mtime != 0 &&
	    utimensat(m->put, rel, times, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(err, "cannot date %s", f->path);
	return 0;
}
