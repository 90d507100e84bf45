/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents one a line, in groups: those of EXPORT_GROUP places in a row that
 * lie in the same folders are compressed together, which makes them less than
 * half as large as one by one, and every archive of lines has the same bytes of
 * them. Workers send the groups of what they read; a group that has lost a
 * document is made here, of the others as they lie in .cache/segments. Which
 * documents a group has follows from their places alone, and its bytes from
 * the documents. Those of the last export are known by .cache/groups:
 *
 *	head | records, by place
 *
 * Runs in `lazaret report export`.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <libdeflate.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_priv.h"
#include "sys/crc32c.h"
#include "sys/fd.h"
#include "sys/message.h"

#define GROUPS     ".cache/groups"
#define MAGIC      0x31707267616c2020ull /* "  lagrp1", in this machine's order */
#define GROUPS_MAX ((size_t)1 << 30)
#define LENGTHS    65536 /* of most documents */

struct head {
	uint64_t magic;
	uint32_t head_bytes, record_bytes;
	uint32_t crc32c; /* of all that follows the head */
	uint32_t n;
	uint64_t index; /* the number of the index that they belong to */
};

struct record {
	uint64_t place, at, packed, raw;
	uint32_t crc32, n;
};

_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct record) % 8 == 0,
    "records follow each other without gaps");

/* --- from one export to the next --------------------------------------------
 */

bool
export_groups_parse(struct exporter *x, struct str bytes)
{
	const struct head *h = (const void *)bytes.p;
	const struct record *r;

	if (bytes.n < sizeof(*h) || h->magic != MAGIC ||
	    h->head_bytes != sizeof(*h) || h->record_bytes != sizeof(*r) ||
	    h->index != x->index_number ||
	    bytes.n != sizeof(*h) + h->n * sizeof(*r) ||
	    h->crc32c != crc32c(0, h + 1, bytes.n - sizeof(*h)))
		return false;
	r = (const void *)(h + 1);
	for (size_t i = 0; i < h->n; i++) {
		if ((i != 0 && r[i].place <= r[i - 1].place) ||
		    r[i].at > x->segments_end ||
		    r[i].packed > x->segments_end - r[i].at)
			return false;
		vec_push(&x->known,
		    ((struct export_group){ .place = r[i].place,
			.at = r[i].at,
			.packed = r[i].packed,
			.raw = r[i].raw,
			.crc32 = r[i].crc32,
			.n = r[i].n }));
	}
	return true;
}

/* Without them all are made again, and have the same bytes. */
void
export_groups_load(struct exporter *x)
{
	_cleanup_(closep) int fd = openat(x->dir, GROUPS,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct error err = ERROR_INIT;
	struct buf b;

	if (fd < 0)
		return;
	buf_init(&b, GROUPS_MAX);
	if (fd_read_all(fd, &b, &err) != 0 ||
	    !export_groups_parse(x, buf_str(&b)))
		x->known.n = 0;
	buf_done(&b);
}

int
export_groups_save(struct exporter *x, struct error *err)
{
	struct head h = { .magic = MAGIC,
		.head_bytes = sizeof(h),
		.record_bytes = sizeof(struct record),
		.n = (uint32_t)x->groups.n,
		.index = x->index_number };
	struct buf b;
	int rc;

	buf_init(&b, GROUPS_MAX);
	buf_put(&b, &h, sizeof(h));
	for (size_t i = 0; i < x->groups.n; i++) {
		const struct export_group *g = &x->groups.v[i];
		struct record r = { .place = g->place,
			.at = g->at,
			.packed = g->packed,
			.raw = g->raw,
			.crc32 = g->crc32,
			.n = g->n };

		buf_put(&b, &r, sizeof(r));
	}
	h.crc32c = crc32c(0, b.p + sizeof(h), b.n - sizeof(h));
	memcpy(b.p, &h, sizeof(h));
	rc = outfile_write(x->dir, GROUPS, buf_str(&b), err);
	buf_done(&b);
	return rc;
}

/* --- from the workers -------------------------------------------------------
 */

int
export_take_group(struct exporter *x, struct message *m,
    const struct export_files *files, struct error *err)
{
	int64_t file = message_get_int(m), n = message_get_int(m);
	int64_t crc32 = message_get_int(m), raw = message_get_int(m);
	struct str packed = message_get_str(m);

	if (message_end(m, err) != 0)
		return err->code;
	if (file < 0 || (uint64_t)file >= files->n || n < 1 ||
	    n > EXPORT_GROUP || packed.n == 0)
		return error_set(err, -EPROTO, "bad group of a worker");
	vec_push(&x->known,
	    ((struct export_group){ .place = files->v[file].place,
		.at = x->segments_end,
		.packed = packed.n,
		.raw = (uint64_t)raw,
		.crc32 = (uint32_t)crc32,
		.n = (uint32_t)n }));
	return export_segments_put(x, packed, err);
}

/* --- groups of this export --------------------------------------------------
 */

struct maker {
	struct exporter *x;
	size_t known; /* the first that was not looked at */
	struct export_pack pack;
	struct buf in, document;
	struct libdeflate_decompressor *d; /* owned */
};

static bool
same_folders(const struct export_entry *a, const struct export_entry *b)
{
	return a->n_dirs == b->n_dirs &&
	    memcmp(a->dirs, b->dirs, a->n_dirs) == 0;
}

/* The sum of two pieces behind each other; b has n bytes. What the length has
 * to do with it is worked out once for each length: lengths are alike. */
static uint32_t
join_crc32(uint32_t a, uint32_t b, uint32_t n)
{
	static uint32_t ops[LENGTHS];

	if (n >= LENGTHS)
		return (uint32_t)crc32_combine(a, b, (z_off_t)n);
	if (ops[n] == 0)
		ops[n] = (uint32_t)crc32_combine_gen((z_off_t)n);
	return (uint32_t)crc32_combine_op(a, b, ops[n]);
}

/* Its documents begin with v[0], and are among n. */
static struct export_group
measure(struct export_entry *const *v, size_t n)
{
	struct export_group g = { .place = v[0]->place, .first = v[0] };

	for (size_t i = 0; i < n; i++) {
		if (!same_folders(v[i], v[0]))
			continue;
		g.n++;
		g.raw += v[i]->raw + 1;
		g.past |= !v[i]->fresh;
		if (g.past)
			continue;
		g.crc32 = join_crc32(g.crc32, v[i]->crc32, v[i]->raw);
		g.crc32 = (uint32_t)crc32(g.crc32, (const Bytef *)"\n", 1);
	}
	return g;
}

/* A place is given once, so that a group of as many documents that begins at
 * the same one has the same. What a worker sent is compared. */
static bool
is_known(const struct export_group *known, const struct export_group *g)
{
	return known->n == g->n && known->raw == g->raw &&
	    (g->past || known->crc32 == g->crc32);
}

static bool
find_known(struct maker *m, struct export_group *g)
{
	struct exporter *x = m->x;
	bool found = false;

	for (; m->known < x->known.n; m->known++) {
		const struct export_group *known = &x->known.v[m->known];

		if (known->place > g->place)
			break;
		if (found || known->place != g->place || !is_known(known, g)) {
			x->dead += known->packed;
			continue;
		}
		found = true;
		g->at = known->at;
		g->packed = known->packed;
		g->raw = known->raw;
		g->crc32 = known->crc32;
	}
	return found;
}

static int
read_document(struct maker *m, const struct export_entry *e, struct error *err)
{
	char *in, *document;

	buf_reset(&m->in);
	buf_reset(&m->document);
	in = buf_reserve(&m->in, e->packed + DEFLATE_END.n);
	document = buf_reserve(&m->document, e->raw);
	if (in == NULL || document == NULL ||
	    pread(m->x->segments, in, e->packed, (off_t)e->at) !=
		(ssize_t)e->packed)
		return error_set(err, -EIO, ".cache/segments: is too short");
	memcpy(in + e->packed, DEFLATE_END.p, DEFLATE_END.n);
	if (libdeflate_deflate_decompress(m->d, in, e->packed + DEFLATE_END.n,
		document, e->raw, NULL) != LIBDEFLATE_SUCCESS ||
	    libdeflate_crc32(0, document, e->raw) != e->crc32)
		return error_set(err, -EBADMSG,
		    ".cache/segments: is damaged: export with --fresh");
	buf_added(&m->document, e->raw);
	return 0;
}

static int
make_group(struct maker *m, struct export_entry *const *v, size_t n,
    struct export_group *g, struct error *err)
{
	int rc = 0;

	export_pack_begin(&m->pack, EXPORT_GROUP * 2 * EXPORT_MAX_DOCUMENT);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!same_folders(v[i], v[0]))
			continue;
		rc = read_document(m, v[i], err);
		if (rc == 0)
			export_pack_add(&m->pack, buf_str(&m->document));
	}
	if (rc == 0 && !export_pack_end(&m->pack))
		rc = error_set(err, -EFBIG, "lines of %.*s", STR_ARG(v[0]->id));
	if (rc != 0)
		return rc;
	g->past = false;
	g->at = m->x->segments_end;
	g->packed = m->pack.out.n;
	g->raw = m->pack.raw;
	g->crc32 = m->pack.crc32;
	return export_segments_put(m->x, buf_str(&m->pack.out), err);
}

/* Of n documents with places in one row. */
static int
make_row(struct maker *m, struct export_entry *const *v, size_t n,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct export_group g;
		size_t like = 0;

		while (!same_folders(v[like], v[i]))
			like++;
		if (like != i)
			continue;
		g = measure(v + i, n - i);
		if (!find_known(m, &g))
			rc = make_group(m, v + i, n - i, &g, err);
		vec_push(&m->x->groups, g);
	}
	return rc;
}

static int
by_place(const void *a, const void *b)
{
	uint64_t at = ((const struct export_group *)a)->place;
	uint64_t bt = ((const struct export_group *)b)->place;

	return (at > bt) - (at < bt);
}

int
export_groups_make(struct exporter *x, struct error *err)
{
	const struct export_view *w = &x->whole;
	struct maker m = { .x = x, .d = libdeflate_alloc_decompressor() };
	size_t i = 0, n;
	int rc = 0;

	if (m.d == NULL)
		fatal("no memory");
	buf_init(&m.in, EXPORT_MAX_DOCUMENT * 2);
	buf_init(&m.document, EXPORT_MAX_DOCUMENT);
	if (x->known.n > 1)
		qsort(x->known.v, x->known.n, sizeof(*x->known.v), by_place);
	for (; i < w->n && rc == 0; i += n) {
		for (n = 1; i + n < w->n &&
		     EXPORT_ROW(w->by_place[i + n]->place) ==
			 EXPORT_ROW(w->by_place[i]->place);)
			n++;
		rc = make_row(&m, w->by_place + i, n, err);
	}
	for (; m.known < x->known.n; m.known++)
		x->dead += x->known.v[m.known].packed;
	libdeflate_free_decompressor(m.d);
	export_pack_done(&m.pack);
	buf_done(&m.in);
	buf_done(&m.document);
	return rc == 0 ? export_segments_flush(x, err) : rc;
}
