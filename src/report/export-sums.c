/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of what is published. Those of files that stay are kept from one
 * export to the next in .cache/sums:
 *
 *	head | records | states of sums | gaps | names
 *
 * They are of the archives that one index describes: with another one, or when
 * a published file is not the one that they are of, everything is written
 * anew. Runs in `lazaret report export`.
 */
#include <assert.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/export_priv.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

#define SUMS     ".cache/sums"
#define MAGIC    0x3573756d73202020ull /* "   smus5", in this machine's order */
#define SUMS_MAX ((size_t)1 << 30)

struct head {
	uint64_t magic;
	uint32_t head_bytes, record_bytes;
	uint32_t crc32c; /* of all that follows the head */
	uint32_t n_sums, n_states, n_gaps, text_bytes, unused;
	uint64_t index; /* the number of the index that they belong to */
};

struct record {
	uint64_t size, inode;
	int64_t mtime_ns;
	struct spare spare;
	uint64_t end; /* of what gaps lie in */
	uint32_t crc32c, n_states, n_gaps, n_name;
	char sha256[SHA256_HEX_SIZE + 7];
};

_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct record) % 8 == 0,
    "sections follow each other without gaps");

static struct export_sum *
find(const struct exporter *x, struct str name)
{
	for (size_t i = 0; i < x->sums.n; i++)
		if (str_eq(x->sums.v[i].name, name))
			return &x->sums.v[i];
	return NULL;
}

void
export_sums_add(struct exporter *x, struct str name,
    const struct outfile_sums *sums)
{
	struct export_sum *s = find(x, name);

	x->counts.files++;
	if (s == NULL) {
		vec_push(&x->sums,
		    ((struct export_sum){ .name = arena_str(x->arena, name) }));
		s = &x->sums.v[x->sums.n - 1];
	}
	free(s->sums.states);
	free(s->gaps.v);
	s->sums = *sums;
	s->gaps = (struct export_gaps){ .n = 0 };
	s->written = true;
}

int
export_close(struct exporter *x, struct outfile *o, const char *name,
    struct error *err)
{
	struct outfile_sums sums;
	int rc = outfile_close(o, &sums, err);

	if (rc == 0)
		export_sums_add(x, str_of(name), &sums);
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

uint64_t
export_keep_bytes(const struct exporter *x, struct outfile *o, const char *name,
    uint64_t n)
{
	const struct export_sum *s = find(x, str_of(name));

	return s != NULL && outfile_keep(o, &s->sums, n) ? n : 0;
}

void
export_sums_link(struct exporter *x, const char *from, const char *to)
{
	const struct export_sum *s = find(x, str_of(from));
	struct outfile_sums sums;

	if (s == NULL)
		return;
	sums = s->sums;
	sums.states = NULL;
	sums.n_states = 0;
	sums.spare.inode = 0;
	export_sums_add(x, str_of(to), &sums);
}

const struct export_gaps *
export_gaps_of(const struct exporter *x, const char *name)
{
	const struct export_sum *s = find(x, str_of(name));

	return s != NULL ? &s->gaps : NULL;
}

void
export_sums_set_gaps(struct exporter *x, struct str name,
    const struct export_gaps *gaps)
{
	struct export_sum *s = find(x, name);

	assert(s != NULL && s->gaps.v == NULL);
	s->gaps = *gaps;
}

bool
export_sums_prepare(struct exporter *x)
{
	bool made = false;

	for (size_t i = 0; i < x->sums.n; i++) {
		struct outfile_sums *s = &x->sums.v[i].sums;
		char path[LIMIT_PATH_BYTES];

		if (s->n_states == 0 || s->spare.inode != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s",
		    STR_ARG(x->sums.v[i].name));
		if (spare_make(x->dir, path,
			(uint64_t)s->n_states * OUTFILE_STEP, &s->spare) != 0) {
			(void)fprintf(stderr,
			    "%s: no second copy could be made in .cache/spare; "
			    "the export is whole, the next one takes longer\n",
			    path);
			break;
		}
		made = true;
	}
	return made;
}

/* --- what is published ------------------------------------------------------
 */

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

int
export_sums_publish(struct exporter *x, struct error *err)
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

/* --- from one export to the next --------------------------------------------
 */

/* Somebody may have changed or removed what was published. */
static bool
is_published(const struct exporter *x, const struct export_sum *s)
{
	char path[LIMIT_PATH_BYTES];
	struct stat st;

	if (s->name.n >= sizeof(path))
		return false;
	memcpy(path, s->name.p, s->name.n);
	path[s->name.n] = '\0';
	return fstatat(x->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && (uint64_t)st.st_size == s->sums.size &&
	    (uint64_t)st.st_ino == s->sums.inode &&
	    outfile_mtime_ns(&st) == s->sums.mtime_ns;
}

/* Where each section is. */
struct layout {
	const struct record *records;
	const struct outfile_state *states;
	const struct export_gap *gaps;
	struct str text;
	size_t n_states, n_gaps; /* that are left, as text is */
};

static bool
lay_out(const struct head *h, size_t n, struct layout *ret)
{
	size_t used = sizeof(*h) + (size_t)h->n_sums * sizeof(struct record) +
	    (size_t)h->n_states * sizeof(struct outfile_state) +
	    (size_t)h->n_gaps * sizeof(struct export_gap);

	if (used + h->text_bytes != n)
		return false;
	ret->records = (const void *)(h + 1);
	ret->states = (const void *)(ret->records + h->n_sums);
	ret->gaps = (const void *)(ret->states + h->n_states);
	ret->text = str_n((const char *)(ret->gaps + h->n_gaps), h->text_bytes);
	ret->n_states = h->n_states;
	ret->n_gaps = h->n_gaps;
	return true;
}

static void *
copy_of(const void *p, size_t n)
{
	return mem_strndup(str_n(p, n));
}

/* The next one; what is its own is taken off the layout. */
static bool
get_sum(struct exporter *x, const struct record *r, struct layout *l)
{
	struct export_sum *s;

	if (r->n_states > l->n_states || r->n_gaps > l->n_gaps ||
	    r->n_name > l->text.n ||
	    memchr(r->sha256, '\0', SHA256_HEX_SIZE) !=
		r->sha256 + SHA256_HEX_SIZE - 1)
		return false;
	s = vec_add(&x->sums);
	s->name = arena_str(x->arena, str_sub(l->text, 0, r->n_name));
	s->sums = (struct outfile_sums){ .crc32c = r->crc32c,
		.size = r->size,
		.inode = r->inode,
		.mtime_ns = r->mtime_ns,
		.spare = r->spare,
		.states = copy_of(l->states, r->n_states * sizeof(*l->states)),
		.n_states = r->n_states };
	memcpy(s->sums.sha256, r->sha256, SHA256_HEX_SIZE);
	s->gaps = (struct export_gaps){ .v = copy_of(l->gaps,
					    r->n_gaps * sizeof(*l->gaps)),
		.n = r->n_gaps,
		.end = r->end };
	l->states += r->n_states;
	l->n_states -= r->n_states;
	l->gaps += r->n_gaps;
	l->n_gaps -= r->n_gaps;
	l->text = str_sub(l->text, r->n_name, l->text.n);
	return is_published(x, s);
}

static bool
parse(struct exporter *x, struct str bytes)
{
	const struct head *h = (const void *)bytes.p;
	struct layout l;

	if (bytes.n < sizeof(*h) || h->magic != MAGIC ||
	    h->head_bytes != sizeof(*h) ||
	    h->record_bytes != sizeof(struct record) ||
	    h->index != x->index_number || !lay_out(h, bytes.n, &l) ||
	    h->crc32c != crc32c(0, h + 1, bytes.n - sizeof(*h)))
		return false;
	for (size_t i = 0; i < h->n_sums; i++)
		if (!get_sum(x, &l.records[i], &l))
			return false;
	return faccessat(x->dir, "SHA256SUMS", F_OK, 0) == 0 &&
	    faccessat(x->dir, "CRC32C", F_OK, 0) == 0;
}

bool
export_sums_load(struct exporter *x)
{
	_cleanup_(closep) int fd = openat(x->dir, SUMS,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct error err = ERROR_INIT;
	struct buf b;
	bool ok;

	if (fd < 0)
		return false;
	buf_init(&b, SUMS_MAX);
	ok = fd_read_all(fd, &b, &err) == 0 && parse(x, buf_str(&b));
	buf_done(&b);
	if (!ok)
		export_sums_forget(x);
	return ok;
}

void
export_sums_forget(struct exporter *x)
{
	for (size_t i = 0; i < x->sums.n; i++) {
		free(x->sums.v[i].sums.states);
		free(x->sums.v[i].gaps.v);
	}
	x->sums.n = 0;
}

void
export_sums_drop(struct exporter *x)
{
	(void)unlinkat(x->dir, SUMS, 0);
}

static void
put_record(struct buf *b, const struct export_sum *s)
{
	struct record r = { .size = s->sums.size,
		.inode = s->sums.inode,
		.mtime_ns = s->sums.mtime_ns,
		.spare = s->sums.spare,
		.end = s->gaps.end,
		.crc32c = s->sums.crc32c,
		.n_states = (uint32_t)s->sums.n_states,
		.n_gaps = (uint32_t)s->gaps.n,
		.n_name = (uint32_t)s->name.n };

	memcpy(r.sha256, s->sums.sha256, SHA256_HEX_SIZE);
	buf_put(b, &r, sizeof(r));
}

int
export_sums_save(struct exporter *x, struct error *err)
{
	struct head h = { .magic = MAGIC,
		.head_bytes = sizeof(h),
		.record_bytes = sizeof(struct record),
		.n_sums = (uint32_t)x->sums.n,
		.index = x->index_number };
	struct buf b;
	int rc;

	buf_init(&b, SUMS_MAX);
	buf_put(&b, &h, sizeof(h));
	for (size_t i = 0; i < x->sums.n; i++)
		put_record(&b, &x->sums.v[i]);
	for (size_t i = 0; i < x->sums.n; i++) {
		const struct outfile_sums *s = &x->sums.v[i].sums;

		buf_put(&b, s->states, s->n_states * sizeof(*s->states));
		h.n_states += (uint32_t)s->n_states;
	}
	for (size_t i = 0; i < x->sums.n; i++) {
		const struct export_gaps *g = &x->sums.v[i].gaps;

		buf_put(&b, g->v, g->n * sizeof(*g->v));
		h.n_gaps += (uint32_t)g->n;
	}
	for (size_t i = 0; i < x->sums.n; i++) {
		buf_put_str(&b, x->sums.v[i].name);
		h.text_bytes += (uint32_t)x->sums.v[i].name.n;
	}
	h.crc32c = crc32c(0, b.p + sizeof(h), b.n - sizeof(h));
	memcpy(b.p, &h, sizeof(h));
	rc = outfile_write(x->dir, SUMS, buf_str(&b), err);
	buf_done(&b);
	return rc;
}
