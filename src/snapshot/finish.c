/* SPDX-License-Identifier: Apache-2.0 */
/* The file itself: sections one after the other, then the header in front.
 * Runs in `lazaret report snapshot`. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "snapshot/layout_priv.h"
#include "snapshot/snapshot.h"
#include "sys/crc32c.h"
#include "sys/fd.h"
#include "sys/sha256.h"

#define PENDING_BYTES ((size_t)1 << 20)
/* The order in the file: what a look-up needs lies together. */
static const enum section_kind order[] = { SECTION_STRINGS, SECTION_FILTER,
	SECTION_PACKAGES, SECTION_ROWS, SECTION_IDS, SECTION_RECORDS,
	SECTION_ALIASES, SECTION_COMMITS, SECTION_REGISTRIES,
	SECTION_DICTIONARY, SECTION_DOCUMENTS };
#define N_SECTIONS (sizeof(order) / sizeof(order[0]))
#define HEADER_BYTES \
	(FORMAT_FIXED_BYTES + N_SECTIONS * FORMAT_SECTION_BYTES + \
	    FORMAT_CHECKSUM)

struct out {
	int fd;
	uint64_t at;
	struct sha256 *sha256; /* of all behind the header */
	struct buf pending;
	struct error err; /* the first one */
};

static void
flush(struct out *o)
{
	if (o->err.code == 0)
		(void)fd_write_all(o->fd, o->pending.p, o->pending.n, &o->err);
	buf_reset(&o->pending);
}

static void
put(struct out *o, struct str s)
{
	sha256_add(o->sha256, s.p, s.n);
	o->at += s.n;
	if (o->pending.n + s.n > PENDING_BYTES)
		flush(o);
	if (s.n <= PENDING_BYTES)
		buf_put_str(&o->pending, s);
	else if (o->err.code == 0)
		(void)fd_write_all(o->fd, s.p, s.n, &o->err);
}

static void
align(struct out *o)
{
	static const char zeros[FORMAT_ALIGN];

	put(o,
	    str_n(zeros, (FORMAT_ALIGN - o->at % FORMAT_ALIGN) % FORMAT_ALIGN));
}

/* A chunk of 4 GiB would be one package with a billion versions. */
static void
put_groups(struct out *o, enum section_kind kind, const uint64_t *ends,
    uint32_t n)
{
	size_t n_groups = groups_of(n);
	uint64_t base = (uint64_t)n_groups * FORMAT_GROUP_BYTES, before = 0;
	struct buf b;

	buf_init(&b, FORMAT_GROUP_BYTES);
	for (uint32_t g = 0; g < n_groups; g++) {
		buf_reset(&b);
		put_u64(&b, base + before);
		for (uint32_t i = g * FORMAT_GROUP; i < (g + 1) * FORMAT_GROUP;
		     i++) {
			uint64_t end = i < n ? ends[i] : before;

			if (end - before > UINT32_MAX && o->err.code == 0)
				(void)error_set(&o->err, -EFBIG,
				    "one package has more versions than fit");
			put_u32(&b, (uint32_t)(end - before));
			before = end;
		}
		put_u32(&b, place_checksum(kind, g + 1, buf_str(&b)));
		put(o, buf_str(&b));
	}
	buf_done(&b);
}

static int
copy_document(struct out *o, const struct entry *e, struct buf *frame)
{
	struct buf sum;
	size_t got = 0;
	ssize_t n;
	char *p;

	buf_reset(frame);
	p = buf_reserve(frame, (size_t)e->size);
	if (p == NULL)
		return error_set(&o->err, -EFBIG, "a packed document");
	while (got < e->size) {
		n = pread(e->spool, p + got, (size_t)e->size - got,
		    (off_t)(e->at + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(&o->err, -EIO,
			    "the temporary file is cut");
		got += (size_t)n;
	}
	buf_added(frame, got);
	buf_init(&sum, FORMAT_CHECKSUM);
	put_u32(&sum, place_checksum(SECTION_DOCUMENTS, 0, buf_str(frame)));
	put(o, buf_str(&sum));
	put(o, buf_str(frame));
	buf_done(&sum);
	return o->err.code;
}

static void
put_documents(struct out *o, const struct layout *l)
{
	uint64_t *ends = mem_array(l->n, sizeof(*ends)), at = 0;
	struct buf frame;

	for (uint32_t i = 0; i < l->n; i++)
		ends[i] = at += l->entries[i]->size + FORMAT_CHECKSUM;
	put_groups(o, SECTION_DOCUMENTS, ends, l->n);
	free(ends);
	buf_init(&frame, 2 * (size_t)FORMAT_MAX_DOCUMENT);
	for (uint32_t i = 0; i < l->n; i++)
		if (copy_document(o, l->entries[i], &frame) != 0)
			break;
	buf_done(&frame);
}

/* One section; its row of the table goes to `table`. */
static void
put_section(struct out *o, const struct layout *l, enum section_kind kind,
    struct buf *table)
{
	const struct chunks *c = &l->chunks[kind];
	struct str piece = buf_str(&l->pieces[kind]);
	uint32_t sum = 0;
	uint64_t from, n = 0;

	align(o);
	from = o->at;
	if (kind == SECTION_DOCUMENTS) {
		put_documents(o, l);
		n = l->n;
	} else if (kind == SECTION_STRINGS || kind == SECTION_FILTER ||
	    kind == SECTION_REGISTRIES || kind == SECTION_DICTIONARY) {
		sum = place_checksum(kind, 0, piece);
		n = kind == SECTION_FILTER ? l->n_filter : 0;
		put(o, piece);
	} else {
		n = c->ends.n;
		put_groups(o, kind, c->ends.v, (uint32_t)c->ends.n);
		put(o, buf_str(&c->bytes));
	}
	put_u32(table, (uint32_t)kind);
	put_u32(table, sum);
	put_u64(table, from);
	put_u64(table, o->at - from);
	put_u64(table, n);
}

static void
make_header(struct buf *h, const struct layout *l, uint64_t size,
    int64_t built_at_s, const uint8_t *id, struct str table)
{
	buf_put(h, FORMAT_MAGIC, FORMAT_MAGIC_BYTES);
	put_u32(h, SNAPSHOT_FORMAT);
	put_u32(h, (uint32_t)HEADER_BYTES);
	put_u64(h, size);
	put_u64(h, (uint64_t)built_at_s);
	put_u64(h, (uint64_t)l->modified_s);
	put_u32(h, l->n);
	put_u32(h, l->n_withdrawn);
	put_u32(h, l->n_packages);
	put_u32(h, l->n_rows);
	buf_put(h, id, SNAPSHOT_ID_BYTES);
	put_u32(h, (uint32_t)N_SECTIONS);
	put_u32(h, 0);
	buf_put_str(h, table);
	put_u32(h, crc32c(0, h->p, h->n));
}

static int
put_header(struct out *o, struct str header)
{
	if (o->err.code != 0)
		return o->err.code;
	if (lseek(o->fd, 0, SEEK_SET) != 0)
		return error_errno(&o->err, "the snapshot");
	return fd_write_all(o->fd, header.p, header.n, &o->err);
}

int
snapshot_writer_finish(struct snapshot_writer *w, struct str dictionary,
    int64_t built_at_s, int fd, struct error *err)
{
	static const char zeros[HEADER_BYTES];
	struct out o = { .fd = fd, .err = ERROR_INIT };
	struct buf table, header;
	struct layout l;
	uint8_t id[SHA256_BYTES];

	layout_make(&l, w);
	buf_put_str(&l.pieces[SECTION_DICTIONARY], dictionary);
	buf_init(&o.pending, PENDING_BYTES);
	buf_init(&table, FORMAT_MAX_BYTES);
	buf_init(&header, HEADER_BYTES);
	(void)fd_write_all(fd, zeros, sizeof(zeros), &o.err);
	o.at = sizeof(zeros);
	o.sha256 = sha256_new();
	for (size_t i = 0; i < N_SECTIONS; i++)
		put_section(&o, &l, order[i], &table);
	flush(&o);
	sha256_final(o.sha256, id);
	make_header(&header, &l, o.at, built_at_s, id, buf_str(&table));
	(void)put_header(&o, buf_str(&header));
	layout_done(&l);
	buf_done(&o.pending);
	buf_done(&table);
	buf_done(&header);
	return o.err.code == 0 ? 0 :
				 error_set(err, o.err.code, "%s", o.err.msg);
}
