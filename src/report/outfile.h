/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is published: written under another name, summed on the way,
 * and renamed when it is whole. Errors are sticky until outfile_close().
 */
#ifndef REPORT_OUTFILE_H
#define REPORT_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "report/spare.h"
#include "sys/sha256.h"

struct error;
struct outfile;

/* Sums of the first bytes of a file, from which they go on. */
struct outfile_state {
	uint8_t sha256[SHA256_STATE_BYTES];
	uint32_t crc32c;
};

#define OUTFILE_STEP (1u << 20) /* bytes between two states */

struct outfile_sums {
	char sha256[SHA256_HEX_SIZE];
	uint32_t crc32c; /* Castagnoli, as object stores give it */
	/* The file that they are of, and the states on the way. */
	uint64_t size, inode;
	int64_t mtime_ns;
	struct spare spare;
	struct outfile_state *states; /* owned; [i]: after (i + 1) steps */
	size_t n_states;
};

/* path is relative to dir (borrowed until closed); its folders are made. */
struct outfile *outfile_open(int dir, const char *path);
/* Before the first put: the file begins with the first n bytes of the one that
 * is published under the same name, and past is of it. They are not summed
 * again, and what a spare has of them is not even copied; n may be 0. false,
 * and nothing is done, when that file is not the one that past is of. */
bool outfile_keep(struct outfile *o, const struct outfile_sums *past,
    uint64_t n);
void outfile_put(struct outfile *o, const void *p, size_t n);
void outfile_put_str(struct outfile *o, struct str s);
uint64_t outfile_at(const struct outfile *o); /* bytes put so far */
/* Frees it in any case. ret_sums may be NULL; its states are the caller's. */
int outfile_close(struct outfile *o, struct outfile_sums *ret_sums,
    struct error *err);

/* A small file in one go, without sums. */
int outfile_write(int dir, const char *path, struct str bytes,
    struct error *err);
/* The same below another folder: what is not whole lies in dir. */
int outfile_write_in(int dir, int to, const char *path, struct str bytes,
    struct error *err);
struct stat;
int64_t outfile_mtime_ns(const struct stat *st);
/* Bytes from `begin` to n, by the kernel: they stay in the page cache. */
bool outfile_copy(int from, int to, uint64_t begin, uint64_t n);
int outfile_make_folders(int dir, const char *path, struct error *err);

#endif
