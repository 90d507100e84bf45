/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is published: written under another name, summed on the way,
 * and renamed when it is whole. Errors are sticky until outfile_close().
 */
#ifndef REPORT_OUTFILE_H
#define REPORT_OUTFILE_H

#include <stdint.h>

#include "base/str.h"
#include "sys/sha256.h"

struct error;
struct outfile;

struct outfile_sums {
	char sha256[SHA256_HEX_SIZE];
	uint32_t crc32c; /* Castagnoli, as object stores give it */
};

/* path is relative to dir (borrowed until closed); its folders are made. */
struct outfile *outfile_open(int dir, const char *path);
void outfile_put(struct outfile *o, const void *p, size_t n);
void outfile_put_str(struct outfile *o, struct str s);
uint64_t outfile_at(const struct outfile *o); /* bytes put so far */
/* Frees it in any case. ret_sums may be NULL. */
int outfile_close(struct outfile *o, struct outfile_sums *ret_sums,
    struct error *err);

/* A small file in one go, without sums. */
int outfile_write(int dir, const char *path, struct str bytes,
    struct error *err);
int outfile_make_folders(int dir, const char *path, struct error *err);

#endif
