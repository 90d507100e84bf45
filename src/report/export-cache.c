/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last export was made of: .cache/index (entries and their orders,
 * published last) and .cache/segments (compressed documents, only appended
 * to). An index is of this machine, this version and one file of segments; one
 * that does not fit together in every part is thrown away, and everything is
 * exported anew.
 *
 *	head | records, by path | three orders | names of folders | text
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "osv/osv.h"
#include "report/export_priv.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

#define INDEX    ".cache/index"
#define SEGMENTS ".cache/segments"
#define MAGIC    0x34707865616c2020ull /* "  laexp4", in this machine's order */
/* Written beside other files, before it is known whether they all can be. */
#define WAITING   ".tmp-index"
#define INDEX_MAX ((size_t)4 << 30)
/* Longer than any text of an entry, and a part of the processor's cache. */
#define STREAM_BYTES ((size_t)256 << 10)

struct head {
	uint64_t magic;
	uint32_t head_bytes, record_bytes;
	uint32_t crc32c; /* of all that follows the head */
	uint32_t n_dirs;
	uint64_t n_entries, text_bytes, dead;
	uint64_t number; /* the sums of this export have it too */
	uint64_t segments; /* the inode that documents are in */
	uint64_t places; /* that have been given */
};

/* Its texts follow each other at `text`: the path with a NUL, so that it can
 * be given to the system as it is, the time and the summary. */
struct record {
	int64_t size, mtime_ns, inode, folder_mtime_ns, folder_inode;
	int64_t modified_s;
	uint64_t text, at, place;
	uint32_t crc32, raw, packed;
	uint16_t n_path, n_summary;
	uint8_t dirs[EXPORT_MAX_DIRS];
	uint8_t n_dirs, n_id, n_modified, withdrawn, unused[4];
};

struct dir_record {
	uint64_t text;
	uint32_t n_name, unused;
};

_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct record) % 8 == 0 &&
	sizeof(struct dir_record) % 8 == 0,
    "sections follow each other without gaps");

/* Where each section is, in one piece of memory. */
struct layout {
	struct head *head;
	struct record *records;
	uint32_t *orders[EXPORT_ORDERS_KEPT];
	struct dir_record *dirs;
	char *text;
};

/* 0: more than an index may have. */
static size_t
bytes_of(const struct head *h)
{
	size_t n = (size_t)h->n_entries, at;

	if (h->n_entries > EXPORT_MAX_REPORTS || h->text_bytes > INDEX_MAX ||
	    h->n_dirs > UINT8_MAX + 1u)
		return 0;
	at = sizeof(*h) + n * sizeof(struct record) +
	    EXPORT_ORDERS_KEPT * (n + (n & 1)) * sizeof(uint32_t) +
	    h->n_dirs * sizeof(struct dir_record) + (size_t)h->text_bytes;
	return at <= INDEX_MAX ? at : 0;
}

static struct layout
lay_out(const struct head *h, char *p)
{
	struct layout l = { .head = (void *)p };
	size_t n = (size_t)h->n_entries;

	p += sizeof(*h);
	l.records = (void *)p;
	p += n * sizeof(*l.records);
	for (size_t i = 0; i < EXPORT_ORDERS_KEPT; i++) {
		l.orders[i] = (void *)p;
		p += (n + (n & 1)) * sizeof(*l.orders[i]);
	}
	l.dirs = (void *)p;
	p += h->n_dirs * sizeof(*l.dirs);
	l.text = p;
	return l;
}

/* --- reading ----------------------------------------------------------------
 */

static bool
get_text(const struct layout *l, uint64_t at, size_t n, struct str *ret)
{
	if (at > l->head->text_bytes || n > l->head->text_bytes - at)
		return false;
	*ret = str_n(l->text + at, n);
	return true;
}

/* As far as others' lines and columns go. */
static bool
is_time(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > ':') &&
		    str_chr(STR_LIT("TZtz.+-"), s.p[i]) < 0)
			return false;
	return s.n != 0;
}

/* What a person could have put there as well: nothing that leads elsewhere. */
static bool
get_texts(const struct layout *l, const struct record *r,
    struct export_entry *e)
{
	uint64_t at = r->text;
	struct str zero;

	if (!get_text(l, at, r->n_path, &e->path) ||
	    !get_text(l, at += r->n_path, 1, &zero) || zero.p[0] != '\0' ||
	    !get_text(l, at += 1, r->n_modified, &e->modified) ||
	    !get_text(l, at += r->n_modified, r->n_summary, &e->summary))
		return false;
	if (r->n_path >= LIMIT_PATH_BYTES || !export_path_valid(e->path) ||
	    !is_time(e->modified))
		return false;
	if (r->n_id == 0 || r->n_path < r->n_id + sizeof("/.json") - 1 ||
	    e->path.p[r->n_path - r->n_id - sizeof("/.json") + 1] != '/')
		return false;
	e->id =
	    str_n(e->path.p + r->n_path - r->n_id - strlen(".json"), r->n_id);
	return osv_id_valid(e->id);
}

static bool
get_entry(const struct exporter *x, const struct layout *l,
    const struct record *r, struct export_entry *e)
{
	if (!get_texts(l, r, e))
		return false;
	if (r->n_dirs == 0 || r->n_dirs > EXPORT_MAX_DIRS || r->packed == 0 ||
	    r->place >= l->head->places || r->at > x->segments_end ||
	    r->packed > x->segments_end - r->at)
		return false;
	for (size_t i = 0; i < r->n_dirs; i++) {
		if (r->dirs[i] >= x->dirs.n)
			return false;
		e->dirs[i] = r->dirs[i];
	}
	e->n_dirs = r->n_dirs;
	e->size = r->size;
	e->mtime_ns = r->mtime_ns;
	e->inode = r->inode;
	e->folder_mtime_ns = r->folder_mtime_ns;
	e->folder_inode = r->folder_inode;
	e->modified_s = r->modified_s;
	e->withdrawn = r->withdrawn != 0;
	e->crc32 = r->crc32;
	e->raw = r->raw;
	e->at = r->at;
	e->place = r->place;
	e->packed = r->packed;
	return true;
}

/* n numbers below n, each once. */
static bool
is_order(const uint32_t *v, size_t n)
{
	_cleanup_(freep) uint8_t *seen = mem_array(n, 1);

	for (size_t i = 0; i < n; i++) {
		if (v[i] >= n || seen[v[i]])
			return false;
		seen[v[i]] = 1;
	}
	return true;
}

static bool
get_orders(struct exporter *x, const struct layout *l)
{
	size_t n = x->n_past;

	for (size_t i = 1; i < n; i++)
		if (export_path_cmp(x->past[i - 1].path, x->past[i].path) >= 0)
			return false;
	x->past_orders[EXPORT_BY_PATH] =
	    mem_array(n + 1, sizeof(struct export_entry *));
	for (size_t i = 0; i < n; i++)
		x->past_orders[EXPORT_BY_PATH][i] = &x->past[i];
	for (size_t k = 0; k < EXPORT_ORDERS_KEPT; k++) {
		struct export_entry **v = mem_array(n + 1, sizeof(*v));

		x->past_orders[k] = v;
		if (!is_order(l->orders[k], n))
			return false;
		for (size_t i = 0; i < n; i++)
			v[i] = &x->past[l->orders[k][i]];
	}
	return true;
}

static bool
get_all(struct exporter *x, const struct layout *l)
{
	for (size_t i = 0; i < l->head->n_dirs; i++) {
		struct str name;

		/* Their numbers are those of the records. */
		if (!get_text(l, l->dirs[i].text, l->dirs[i].n_name, &name) ||
		    export_dir_of(x, name) != (int)i)
			return false;
	}
	x->n_past = (size_t)l->head->n_entries;
	x->past = mem_array(x->n_past + 1, sizeof(*x->past));
	for (size_t i = 0; i < x->n_past; i++)
		if (!get_entry(x, l, &l->records[i], &x->past[i]))
			return false;
	x->dead = l->head->dead;
	x->index_number = l->head->number;
	x->places = l->head->places;
	return get_orders(x, l);
}

bool
export_cache_parse(struct exporter *x, struct str bytes)
{
	const struct head *h = (const void *)bytes.p;
	struct layout l;

	if (bytes.n < sizeof(*h) || h->magic != MAGIC ||
	    h->head_bytes != sizeof(*h) ||
	    h->record_bytes != sizeof(struct record) ||
	    h->segments != x->segments_inode || bytes_of(h) != bytes.n ||
	    h->crc32c != crc32c(0, h + 1, bytes.n - sizeof(*h)))
		return false;
	l = lay_out(h, (char *)(uintptr_t)bytes.p); /* only read */
	return get_all(x, &l);
}

/* The file is never written again, another one takes its name. */
static bool
read_index(struct exporter *x)
{
	_cleanup_(closep) int fd = openat(x->dir, INDEX,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size <= 0 || (uint64_t)st.st_size > INDEX_MAX)
		return false;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ,
	    MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	x->index = p;
	x->index_bytes = (size_t)st.st_size;
	return export_cache_parse(x, str_n(p, x->index_bytes));
}

void
export_cache_forget(struct exporter *x)
{
	for (size_t i = 0; i < EXPORT_ORDER__MAX; i++) {
		free(x->past_orders[i]);
		x->past_orders[i] = NULL;
	}
	free(x->past);
	x->past = NULL;
	x->n_past = 0;
	if (x->index != NULL)
		(void)munmap(x->index, x->index_bytes);
	x->index = NULL;
	x->dead = 0;
}

void
export_cache_load(struct exporter *x)
{
	struct stat st;

	if (fstat(x->segments, &st) == 0 && S_ISREG(st.st_mode)) {
		x->segments_end = (uint64_t)st.st_size;
		x->segments_inode = (uint64_t)st.st_ino;
	}
	if (read_index(x)) {
		export_groups_load(x);
		x->all_changed = !export_sums_load(x);
		return;
	}
	export_cache_forget(x);
	x->dirs.n = 0;
	x->all_changed = x->base = true;
	x->places = 0;
	x->segments_end = 0;
	if (ftruncate(x->segments, 0) != 0)
		x->segments_end = 0; /* what is behind is never read */
}

/* --- writing ----------------------------------------------------------------
 */

/* What is put goes to a file by and by: whole, an index of 200000 reports has
 * 50 MB, and memory costs more than writing it. */
struct stream {
	int fd; /* owned */
	uint32_t crc32c;
	size_t n; /* waiting */
	struct error err; /* the first one */
	char bytes[STREAM_BYTES];
};

static void
stream_flush(struct stream *s)
{
	s->crc32c = crc32c(s->crc32c, s->bytes, s->n);
	if (s->err.code == 0)
		(void)fd_write_all(s->fd, s->bytes, s->n, &s->err);
	s->n = 0;
}

static void
stream_put(struct stream *s, const void *p, size_t n)
{
	assert(n <= sizeof(s->bytes));
	if (n > sizeof(s->bytes) - s->n)
		stream_flush(s);
	if (n != 0)
		memcpy(s->bytes + s->n, p, n);
	s->n += n;
}

static uint64_t
text_bytes(const struct export_entry *e)
{
	return e->path.n + 1 + e->modified.n + e->summary.n;
}

static void
put_record(struct stream *s, const struct export_entry *e, uint64_t text)
{
	struct record r = { .size = e->size,
		.mtime_ns = e->mtime_ns,
		.inode = e->inode,
		.folder_mtime_ns = e->folder_mtime_ns,
		.folder_inode = e->folder_inode,
		.modified_s = e->modified_s,
		.text = text,
		.at = e->at,
		.place = e->place,
		.crc32 = e->crc32,
		.raw = e->raw,
		.packed = e->packed,
		.n_path = (uint16_t)e->path.n,
		.n_summary = (uint16_t)e->summary.n,
		.n_dirs = e->n_dirs,
		.n_id = (uint8_t)e->id.n,
		.n_modified = (uint8_t)e->modified.n,
		.withdrawn = e->withdrawn };

	memcpy(r.dirs, e->dirs, sizeof(r.dirs));
	stream_put(s, &r, sizeof(r));
}

static void
put_texts(struct stream *s, const struct export_entry *e)
{
	stream_put(s, e->path.p, e->path.n);
	stream_put(s, "", 1);
	stream_put(s, e->modified.p, e->modified.n);
	stream_put(s, e->summary.p, e->summary.n);
}

/* By their numbers, where entries are by path. */
static void
put_order(struct stream *s, struct export_entry *const *v, size_t n,
    const uint32_t *ranks)
{
	for (size_t i = 0; i < n; i++)
		stream_put(s, &ranks[v[i]->number], sizeof(*ranks));
	if (n % 2 != 0)
		stream_put(s, &(uint32_t){ 0 }, sizeof(*ranks));
}

static void
put_all(struct stream *s, const struct exporter *x,
    struct export_entry *const *v)
{
	size_t n = x->whole.n;
	_cleanup_(freep) uint32_t *ranks = mem_array(n + 1, sizeof(*ranks));
	uint64_t text = 0;

	for (size_t i = 0; i < n; i++) {
		put_record(s, v[i], text);
		text += text_bytes(v[i]);
		ranks[v[i]->number] = (uint32_t)i;
	}
	put_order(s, x->whole.by_id, n, ranks);
	put_order(s, x->whole.by_place, n, ranks);
	put_order(s, x->newest, n, ranks);
	for (size_t i = 0; i < x->dirs.n; i++) {
		struct dir_record d = { .text = text,
			.n_name = (uint32_t)x->dirs.v[i].name.n };

		stream_put(s, &d, sizeof(d));
		text += d.n_name;
	}
	for (size_t i = 0; i < n; i++)
		put_texts(s, v[i]);
	for (size_t i = 0; i < x->dirs.n; i++)
		stream_put(s, x->dirs.v[i].name.p, x->dirs.v[i].name.n);
	stream_flush(s);
}

static struct head
head_of(const struct exporter *x)
{
	struct head h = { .magic = MAGIC,
		.head_bytes = sizeof(h),
		.record_bytes = sizeof(struct record),
		.n_dirs = (uint32_t)x->dirs.n,
		.n_entries = x->whole.n,
		.dead = x->dead,
		.number = x->index_number,
		.segments = x->segments_inode,
		.places = x->places };

	for (size_t i = 0; i < x->whole.n; i++)
		h.text_bytes += text_bytes(x->whole.by_place[i]);
	for (size_t i = 0; i < x->dirs.n; i++)
		h.text_bytes += x->dirs.v[i].name.n;
	return h;
}

int
export_cache_write(struct exporter *x, struct error *err)
{
	_cleanup_(freep) struct export_entry **v =
	    export_sorted(x, EXPORT_BY_PATH);
	_cleanup_(freep) struct stream *s = mem_alloc(sizeof(*s));
	struct head h = head_of(x);

	if (bytes_of(&h) == 0)
		return error_set(err, -EFBIG, "%s", INDEX);
	s->fd = openat(x->dir, WAITING,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (s->fd < 0 || lseek(s->fd, sizeof(h), SEEK_SET) < 0) {
		closep(&s->fd);
		return error_errno(err, "%s", INDEX);
	}
	put_all(s, x, v);
	h.crc32c = s->crc32c;
	if (s->err.code == 0 &&
	    pwrite(s->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		(void)error_errno(&s->err, "pwrite");
	closep(&s->fd);
	if (s->err.code != 0)
		return error_set(err, s->err.code, "%s: %s", INDEX, s->err.msg);
	return 0;
}

int
export_cache_publish(struct exporter *x, struct error *err)
{
	if (renameat(x->dir, WAITING, x->dir, INDEX) != 0)
		return error_errno(err, "%s", INDEX);
	return 0;
}

bool
export_cache_is_sparse(const struct exporter *x)
{
	return x->dead >= ((uint64_t)64 << 20) &&
	    x->dead >= x->segments_end / 2;
}

/* The index of the old segments is removed before they change. */
int
export_cache_compact(struct exporter *x, struct error *err)
{
	struct outfile *o;
	struct stat st;
	uint64_t at = 0;

	(void)unlinkat(x->dir, INDEX, 0);
	o = outfile_open(x->dir, SEGMENTS);
	/* In the same order: archives stay as they are. */
	for (size_t i = 0; i < x->whole.n; i++) {
		struct export_entry *e = x->whole.by_place[i];

		outfile_put_str(o, export_segment(x, e));
		e->at = at;
		at += e->packed;
	}
	for (size_t i = 0; i < x->groups.n; i++) {
		struct export_group *g = &x->groups.v[i];

		outfile_put_str(o, str_n(x->map + g->at, g->packed));
		g->at = at;
		at += g->packed;
	}
	x->dead = 0;
	if (outfile_close(o, NULL, err) != 0)
		return err->code;
	if (fstatat(x->dir, SEGMENTS, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(err, "%s", SEGMENTS);
	x->segments_inode = (uint64_t)st.st_ino;
	return export_cache_write(x, err);
}
