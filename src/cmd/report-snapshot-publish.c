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
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "cmd/confined.h"
#include "cmd/report-snapshot.h"
#include "snapshot/latest.h"
#include "snapshot/replace.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/paths.h"
#include "sys/sha256.h"

#define SNAPSHOT_BEGIN "snapshot-"
#define SNAPSHOT_END   ".snapshot"
#define DELTA_BEGIN    "delta-"
#define DELTA_END      ".delta"
/* Older snapshots that stay, each with a delta to the newest. */
#define KEPT 3

/* --- one delta
 * ------------------------------------------------------------------ */

static int
open_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_errno(err, "%s", path) : fd;
}

static int
sha256_file(int fd, uint64_t *ret_size, uint8_t ret[SHA256_BYTES],
    struct error *err)
{
	struct str bytes;

	if (confined_map(fd, &bytes, err) != 0)
		return err->code;
	*ret_size = bytes.n;
	sha256_of(bytes, ret);
	confined_unmap(&bytes);
	return 0;
}

static int
write_delta(int from, int to, const char *output, uint64_t *ret_size,
    uint8_t ret_sha256[SHA256_BYTES], struct error *err)
{
	_cleanup_(replace_done) struct replace r = REPLACE_INIT;
	int rc = replace_begin(output, &r, err);

	if (rc == 0)
		rc = old_delta(from, to, r.fd, err);
	if (rc == 0)
		rc = sha256_file(r.fd, ret_size, ret_sha256, err);
	return rc == 0 ? replace_commit(&r, err) : rc;
}

int
publish_delta(const char *from, const char *to, const char *output,
    struct error *err)
{
	_cleanup_(closep) int old = open_file(from, err);
	_cleanup_(closep) int new = old < 0 ? old : open_file(to, err);
	uint8_t sha256[SHA256_BYTES];
	uint64_t size = 0;
	struct stat st;
	int rc = new < 0 ? err->code : 0;

	if (rc == 0)
		rc = write_delta(old, new, output, &size, sha256, err);
	if (rc == 0 && fstat(new, &st) == 0)
		(void)printf("%.2f MB make %.1f MB\n", (double)size / 1e6,
		    (double)st.st_size / 1e6);
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
		_cleanup_(closep) int fd = -1;
		struct published *p;
		int64_t at_s;

		if (!is_named(e->d_name, SNAPSHOT_BEGIN, SNAPSHOT_END))
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || old_built_at(fd, &at_s, NULL) != 0)
			continue;
		p = vec_add(&f->v);
		p->name = mem_strdup(e->d_name);
		p->built_at_s = at_s;
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
add_delta(struct folder *f, const struct published *old, int to,
    struct error *err)
{
	size_t i = f->latest.n_deltas;
	struct latest_file *file = &f->latest.deltas[i].file;
	char path[LIMIT_PATH_BYTES], hex[SHA256_HEX_SIZE],
	    to_hex[SHA256_HEX_SIZE];
	_cleanup_(closep) int from = -1;
	uint64_t size;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, old->name);
	from = open_file(path, err);
	rc = from < 0 ? from :
			sha256_file(from, &size, f->latest.deltas[i].from, err);
	if (rc != 0)
		return rc;
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
	_cleanup_(closep) int to = open_file(output, err);
	struct folder f = { .dir = dir };
	struct latest_file *new = &f.latest.snapshot;
	int rc = to < 0 ? to : old_built_at(to, &f.latest.built_at_s, err);

	if (rc == 0)
		rc = list(&f, err);
	if (rc == 0)
		rc = sha256_file(to, &new->size, new->sha256, err);
	new->name = str_of(strrchr(output, '/') + 1);
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
