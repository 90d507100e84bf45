/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of images of one ecosystem: locks, the link to the current one,
 * publishing and removing. Two locks: `lock` is held by who builds, rotates or
 * removes; an image's own folder is locked shared by who uses it and
 * exclusively by who takes something away. Runs in the supervisor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/image_priv.h"
#include "sandbox/shift.h"
#include "sys/fd.h"
#include "sys/paths.h"

static void
closedirp(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

int
image_store_lock(const char *home, int *ret_fd, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/lock", home);
	_cleanup_(closep) int fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_errno(err, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? 1 : error_errno(err, "%s", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int
sync_folder(const char *path, struct error *err)
{
	_cleanup_(closep) int fd =
	    open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) != 0)
		return error_errno(err, "%s", path);
	return 0;
}

int
image_store_set_current(const char *home, const char *id, struct error *err)
{
	_cleanup_(freep) char *path = mem_printf("%s/current", home);
	_cleanup_(freep) char *tmp = mem_printf("%s/.tmp-current", home);

	(void)unlink(tmp);
	if (symlink(id, tmp) != 0 || rename(tmp, path) != 0)
		return error_errno(err, "%s", path);
	return sync_folder(home, err);
}

/* Removes every entry of a folder whose name begins so, `keep` aside. */
static int
remove_entries(const char *dir, const char *prefix, const char *keep,
    struct error *err)
{
	_cleanup_(closedirp) DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		return error_errno(err, "%s", dir);
	while ((e = readdir(d)) != NULL) {
		_cleanup_(freep) char *path = NULL;
		int rc;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
		    (keep != NULL && strcmp(e->d_name, keep) == 0))
			continue;
		path = mem_printf("%s/%s", dir, e->d_name);
		rc = image_tree_remove(path, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
image_store_sweep(const char *home, struct error *err)
{
	return remove_entries(home, ".tmp-", NULL, err);
}

static void
take_manifest(struct image *i, const struct image_manifest *m, const char *dir)
{
	i->ecosystem = mem_strdup(m->ecosystem);
	memcpy(i->id, m->id, SHA256_HEX_SIZE);
	memcpy(i->recipe, m->recipe, SHA256_HEX_SIZE);
	(void)snprintf(i->ca_name, sizeof(i->ca_name), "%s", m->ca_name);
	image_lies_in(i, dir);
	i->ca_made_at = m->ca_made_at;
	i->suite = mem_strdup(m->suite);
	i->runtime_version = mem_strdup(m->runtime_version);
	i->runtime_path = mem_strdup(m->runtime_path);
	i->client_version = mem_strdup(m->client_version);
	i->registry = mem_strdup(m->registry);
	i->home_skeleton = mem_strdup(m->home_skeleton);
	i->built_at = m->built_at;
	i->build_ms = m->build_ms;
	i->size_bytes = m->size_bytes;
	i->n_packages = (int64_t)m->packages.n;
}

int
image_store_open(const char *home, const char *id, struct image *ret,
    struct image_manifest *ret_manifest, struct error *err)
{
	_cleanup_(freep) char *dir = mem_printf("%s/%s", home, id);
	_cleanup_(closep) int fd = -1;
	struct image_manifest m = { 0 };
	int rc = image_store_hold(dir, LOCK_SH, &fd, err);

	if (rc == 0)
		rc = image_manifest_read(dir, &m, err);
	if (rc == 0 && strcmp(m.id, id) != 0)
		rc = error_set(err, -EUCLEAN,
		    "manifest.json is that of another image");
	if (rc == 0)
		rc = image_manifest_verify(&m, dir, err);
	if (rc == 0) {
		take_manifest(ret, &m, dir);
		ret->lock_fd = steal_fd(&fd);
	}
	if (rc == 0 && ret_manifest != NULL)
		*ret_manifest = m;
	else
		image_manifest_done(&m);
	return rc;
}

/* Out of the way in one step, then taken apart. */
static int
discard(const char *home, const char *id, struct error *err)
{
	_cleanup_(freep) char *from = mem_printf("%s/%s", home, id);
	_cleanup_(freep) char *to = mem_printf("%s/.tmp-old-%s", home, id);

	if (rename(from, to) != 0)
		return errno == ENOENT ? 0 : error_errno(err, "%s", from);
	return image_tree_remove(to, err);
}

int
image_store_publish(const char *home, const char *tmp, const char *id,
    struct error *err)
{
	_cleanup_(freep) char *dir = mem_printf("%s/%s", home, id);
	struct error why = ERROR_INIT;
	struct image there = IMAGE_INIT;
	int rc = image_store_open(home, id, &there, NULL, &why);

	image_done(&there);
	if (rc == 0)
		return 1;
	rc = discard(home, id, err);
	if (rc == 0 && rename(tmp, dir) != 0)
		rc = error_errno(err, "%s", dir);
	return rc == 0 ? sync_folder(home, err) : rc;
}

int
image_store_drop_authorities(const char *dir, const char *keep,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *name = mem_printf("ca-%s", keep);
	int rc = image_store_hold(dir, LOCK_EX | LOCK_NB, &fd, err);

	if (rc == -EBUSY)
		return 0; /* gc comes back for them */
	return rc == 0 ? remove_entries(dir, "ca-", name, err) : rc;
}

/* --- list, remove, gc ---------------------------------------------------- */

static bool
is_in_use(const char *dir)
{
	_cleanup_(closep) int fd = -1;
	struct error ignored = ERROR_INIT;

	return image_store_hold(dir, LOCK_EX | LOCK_NB, &fd, &ignored) ==
	    -EBUSY;
}

static void
list_add(const char *home, const char *ecosystem, const char *id,
    const char *current, struct image_list *l)
{
	struct image_entry e = { .image = IMAGE_INIT };
	_cleanup_(freep) char *dir = mem_printf("%s/%s", home, id);
	struct error why = ERROR_INIT;
	struct stat st;

	e.in_use = is_in_use(dir);
	e.current = current != NULL && strcmp(current, id) == 0;
	if (image_store_open(home, id, &e.image, NULL, &why) != 0) {
		(void)snprintf(e.broken, sizeof(e.broken), "%s", why.msg);
		e.image.ecosystem = mem_strdup(ecosystem);
		e.image.dir = mem_strdup(dir);
		memcpy(e.image.id, id, SHA256_HEX_SIZE);
		if (stat(dir, &st) == 0)
			e.image.built_at = st.st_mtim.tv_sec * 1000000000ll;
	}
	closep(&e.image.lock_fd);
	l->v = mem_resize(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = e;
}

static int
list_ecosystem(const char *images, const char *ecosystem, struct image_list *l,
    struct error *err)
{
	_cleanup_(freep) char *home = mem_printf("%s/%s", images, ecosystem);
	_cleanup_(freep) char *current = NULL;
	_cleanup_(closedirp) DIR *d = opendir(home);
	struct dirent *e;
	int rc;

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR ?
		    0 :
		    error_errno(err, "%s", home);
	rc = image_store_current(home, &current, err);
	while (rc == 0 && (e = readdir(d)) != NULL)
		if (image_is_id(e->d_name))
			list_add(home, ecosystem, e->d_name, current, l);
	return rc;
}

static int
newest_first(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;

	if (x->image.built_at != y->image.built_at)
		return x->image.built_at < y->image.built_at ? 1 : -1;
	return strcmp(x->image.id, y->image.id);
}

int
image_list(const char *ecosystem, const char *state, struct image_list *ret,
    struct error *err)
{
	_cleanup_(closedirp) DIR *d = NULL;
	struct image_list l = { 0 };
	char images[LIMIT_PATH_BYTES];
	struct dirent *e;
	int rc = paths_get(PATHS_IMAGES, state, images, sizeof(images), err);

	if (rc == 0 && ecosystem != NULL)
		rc = list_ecosystem(images, ecosystem, &l, err);
	else if (rc == 0)
		d = opendir(images);
	while (rc == 0 && d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			rc = list_ecosystem(images, e->d_name, &l, err);
	if (rc != 0) {
		image_list_done(&l);
		return rc;
	}
	if (l.n != 0)
		qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l;
	return 0;
}

void
image_list_done(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_done(&l->v[i].image);
	free(l->v);
	*l = (struct image_list){ 0 };
}

static int
remove_entry(const char *home, const struct image_entry *e, struct error *err)
{
	_cleanup_(freep) char *link = mem_printf("%s/current", home);
	_cleanup_(closep) int fd = -1;
	int rc = image_store_hold(e->image.dir, LOCK_EX | LOCK_NB, &fd, err);

	if (rc == -EBUSY)
		return error_wrap(err, "%.12s", e->image.id);
	if (rc == 0 && e->current)
		(void)unlink(link);
	return rc == 0 ? discard(home, e->image.id, err) : rc;
}

/* The one entry that the prefix names. */
static int
find_entry(const struct image_list *l, const char *prefix, size_t *ret,
    struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (strncmp(l->v[i].image.id, prefix, strlen(prefix)) == 0) {
			*ret = i;
			n++;
		}
	if (n == 0)
		return error_set(err, -ENOENT, "there is no image %s", prefix);
	if (n > 1)
		return error_set(err, -EINVAL,
		    "%zu images begin with %s: give more of the id", n, prefix);
	return 0;
}

static int
store_lock_now(const char *home, int *ret_fd, struct error *err)
{
	int rc = image_store_lock(home, ret_fd, err);

	return rc == 1 ?
	    error_set(err, -EBUSY, "an image is being built in %s", home) :
	    rc;
}

int
image_remove(const char *ecosystem, const char *id, const char *state,
    struct error *err)
{
	_cleanup_(freep) char *home = NULL;
	_cleanup_(closep) int lock = -1;
	struct image_list l = { 0 };
	size_t at = 0;
	int rc = image_store_path(ecosystem, state, &home, err);

	if (rc == 0)
		rc = store_lock_now(home, &lock, err);
	if (rc == 0)
		rc = image_list(ecosystem, state, &l, err);
	if (rc == 0)
		rc = find_entry(&l, id, &at, err);
	if (rc == 0)
		rc = remove_entry(home, &l.v[at], err);
	image_list_done(&l);
	return rc;
}

/* What gc does with one image; returns the bytes that it gave back. */
static int64_t
gc_entry(const char *home, const struct image_entry *e)
{
	_cleanup_(freep) char *authorities = NULL;
	struct error ignored = ERROR_INIT;
	int64_t bytes = image_tree_bytes(e->image.dir);

	if (e->in_use)
		return 0;
	if (e->current && e->broken[0] == '\0') {
		(void)image_store_drop_authorities(e->image.dir,
		    e->image.ca_name, &ignored);
		return bytes - image_tree_bytes(e->image.dir);
	}
	return remove_entry(home, e, &ignored) == 0 ? bytes : 0;
}

int
image_gc(const char *ecosystem, const char *state, int64_t *ret_bytes,
    struct error *err)
{
	_cleanup_(freep) char *home = NULL;
	_cleanup_(freep) char *cache = NULL;
	_cleanup_(closep) int lock = -1;
	struct image_list l = { 0 };
	int64_t bytes = 0;
	int rc = image_store_path(ecosystem, state, &home, err);

	if (rc == 0)
		rc = store_lock_now(home, &lock, err);
	if (rc == 0)
		rc = image_store_sweep(home, err);
	if (rc == 0)
		rc = image_list(ecosystem, state, &l, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < l.n; i++)
		bytes += gc_entry(home, &l.v[i]);
	cache = mem_printf("%s/.cache", home);
	bytes += image_tree_bytes(cache);
	bytes += shift_gc(state);
	rc = image_tree_remove(cache, err);
	image_list_done(&l);
	if (rc == 0)
		*ret_bytes = bytes;
	return rc;
}
