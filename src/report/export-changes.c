/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each export changed, one file of lines for each:
 * changes/NNNNNNNN.ndjson, never written again. The first line has the hash of
 * the file before, and changes/latest.json that of the newest, which the sums
 * (and a signature) cover: who has export N reads the files after N, in order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "report/export_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define FOLDER "changes"

/* The highest number there is; 0: none. */
static uint64_t
last_number(const struct exporter *x)
{
	int fd = openat(x->dir, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	uint64_t highest = 0, n;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct str name = str_of(e->d_name);

		if (name.n == 15 && str_ends(name, ".ndjson") &&
		    str_to_u64(str_sub(name, 0, 8), &n) == 0)
			highest = MAX_OF(highest, n);
	}
	if (d != NULL)
		(void)closedir(d);
	else
		closep(&fd);
	return highest;
}

static int
hash_of(const struct exporter *x, uint64_t number, char ret[SHA256_HEX_SIZE],
    struct error *err)
{
	char path[64];
	_cleanup_(closep) int fd = -1;
	uint8_t digest[SHA256_BYTES];
	struct buf b;
	int rc;

	(void)snprintf(path, sizeof(path), FOLDER "/%08llu.ndjson",
	    (unsigned long long)number);
	fd = openat(x->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_errno(err, "%s", path);
	buf_init(&b, (size_t)2 << 30);
	rc = fd_read_all(fd, &b, err);
	sha256_of(buf_str(&b), digest);
	sha256_hex(digest, ret);
	buf_done(&b);
	return rc;
}

/* --- lines -------------------------------------------------------------------
 */

static void
put_line(struct buf *b, const struct exporter *x, const char *change,
    const struct export_entry *e)
{
	struct json j;

	json_init(&j, b, 0);
	json_object_begin(&j);
	json_key(&j, "change");
	json_strz(&j, change);
	json_key(&j, "id");
	json_str(&j, e->id);
	json_key(&j, "modified");
	json_str(&j, e->modified);
	json_key(&j, "ecosystems");
	json_array_begin(&j);
	for (size_t i = 0; i < e->n_dirs; i++)
		json_str(&j, export_dir_name(x, e, i));
	json_array_end(&j);
	json_object_end(&j);
	buf_putc(b, '\n');
}

/* Who sets the date wants the same bytes from the same reports. */
static int64_t
at_ns(void)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t s;

	if (epoch != NULL && str_to_u64(str_of(epoch), &s) == 0 &&
	    s < INT64_MAX / NS_PER_SEC)
		return (int64_t)s * NS_PER_SEC;
	return clock_wall_ns();
}

static void
put_head(struct buf *b, uint64_t number, const char *previous, bool base)
{
	char now[CLOCK_RFC3339_SIZE];
	struct json j;

	clock_rfc3339(at_ns(), now);
	json_init(&j, b, 0);
	json_object_begin(&j);
	json_key(&j, "export");
	json_int(&j, (int64_t)number);
	json_key(&j, "at");
	json_strz(&j, now);
	json_key(&j, "previous_sha256");
	json_strz(&j, previous[0] != '\0' ? previous : NULL);
	/* Everything may have changed: take all.zip, and go on from here. */
	json_key(&j, "base");
	json_bool(&j, base);
	json_object_end(&j);
	buf_putc(b, '\n');
}

static const char *
change_of(const struct export_entry *now, const struct export_entry *before)
{
	if (before == NULL)
		return now->withdrawn ? "withdrawn" : "added";
	if (now->withdrawn != before->withdrawn)
		return now->withdrawn ? "withdrawn" : "unwithdrawn";
	return "changed";
}

/* What the last export had and this one took anew or not at all, by id. */
static struct map *
find_past(struct exporter *x)
{
	struct map *past = map_new(EXPORT_MAX_REPORTS);

	for (size_t i = 0; i < x->n_past; i++)
		if (!x->past[i].claimed)
			(void)map_put(past, x->past[i].id, &x->past[i]);
	return past;
}

static void
put_changes(struct exporter *x, struct buf *b)
{
	struct map *before = find_past(x);
	size_t at = 0;
	struct str key;
	void *value;

	for (size_t i = 0; i < x->whole.n; i++) {
		const struct export_entry *e = x->whole.by_id[i];

		if (e->fresh)
			put_line(b, x, change_of(e, map_remove(before, e->id)),
			    e);
	}
	while (map_next(before, &at, &key, &value))
		put_line(b, x, "removed", value);
	map_free(before);
}

static int
put_latest(struct exporter *x, uint64_t number, const char *hash,
    struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, KIB);
	buf_printf(&b,
	    "{\"export\":%llu,\"file\":\"%08llu.ndjson\",\"sha256\":\"%s\"}\n",
	    (unsigned long long)number, (unsigned long long)number, hash);
	rc = export_put_file(x, FOLDER "/latest.json", buf_str(&b), err);
	buf_done(&b);
	return rc;
}

/* A death behind this and before the cache: the next export finds the same
 * changes and says them again, which does no harm to who follows. */
int
export_changes_write(struct exporter *x, struct error *err)
{
	uint64_t number = last_number(x) + 1;
	char path[64], hash[SHA256_HEX_SIZE] = "";
	uint8_t digest[SHA256_BYTES];
	struct buf b;
	int rc = 0;

	if (number > 99999999)
		return error_set(err, -ERANGE, "too many files in " FOLDER);
	if (number > 1)
		rc = hash_of(x, number - 1, hash, err);
	if (rc != 0)
		return rc;
	buf_init(&b, (size_t)2 << 30);
	put_head(&b, number, hash, x->base);
	if (!x->base)
		put_changes(x, &b);
	(void)snprintf(path, sizeof(path), FOLDER "/%08llu.ndjson",
	    (unsigned long long)number);
	rc = outfile_write(x->dir, path, buf_str(&b), err);
	sha256_of(buf_str(&b), digest);
	sha256_hex(digest, hash);
	buf_done(&b);
	return rc == 0 ? put_latest(x, number, hash, err) : rc;
}
