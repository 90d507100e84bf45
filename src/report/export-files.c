/* SPDX-License-Identifier: Apache-2.0 */
/* The archives, lists and sums of an export. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "report/zip.h"

/* A newline as a deflate block of its own (stored, not the last). */
#define NEWLINE STR_LIT("\x00\x01\x00\xfe\xff\n")

static void
remember(struct exporter *x, struct str name, const struct outfile_sums *sums)
{
	x->counts.files++;
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_eq(x->sums.v[i].name, name)) {
			x->sums.v[i].sums = *sums;
			return;
		}
	vec_push(&x->sums,
	    ((struct export_sum){ arena_str(x->arena, name), *sums }));
}

int
export_close(struct exporter *x, struct outfile *o, const char *name,
    struct error *err)
{
	struct outfile_sums sums;
	int rc = outfile_close(o, &sums, err);

	if (rc == 0)
		remember(x, str_of(name), &sums);
	return rc;
}

int
export_put_file(struct exporter *x, const char *name, struct str bytes,
    struct error *err)
{
	struct outfile *o = outfile_open(x->dir, name);

	outfile_put_str(o, bytes);
	return export_close(x, o, name, err);
}

static bool
lies_in(const struct export_entry *e, struct str dir)
{
	if (dir.p == NULL)
		return true;
	for (size_t i = 0; i < e->n_dirs; i++)
		if (str_eq(e->dirs[i], dir))
			return true;
	return false;
}

/* --- archives of single documents ------------------------------------------
 */

static int
write_zip(struct exporter *x, struct str dir, const char *path,
    struct error *err)
{
	struct outfile *o = outfile_open(x->dir, path);
	char name[LIMIT_TEXT_BYTES];
	struct zip z;

	zip_begin(&z, o);
	for (size_t i = 0; i < x->entries.n; i++) {
		const struct export_entry *e = x->entries.v[i];
		struct zip_member m = { .modified_s = e->modified_s,
			.crc32 = e->crc32,
			.size = e->raw,
			.packed = e->packed + DEFLATE_END.n };

		if (!lies_in(e, dir))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s.json", STR_ARG(e->id));
		m.name = str_of(name);
		zip_member(&z, &m);
		outfile_put_str(o, export_segment(x, e));
		outfile_put_str(o, DEFLATE_END);
	}
	zip_end(&z);
	return export_close(x, o, path, err);
}

/* The same file under another name, without its bytes a second time. */
static int
link_file(struct exporter *x, const char *from, const char *to,
    struct error *err)
{
	static const char temporary[] = ".tmp-link";

	(void)unlinkat(x->dir, temporary, 0);
	if (outfile_make_folders(x->dir, to, err) != 0)
		return err->code;
	if (linkat(x->dir, from, x->dir, temporary, 0) != 0)
		return error_errno(err, "%s", to);
	/* Two names of one file: rename would leave both. */
	if (renameat(x->dir, temporary, x->dir, to) != 0)
		return error_errno(err, "%s", to);
	(void)unlinkat(x->dir, temporary, 0);
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_is(x->sums.v[i].name, from)) {
			struct outfile_sums sums = x->sums.v[i].sums;

			remember(x, str_of(to), &sums);
			break;
		}
	return 0;
}

/* Both trees of osv-scanner; a zip must be there for every ecosystem. */
static int
write_offline(struct exporter *x, const char *ecosystem, bool has_reports,
    struct error *err)
{
	static const char *const trees[] = { "osv-scanner", "osv-scalibr" };
	char from[256], to[256];
	int rc = 0;

	(void)snprintf(from, sizeof(from), "%s/all.zip", ecosystem);
	for (size_t i = 0; i < N_ELEMENTS(trees) && rc == 0; i++) {
		(void)snprintf(to, sizeof(to), "%s/%s/all.zip", trees[i],
		    ecosystem);
		if (has_reports)
			rc = link_file(x, from, to, err);
		else if (x->all_changed)
			rc = write_zip(x, STR_LIT("/"), to, err);
	}
	return rc;
}

static int
write_zips(struct exporter *x, struct error *err)
{
	char path[256];
	size_t at = 0;
	struct str dir;
	void *value;
	int rc = write_zip(x, STR_NONE, "all.zip", err);

	while (rc == 0 && map_next(x->changed, &at, &dir, &value)) {
		(void)snprintf(path, sizeof(path), "%.*s/all.zip",
		    STR_ARG(dir));
		rc = write_zip(x, dir, path, err);
	}
	for (size_t i = 0; rc == 0 && osv_ecosystems[i] != NULL; i++)
		rc = write_offline(x, osv_ecosystems[i],
		    map_has(x->changed, str_of(osv_ecosystems[i])), err);
	return rc != 0 ?
	    rc :
	    write_offline(x, "GIT", map_has(x->changed, STR_LIT("GIT")), err);
}

/* --- lines of JSON ----------------------------------------------------------
 */

struct lines {
	uint64_t raw, packed;
	uLong crc32;
};

static struct lines
measure(const struct exporter *x, struct str dir)
{
	struct lines l = { .packed = DEFLATE_END.n,
		.crc32 = crc32(0, NULL, 0) };

	for (size_t i = 0; i < x->entries.n; i++) {
		const struct export_entry *e = x->entries.v[i];

		if (!lies_in(e, dir))
			continue;
		l.crc32 = crc32_combine(l.crc32, e->crc32, (z_off_t)e->raw);
		l.crc32 = crc32(l.crc32, (const Bytef *)"\n", 1);
		l.raw += e->raw + 1;
		l.packed += e->packed + NEWLINE.n;
	}
	return l;
}

static void
put_lines(struct exporter *x, struct outfile *o, struct str dir)
{
	for (size_t i = 0; i < x->entries.n; i++) {
		if (!lies_in(x->entries.v[i], dir))
			continue;
		outfile_put_str(o, export_segment(x, x->entries.v[i]));
		outfile_put_str(o, NEWLINE);
	}
	outfile_put_str(o, DEFLATE_END);
}

static int
write_ndjson(struct exporter *x, struct error *err)
{
	static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0,
		3 };
	struct outfile *o = outfile_open(x->dir, "all.ndjson.gz");
	struct lines l = measure(x, STR_NONE);
	unsigned char tail[8];

	for (int i = 0; i < 4; i++) {
		tail[i] = (unsigned char)(l.crc32 >> (8 * i));
		tail[4 + i] = (unsigned char)(l.raw >> (8 * i));
	}
	outfile_put(o, head, sizeof(head));
	put_lines(x, o, STR_NONE);
	outfile_put(o, tail, sizeof(tail));
	return export_close(x, o, "all.ndjson.gz", err);
}

/* The ecosystems that Renovate looks for. */
static int
write_renovate(struct exporter *x, struct error *err)
{
	static const char *const names[] = { "crates.io", "Go", "Hackage",
		"Hex", "Maven", "npm", "NuGet", "Packagist", "Pub", "PyPI",
		"RubyGems" };
	static const char path[] = "renovate/osv-offline.zip";
	struct outfile *o = outfile_open(x->dir, path);
	int64_t newest = 0;
	char name[64];
	struct zip z;

	for (size_t i = 0; i < x->entries.n; i++)
		newest = MAX_OF(newest, x->entries.v[i]->modified_s);
	zip_begin(&z, o);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		struct lines l = measure(x, str_of(names[i]));
		struct zip_member m = { .modified_s = newest,
			.crc32 = (uint32_t)l.crc32,
			.size = l.raw,
			.packed = l.packed };

		(void)snprintf(name, sizeof(name), "%s.nedb", names[i]);
		for (char *p = name; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		m.name = str_of(name);
		/* More than such a reader can hold in memory. */
		if (l.raw >= UINT32_MAX)
			continue;
		zip_member(&z, &m);
		put_lines(x, o, str_of(names[i]));
	}
	zip_end(&z);
	return export_close(x, o, path, err);
}

/* --- lists and sums ----------------------------------------------------------
 */

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int
write_ecosystems(struct exporter *x, struct error *err)
{
	struct map *names = map_new(1000);
	struct str *v, key;
	struct buf b;
	size_t at = 0, n = 0;
	void *value;
	int rc;

	for (size_t i = 0; i < x->entries.n; i++)
		for (size_t k = 0; k < x->entries.v[i]->n_dirs; k++)
			(void)map_put(names, x->entries.v[i]->dirs[k], x);
	v = mem_array(map_count(names) + 1, sizeof(*v));
	while (map_next(names, &at, &key, &value))
		v[n++] = key;
	if (n > 1)
		qsort(v, n, sizeof(*v), by_text);
	buf_init(&b, 64 * KIB);
	for (size_t i = 0; i < n; i++) {
		buf_put_str(&b, v[i]);
		buf_putc(&b, '\n');
	}
	rc = export_put_file(x, "ecosystems.txt", buf_str(&b), err);
	buf_done(&b);
	free(v);
	map_free(names);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	return str_cmp(((const struct export_sum *)a)->name,
	    ((const struct export_sum *)b)->name);
}

/* The four bytes in network order, as the X-Goog-Hash header has them. */
static void
put_base64(struct buf *b, uint32_t v)
{
	uint32_t bytes = htobe32(v);

	base64_write(str_n(&bytes, sizeof(bytes)), b);
}

static int
write_sums(struct exporter *x, struct error *err)
{
	struct buf sha, crc;
	int rc;

	qsort(x->sums.v, x->sums.n, sizeof(*x->sums.v), by_name);
	buf_init(&sha, MIB);
	buf_init(&crc, MIB);
	for (size_t i = 0; i < x->sums.n; i++) {
		const struct export_sum *s = &x->sums.v[i];

		buf_printf(&sha, "%s  %.*s\n", s->sums.sha256,
		    STR_ARG(s->name));
		put_base64(&crc, s->sums.crc32c);
		buf_printf(&crc, "  %.*s\n", STR_ARG(s->name));
	}
	rc = outfile_write(x->dir, "SHA256SUMS", buf_str(&sha), err);
	if (rc == 0)
		rc = outfile_write(x->dir, "CRC32C", buf_str(&crc), err);
	buf_done(&sha);
	buf_done(&crc);
	return rc;
}

int
export_files_write(struct exporter *x, struct error *err)
{
	int rc = write_zips(x, err);

	if (rc == 0)
		rc = write_ndjson(x, err);
	if (rc == 0)
		rc = write_renovate(x, err);
	if (rc == 0)
		rc = write_ecosystems(x, err);
	return rc == 0 ? write_sums(x, err) : rc;
}
