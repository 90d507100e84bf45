/* SPDX-License-Identifier: Apache-2.0 */
/* Deltas between files. The delta is taken for hostile. */
#include "snapshot/delta.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/error.h"
#include "snapshot/format_priv.h"
#include "sys/crc32c.h"
#include "sys/fd.h"

#define MAGIC       "\x89LZDELT\n"
#define MAGIC_BYTES 8
#define HEAD_BYTES  100 /* CRC-32C of all before it included */
#define LEVEL       9
#define MIN_WINDOW  20
#define MAX_WINDOW  31
/* A snapshot of everything that was ever published has 3 GB. */
#define MAX_BYTES ((uint64_t)1 << 36)

/* The whole old file must lie within reach of each byte of the new one. */
static int
window_for(struct str from, struct str to)
{
	int log = MIN_WINDOW;

	while (log < MAX_WINDOW && ((size_t)1 << log) < from.n + to.n)
		log++;
	return log;
}

static void
put_head(struct buf *out, struct str from, struct str to)
{
	uint8_t digest[SHA256_BYTES];

	buf_put(out, MAGIC, MAGIC_BYTES);
	put_u32(out, DELTA_FORMAT);
	put_u32(out, 0);
	sha256_of(from, digest);
	buf_put(out, digest, sizeof(digest));
	sha256_of(to, digest);
	buf_put(out, digest, sizeof(digest));
	put_u64(out, from.n);
	put_u64(out, to.n);
	put_u32(out, crc32c(0, out->p, out->n));
}

int
delta_make(struct str from, struct str to, int out_fd, struct error *err)
{
	size_t room = ZSTD_compressBound(to.n), n;
	ZSTD_CCtx *c = ZSTD_createCCtx();
	struct buf out;
	char *p;
	int rc;

	if (c == NULL)
		fatal("out of memory");
	buf_init(&out, HEAD_BYTES + room);
	put_head(&out, from, to);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, window_for(from, to));
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_enableLongDistanceMatching, 1);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	(void)ZSTD_CCtx_refPrefix(c, from.p, from.n);
	p = buf_reserve(&out, room);
	n = ZSTD_compress2(c, p, room, to.p, to.n);
	if (ZSTD_isError(n)) {
		rc = error_set(err, -EIO, "making the delta: %s",
		    ZSTD_getErrorName(n));
	} else {
		buf_added(&out, n);
		rc = fd_write_all(out_fd, out.p, out.n, err);
	}
	(void)ZSTD_freeCCtx(c);
	buf_done(&out);
	return rc;
}

int
delta_read(struct str delta, struct delta_head *ret, struct error *err)
{
	const char *p = delta.p;

	if (delta.n < HEAD_BYTES || memcmp(p, MAGIC, MAGIC_BYTES) != 0 ||
	    load_u32(p + HEAD_BYTES - 4) != crc32c(0, p, HEAD_BYTES - 4))
		return error_set(err, -EBADMSG, "not a delta, or damaged");
	if (load_u32(p + 8) != DELTA_FORMAT)
		return error_set(err, -EBADMSG,
		    "the delta has format %u, this program reads format %d",
		    load_u32(p + 8), DELTA_FORMAT);
	memcpy(ret->from, p + 16, SHA256_BYTES);
	memcpy(ret->to, p + 48, SHA256_BYTES);
	ret->from_bytes = load_u64(p + 80);
	ret->to_bytes = load_u64(p + 88);
	if (ret->to_bytes == 0 || ret->to_bytes > MAX_BYTES)
		return error_set(err, -EBADMSG, "the delta is damaged (size)");
	return 0;
}

static int
unpack(struct str from, struct str frame, char *to, size_t n, struct error *err)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t got;

	if (d == NULL)
		fatal("out of memory");
	(void)ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, MAX_WINDOW);
	(void)ZSTD_DCtx_refPrefix(d, from.p, from.n);
	got = ZSTD_decompressDCtx(d, to, n, frame.p, frame.n);
	(void)ZSTD_freeDCtx(d);
	if (ZSTD_isError(got) || got != n)
		return error_set(err, -EBADMSG, "the delta is damaged (%s)",
		    ZSTD_isError(got) ? ZSTD_getErrorName(got) : "size");
	return 0;
}

int
delta_apply(struct str from, struct str delta, int out_fd, struct error *err)
{
	uint8_t digest[SHA256_BYTES];
	struct delta_head head;
	size_t n;
	void *p;
	int rc = delta_read(delta, &head, err);

	if (rc != 0)
		return rc;
	sha256_of(from, digest);
	if (head.from_bytes != from.n ||
	    memcmp(digest, head.from, sizeof(digest)) != 0)
		return error_set(err, -ESTALE,
		    "the delta is for another snapshot than the one here");
	n = (size_t)head.to_bytes;
	if (ftruncate(out_fd, (off_t)n) != 0)
		return error_errno(err, "the new snapshot");
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, out_fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping the new snapshot");
	rc = unpack(from, str_sub(delta, HEAD_BYTES, delta.n), p, n, err);
	if (rc == 0) {
		sha256_of(str_n(p, n), digest);
		if (memcmp(digest, head.to, sizeof(digest)) != 0)
			rc = error_set(err, -EBADMSG,
			    "the delta is damaged (its result)");
	}
	(void)munmap(p, n);
	return rc;
}
