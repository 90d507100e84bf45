/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a published one took the place of, kept beside the export
 * (.cache/spare/NAME): most of its bytes are those of the next one, which is
 * written into it and not copied. Nobody else may have it: a reader that
 * opened it when it was published goes on reading what it was.
 */
#ifndef REPORT_SPARE_H
#define REPORT_SPARE_H

#include <stdint.h>

struct spare {
	uint64_t size, inode; /* inode 0: there is none */
	int64_t mtime_ns;
	uint64_t same; /* its first bytes are those of the published file */
};

/* It gets the name `temporary` and is open for writing; -1: it is not there,
 * is not the one, or somebody has it open or under another name. */
int spare_take(int dir, const char *path, const struct spare *s,
    const char *temporary);
/* temporary is published as path, and what was that is the spare. Negative:
 * nothing has been done. */
int spare_publish(int dir, const char *temporary, const char *path);
/* One is made: the first n bytes of what is published. Negative: there is
 * none, and no room for it. */
int spare_make(int dir, const char *path, uint64_t n, struct spare *ret);
void spare_drop(int dir, const char *path);

#endif
