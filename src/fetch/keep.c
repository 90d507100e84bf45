/* SPDX-License-Identifier: Apache-2.0 */
/* The archive store and the document cache. Runs in role keep. */
#include "fetch/keep.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define MAGIC "lazaret document 1\n"

static const char *const folders[] = {
	[KEEP_PACKAGE_DOCUMENT] = "document",
	[KEEP_ARCHIVE] = "archive",
};
static_assert(N_ELEMENTS(folders) == KEEP_KIND__MAX, "a folder per kind");

static void
hash_name(struct str key, char ret[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(key, digest);
	sha256_hex(digest, ret);
}

static bool
is_sha256(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return s.n == SHA256_HEX_SIZE - 1;
}

static void
entry_path(enum keep_kind kind, struct str key, char *ret, size_t size)
{
	char name[SHA256_HEX_SIZE];

	hash_name(key, name);
	(void)snprintf(ret, size, "%s/%s", folders[kind], name);
}

static void
blob_path(const char *sha256, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%.2s/%s", sha256, sha256);
}

int
keep_prepare(const struct keep *k, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(folders); i++)
		if (mkdirat(k->cache, folders[i], 0700) != 0 && errno != EEXIST)
			return error_errno(err, "cache/%s", folders[i]);
	return 0;
}

/* ---- reading */

static int
open_regular(int dir, const char *path, int *ret_fd, struct stat *ret_st,
    struct error *err)
{
	_cleanup_(closep) int fd = -1;

	fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "%s", path);
	if (fstat(fd, ret_st) != 0 || !S_ISREG(ret_st->st_mode))
		return error_set(err, -ENOENT, "%s is no file", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* "MAGIC", the tag, zeros. */
static int
read_header(int fd, char ret_tag[KEEP_TAG_SIZE], struct error *err)
{
	char header[KEEP_HEADER_BYTES + 1] = { 0 };
	const char *tag = header + sizeof(MAGIC) - 1;
	char *end;

	if (pread(fd, header, KEEP_HEADER_BYTES, 0) != KEEP_HEADER_BYTES ||
	    memcmp(header, MAGIC, sizeof(MAGIC) - 1) != 0)
		return error_set(err, -ENOENT, "no cached document");
	end = strchr(tag, '\n');
	if (end == NULL || end - tag >= KEEP_TAG_SIZE)
		return error_set(err, -ENOENT, "no cached document");
	*end = '\0';
	(void)snprintf(ret_tag, KEEP_TAG_SIZE, "%s", tag);
	return 0;
}

static int
get_document(struct keep_found *f, struct error *err)
{
	int rc = read_header(f->fd, f->tag, err);

	f->offset = KEEP_HEADER_BYTES;
	f->size -= KEEP_HEADER_BYTES;
	return rc;
}

/* The entry names the blob: its descriptor takes the entry's place. */
static int
get_blob(const struct keep *k, struct keep_found *f, struct error *err)
{
	char name[SHA256_HEX_SIZE] = "", path[SHA256_HEX_SIZE + 8];
	struct stat st;
	int fd, rc;

	if (pread(f->fd, name, sizeof(name) - 1, 0) != sizeof(name) - 1 ||
	    !is_sha256(str_of(name)))
		return error_set(err, -ENOENT, "no archive");
	blob_path(name, path, sizeof(path));
	rc = open_regular(k->blobs, path, &fd, &st, err);
	if (rc != 0)
		return rc;
	closep(&f->fd);
	f->fd = fd;
	f->size = st.st_size;
	(void)snprintf(f->tag, sizeof(f->tag), "%s", name);
	return 0;
}

int
keep_get(const struct keep *k, enum keep_kind kind, struct str key,
    struct keep_found *ret, struct error *err)
{
	struct keep_found f = { .fd = -1 };
	char path[SHA256_HEX_SIZE + 16];
	struct stat st = { 0 };
	int rc;

	entry_path(kind, key, path, sizeof(path));
	rc = open_regular(k->cache, path, &f.fd, &st, err);
	if (rc != 0)
		return rc;
	f.size = st.st_size;
	f.age_ms = (clock_wall_ns() - st.st_mtim.tv_sec * NS_PER_SEC -
		       st.st_mtim.tv_nsec) /
	    NS_PER_MS;
	rc =
	    kind == KEEP_ARCHIVE ? get_blob(k, &f, err) : get_document(&f, err);
	if (rc != 0)
		closep(&f.fd);
	else
		*ret = f;
	return rc;
}

/* ---- writing */

/* A file that is being made, in the folder where it will stay: Landlock lets
 * nobody rename from one folder to another. */
struct aside {
	int dir, fd;
	char name[64];
};

static int
aside_begin(struct aside *a, int dir, const char *folder, struct error *err)
{
	uint64_t r[2];

	a->dir = dir;
	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return error_errno(err, "getrandom");
	(void)snprintf(a->name, sizeof(a->name), "%s/.tmp-%016jx%016jx", folder,
	    (uintmax_t)r[0], (uintmax_t)r[1]);
	a->fd = openat(dir, a->name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return error_errno(err, "cannot write to the store");
	return 0;
}

static int
aside_end(struct aside *a, int rc, const char *path, struct error *err)
{
	if (rc == 0 && fdatasync(a->fd) != 0)
		rc = error_errno(err, "writing %s", path);
	closep(&a->fd);
	if (rc == 0 && renameat(a->dir, a->name, a->dir, path) != 0)
		rc = error_errno(err, "renaming to %s", path);
	if (rc != 0)
		(void)unlinkat(a->dir, a->name, 0);
	return rc;
}

/* From the beginning of fd to the position of to; hash may be NULL. */
static int
copy(int fd, int to, struct sha256 *hash, int64_t *ret_size, struct error *err)
{
	char bytes[64 * KIB];
	int64_t size = 0;
	ssize_t n;
	int rc;

	for (;;) {
		n = pread(fd, bytes, sizeof(bytes), size);
		if (n < 0)
			return error_errno(err, "reading what was fetched");
		if (n == 0)
			break;
		if (hash != NULL)
			sha256_add(hash, bytes, (size_t)n);
		if (to >= 0) {
			rc = fd_write_all(to, bytes, (size_t)n, err);
			if (rc != 0)
				return rc;
		}
		size += n;
		if (size > LIMIT_ARCHIVE_BYTES)
			return error_set(err, -EFBIG, "too large to keep");
	}
	*ret_size = size;
	return 0;
}

static int
hash_of(int fd, char ret_hex[SHA256_HEX_SIZE], int64_t *ret_size,
    struct error *err)
{
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_BYTES];
	int rc = copy(fd, -1, hash, ret_size, err);

	sha256_final(hash, digest);
	sha256_hex(digest, ret_hex);
	return rc;
}

/* Whether the store has it already, whole and unchanged. */
static bool
has_blob(const struct keep *k, const char *path, const char *hex)
{
	_cleanup_(closep) int fd = -1;
	char there[SHA256_HEX_SIZE];
	struct stat st;
	int64_t size;

	return open_regular(k->blobs, path, &fd, &st, NULL) == 0 &&
	    hash_of(fd, there, &size, NULL) == 0 && strcmp(there, hex) == 0;
}

int
keep_blob(const struct keep *k, int fd, char ret_sha256[SHA256_HEX_SIZE],
    int64_t *ret_size, struct error *err)
{
	char hex[SHA256_HEX_SIZE], path[SHA256_HEX_SIZE + 8], folder[3];
	struct aside a = { .fd = -1 };
	int64_t size = 0;
	int rc = hash_of(fd, hex, &size, err);

	if (rc != 0)
		return rc;
	(void)snprintf(folder, sizeof(folder), "%.2s", hex);
	blob_path(hex, path, sizeof(path));
	if (mkdirat(k->blobs, folder, 0700) != 0 && errno != EEXIST)
		return error_errno(err, "blobs/%s", folder);
	if (!has_blob(k, path, hex)) {
		rc = aside_begin(&a, k->blobs, folder, err);
		if (rc != 0)
			return rc;
		rc = copy(fd, a.fd, NULL, &size, err);
		rc = aside_end(&a, rc, path, err);
	}
	if (rc != 0)
		return rc;
	memcpy(ret_sha256, hex, sizeof(hex));
	*ret_size = size;
	return 0;
}

static int
put_archive(const struct keep *k, struct str tag, int fd, int to,
    struct error *err)
{
	char name[SHA256_HEX_SIZE];
	int64_t size;
	int rc = keep_blob(k, fd, name, &size, err);

	if (rc == 0 && !str_is(tag, name))
		rc = error_set(err, -EBADMSG,
		    "an archive is not what its hash says");
	return rc == 0 ? fd_write_all(to, name, strlen(name), err) : rc;
}

static int
put_document(struct str tag, int fd, int to, struct error *err)
{
	char header[KEEP_HEADER_BYTES] = MAGIC;
	size_t at = sizeof(MAGIC) - 1;
	int64_t size;
	int rc;

	if (tag.n < KEEP_TAG_SIZE && tag.n != 0 && str_chr(tag, '\n') < 0)
		memcpy(header + at, tag.p, tag.n);
	else
		tag.n = 0; /* without a tag it is fetched whole next time */
	header[at + tag.n] = '\n';
	rc = fd_write_all(to, header, sizeof(header), err);
	return rc == 0 ? copy(fd, to, NULL, &size, err) : rc;
}

int
keep_put(const struct keep *k, enum keep_kind kind, struct str key,
    struct str tag, int fd, struct error *err)
{
	char path[SHA256_HEX_SIZE + 16];
	struct aside a = { .fd = -1 };
	int rc;

	entry_path(kind, key, path, sizeof(path));
	rc = aside_begin(&a, k->cache, folders[kind], err);
	if (rc != 0)
		return rc;
	rc = kind == KEEP_ARCHIVE ? put_archive(k, tag, fd, a.fd, err) :
				    put_document(tag, fd, a.fd, err);
	return aside_end(&a, rc, path, err);
}

int
keep_touch(const struct keep *k, enum keep_kind kind, struct str key,
    struct error *err)
{
	char path[SHA256_HEX_SIZE + 16];

	entry_path(kind, key, path, sizeof(path));
	if (utimensat(k->cache, path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(err, "%s", path);
	return 0;
}
