/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of an export, one for each ecosystem: where documents are
 * written, and which of them lie in which. Runs in `lazaret report export`.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "sys/fd.h"

/* In .cache, which is made for that: see fd_spread(). A name that is drawn,
 * because ext4 chooses by it where to begin, and an export that was here may
 * just have been removed. What was left by a death is swept. */
#define STAGED ".cache/.tmp-%08x-%.*s"

/* Of documents that are about no package. */
static const char *const others[] = { "GIT", "[EMPTY]" };

static bool
is_name(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		if (str_is(name, others[i]))
			return true;
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		if (str_is(name, osv_ecosystems[i]))
			return true;
	return false;
}

int
export_dir_of(struct exporter *x, struct str name)
{
	for (size_t i = 0; i < x->dirs.n; i++)
		if (str_eq(x->dirs.v[i].name, name))
			return (int)i;
	if (!is_name(name) || x->dirs.n > UINT8_MAX)
		return -EINVAL;
	vec_push(&x->dirs,
	    ((struct export_dir){ .name = arena_str(x->arena, name),
		.fd = -1,
		.view.keep = UINT64_MAX }));
	return (int)x->dirs.n - 1;
}

struct str
export_dir_name(const struct exporter *x, const struct export_entry *e,
    size_t i)
{
	return x->dirs.v[e->dirs[i]].name;
}

void
export_dirs_mark(struct exporter *x, const struct export_entry *e,
    uint64_t place)
{
	for (size_t i = 0; i < e->n_dirs; i++) {
		struct export_dir *d = &x->dirs.v[e->dirs[i]];

		d->changed = true;
		d->view.keep = MIN_OF(d->view.keep, place);
	}
	x->whole.keep = MIN_OF(x->whole.keep, place);
}

bool
export_dirs_changed(const struct exporter *x)
{
	for (size_t i = 0; i < x->dirs.n; i++)
		if (x->dirs.v[i].changed)
			return true;
	return false;
}

/* --- documents --------------------------------------------------------------
 */

static int
open_dir(struct exporter *x, struct export_dir *d, struct error *err)
{
	char path[LIMIT_TEXT_BYTES];

	(void)snprintf(path, sizeof(path), "%.*s", STR_ARG(d->name));
	d->staged = faccessat(x->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT;
	if (d->staged)
		(void)snprintf(path, sizeof(path), STAGED, x->stage,
		    STR_ARG(d->name));
	if (d->staged && mkdirat(x->dir, path, 0755) != 0)
		return error_errno(err, "%s", path);
	d->fd = openat(x->dir, path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->fd >= 0 ? 0 : error_errno(err, "%s", path);
}

/* Nobody sees it yet: without another name first. */
static int
write_staged(int dir, const char *name, struct str bytes, struct error *err)
{
	_cleanup_(closep) int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(err, "%s", name);
	return fd_write_all(fd, bytes.p, bytes.n, err);
}

int
export_dirs_write(struct exporter *x, const struct export_entry *e,
    struct str json, struct error *err)
{
	char name[LIMIT_TEXT_BYTES];
	int rc = 0;

	(void)snprintf(name, sizeof(name), "%.*s.json", STR_ARG(e->id));
	for (size_t i = 0; i < e->n_dirs && rc == 0; i++) {
		struct export_dir *d = &x->dirs.v[e->dirs[i]];

		if (d->fd < 0)
			rc = open_dir(x, d, err);
		if (rc == 0 && d->staged)
			rc = write_staged(d->fd, name, json, err);
		else if (rc == 0)
			rc = outfile_write_in(x->dir, d->fd, name, json, err);
	}
	return rc;
}

int
export_dirs_publish(struct exporter *x, struct error *err)
{
	char from[LIMIT_TEXT_BYTES], to[LIMIT_TEXT_BYTES];

	for (size_t i = 0; i < x->dirs.n; i++) {
		struct export_dir *d = &x->dirs.v[i];

		if (!d->staged)
			continue;
		(void)snprintf(from, sizeof(from), STAGED, x->stage,
		    STR_ARG(d->name));
		(void)snprintf(to, sizeof(to), "%.*s", STR_ARG(d->name));
		if (renameat(x->dir, from, x->dir, to) != 0)
			return error_errno(err, "%s", from);
		d->staged = false;
	}
	return 0;
}

static void
sweep_folder(struct exporter *x, struct str name)
{
	char path[LIMIT_TEXT_BYTES];
	const struct dirent *e;
	DIR *d;
	int fd, dir;

	(void)snprintf(path, sizeof(path), "%.*s", STR_ARG(name));
	fd = openat(x->dir, path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		closep(&fd);
		return;
	}
	dir = export_dir_of(x, name);
	x->dirs.v[dir].changed = true;
	while ((e = readdir(d)) != NULL) {
		struct str id = str_of(e->d_name);

		if (!str_ends(id, ".json"))
			continue;
		id.n -= strlen(".json");
		if (osv_id_valid(id) &&
		    !export_is_published(x, id, (size_t)dir) &&
		    unlinkat(fd, e->d_name, 0) == 0)
			x->counts.removed++;
	}
	(void)closedir(d);
}

void
export_dirs_sweep(struct exporter *x)
{
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		sweep_folder(x, str_of(osv_ecosystems[i]));
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		sweep_folder(x, str_of(others[i]));
}

/* --- which are where --------------------------------------------------------
 */

static void
view_alloc(struct export_view *v)
{
	v->by_id = mem_array(v->n + 1, sizeof(*v->by_id));
	v->by_place = mem_array(v->n + 1, sizeof(*v->by_place));
	v->n = 0;
}

void
export_dirs_view(struct exporter *x)
{
	const struct export_view *w = &x->whole;

	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->by_id[i]->n_dirs; k++)
			x->dirs.v[w->by_id[i]->dirs[k]].view.n++;
	for (size_t i = 0; i < x->dirs.n; i++)
		view_alloc(&x->dirs.v[i].view);
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->by_id[i]->n_dirs; k++) {
			struct export_view *v =
			    &x->dirs.v[w->by_id[i]->dirs[k]].view;

			v->by_id[v->n++] = w->by_id[i];
		}
	for (size_t i = 0; i < x->dirs.n; i++)
		x->dirs.v[i].view.n = 0;
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < w->by_place[i]->n_dirs; k++) {
			struct export_view *v =
			    &x->dirs.v[w->by_place[i]->dirs[k]].view;

			v->by_place[v->n++] = w->by_place[i];
		}
}

static void
view_free(struct export_view *v)
{
	free(v->by_id);
	free(v->by_place);
	vec_done(&v->gone);
}

void
export_dirs_free(struct exporter *x)
{
	for (size_t i = 0; i < x->dirs.n; i++) {
		closep(&x->dirs.v[i].fd);
		view_free(&x->dirs.v[i].view);
	}
	vec_done(&x->dirs);
	view_free(&x->whole);
}
