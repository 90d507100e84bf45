/* SPDX-License-Identifier: Apache-2.0 */
/* APPNOTE 6.3: local headers, central directory, ZIP64. Pure functions. */
#include "report/zip.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

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
#define ROW_BYTES     46 /* of the directory, without the name */
#define END_BYTES     98 /* 56 and 20 of ZIP64, 22 */

/* Little endian. There are two records for each of a million members: they
 * are made in an array and put at once. */
static unsigned char *
put(unsigned char *p, uint64_t v, int bytes)
{
	uint64_t le = htole64(v);

	memcpy(p, &le, (size_t)bytes);
	return p + bytes;
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
static unsigned char *
put_common(unsigned char *p, const struct zip_member *m, unsigned version,
    bool local)
{
	bool blank = local && m->late;

	p = put(p, version, 2);
	p = put(p, m->late ? FLAGS | FLAG_LATE : FLAGS, 2);
	p = put(p, DEFLATE, 2);
	p = put(p, dos_time(m->modified_s), 4);
	p = put(p, blank ? 0 : m->crc32, 4);
	p = put(p, blank ? 0 : m->packed, 4);
	p = put(p, blank ? 0 : m->size, 4);
	return put(p, m->name.n, 2);
}

void
zip_begin(struct zip *z, struct outfile *out)
{
	z->out = out;
	z->n_entries = z->rows_at = 0;
	buf_init(&z->directory, DIRECTORY_MAX);
}

void
zip_header(struct zip *z, const struct zip_member *m)
{
	unsigned char bytes[ZIP_HEADER_BYTES], *p = bytes;

	assert(m->name.n <= MAX_16 && m->size < MAX_32 && m->packed < MAX_32);
	p = put(p, 0x04034b50, 4);
	p = put_common(p, m, VERSION, true);
	p = put(p, 0, 2);
	assert(p == bytes + sizeof(bytes));
	outfile_put(z->out, bytes, sizeof(bytes));
	outfile_put_str(z->out, m->name);
}

void
zip_sizes(struct zip *z, const struct zip_member *m)
{
	unsigned char bytes[ZIP_SIZES_BYTES], *p = bytes;

	assert(m->late);
	p = put(p, 0x08074b50, 4);
	p = put(p, m->crc32, 4);
	p = put(p, m->packed, 4);
	p = put(p, m->size, 4);
	assert(p == bytes + sizeof(bytes));
	outfile_put(z->out, bytes, sizeof(bytes));
}

void
zip_rows(struct zip *z)
{
	assert(z->n_entries == 0);
	z->rows_at = outfile_at(z->out);
}

static void
put_row(struct zip *z, const void *p, size_t n)
{
	if (z->rows_at != 0)
		outfile_put(z->out, p, n);
	else
		buf_put(&z->directory, p, n);
}

void
zip_listed(struct zip *z, const struct zip_member *m, uint64_t at)
{
	unsigned version = at >= MAX_32 ? VERSION_64 : VERSION;
	unsigned char bytes[ROW_BYTES], *p = bytes;

	p = put(p, 0x02014b50, 4);
	p = put(p, MADE_BY, 2);
	p = put_common(p, m, version, false);
	p = put(p, at >= MAX_32 ? 12 : 0, 2); /* extra */
	p = put(p, 0, 2); /* comment */
	p = put(p, 0, 2); /* disk */
	p = put(p, 0, 2); /* internal attributes */
	p = put(p, MODE, 4);
	p = put(p, at >= MAX_32 ? MAX_32 : at, 4);
	assert(p == bytes + sizeof(bytes));
	put_row(z, bytes, sizeof(bytes));
	put_row(z, m->name.p, m->name.n);
	if (at >= MAX_32) {
		p = put(bytes, 1, 2);
		p = put(p, 8, 2);
		p = put(p, at, 8);
		put_row(z, bytes, (size_t)(p - bytes));
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
	uint64_t start = z->rows_at != 0 ? z->rows_at : outfile_at(z->out);
	uint64_t end, size, n = z->n_entries;
	unsigned char bytes[END_BYTES], *p = bytes;

	assert(!z->directory.full);
	outfile_put_str(z->out, buf_str(&z->directory));
	buf_done(&z->directory);
	end = outfile_at(z->out);
	size = end - start;
	if (n >= MAX_16 || end >= MAX_32) {
		p = put(p, 0x06064b50, 4);
		p = put(p, 44, 8);
		p = put(p, MADE_BY, 2);
		p = put(p, VERSION_64, 2);
		p = put(p, 0, 8); /* this disk, disk of the directory */
		p = put(p, n, 8);
		p = put(p, n, 8);
		p = put(p, size, 8);
		p = put(p, start, 8);
		p = put(p, 0x07064b50, 4);
		p = put(p, 0, 4);
		p = put(p, end, 8);
		p = put(p, 1, 4);
	}
	p = put(p, 0x06054b50, 4);
	p = put(p, 0, 4);
	p = put(p, n >= MAX_16 ? MAX_16 : n, 2);
	p = put(p, n >= MAX_16 ? MAX_16 : n, 2);
	p = put(p, size >= MAX_32 ? MAX_32 : size, 4);
	p = put(p, start >= MAX_32 ? MAX_32 : start, 4);
	p = put(p, 0, 2);
	assert(p <= bytes + sizeof(bytes));
	outfile_put(z->out, bytes, (size_t)(p - bytes));
}
