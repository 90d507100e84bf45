/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report snapshot: deltas, and the folder that `lazaret db update`
 * reads. latest.json is replaced last, so that what it names is there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/report-snapshot.h"
#include "snapshot/delta.h"
#include "snapshot/latest.h"
#include "snapshot/replace.h"
#include "snapshot/snapshot.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"

#define SNAPSHOT_BEGIN "snapshot-"
#define SNAPSHOT_END   ".snapshot"
#define DELTA_BEGIN    "delta-"
#define DELTA_END      ".delta"
/* Older snapshots that stay, each with a delta to the newest. */
#define KEPT 3

/* --- one delta
 * ------------------------------------------------------------------ */

static void
unmap(struct str *s)
{
	if (s->p != NULL)
		(void)munmap((void *)(uintptr_t)s->p, s->n);
	*s = STR_NONE;
}

/* Of a snapshot alone: anything else is refused. */
static int
map_snapshot(const char *path, struct str *ret, struct snapshot_info *ret_info,
    struct error *err)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(snapshot_closep) struct snapshot *s = NULL;
	void *p;

	if (fd < 0)
		return error_errno(err, "%s", path);
	if (snapshot_open(fd, &s, err) != 0)
		return error_wrap(err, "%s", path);
	snapshot_info(s, ret_info);
	p = mmap(NULL, (size_t)ret_info->size_bytes, PROT_READ, MAP_PRIVATE, fd,
	    0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping %s", path);
	*ret = str_n(p, (size_t)ret_info->size_bytes);
	return 0;
}

static int
write_delta(struct str from, struct str to, const char *output,
    uint64_t *ret_size, uint8_t ret_sha256[SHA256_BYTES], struct error *err)
{
	_cleanup_(replace_done) struct replace r = REPLACE_INIT;
	struct buf b;
	int rc = replace_begin(output, &r, err);

	if (rc == 0)
		rc = delta_make(from, to, r.fd, err);
	if (rc == 0 && lseek(r.fd, 0, SEEK_SET) != 0)
		rc = error_errno(err, "%s", output);
	buf_init(&b, (size_t)1 << 36);
	if (rc == 0)
		rc = fd_read_all(r.fd, &b, err);
	if (rc == 0) {
		*ret_size = b.n;
		sha256_of(buf_str(&b), ret_sha256);
		rc = replace_commit(&r, err);
	}
	buf_done(&b);
	return rc;
}

int
publish_delta(const char *from, const char *to, const char *output,
    struct error *err)
{
	_cleanup_(unmap) struct str old = STR_NONE;
	_cleanup_(unmap) struct str new = STR_NONE;
	struct snapshot_info info;
	uint8_t sha256[SHA256_BYTES];
	uint64_t size = 0;
	int rc = map_snapshot(from, &old, &info, err);

	if (rc == 0)
		rc = map_snapshot(to, &new, &info, err);
	if (rc == 0)
		rc = write_delta(old, new, output, &size, sha256, err);
	if (rc == 0)
		(void)printf("%.2f MB make %.1f MB\n", (double)size / 1e6,
		    (double)new.n / 1e6);
	return rc;
}

/* --- the folder
 * ------------------------------------------------------------------ */

struct published {
	char *name; /* owned */
	int64_t built_at_s;
};

struct folder {
	const char *dir;
	VEC(struct published) v; /* the newest first */
	struct latest latest;
};

static int
newest_first(const void *pa, const void *pb)
{
	const struct published *a = pa, *b = pb;

	if (a->built_at_s != b->built_at_s)
		return a->built_at_s > b->built_at_s ? -1 : 1;
	return strcmp(b->name, a->name);
}

static bool
is_named(const char *name, const char *begin, const char *end)
{
	return str_starts(str_of(name), begin) && str_ends(str_of(name), end);
}

/* What was published before; what is damaged is not counted. */
static int
list(struct folder *f, struct error *err)
{
	DIR *d = opendir(f->dir);
	const struct dirent *e;

	if (d == NULL)
		return error_errno(err, "%s", f->dir);
	while ((e = readdir(d)) != NULL) {
		_cleanup_(snapshot_closep) struct snapshot *s = NULL;
		char path[LIMIT_PATH_BYTES];
		struct snapshot_info info;
		struct published *p;

		if (!is_named(e->d_name, SNAPSHOT_BEGIN, SNAPSHOT_END))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, e->d_name);
		if (snapshot_open_path(path, &s, NULL) != 0)
			continue;
		snapshot_info(s, &info);
		p = vec_add(&f->v);
		p->name = mem_strdup(e->d_name);
		p->built_at_s = info.built_at_s;
	}
	(void)closedir(d);
	if (f->v.n > 1)
		qsort(f->v.v, f->v.n, sizeof(*f->v.v), newest_first);
	return 0;
}

static void
folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->v.n; i++)
		free(f->v.v[i].name);
	vec_done(&f->v);
}

int
publish_begin(const char *dir, int64_t built_at_s, char *ret_output,
    size_t output_size, char *ret_from, size_t from_size, struct error *err)
{
	struct folder f = { .dir = dir };
	char at[CLOCK_RFC3339_SIZE];
	size_t n = 0;
	int rc = paths_make(dir, 0755, err);

	if (rc == 0)
		rc = list(&f, err);
	if (rc == 0 && f.v.n != 0 && f.v.v[0].built_at_s >= built_at_s)
		rc = error_set(err, -EEXIST,
		    "%s has a snapshot that is as new or newer (%s)", dir,
		    f.v.v[0].name);
	ret_from[0] = '\0';
	if (rc == 0 && f.v.n != 0)
		(void)snprintf(ret_from, from_size, "%s/%s", dir,
		    f.v.v[0].name);
	folder_done(&f);
	clock_rfc3339(built_at_s * NS_PER_SEC, at);
	for (size_t i = 0; at[i] != '\0'; i++)
		if (at[i] != '-' && at[i] != ':')
			at[n++] = at[i];
	at[n] = '\0';
	(void)snprintf(ret_output, output_size,
	    "%s/" SNAPSHOT_BEGIN "%s" SNAPSHOT_END, dir, at);
	return rc;
}

static int
add_delta(struct folder *f, const struct published *old, struct str to,
    struct error *err)
{
	_cleanup_(unmap) struct str from = STR_NONE;
	size_t i = f->latest.n_deltas;
	struct latest_file *file = &f->latest.deltas[i].file;
	char path[LIMIT_PATH_BYTES], hex[SHA256_HEX_SIZE],
	    to_hex[SHA256_HEX_SIZE];
	struct snapshot_info info;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, old->name);
	rc = map_snapshot(path, &from, &info, err);
	if (rc != 0)
		return rc;
	sha256_of(from, f->latest.deltas[i].from);
	sha256_hex(f->latest.deltas[i].from, hex);
	sha256_hex(f->latest.snapshot.sha256, to_hex);
	file->name = str_of(
	    mem_printf(DELTA_BEGIN "%.16s-%.16s" DELTA_END, hex, to_hex));
	(void)snprintf(path, sizeof(path), "%s/%.*s", f->dir,
	    STR_ARG(file->name));
	rc = write_delta(from, to, path, &file->size, file->sha256, err);
	f->latest.n_deltas++;
	return rc;
}

static int
write_latest(const struct folder *f, struct error *err)
{
	_cleanup_(replace_done) struct replace r = REPLACE_INIT;
	char path[LIMIT_PATH_BYTES];
	struct buf b;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/latest.json", f->dir);
	rc = replace_begin(path, &r, err);
	buf_init(&b, LATEST_MAX_BYTES);
	latest_write(&f->latest, &b);
	if (rc == 0)
		rc = fd_write_all(r.fd, b.p, b.n, err);
	if (rc == 0)
		rc = replace_commit(&r, err);
	buf_done(&b);
	return rc;
}

static bool
is_current(const struct folder *f, const char *name)
{
	for (size_t i = 0; i < f->v.n && i <= KEPT; i++)
		if (strcmp(f->v.v[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < f->latest.n_deltas; i++)
		if (str_is(f->latest.deltas[i].file.name, name))
			return true;
	return false;
}

/* What latest.json no longer leads to. A reader that has the old latest.json
 * at hand starts again. */
static void
sweep(const struct folder *f)
{
	DIR *d = opendir(f->dir);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		bool ours = is_named(e->d_name, SNAPSHOT_BEGIN, SNAPSHOT_END) ||
		    is_named(e->d_name, DELTA_BEGIN, DELTA_END);

		if (ours && !is_current(f, e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d != NULL)
		(void)closedir(d);
}

int
publish_end(const char *dir, const char *output, struct error *err)
{
	_cleanup_(unmap) struct str to = STR_NONE;
	struct folder f = { .dir = dir };
	struct snapshot_info info;
	int rc = map_snapshot(output, &to, &info, err);

	if (rc == 0)
		rc = list(&f, err);
	if (rc == 0) {
		f.latest.snapshot.name = str_of(strrchr(output, '/') + 1);
		f.latest.snapshot.size = to.n;
		f.latest.built_at_s = info.built_at_s;
		sha256_of(to, f.latest.snapshot.sha256);
	}
	for (size_t i = 0; i < f.v.n && rc == 0; i++)
		if (!str_is(f.latest.snapshot.name, f.v.v[i].name) &&
		    f.latest.n_deltas < KEPT)
			rc = add_delta(&f, &f.v.v[i], to, err);
	if (rc == 0)
		rc = write_latest(&f, err);
	if (rc == 0)
		sweep(&f);
	for (size_t i = 0; i < f.latest.n_deltas; i++)
		free((void *)(uintptr_t)f.latest.deltas[i].file.name.p);
	folder_done(&f);
	return rc;
}
