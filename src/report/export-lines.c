/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of an export one a line, compressed. Runs in `lazaret report
 * export`. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/cleanup.h"
#include "report/export_priv.h"
#include "report/zip.h"

/* A newline as a deflate block of its own (stored, not the last). */
#define NEWLINE STR_LIT("\x00\x01\x00\xfe\xff\n")
#define LENGTHS 65536 /* of most documents */

struct lines {
	uint64_t raw, packed, kept; /* kept: of packed, as it was */
	uLong crc32;
	size_t first; /* the first that is not kept */
	struct export_lines all; /* for the next export */
};

/* The sum of two pieces behind each other; b has n bytes. What the length has
 * to do with it is worked out once for each length: lengths are alike. */
static uLong
join_crc32(uLong a, uLong b, uint32_t n)
{
	static uint32_t ops[LENGTHS];

	if (n >= LENGTHS)
		return crc32_combine(a, b, (z_off_t)n);
	if (ops[n] == 0)
		ops[n] = (uint32_t)crc32_combine_gen((z_off_t)n);
	return crc32_combine_op(a, b, ops[n]);
}

/* The first document that is not before the place. */
static size_t
first_at(const struct export_view *v, uint64_t place)
{
	size_t from = 0, to = v->n, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (v->by_place[middle]->place < place)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* past: of the same documents, up to its place. */
static struct lines
measure(const struct export_view *v, const struct export_lines *past)
{
	struct lines l = { .crc32 = crc32(0, NULL, 0) };
	size_t i = 0;

	if (past->place != 0 && past->place <= v->keep) {
		i = l.first = first_at(v, past->place);
		l.raw = past->raw;
		l.packed = l.kept = past->packed;
		l.crc32 = (uLong)past->crc32;
	}
	for (; i < v->n; i++) {
		const struct export_entry *e = v->by_place[i];

		l.crc32 = join_crc32(l.crc32, e->crc32, e->raw);
		l.crc32 = crc32(l.crc32, (const Bytef *)"\n", 1);
		l.raw += e->raw + 1;
		l.packed += e->packed + NEWLINE.n;
		if (e->place < v->keep) {
			l.kept = l.packed;
			l.first = i + 1;
		}
	}
	if (v->n != 0)
		l.all = (struct export_lines){ v->by_place[v->n - 1]->place + 1,
			l.raw, l.packed, l.crc32 };
	l.packed += DEFLATE_END.n;
	return l;
}

/* From document `first` on. */
static void
put_lines(struct exporter *x, struct outfile *o, const struct export_view *v,
    size_t first)
{
	for (size_t i = first; i < v->n; i++) {
		outfile_put_str(o, export_segment(x, v->by_place[i]));
		outfile_put_str(o, NEWLINE);
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
	struct export_lines past = export_lines_of(x, path);
	struct lines l = measure(&x->whole, &past);
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
	put_lines(x, o, &x->whole, l.first);
	outfile_put(o, tail, sizeof(tail));
	return export_close(x, o, path, &l.all, err);
}

/* The ecosystems that Renovate looks for. The largest is the first, and its
 * sizes stand behind it: so what is new comes late in the file. */
static const char *const renovate[] = { "npm", "PyPI", "NuGet", "RubyGems",
	"crates.io", "Go", "Hackage", "Hex", "Maven", "Packagist", "Pub" };

/* Of an ecosystem; only the first one's bytes are at the same place again. */
static struct export_view
renovate_view(const struct exporter *x, size_t i)
{
	struct export_view v = { .n = 0 };

	for (size_t k = 0; k < x->dirs.n; k++)
		if (str_is(x->dirs.v[k].name, renovate[i]))
			v = x->dirs.v[k].view;
	if (i != 0)
		v.keep = 0;
	return v;
}

/* What it has of its lines goes to *all for the first one. */
static void
put_renovate(struct exporter *x, struct zip *z, size_t i, const char *path,
    struct export_lines *all)
{
	static const struct export_lines none;
	struct export_view v = renovate_view(x, i);
	struct export_lines past = i == 0 ? export_lines_of(x, path) : none;
	struct lines l = measure(&v, &past);
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
	if (i == 0)
		*all = l.all;
	put_lines(x, z->out, &v, l.first);
	zip_sizes(z, &m);
	zip_listed(z, &m, at);
}

int
export_renovate_write(struct exporter *x, const char *url, struct error *err)
{
	static const char path[] = "renovate/osv-offline.zip";
	struct outfile *o = outfile_open(x->dir, path);
	struct export_lines all = { .place = 0 };
	struct zip z;

	(void)url;
	zip_begin(&z, o);
	for (size_t i = 0; i < N_ELEMENTS(renovate); i++)
		put_renovate(x, &z, i, path, &all);
	zip_end(&z);
	return export_close(x, o, path, &all, err);
}
