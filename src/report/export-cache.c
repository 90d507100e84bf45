/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last export was made of: .cache/index (entries and sums, written
 * last) and .cache/segments (compressed documents, only appended to). A cache
 * that does not fit together is thrown away.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/map.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "sys/fd.h"

#define INDEX     ".cache/index"
#define SEGMENTS  ".cache/segments"
#define MAGIC     "lazaret export 2\n"
#define INDEX_MAX ((size_t)4 << 30)

struct reader {
	struct str rest;
	bool bad;
};

static uint64_t
get(struct reader *r)
{
	uint64_t v = 0;

	if (r->rest.n < 8) {
		r->bad = true;
		return 0;
	}
	for (int i = 0; i < 8; i++)
		v |= (uint64_t)(unsigned char)r->rest.p[i] << (8 * i);
	r->rest = str_sub(r->rest, 8, r->rest.n);
	return v;
}

static struct str
get_str(struct reader *r)
{
	uint64_t n = get(r);
	struct str s;

	if (r->bad || n > r->rest.n) {
		r->bad = true;
		return STR_LIT("");
	}
	s = str_sub(r->rest, 0, n);
	r->rest = str_sub(r->rest, n, r->rest.n);
	return s;
}

static void
put(struct buf *b, uint64_t v)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(v >> (8 * i) & 0xff);
	buf_put(b, bytes, 8);
}

static void
put_str(struct buf *b, struct str s)
{
	put(b, s.n);
	buf_put_str(b, s);
}

static void
put_entry(struct buf *b, const struct exporter *x, const struct export_entry *e)
{
	put_str(b, e->path);
	put_str(b, e->id);
	put_str(b, e->modified);
	put_str(b, e->summary);
	put(b, e->n_dirs);
	for (size_t i = 0; i < e->n_dirs; i++)
		put_str(b, export_dir_name(x, e, i));
	put(b, (uint64_t)e->size);
	put(b, (uint64_t)e->mtime_ns);
	put(b, (uint64_t)e->inode);
	put(b, e->withdrawn);
	put(b, e->crc32);
	put(b, e->raw);
	put(b, e->at);
	put(b, e->packed);
}

static bool
get_entry(struct reader *r, struct exporter *x, struct export_entry *e)
{
	uint64_t end = x->segments_end, n;

	e->path = get_str(r);
	e->id = get_str(r);
	e->modified = get_str(r);
	e->summary = get_str(r);
	n = get(r);
	if (r->bad || n == 0 || n > EXPORT_MAX_DIRS)
		return false;
	for (size_t i = 0; i < n; i++) {
		int dir = export_dir_of(x, get_str(r));

		if (dir < 0)
			return false;
		e->dirs[e->n_dirs++] = (uint8_t)dir;
	}
	e->size = (int64_t)get(r);
	e->mtime_ns = (int64_t)get(r);
	e->inode = (int64_t)get(r);
	e->withdrawn = get(r) != 0;
	e->crc32 = (uint32_t)get(r);
	e->raw = (uint32_t)get(r);
	e->at = get(r);
	e->packed = (uint32_t)get(r);
	return !r->bad && e->at <= end && e->packed <= end - e->at &&
	    osv_time_parse(e->modified, &e->modified_s) == 0;
}

static void
read_states(struct reader *r, struct outfile_sums *sums)
{
	struct str bytes = get_str(r);
	size_t n = bytes.n / sizeof(*sums->states);

	if (n * sizeof(*sums->states) != bytes.n)
		r->bad = true;
	if (r->bad || n == 0)
		return;
	sums->states = mem_array(n, sizeof(*sums->states));
	memcpy(sums->states, bytes.p, bytes.n);
	sums->n_states = n;
}

static bool
read_index(struct exporter *x, struct reader *r)
{
	uint64_t n = get(r);

	for (uint64_t i = 0; i < n && !r->bad; i++) {
		struct export_entry *e = arena_alloc(x->arena, sizeof(*e));

		if (!get_entry(r, x, e))
			return false;
		(void)map_put(x->old, e->path, e);
	}
	n = get(r);
	for (uint64_t i = 0; i < n && !r->bad; i++) {
		struct export_sum *s = vec_add(&x->sums);
		struct str hex;

		s->name = get_str(r);
		hex = get_str(r);
		s->sums.crc32c = (uint32_t)get(r);
		if (hex.n != SHA256_HEX_SIZE - 1)
			return false;
		memcpy(s->sums.sha256, hex.p, hex.n);
		s->sums.size = get(r);
		s->sums.inode = get(r);
		s->sums.mtime_ns = (int64_t)get(r);
		read_states(r, &s->sums);
	}
	x->dead = get(r);
	return !r->bad;
}

void
export_cache_load(struct exporter *x)
{
	_cleanup_(closep) int fd =
	    openat(x->dir, INDEX, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t end = lseek(x->segments, 0, SEEK_END);
	struct reader r = { .bad = false };
	struct buf b;

	x->segments_end = end > 0 ? (uint64_t)end : 0;
	buf_init(&b, INDEX_MAX);
	if (fd >= 0 && fd_read_all(fd, &b, NULL) == 0 &&
	    str_starts(buf_str(&b), MAGIC)) {
		r.rest = arena_str(x->arena, buf_str(&b));
		r.rest = str_sub(r.rest, strlen(MAGIC), r.rest.n);
		if (read_index(x, &r)) {
			buf_done(&b);
			return;
		}
	}
	buf_done(&b);
	map_free(x->old);
	x->old = map_new(EXPORT_MAX_REPORTS);
	for (size_t i = 0; i < x->sums.n; i++)
		free(x->sums.v[i].sums.states);
	x->sums.n = 0;
	x->dead = 0;
	x->all_changed = true;
	x->segments_end = 0;
	if (ftruncate(x->segments, 0) != 0)
		x->segments_end = 0; /* what is behind is never read */
}

int
export_cache_save(struct exporter *x, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, INDEX_MAX);
	buf_puts(&b, MAGIC);
	put(&b, x->entries.n);
	for (size_t i = 0; i < x->entries.n; i++)
		put_entry(&b, x, x->entries.v[i]);
	put(&b, x->sums.n);
	for (size_t i = 0; i < x->sums.n; i++) {
		put_str(&b, x->sums.v[i].name);
		put_str(&b, str_of(x->sums.v[i].sums.sha256));
		put(&b, x->sums.v[i].sums.crc32c);
		put(&b, x->sums.v[i].sums.size);
		put(&b, x->sums.v[i].sums.inode);
		put(&b, (uint64_t)x->sums.v[i].sums.mtime_ns);
		put_str(&b,
		    str_n(x->sums.v[i].sums.states,
			x->sums.v[i].sums.n_states *
			    sizeof(struct outfile_state)));
	}
	put(&b, x->dead);
	rc = b.full ? error_set(err, -EFBIG, "%s", INDEX) :
		      outfile_write(x->dir, INDEX, buf_str(&b), err);
	buf_done(&b);
	return rc;
}

/* The index with the old places is removed before the segments change. */
int
export_cache_compact(struct exporter *x, struct error *err)
{
	struct outfile *o;
	uint64_t at = 0;

	if (x->dead < ((uint64_t)64 << 20) || x->dead < x->segments_end / 2)
		return 0;
	(void)unlinkat(x->dir, INDEX, 0);
	o = outfile_open(x->dir, SEGMENTS);
	/* In the same order: archives stay as they are. */
	for (size_t i = 0; i < x->entries.n; i++) {
		struct export_entry *e = x->whole.by_place[i];

		outfile_put_str(o, export_segment(x, e));
		e->at = at;
		at += e->packed;
	}
	x->dead = 0;
	return outfile_close(o, NULL, err);
}
