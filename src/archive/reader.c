/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardened use of libarchive: few formats, nothing written anywhere, limits
 * of limits.h. Runs in role unpack. A reader is opened, gives members one by
 * one, and once a limit stopped it gives nothing more.
 */
#include "archive/reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/path.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

/* libarchive reads in pieces of this. */
#define BLOCK_BYTES (64 * KIB)

struct reader {
	struct archive *archive;
	int fd; /* borrowed; its offset is shared with others: never used */
	int64_t offset;
	char block[BLOCK_BYTES];
	struct map *paths, *lower; /* inner paths, and the same in lower case */
	struct buf path, inner, target, fold, root;
	int strip;
	int64_t n_entries, entry_bytes, total_bytes;
	unsigned anomalies; /* of the current member */
	const char *stopped; /* why nothing more is read; NULL: it is */
};

static const char *const names[] = { "traversal", "absolute", "duplicate",
	"case-clash", "device", "fifo", "link-outside", "link",
	"control-characters", "setuid", "long-path", "deep", "bomb", "large",
	"not-utf8", "other-root" };
static_assert(N_ELEMENTS(names) == READER_N_ANOMALIES, "a name per bit");

const char *
reader_anomaly_name(unsigned bit)
{
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (bit == 1u << i)
			return names[i];
	return "unknown";
}

static int
archive_error(struct reader *r, struct error *err)
{
	const char *why = archive_error_string(r->archive);

	return error_set(err, -EBADMSG, "the archive cannot be read: %s",
	    why != NULL ? why : "unknown format");
}

static la_ssize_t
on_read(struct archive *a, void *arg, const void **ret)
{
	struct reader *r = arg;
	ssize_t n = pread(r->fd, r->block, sizeof(r->block), r->offset);

	if (n < 0)
		archive_set_error(a, errno, "cannot be read");
	else
		r->offset += n;
	*ret = r->block;
	return n;
}

/* Zip files are read from their end. */
static la_int64_t
on_seek(struct archive *a, void *arg, la_int64_t offset, int whence)
{
	struct reader *r = arg;
	struct stat st;

	if (fstat(r->fd, &st) != 0) {
		archive_set_error(a, errno, "cannot be read");
		return ARCHIVE_FATAL;
	}
	if (whence == SEEK_CUR)
		offset += r->offset;
	else if (whence == SEEK_END)
		offset += st.st_size;
	if (offset < 0 || offset > st.st_size) {
		archive_set_error(a, EINVAL, "is cut short");
		return ARCHIVE_FATAL;
	}
	r->offset = offset;
	return offset;
}

static la_int64_t
on_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct reader *r = arg;
	int64_t before = r->offset;
	struct stat st;

	(void)a;
	if (fstat(r->fd, &st) != 0 || n < 0 || n > st.st_size - r->offset)
		return 0; /* then it is read instead */
	r->offset += n;
	return r->offset - before;
}

int
reader_open(int fd, int strip, struct reader **ret, struct error *err)
{
	_cleanup_(reader_freep) struct reader *r = mem_alloc(sizeof(*r));

	r->strip = strip;
	r->paths = map_new(LIMIT_ARCHIVE_ENTRIES + 1);
	r->lower = map_new(LIMIT_ARCHIVE_ENTRIES + 1);
	/* libarchive takes longer paths; what is over is told, not kept. */
	buf_init(&r->path, 64 * KIB);
	buf_init(&r->inner, 64 * KIB);
	buf_init(&r->target, 64 * KIB);
	buf_init(&r->fold, 64 * KIB);
	buf_init(&r->root, 64 * KIB);
	r->archive = archive_read_new();
	if (r->archive == NULL)
		fatal("no memory");
	(void)archive_read_support_filter_gzip(r->archive);
	(void)archive_read_support_filter_zstd(r->archive);
	(void)archive_read_support_filter_xz(r->archive);
	(void)archive_read_support_filter_bzip2(r->archive);
	(void)archive_read_support_format_tar(r->archive);
	(void)archive_read_support_format_zip(r->archive);
	r->fd = fd;
	if (archive_read_set_read_callback(r->archive, on_read) != ARCHIVE_OK ||
	    archive_read_set_seek_callback(r->archive, on_seek) != ARCHIVE_OK ||
	    archive_read_set_skip_callback(r->archive, on_skip) != ARCHIVE_OK ||
	    archive_read_set_callback_data(r->archive, r) != ARCHIVE_OK ||
	    archive_read_open1(r->archive) != ARCHIVE_OK)
		return archive_error(r, err);
	*ret = steal(&r);
	return 0;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	(void)archive_read_free(r->archive);
	map_free(r->paths);
	map_free(r->lower);
	buf_done(&r->path);
	buf_done(&r->inner);
	buf_done(&r->target);
	buf_done(&r->fold);
	buf_done(&r->root);
	free(r);
}

void
reader_freep(struct reader **r)
{
	reader_free(*r);
}

static const struct {
	mode_t type;
	enum reader_type ours;
	unsigned anomaly;
} types[] = {
	{ AE_IFREG, READER_FILE, 0 },
	{ AE_IFDIR, READER_FOLDER, 0 },
	{ AE_IFLNK, READER_SYMLINK, READER_IS_LINK },
	{ AE_IFBLK, READER_DEVICE, READER_IS_DEVICE },
	{ AE_IFCHR, READER_DEVICE, READER_IS_DEVICE },
	{ AE_IFIFO, READER_FIFO, READER_IS_FIFO },
	{ AE_IFSOCK, READER_SOCKET, READER_IS_FIFO },
};

/* In the C locale names beyond ASCII are only there as UTF-8. */
static const char *
entry_path(struct archive_entry *e)
{
	const char *p = archive_entry_pathname(e);

	return p != NULL ? p : archive_entry_pathname_utf8(e);
}

static const char *
entry_target(struct archive_entry *e, bool hard)
{
	const char *p =
	    hard ? archive_entry_hardlink(e) : archive_entry_symlink(e);

	if (p == NULL)
		p = hard ? archive_entry_hardlink_utf8(e) :
			   archive_entry_symlink_utf8(e);
	return p;
}

static void
read_type(struct reader *r, struct archive_entry *e, struct reader_member *m)
{
	const char *hard = entry_target(e, true);
	const char *target = hard != NULL ? hard : entry_target(e, false);
	mode_t type = archive_entry_filetype(e);

	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if (types[i].type == type) {
			m->type = types[i].ours;
			m->anomalies |= types[i].anomaly;
		}
	if (hard != NULL) {
		m->type = READER_HARDLINK;
		m->anomalies |= READER_IS_LINK;
	}
	if (target == NULL)
		return;
	buf_puts(&r->target, target);
	m->target = buf_str(&r->target);
	if (path_link_leaves(m->path, m->target, hard != NULL))
		m->anomalies |= READER_LINK_OUTSIDE;
}

/* Folders come again and again without harm. */
static void
check_again(struct reader *r, struct reader_member *m)
{
	struct str inner = buf_str(&r->inner), lower;

	if (m->type == READER_FOLDER || inner.n == 0)
		return;
	buf_reset(&r->fold);
	for (size_t i = 0; i < inner.n; i++) {
		char c = inner.p[i];

		buf_putc(&r->fold,
		    c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	}
	lower = buf_str(&r->fold);
	if (map_put(r->paths, inner, r) == 1)
		m->anomalies |= READER_DUPLICATE;
	else if (map_put(r->lower, lower, r) == 1)
		m->anomalies |= READER_CASE_CLASH;
}

static void
check_root(struct reader *r, struct reader_member *m)
{
	struct str root = path_root(m->path);

	if (r->strip == 0)
		return;
	if (r->root.n == 0)
		buf_put_str(&r->root, root);
	else if (!str_eq(root, buf_str(&r->root)))
		m->anomalies |= READER_OTHER_ROOT;
}

static void
read_member(struct reader *r, struct archive_entry *e, struct reader_member *m)
{
	const char *path = entry_path(e);
	mode_t mode = archive_entry_perm(e);

	buf_reset(&r->path);
	buf_reset(&r->inner);
	buf_reset(&r->target);
	buf_puts(&r->path, path != NULL ? path : "");
	m->path = buf_str(&r->path);
	m->anomalies = path_anomalies(m->path);
	path_clean(m->path, r->strip, &r->inner);
	read_type(r, e, m);
	m->mode = (int)mode;
	if ((mode & 06000) != 0 && m->type == READER_FILE)
		m->anomalies |= READER_SETUID;
	m->size = archive_entry_size_is_set(e) ? archive_entry_size(e) : -1;
	check_again(r, m);
	check_root(r, m);
	/* Nothing left, or a path that must not be made prettier. */
	m->inner = r->inner.n == 0 ||
		(m->anomalies & (READER_TRAVERSAL | READER_ABSOLUTE)) != 0 ?
	    m->path :
	    buf_str(&r->inner);
}

int
reader_next(struct reader *r, struct reader_member *ret, struct error *err)
{
	struct reader_member m = { .type = READER_FILE };
	struct archive_entry *e;
	int rc;

	if (r->stopped != NULL)
		return error_set(err, -EFBIG, "the archive %s", r->stopped);
	rc = archive_read_next_header(r->archive, &e);
	if (rc == ARCHIVE_EOF)
		return 0;
	if (rc == ARCHIVE_FATAL || rc == ARCHIVE_FAILED || rc == ARCHIVE_RETRY)
		return archive_error(r, err);
	if (++r->n_entries > LIMIT_ARCHIVE_ENTRIES) {
		r->stopped = "has more than 100000 members";
		return error_set(err, -EFBIG, "the archive %s", r->stopped);
	}
	read_member(r, e, &m);
	r->anomalies = m.anomalies;
	r->entry_bytes = 0;
	*ret = m;
	return 1;
}

/* The limit that the bytes so far are over; NULL: none. */
static const char *
over_limit(struct reader *r)
{
	int64_t packed = archive_filter_bytes(r->archive, -1);

	if (r->entry_bytes > LIMIT_ARCHIVE_ENTRY_BYTES) {
		r->anomalies |= READER_LARGE;
		return "has a member larger than 512 MiB";
	}
	if (r->total_bytes > LIMIT_ARCHIVE_TOTAL_BYTES) {
		r->anomalies |= READER_LARGE;
		return "unpacks to more than 2 GiB";
	}
	if (r->total_bytes > MIB && packed > 0 &&
	    r->total_bytes / packed > LIMIT_ARCHIVE_RATIO) {
		r->anomalies |= READER_BOMB;
		return "unpacks to more than 200 times its size";
	}
	return NULL;
}

int64_t
reader_read(struct reader *r, void *p, size_t n, struct error *err)
{
	ssize_t got;

	assert(n <= 16 * (size_t)MIB);
	if (r->stopped != NULL)
		return error_set(err, -EFBIG, "the archive %s", r->stopped);
	got = archive_read_data(r->archive, p, n);
	if (got < 0)
		return archive_error(r, err);
	r->entry_bytes += got;
	r->total_bytes += got;
	r->stopped = over_limit(r);
	if (r->stopped != NULL)
		return error_set(err, -EFBIG, "the archive %s", r->stopped);
	return got;
}

unsigned
reader_anomalies(const struct reader *r)
{
	return r->anomalies;
}
