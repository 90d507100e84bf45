/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of an export one behind the other: a document a line. Runs in
 * `lazaret report export`. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "report/export_priv.h"
#include "report/zip.h"

#define ALL (-1)

struct lines {
	uint64_t raw, packed, kept; /* kept: of packed, as it was */
	uLong crc32;
	size_t first; /* the first group that is not kept */
};

/* dir: a folder's number, or ALL. */
static bool
lies_in(const struct export_group *g, int dir)
{
	for (size_t i = 0; i < g->first->n_dirs && dir != ALL; i++)
		if (g->first->dirs[i] == dir)
			return true;
	return dir == ALL;
}

/* Groups of rows below `keep` were there, and no other was between them. */
static struct lines
measure(const struct exporter *x, int dir, uint64_t keep)
{
	struct lines l = { .crc32 = crc32(0, NULL, 0) };
	bool same = true;

	for (size_t i = 0; i < x->groups.n; i++) {
		const struct export_group *g = &x->groups.v[i];

		if (!lies_in(g, dir))
			continue;
		l.crc32 = crc32_combine(l.crc32, g->crc32, (z_off_t)g->raw);
		l.raw += g->raw;
		l.packed += g->packed;
		same =
		    same && g->past && EXPORT_ROW(g->place) < EXPORT_ROW(keep);
		if (same) {
			l.kept = l.packed;
			l.first = i + 1;
		}
	}
	l.packed += DEFLATE_END.n;
	return l;
}

/* From group `first` on. */
static void
put_lines(const struct exporter *x, struct outfile *o, int dir, size_t first)
{
	for (size_t i = first; i < x->groups.n; i++) {
		const struct export_group *g = &x->groups.v[i];

		if (lies_in(g, dir))
			outfile_put_str(o, str_n(x->map + g->at, g->packed));
	}
	outfile_put_str(o, DEFLATE_END);
}

int
export_ndjson_write(struct exporter *x, const char *url, struct error *err)
{
	static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0,
		3 };
	static const char path[] = "all.ndjson.gz";
	struct outfile *o = outfile_open(x->dir, path);
	struct lines l = measure(x, ALL, x->whole.keep);
	unsigned char tail[8];

	(void)url;
	for (int i = 0; i < 4; i++) {
		tail[i] = (unsigned char)(l.crc32 >> (8 * i));
		tail[4 + i] = (unsigned char)(l.raw >> (8 * i));
	}
	if (export_keep_bytes(x, o, path,
		l.kept != 0 ? sizeof(head) + l.kept : 0) == 0) {
		outfile_put(o, head, sizeof(head));
		l.first = 0;
	}
	put_lines(x, o, ALL, l.first);
	outfile_put(o, tail, sizeof(tail));
	return export_close(x, o, path, err);
}

/* The ecosystems that Renovate looks for. The largest is the first, and its
 * sizes stand behind it: so what is new comes late in the file. */
static const char *const renovate[] = { "npm", "PyPI", "NuGet", "RubyGems",
	"crates.io", "Go", "Hackage", "Hex", "Maven", "Packagist", "Pub" };

/* No folder's number is below ALL. */
static int
dir_of(const struct exporter *x, const char *ecosystem)
{
	for (size_t i = 0; i < x->dirs.n; i++)
		if (str_is(x->dirs.v[i].name, ecosystem))
			return (int)i;
	return ALL - 1;
}

/* Only the first one's bytes are at the same place again. */
static void
put_renovate(struct exporter *x, struct zip *z, size_t i, const char *path)
{
	int dir = dir_of(x, renovate[i]);
	struct lines l =
	    measure(x, dir, i == 0 && dir > ALL ? x->dirs.v[dir].view.keep : 0);
	struct zip_member m = { .crc32 = (uint32_t)l.crc32,
		.size = l.raw,
		.packed = l.packed,
		.late = true };
	uint64_t at = outfile_at(z->out), head;
	char name[64];

	(void)snprintf(name, sizeof(name), "%s.nedb", renovate[i]);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	m.name = str_of(name);
	head = ZIP_HEADER_BYTES + m.name.n;
	/* More than such a reader can hold in memory. */
	if (l.raw >= UINT32_MAX)
		return;
	if (i != 0 ||
	    export_keep_bytes(x, z->out, path,
		l.kept != 0 ? head + l.kept : 0) == 0) {
		zip_header(z, &m);
		l.first = 0;
	}
	put_lines(x, z->out, dir, l.first);
	zip_sizes(z, &m);
	zip_listed(z, &m, at);
}

int
export_renovate_write(struct exporter *x, const char *url, struct error *err)
{
	static const char path[] = "renovate/osv-offline.zip";
	struct outfile *o = outfile_open(x->dir, path);
	struct zip z;

	(void)url;
	zip_begin(&z, o);
	for (size_t i = 0; i < N_ELEMENTS(renovate); i++)
		put_renovate(x, &z, i, path);
	zip_end(&z);
	return export_close(x, o, path, err);
}
