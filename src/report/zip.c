/* SPDX-License-Identifier: Apache-2.0 */
/* APPNOTE 6.3: local headers, central directory, ZIP64. Pure functions. */
#include "report/zip.h"

#include <assert.h>

#include "report/outfile.h"

#define MAX_16 0xffffu
#define MAX_32 0xffffffffull
/* UTF-8 names; deflate; version 2.0, 4.5 where ZIP64 is needed. */
#define FLAGS         0x800
#define FLAG_LATE     8
#define DEFLATE       8
#define VERSION       20
#define VERSION_64    45
#define MADE_BY       (3 << 8 | VERSION) /* Unix */
#define MODE          (0100644u << 16)
#define DIRECTORY_MAX ((size_t)4 << 30)

static void
put(struct buf *b, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i) & 0xff));
}

/* Days since 1970 as year, month, day (proleptic Gregorian). */
static void
civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2);
}

/* MS-DOS: two-second steps from 1980 to 2107. */
static uint32_t
dos_time(int64_t s)
{
	int64_t year;
	unsigned month, day, second;

	if (s < 315532800)
		return 1 << 21 | 1 << 16;
	civil(s / 86400, &year, &month, &day);
	if (year > 2107)
		return 1 << 21 | 1 << 16;
	second = (unsigned)(s % 86400);
	return (uint32_t)(year - 1980) << 25 | month << 21 | day << 16 |
	    (second / 3600) << 11 | (second / 60 % 60) << 5 | second % 60 / 2;
}

/* What local and central header have in common. */
static void
put_common(struct buf *b, const struct zip_member *m, unsigned version,
    bool local)
{
	bool blank = local && m->late;

	put(b, version, 2);
	put(b, m->late ? FLAGS | FLAG_LATE : FLAGS, 2);
	put(b, DEFLATE, 2);
	put(b, dos_time(m->modified_s), 4);
	put(b, blank ? 0 : m->crc32, 4);
	put(b, blank ? 0 : m->packed, 4);
	put(b, blank ? 0 : m->size, 4);
	put(b, m->name.n, 2);
}

void
zip_begin(struct zip *z, struct outfile *out)
{
	z->out = out;
	z->n_entries = 0;
	buf_init(&z->directory, DIRECTORY_MAX);
}

void
zip_header(struct zip *z, const struct zip_member *m)
{
	struct buf b;

	assert(m->name.n <= MAX_16 && m->size < MAX_32 && m->packed < MAX_32);
	buf_init(&b, 128 * 1024);
	put(&b, 0x04034b50, 4);
	put_common(&b, m, VERSION, true);
	put(&b, 0, 2);
	assert(b.n == ZIP_HEADER_BYTES);
	buf_put_str(&b, m->name);
	outfile_put_str(z->out, buf_str(&b));
	buf_done(&b);
}

void
zip_sizes(struct zip *z, const struct zip_member *m)
{
	struct buf b;

	assert(m->late);
	buf_init(&b, ZIP_SIZES_BYTES);
	put(&b, 0x08074b50, 4);
	put(&b, m->crc32, 4);
	put(&b, m->packed, 4);
	put(&b, m->size, 4);
	outfile_put_str(z->out, buf_str(&b));
	buf_done(&b);
}

void
zip_listed(struct zip *z, const struct zip_member *m, uint64_t at)
{
	unsigned version = at >= MAX_32 ? VERSION_64 : VERSION;

	put(&z->directory, 0x02014b50, 4);
	put(&z->directory, MADE_BY, 2);
	put_common(&z->directory, m, version, false);
	put(&z->directory, at >= MAX_32 ? 12 : 0, 2); /* extra */
	put(&z->directory, 0, 2); /* comment */
	put(&z->directory, 0, 2); /* disk */
	put(&z->directory, 0, 2); /* internal attributes */
	put(&z->directory, MODE, 4);
	put(&z->directory, at >= MAX_32 ? MAX_32 : at, 4);
	buf_put_str(&z->directory, m->name);
	if (at >= MAX_32) {
		put(&z->directory, 1, 2);
		put(&z->directory, 8, 2);
		put(&z->directory, at, 8);
	}
	z->n_entries++;
}

void
zip_member(struct zip *z, const struct zip_member *m)
{
	uint64_t at = outfile_at(z->out);

	zip_header(z, m);
	zip_listed(z, m, at);
}

void
zip_end(struct zip *z)
{
	uint64_t start = outfile_at(z->out), size = z->directory.n;
	uint64_t end = start + size, n = z->n_entries;
	struct buf b;

	assert(!z->directory.full);
	outfile_put_str(z->out, buf_str(&z->directory));
	buf_done(&z->directory);
	buf_init(&b, 1024);
	if (n >= MAX_16 || end >= MAX_32) {
		put(&b, 0x06064b50, 4);
		put(&b, 44, 8);
		put(&b, MADE_BY, 2);
		put(&b, VERSION_64, 2);
		put(&b, 0, 8); /* this disk, disk of the directory */
		put(&b, n, 8);
		put(&b, n, 8);
		put(&b, size, 8);
		put(&b, start, 8);
		put(&b, 0x07064b50, 4);
		put(&b, 0, 4);
		put(&b, end, 8);
		put(&b, 1, 4);
	}
	put(&b, 0x06054b50, 4);
	put(&b, 0, 4);
	put(&b, n >= MAX_16 ? MAX_16 : n, 2);
	put(&b, n >= MAX_16 ? MAX_16 : n, 2);
	put(&b, size >= MAX_32 ? MAX_32 : size, 4);
	put(&b, start >= MAX_32 ? MAX_32 : start, 4);
	put(&b, 0, 2);
	outfile_put_str(z->out, buf_str(&b));
	buf_done(&b);
}
