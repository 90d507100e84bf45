/* SPDX-License-Identifier: Apache-2.0 */
/* State of an export: what is there already, what is new, what is gone. Runs
 * in `lazaret report export`; the documents are parsed elsewhere. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
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
sweep(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (str_starts(str_of(e->d_name), ".tmp-") &&
		    unlinkat(dir, e->d_name, 0) != 0)
			sweep_folder(dir, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	else
		closep(&fd);
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
	sweep(x->dir);
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
	x->old = map_new(EXPORT_MAX_REPORTS);
	rc = open_files(x, dir, err);
	if (rc != 0) {
		export_free(x);
		return rc;
	}
	if (fresh)
		(void)unlinkat(x->dir, ".cache/index", 0);
	export_cache_load(x);
	x->whole.keep = x->segments_end;
	buf_init(&x->waiting, 2 * SEGMENT_CHUNK + LIMIT_MESSAGE_BYTES);
	*ret = x;
	return 0;
}

void
export_free(struct exporter *x)
{
	if (x == NULL)
		return;
	closep(&x->segments);
	closep(&x->lock);
	closep(&x->dir);
	map_free(x->old);
	export_dirs_free(x);
	vec_done(&x->entries);
	for (size_t i = 0; i < x->sums.n; i++)
		free(x->sums.v[i].sums.states);
	vec_done(&x->sums);
	buf_done(&x->waiting);
	arena_free(x->arena);
	free(x);
}

static int64_t
mtime_of(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

bool
export_known(struct exporter *x, struct str path, const struct stat *st)
{
	struct export_entry *e = map_get(x->old, path);

	if (e == NULL || e->size != st->st_size ||
	    e->mtime_ns != mtime_of(st) || e->inode != (int64_t)st->st_ino)
		return false;
	(void)map_remove(x->old, path);
	vec_push(&x->entries, e);
	return true;
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

/* Everything is checked again: the worker has read foreign bytes. */
static int
receive(struct exporter *x, struct message *m, struct str path,
    struct export_entry *e, struct str *ret_json, struct str *ret_packed)
{
	struct str name =
	    str_sub(path, (size_t)(str_rchr(path, '/') + 1), path.n - 5);
	int64_t n;

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
	    !str_eq(e->id, name) ||
	    osv_time_parse(e->modified, &e->modified_s) != 0)
		return -EPROTO;
	e->id = arena_str(x->arena, e->id);
	e->path = arena_str(x->arena, path);
	e->raw = (uint32_t)ret_json->n;
	e->packed = (uint32_t)ret_packed->n;
	return 0;
}

static int
write_segments(struct exporter *x, struct error *err)
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
export_take(struct exporter *x, struct message *m, struct str path,
    const struct stat *st, struct str *ret_why, struct error *err)
{
	struct export_entry *e;
	struct str json, packed;
	int rc;

	*ret_why = message_get_str(m);
	if (ret_why->p != NULL)
		return message_end(m, err) != 0 ? err->code : 1;
	e = arena_alloc(x->arena, sizeof(*e));
	rc = receive(x, m, path, e, &json, &packed);
	if (rc != 0)
		return error_set(err, rc, "bad result of a worker");
	e->size = st->st_size;
	e->mtime_ns = mtime_of(st);
	e->inode = (int64_t)st->st_ino;
	e->at = x->segments_end;
	buf_put_str(&x->waiting, packed);
	x->segments_end += packed.n;
	if (x->waiting.n >= SEGMENT_CHUNK)
		rc = write_segments(x, err);
	if (rc == 0)
		rc = export_dirs_write(x, e, json, err);
	if (rc != 0)
		return rc;
	x->counts.changed++;
	e->fresh = true;
	export_dirs_mark(x, e, e->at);
	vec_push(&x->entries, e);
	return 0;
}

/* --- the end ---------------------------------------------------------------
 */

static int
by_id(const void *pa, const void *pb)
{
	const struct export_entry *a = *(struct export_entry *const *)pa;
	const struct export_entry *b = *(struct export_entry *const *)pb;
	int d = str_cmp(a->id, b->id);

	return d != 0 ? d : str_cmp(a->path, b->path);
}

/* One id, one document: of two files with it (a person copied one) the last
 * stands. */
static void
drop_doubles(struct exporter *x)
{
	size_t n = 0;

	if (x->entries.n > 1)
		qsort(x->entries.v, x->entries.n, sizeof(*x->entries.v), by_id);
	for (size_t i = 0; i < x->entries.n; i++) {
		if (n != 0 &&
		    str_eq(x->entries.v[n - 1]->id, x->entries.v[i]->id)) {
			n--;
			export_dirs_mark(x, x->entries.v[n],
			    x->entries.v[n]->at);
			x->dead += x->entries.v[n]->packed;
		}
		x->entries.v[n++] = x->entries.v[i];
	}
	x->entries.n = n;
}

static bool
is_published(const struct exporter *x, struct str id, uint8_t dir)
{
	struct export_entry key = { .id = id, .path = STR_LIT("") };
	size_t from = 0, to = x->entries.n, middle;
	const struct export_entry *e;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (str_cmp(x->entries.v[middle]->id, key.id) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == x->entries.n || !str_eq(x->entries.v[from]->id, id))
		return false;
	e = x->entries.v[from];
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
	size_t at = 0;
	struct str key;
	void *value;

	while (map_next(x->old, &at, &key, &value)) {
		const struct export_entry *e = value;

		export_dirs_mark(x, e, e->at);
		x->dead += e->packed;
		for (size_t i = 0; i < e->n_dirs; i++) {
			if (is_published(x, e->id, e->dirs[i]) ||
			    !osv_id_valid(e->id))
				continue;
			(void)snprintf(path, sizeof(path), "%.*s/%.*s.json",
			    STR_ARG(export_dir_name(x, e, i)), STR_ARG(e->id));
			if (unlinkat(x->dir, path, 0) == 0)
				x->counts.removed++;
		}
	}
}

static int
newest_first(const void *pa, const void *pb)
{
	const struct export_entry *a = *(struct export_entry *const *)pa;
	const struct export_entry *b = *(struct export_entry *const *)pb;

	if (a->modified_s != b->modified_s)
		return a->modified_s < b->modified_s ? 1 : -1;
	return str_cmp(a->id, b->id);
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

static int
write_news(struct exporter *x, const char *url, struct error *err)
{
	size_t n = x->entries.n;
	_cleanup_(freep) struct export_entry **v = mem_array(n + 1, sizeof(*v));
	int rc;

	if (n != 0)
		memcpy(v, x->entries.v, n * sizeof(*v));
	if (n > 1)
		qsort(v, n, sizeof(*v), newest_first);
	rc = write_lists(x, v, n, err);
	return rc == 0 ? feed_write(x, v, n, url, err) : rc;
}

static int
by_place(const void *pa, const void *pb)
{
	const struct export_entry *a = *(struct export_entry *const *)pa;
	const struct export_entry *b = *(struct export_entry *const *)pb;

	return (a->at > b->at) - (a->at < b->at);
}

/* The last of what was taken is written, and everything is in order. */
static int
settle(struct exporter *x, struct error *err)
{
	struct export_view *w = &x->whole;
	int rc = write_segments(x, err);

	if (rc == 0)
		rc = export_dirs_publish(x, err);
	if (rc != 0)
		return rc;
	drop_doubles(x);
	remove_gone(x);
	w->n = x->entries.n;
	w->by_id = mem_array(w->n + 1, sizeof(*w->by_id));
	w->by_place = mem_array(w->n + 1, sizeof(*w->by_place));
	for (size_t i = 0; i < w->n; i++) {
		if (x->all_changed)
			export_dirs_mark(x, x->entries.v[i], 0);
		w->by_id[i] = w->by_place[i] = x->entries.v[i];
	}
	if (w->n > 1)
		qsort(w->by_place, w->n, sizeof(*w->by_place), by_place);
	export_dirs_view(x);
	return 0;
}

int
export_finish(struct exporter *x, const char *url, struct export_counts *ret,
    struct error *err)
{
	int rc = settle(x, err);

	if (rc != 0)
		return rc;
	x->counts.reports = x->entries.n;
	if (x->segments_end != 0) {
		void *p = mmap(NULL, x->segments_end, PROT_READ, MAP_SHARED,
		    x->segments, 0);

		if (p == MAP_FAILED)
			return error_errno(err, ".cache/segments");
		x->map = p;
	}
	if (export_dirs_changed(x) || x->all_changed) {
		rc = write_news(x, url, err);
		if (rc == 0)
			rc = export_changes_write(x, err);
		if (rc == 0)
			rc = export_files_write(x, err);
		if (rc == 0)
			rc = export_cache_compact(x, err);
		if (rc == 0)
			rc = export_cache_save(x, err);
	}
	if (x->map != NULL)
		(void)munmap((void *)(uintptr_t)x->map, x->segments_end);
	x->map = NULL;
	if (rc == 0)
		*ret = x->counts;
	return rc;
}
