/* SPDX-License-Identifier: Apache-2.0 */
/* A folder as a deterministic .tgz. Runs in subcommands. */
#include "archive/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"

/* 1985-10-26 08:15 UTC, the date that npm gives to every file. */
#define PACK_MTIME 499162500

struct packer {
	struct archive *archive;
	struct buf path; /* "package/lib/x.js" */
	int64_t n_entries, total_bytes;
};

struct names {
	char **v;
	size_t n, size;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_done(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->v[i]);
	vec_done(n);
}

static bool
is_left_out(const char *name)
{
	static const char *const out[] = { ".", "..", "node_modules", ".git" };

	for (size_t i = 0; i < N_ELEMENTS(out); i++)
		if (strcmp(name, out[i]) == 0)
			return true;
	return false;
}

/* In the order of bytes: readdir's differs from disk to disk. */
static int
list(int dir, struct names *ret, struct error *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL)
		return error_errno(err, "reading a folder");
	while ((e = readdir(d)) != NULL)
		if (!is_left_out(e->d_name))
			vec_push(ret, mem_strdup(e->d_name));
	(void)closedir(d);
	if (ret->n != 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

static int
write_error(struct packer *p, struct error *err)
{
	return error_set(err, -EIO, "packing %.*s: %s",
	    STR_ARG(buf_str(&p->path)), archive_error_string(p->archive));
}

static int
copy_file(struct packer *p, int fd, int64_t size, struct error *err)
{
	char bytes[64 * KIB];
	ssize_t n;

	while (size > 0) {
		n = read(fd, bytes, MIN_OF(sizeof(bytes), (size_t)size));
		if (n < 0)
			return error_errno(err, "%.*s",
			    STR_ARG(buf_str(&p->path)));
		if (n == 0)
			return error_set(err, -EIO, "%.*s shrank meanwhile",
			    STR_ARG(buf_str(&p->path)));
		if (archive_write_data(p->archive, bytes, (size_t)n) != n)
			return write_error(p, err);
		size -= n;
	}
	return 0;
}

static int
add_file(struct packer *p, int fd, const struct stat *st, struct error *err)
{
	struct archive_entry *e = archive_entry_new();
	int rc = 0;

	archive_entry_set_pathname(e, p->path.p);
	archive_entry_set_filetype(e, AE_IFREG);
	/* As npm: readable by all, executable where it was. */
	archive_entry_set_perm(e, (st->st_mode & 0100) != 0 ? 0755 : 0644);
	archive_entry_set_size(e, st->st_size);
	archive_entry_set_mtime(e, PACK_MTIME, 0);
	p->total_bytes += st->st_size;
	if (++p->n_entries > LIMIT_ARCHIVE_ENTRIES ||
	    st->st_size > LIMIT_ARCHIVE_ENTRY_BYTES ||
	    p->total_bytes > LIMIT_ARCHIVE_TOTAL_BYTES)
		rc = error_set(err, -EFBIG, "the folder is too large (%.*s)",
		    STR_ARG(buf_str(&p->path)));
	else if (archive_write_header(p->archive, e) != ARCHIVE_OK)
		rc = write_error(p, err);
	archive_entry_free(e);
	return rc == 0 ? copy_file(p, fd, st->st_size, err) : rc;
}

static int pack_dir(struct packer *p, int dir, int depth, struct error *err);

/* Links are left out, as npm does: O_NOFOLLOW makes them ELOOP. */
static int
pack_one(struct packer *p, int dir, const char *name, int depth,
    struct error *err)
{
	_cleanup_(closep) int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t before = p->path.n;
	struct stat st;
	int rc = 0;

	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return 0;
	buf_printf(&p->path, "/%s", name);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = error_errno(err, "%.*s", STR_ARG(buf_str(&p->path)));
	else if (S_ISREG(st.st_mode))
		rc = add_file(p, fd, &st, err);
	else if (S_ISDIR(st.st_mode))
		rc = pack_dir(p, fd, depth + 1, err);
	p->path.n = before;
	p->path.p[before] = '\0';
	return rc;
}

static int
pack_dir(struct packer *p, int dir, int depth, struct error *err)
{
	struct names names = { 0 };
	int rc;

	if (depth > LIMIT_ARCHIVE_DEPTH)
		return error_set(err, -EFBIG, "%.*s: folders too deep",
		    STR_ARG(buf_str(&p->path)));
	rc = list(dir, &names, err);
	for (size_t i = 0; i < names.n && rc == 0; i++)
		rc = pack_one(p, dir, names.v[i], depth, err);
	names_done(&names);
	return rc;
}

static int
start(struct packer *p, int fd, struct error *err)
{
	struct archive *a = archive_write_new();

	p->archive = a;
	if (a == NULL || archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
	    archive_write_set_filter_option(a, "gzip", "timestamp", NULL) !=
		ARCHIVE_OK ||
	    archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return error_set(err, -EIO, "cannot begin the archive");
	return 0;
}

int
pack_folder(const char *path, int *ret_fd, struct error *err)
{
	_cleanup_(closep) int dir = -1;
	_cleanup_(closep) int fd = -1;
	struct packer p = { 0 };
	int rc;

	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_errno(err, "%s", path);
	if (faccessat(dir, "package.json", R_OK, 0) != 0)
		return error_set(err, -ENOENT, "%s has no package.json", path);
	fd = memfd_create("package.tgz", MFD_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "memfd");
	buf_init(&p.path, LIMIT_PATH_BYTES);
	buf_puts(&p.path, "package");
	rc = start(&p, fd, err);
	if (rc == 0)
		rc = pack_dir(&p, dir, 0, err);
	if (rc == 0 && archive_write_close(p.archive) != ARCHIVE_OK)
		rc = write_error(&p, err);
	(void)archive_write_free(p.archive);
	buf_done(&p.path);
	if (rc == 0 && lseek(fd, 0, SEEK_SET) != 0)
		rc = error_errno(err, "memfd");
	if (rc == 0)
		*ret_fd = steal_fd(&fd);
	return rc;
}
