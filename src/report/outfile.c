/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an export. Runs in `lazaret report export`. */
#include "report/outfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

#define CHUNK          (1u << 20)
#define TEMPORARY_SIZE 64

struct outfile {
	int dir, fd;
	char *path; /* owned */
	char temporary[TEMPORARY_SIZE];
	struct sha256 *sha256;
	uint32_t crc32c;
	uint64_t at;
	size_t n; /* waiting in chunk */
	uint64_t summed; /* bytes that went into the sums */
	VEC(struct outfile_state) states;
	struct spare spare; /* of what is published now; inode 0: do not keep */
	bool reused; /* it may be longer than what is written */
	struct error err; /* the first one */
	unsigned char chunk[CHUNK];
};

int
outfile_make_folders(int dir, const char *path, struct error *err)
{
	char part[LIMIT_PATH_BYTES];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s", path);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		if (mkdirat(dir, part, 0755) != 0 && errno != EEXIST)
			return error_errno(err, "%s", part);
		part[i] = '/';
	}
	return 0;
}

/* In the root of the export, where a death leaves it to be swept. */
static int
open_temporary(int dir, char name[TEMPORARY_SIZE], struct error *err)
{
	static unsigned counter;
	int fd;

	(void)snprintf(name, TEMPORARY_SIZE, ".tmp-%d-%u", (int)getpid(),
	    counter++);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd >= 0 ? fd : error_errno(err, "%s", name);
}

static int
publish(int dir, const char *temporary, int to, const char *path,
    struct error *err)
{
	int rc = 0;

	if (renameat(dir, temporary, to, path) == 0)
		return 0;
	if (errno == ENOENT)
		rc = outfile_make_folders(to, path, err);
	if (rc == 0 && renameat(dir, temporary, to, path) != 0)
		rc = error_errno(err, "%s", path);
	if (rc != 0)
		(void)unlinkat(dir, temporary, 0);
	return rc;
}

struct outfile *
outfile_open(int dir, const char *path)
{
	struct outfile *o = mem_alloc(sizeof(*o));

	o->dir = dir;
	o->path = mem_strdup(path);
	o->sha256 = sha256_new();
	o->fd = open_temporary(dir, o->temporary, &o->err);
	return o;
}

static void
flush(struct outfile *o)
{
	if (o->n == 0 || o->err.code != 0)
		return;
	sha256_add(o->sha256, o->chunk, o->n);
	o->crc32c = crc32c(o->crc32c, o->chunk, o->n);
	o->summed += o->n;
	if (o->summed % OUTFILE_STEP == 0) {
		struct outfile_state *state = vec_add(&o->states);

		sha256_save(o->sha256, state->sha256);
		state->crc32c = o->crc32c;
	}
	(void)fd_write_all(o->fd, o->chunk, o->n, &o->err);
	o->n = 0;
}

void
outfile_put(struct outfile *o, const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t step;

	o->at += n;
	for (; n > 0 && o->err.code == 0; n -= step, s += step) {
		step = MIN_OF(n, CHUNK - o->n);
		memcpy(o->chunk + o->n, s, step);
		o->n += step;
		if (o->n == CHUNK)
			flush(o);
	}
}

bool
outfile_copy(int from, int to, uint64_t begin, uint64_t n)
{
	off_t at = (off_t)begin;
	ssize_t k;

	if (lseek(to, at, SEEK_SET) < 0)
		return false;
	while ((uint64_t)at < n) {
		k = copy_file_range(from, &at, to, NULL, n - (uint64_t)at, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
	}
	return true;
}

static bool
is_file(int fd, const struct outfile_sums *past)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == past->size &&
	    (uint64_t)st.st_ino == past->inode &&
	    outfile_mtime_ns(&st) == past->mtime_ns;
}

/* What lies between the last state and the end of what is kept. */
static void
put_rest(struct outfile *o, int from, uint64_t at, uint64_t end)
{
	struct buf b;
	ssize_t k;
	char *p;

	buf_init(&b, CHUNK + 1);
	p = buf_reserve(&b, CHUNK);
	while (at < end && o->err.code == 0) {
		k = pread(from, p, MIN_OF(end - at, (uint64_t)CHUNK),
		    (off_t)at);
		if (k <= 0)
			(void)error_set(&o->err, -EIO, "cannot be read again");
		else
			outfile_put(o, p, (size_t)k);
		at += k > 0 ? (uint64_t)k : 0;
	}
	buf_done(&b);
}

/* The bytes that are there already, when the spare could be taken. */
static uint64_t
reuse(struct outfile *o, const struct spare *spare, uint64_t whole)
{
	int fd = spare_take(o->dir, o->path, spare, o->temporary);

	if (fd < 0)
		return 0;
	closep(&o->fd);
	o->fd = fd;
	o->reused = true;
	return MIN_OF(spare->same, whole);
}

bool
outfile_keep(struct outfile *o, const struct outfile_sums *past, uint64_t n)
{
	_cleanup_(closep) int from =
	    openat(o->dir, o->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t steps = (size_t)MIN_OF(n / OUTFILE_STEP, past->n_states);
	uint64_t whole = (uint64_t)steps * OUTFILE_STEP, there = 0;

	assert(o->at == 0);
	if (from < 0 || o->err.code != 0 || n > past->size ||
	    !is_file(from, past))
		return false;
	if (steps != 0 &&
	    sha256_restore(o->sha256, past->states[steps - 1].sha256) != 0)
		return false;
	if (past->n_states != 0) { /* even for other bytes: it has pages */
		there = reuse(o, &past->spare, whole);
		o->spare = (struct spare){ past->size, past->inode,
			past->mtime_ns, whole };
	}
	if (!outfile_copy(from, o->fd, there, whole)) {
		(void)error_set(&o->err, -EIO, "cannot be copied");
		return true;
	}
	for (size_t i = 0; i < steps; i++)
		vec_push(&o->states, past->states[i]);
	if (steps != 0)
		o->crc32c = past->states[steps - 1].crc32c;
	o->at = o->summed = whole;
	put_rest(o, from, whole, n);
	return true;
}

void
outfile_put_str(struct outfile *o, struct str s)
{
	outfile_put(o, s.p, s.n);
}

uint64_t
outfile_at(const struct outfile *o)
{
	return o->at;
}

int64_t
outfile_mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* All is written; its size and times are the last ones. */
static void
end(struct outfile *o, struct stat *ret)
{
	flush(o);
	if (o->err.code == 0 && o->reused &&
	    ftruncate(o->fd, (off_t)o->at) != 0)
		(void)error_errno(&o->err, "ftruncate");
	if (o->err.code == 0 && fstat(o->fd, ret) != 0)
		(void)error_errno(&o->err, "fstat");
	closep(&o->fd);
}

static int
publish_kept(struct outfile *o, struct error *err)
{
	if (o->spare.inode != 0 &&
	    spare_publish(o->dir, o->temporary, o->path) == 0)
		return 0;
	if (o->summed >= OUTFILE_STEP)
		spare_drop(o->dir, o->path);
	o->spare.inode = 0;
	return publish(o->dir, o->temporary, o->dir, o->path, err);
}

int
outfile_close(struct outfile *o, struct outfile_sums *ret_sums,
    struct error *err)
{
	uint8_t digest[SHA256_BYTES];
	struct stat st = { .st_size = 0 };
	int rc;

	end(o, &st);
	sha256_final(o->sha256, digest);
	rc = o->err.code;
	if (rc != 0) {
		(void)error_set(err, rc, "%s: %s", o->path, o->err.msg);
		(void)unlinkat(o->dir, o->temporary, 0);
	} else {
		rc = publish_kept(o, err);
	}
	if (rc == 0 && ret_sums != NULL) {
		*ret_sums = (struct outfile_sums){ .crc32c = o->crc32c,
			.size = (uint64_t)st.st_size,
			.inode = (uint64_t)st.st_ino,
			.mtime_ns = outfile_mtime_ns(&st),
			.spare = o->spare,
			.states = o->states.v,
			.n_states = o->states.n };
		sha256_hex(digest, ret_sums->sha256);
		o->states.v = NULL;
	}
	vec_done(&o->states);
	free(o->path);
	free(o);
	return rc;
}

int
outfile_write(int dir, const char *path, struct str bytes, struct error *err)
{
	return outfile_write_in(dir, dir, path, bytes, err);
}

int
outfile_write_in(int dir, int to, const char *path, struct str bytes,
    struct error *err)
{
	char name[TEMPORARY_SIZE];
	_cleanup_(closep) int fd = open_temporary(dir, name, err);

	if (fd < 0)
		return fd;
	if (fd_write_all(fd, bytes.p, bytes.n, err) != 0) {
		(void)unlinkat(dir, name, 0);
		return error_wrap(err, "%s", path);
	}
	return publish(dir, name, to, path, err);
}
