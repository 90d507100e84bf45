/* SPDX-License-Identifier: Apache-2.0 */
/* State of an export: what is there already, what is new, what is gone. Runs
 * in `lazaret report export`; the documents are parsed elsewhere. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/paths.h"

#define SEGMENT_CHUNK ((size_t)1 << 20) /* written at once */

/* What a death left: files, and folders of documents. */
static void
sweep_folder(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		(void)unlinkat(fd, e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
	else
		closep(&fd);
	(void)unlinkat(dir, name, AT_REMOVEDIR);
}

static void
sweep(int parent, const char *name)
{
	int dir = openat(parent, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (str_starts(str_of(e->d_name), ".tmp-") &&
		    unlinkat(dir, e->d_name, 0) != 0)
			sweep_folder(dir, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	else
		closep(&dir);
}

/* Documents of one ecosystem are made in folders below it. */
static void
spread(int dir)
{
	_cleanup_(closep) int cache =
	    openat(dir, ".cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (cache >= 0)
		fd_spread(cache);
}

static int
open_files(struct exporter *x, const char *dir, struct error *err)
{
	if (paths_make(dir, 0755, err) != 0)
		return err->code;
	x->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0)
		return error_errno(err, "%s", dir);
	if (outfile_make_folders(x->dir, ".cache/x", err) != 0)
		return err->code;
	x->lock =
	    openat(x->dir, ".cache/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (x->lock < 0)
		return error_errno(err, "%s/.cache/lock", dir);
	while (flock(x->lock, LOCK_EX) != 0)
		if (errno != EINTR)
			return error_errno(err, "%s/.cache/lock", dir);
	x->segments = openat(x->dir, ".cache/segments",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (x->segments < 0)
		return error_errno(err, "%s/.cache/segments", dir);
	if (getrandom(&x->stage, sizeof(x->stage), 0) != sizeof(x->stage))
		return error_errno(err, "getrandom");
	spread(x->dir);
	sweep(x->dir, ".");
	sweep(x->dir, ".cache");
	return 0;
}

int
export_open(const char *dir, bool fresh, struct exporter **ret,
    struct error *err)
{
	struct exporter *x = mem_alloc(sizeof(*x));
	int rc;

	x->arena = arena_new((size_t)4 << 30);
	x->dir = x->lock = x->segments = -1;
	rc = open_files(x, dir, err);
	if (rc != 0) {
		export_free(x);
		return rc;
	}
	if (fresh)
		(void)unlinkat(x->dir, ".cache/index", 0);
	buf_init(&x->waiting, 2 * SEGMENT_CHUNK + LIMIT_MESSAGE_BYTES);
	*ret = x;
	return 0;
}

void
export_narrow(struct exporter *x, export_narrow_fn fn, const void *arg)
{
	x->narrow = fn;
	x->narrow_arg = arg;
}

void
export_load(struct exporter *x)
{
	export_cache_load(x);
	x->whole.keep = UINT64_MAX;
}

void
export_free(struct exporter *x)
{
	if (x == NULL)
		return;
	closep(&x->segments);
	closep(&x->lock);
	closep(&x->dir);
	export_cache_forget(x);
	export_sums_forget(x);
	export_dirs_free(x);
	vec_done(&x->fresh);
	vec_done(&x->known);
	vec_done(&x->groups);
	vec_done(&x->distrusted);
	vec_done(&x->sums);
	free(x->newest);
	buf_done(&x->waiting);
	arena_free(x->arena);
	free(x);
}

struct str
export_segment(const struct exporter *x, const struct export_entry *e)
{
	return str_n(x->map + e->at, e->packed);
}

/* --- from the workers ------------------------------------------------------
 */

int
export_file_of(struct message *m, int64_t *ret_file)
{
	*ret_file = message_get_int(m);
	return m->bad ? -EPROTO : 0;
}

/* It has a file that is no entry: the next walk must read it. */
void
export_distrust(struct exporter *x, struct str path)
{
	vec_push(&x->distrusted, arena_str(x->arena, export_folder_of(path)));
}

/* Everything is checked again: the worker has read foreign bytes. */
static int
receive(struct exporter *x, struct message *m, struct str path,
    struct export_entry *e, struct str *ret_json, struct str *ret_packed)
{
	struct str name =
	    str_sub(path, (size_t)(str_rchr(path, '/') + 1), path.n - 5);
	int64_t n;

	e->size = message_get_int(m);
	e->mtime_ns = message_get_int(m);
	e->inode = message_get_int(m);
	e->id = message_get_str(m);
	e->modified = arena_str(x->arena, message_get_str(m));
	e->summary = arena_str(x->arena, message_get_str(m));
	e->withdrawn = message_get_int(m) != 0;
	x->counts.unordered += message_get_int(m) != 0;
	e->crc32 = (uint32_t)message_get_int(m);
	n = message_get_int(m);
	if (m->bad || n < 1 || n > EXPORT_MAX_DIRS)
		return -EPROTO;
	for (int64_t i = 0; i < n; i++) {
		int dir = export_dir_of(x, message_get_str(m));

		if (dir < 0)
			return -EPROTO;
		e->dirs[e->n_dirs++] = (uint8_t)dir;
	}
	*ret_json = message_get_str(m);
	*ret_packed = message_get_str(m);
	if (message_end(m, NULL) != 0 || !osv_id_valid(e->id) ||
	    e->id.n > UINT8_MAX || e->modified.n > UINT8_MAX ||
	    e->summary.n > UINT16_MAX || e->path.n > UINT16_MAX ||
	    ret_packed->n == 0 || !str_eq(e->id, name) ||
	    osv_time_parse(e->modified, &e->modified_s) != 0)
		return -EPROTO;
	e->path = arena_str(x->arena, path);
	e->id = str_n(e->path.p + (name.p - path.p), name.n);
	e->raw = (uint32_t)ret_json->n;
	e->packed = (uint32_t)ret_packed->n;
	return 0;
}

int
export_segments_flush(struct exporter *x, struct error *err)
{
	int rc = 0;

	if (x->waiting.n != 0 &&
	    lseek(x->segments, (off_t)(x->segments_end - x->waiting.n),
		SEEK_SET) < 0)
		return error_errno(err, ".cache/segments");
	if (x->waiting.n != 0)
		rc = fd_write_all(x->segments, x->waiting.p, x->waiting.n, err);
	buf_reset(&x->waiting);
	return rc;
}

int
export_segments_put(struct exporter *x, struct str bytes, struct error *err)
{
	int rc = 0;

	if (bytes.n > SEGMENT_CHUNK)
		rc = export_segments_flush(x, err);
	if (rc != 0)
		return rc;
	if (bytes.n > SEGMENT_CHUNK) {
		if (lseek(x->segments, (off_t)x->segments_end, SEEK_SET) < 0)
			return error_errno(err, ".cache/segments");
		rc = fd_write_all(x->segments, bytes.p, bytes.n, err);
	} else {
		buf_put_str(&x->waiting, bytes);
	}
	x->segments_end += bytes.n;
	if (rc == 0 && x->waiting.n >= SEGMENT_CHUNK)
		rc = export_segments_flush(x, err);
	return rc;
}

int
export_take(struct exporter *x, struct message *m,
    const struct export_file *file, struct str *ret_why, struct error *err)
{
	struct str json, packed, path = str_of(file->path);
	struct export_entry *e;
	int rc;

	*ret_why = message_get_str(m);
	if (ret_why->p != NULL) {
		export_distrust(x, path);
		return message_end(m, err) != 0 ? err->code : 1;
	}
	e = arena_alloc(x->arena, sizeof(*e));
	rc = receive(x, m, path, e, &json, &packed);
	if (rc != 0)
		return error_set(err, rc, "bad result of a worker");
	e->folder_mtime_ns = file->folder_mtime_ns;
	e->folder_inode = file->folder_inode;
	e->at = x->segments_end;
	e->place = file->place;
	rc = export_segments_put(x, packed, err);
	if (x->fresh.n == 0)
		export_sums_drop(x);
	if (rc == 0)
		rc = export_dirs_write(x, e, json, err);
	if (rc != 0)
		return rc;
	x->counts.changed++;
	e->fresh = true;
	export_dirs_mark(x, e, e->place);
	vec_push(&x->fresh, e);
	return 0;
}

/* --- the end ---------------------------------------------------------------
 */

/* A file that is as it was gives way to a later one with its id. */
static void
drop_doubles(struct exporter *x, struct export_view *w)
{
	size_t n = 0;

	for (size_t i = 0; w->by_id[i] != NULL; i++) {
		struct export_entry *e = n != 0 ? w->by_id[n - 1] : NULL;

		if (e != NULL && str_eq(e->id, w->by_id[i]->id)) {
			n--;
			e->dropped = true;
			export_dirs_mark(x, e, e->place);
			x->dead += e->packed;
			export_distrust(x, e->path);
		}
		w->by_id[n++] = w->by_id[i];
	}
	w->n = n;
}

/* Of no entry of these folders its folder is relied on. */
static void
apply_distrust(struct exporter *x)
{
	struct export_entry **v;
	size_t from, to, middle;

	if (x->distrusted.n == 0)
		return;
	v = export_sorted(x, EXPORT_BY_PATH);
	for (size_t i = 0; i < x->distrusted.n; i++) {
		struct str folder = x->distrusted.v[i];

		for (from = 0, to = x->whole.n; from < to;) {
			middle = from + (to - from) / 2;
			if (export_path_cmp(v[middle]->path, folder) < 0)
				from = middle + 1;
			else
				to = middle;
		}
		for (; from < x->whole.n &&
		     str_eq(str_sub(v[from]->path, 0, folder.n), folder);
		     from++)
			v[from]->folder_mtime_ns = 0;
	}
	free(v);
}

const struct export_entry *
export_published(const struct exporter *x, struct str id)
{
	size_t from = 0, to = x->whole.n, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (str_cmp(x->whole.by_id[middle]->id, id) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == x->whole.n || !str_eq(x->whole.by_id[from]->id, id))
		return NULL;
	return x->whole.by_id[from];
}

bool
export_is_published(const struct exporter *x, struct str id, size_t dir)
{
	const struct export_entry *e = export_published(x, id);

	if (e == NULL)
		return false;
	for (size_t i = 0; i < e->n_dirs; i++)
		if (e->dirs[i] == dir)
			return true;
	return false;
}

/* What the last export had and is not claimed by a file any more. */
static void
remove_gone(struct exporter *x)
{
	char path[LIMIT_TEXT_BYTES];

	for (size_t k = 0; k < x->n_past; k++) {
		const struct export_entry *e = &x->past[k];

		if (e->claimed)
			continue;
		export_dirs_mark(x, e, e->place);
		x->dead += e->packed;
		for (size_t i = 0; i < e->n_dirs; i++) {
			if (export_is_published(x, e->id, e->dirs[i]) ||
			    !osv_id_valid(e->id))
				continue;
			(void)snprintf(path, sizeof(path), "%.*s/%.*s.json",
			    STR_ARG(export_dir_name(x, e, i)), STR_ARG(e->id));
			if (unlinkat(x->dir, path, 0) == 0)
				x->counts.removed++;
		}
	}
}

static void
put_line(struct buf *b, const struct export_entry *e, struct str dir)
{
	buf_put_str(b, e->modified);
	buf_putc(b, ',');
	if (dir.p != NULL) {
		buf_put_str(b, dir);
		buf_putc(b, '/');
	}
	buf_put_str(b, e->id);
	buf_putc(b, '\n');
}

/* One list for each folder that changed, and one of all folders. */
static int
write_lists(struct exporter *x, struct export_entry *const *v, size_t n,
    struct error *err)
{
	struct buf *lists = mem_array(x->dirs.n + 1, sizeof(*lists)), *all;
	char path[LIMIT_TEXT_BYTES];
	int rc;

	all = &lists[x->dirs.n];
	for (size_t i = 0; i <= x->dirs.n; i++)
		buf_init(&lists[i], (size_t)4 << 30);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i]->n_dirs; k++) {
			put_line(all, v[i], export_dir_name(x, v[i], k));
			if (x->dirs.v[v[i]->dirs[k]].changed)
				put_line(&lists[v[i]->dirs[k]], v[i], STR_NONE);
		}
	rc = export_put_file(x, "modified_id.csv", buf_str(all), err);
	for (size_t i = 0; i < x->dirs.n && rc == 0; i++) {
		if (!x->dirs.v[i].changed)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s/modified_id.csv",
		    STR_ARG(x->dirs.v[i].name));
		rc = export_put_file(x, path, buf_str(&lists[i]), err);
	}
	for (size_t i = 0; i <= x->dirs.n; i++)
		buf_done(&lists[i]);
	free(lists);
	return rc;
}

int
export_news_write(struct exporter *x, const char *url, struct error *err)
{
	int rc = write_lists(x, x->newest, x->whole.n, err);

	return rc == 0 ? feed_write(x, x->newest, x->whole.n, url, err) : rc;
}

/* The last of what was taken is written, and everything is in order. */
static int
settle(struct exporter *x, struct error *err)
{
	struct export_view *w = &x->whole;
	int rc = export_segments_flush(x, err);

	if (rc == 0)
		rc = export_dirs_publish(x, err);
	if (rc != 0)
		return rc;
	w->by_id = export_sorted(x, EXPORT_BY_ID);
	drop_doubles(x, w);
	apply_distrust(x);
	export_gaps_find(x);
	remove_gone(x);
	if (x->all_changed)
		export_dirs_sweep(x);
	w->by_place = export_sorted(x, EXPORT_BY_PLACE);
	for (size_t i = 0; i < w->n; i++)
		w->by_place[i]->number = (uint32_t)i;
	x->newest = export_sorted(x, EXPORT_NEWEST);
	for (size_t i = 0; i < w->n && x->all_changed; i++)
		export_dirs_mark(x, w->by_id[i], 0);
	export_dirs_view(x);
	return 0;
}

static int
map_segments(struct exporter *x, struct error *err)
{
	void *p;

	if (x->segments_end == 0)
		return 0;
	p = mmap(NULL, x->segments_end, PROT_READ, MAP_SHARED, x->segments, 0);
	if (p == MAP_FAILED)
		return error_errno(err, ".cache/segments");
	x->map = p;
	return 0;
}

/* The index is the last: without it, or with the one before, the next run
 * writes what this one did not. */
static int
write_all(struct exporter *x, const char *url, struct error *err)
{
	int rc = export_groups_make(x, err);

	if (rc == 0)
		rc = map_segments(x, err);
	if (getrandom(&x->index_number, sizeof(x->index_number), 0) !=
	    sizeof(x->index_number))
		rc = error_errno(err, "getrandom");
	if (rc == 0)
		rc = export_changes_write(x, err);
	if (rc == 0)
		rc = export_jobs_run(x, url, err);
	if (rc == 0)
		rc = export_ecosystems_write(x, err);
	if (rc == 0)
		rc = export_sums_publish(x, err);
	if (rc == 0 && export_cache_is_sparse(x))
		rc = export_cache_compact(x, err);
	if (rc == 0)
		rc = export_groups_save(x, err);
	if (rc == 0)
		rc = export_sums_save(x, err);
	if (rc == 0)
		rc = export_cache_publish(x, err);
	if (x->map != NULL)
		(void)munmap((void *)(uintptr_t)x->map, x->segments_end);
	x->map = NULL;
	return rc;
}

/* Folders are quiet now that were not: they need not be read again. */
static int
write_index(struct exporter *x, struct error *err)
{
	int rc = export_cache_write(x, err);

	return rc == 0 ? export_cache_publish(x, err) : rc;
}

/* There is nothing to publish: what the next export would have to copy first,
 * and who waits for it with it, is copied now. */
static int
prepare(struct exporter *x, struct error *err)
{
	int rc = 0;

	if (x->n_read > x->whole.n / 8)
		rc = write_index(x, err);
	if (rc == 0 && export_sums_prepare(x))
		rc = export_sums_save(x, err);
	return rc;
}

int
export_finish(struct exporter *x, const char *url, struct export_counts *ret,
    struct error *err)
{
	int rc = settle(x, err);

	if (rc != 0)
		return rc;
	x->counts.reports = x->whole.n;
	if (export_dirs_changed(x) || x->all_changed)
		rc = write_all(x, url, err);
	else
		rc = prepare(x, err);
	if (rc == 0)
		*ret = x->counts;
	return rc;
}
