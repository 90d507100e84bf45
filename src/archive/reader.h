/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading hostile archives: tar and zip, plain or under gzip, zstd, xz, bzip2.
 * Nothing is ever extracted to a path; members are streamed to the caller.
 * What is wrong with a member is told, not an error; what is wrong with the
 * archive as a whole ends it with a reason. Runs in role unpack only.
 */
#ifndef ARCHIVE_READER_H
#define ARCHIVE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct error;
struct reader;

enum reader_type {
	READER_FILE,
	READER_FOLDER,
	READER_SYMLINK,
	READER_HARDLINK,
	READER_DEVICE,
	READER_FIFO,
	READER_SOCKET,
	READER_TYPE__MAX
};

enum reader_anomaly {
	READER_TRAVERSAL = 1 << 0, /* ".." leads out of the package */
	READER_ABSOLUTE = 1 << 1,
	READER_DUPLICATE = 1 << 2, /* a second member of the same path */
	READER_CASE_CLASH = 1 << 3, /* differs from another in case only */
	READER_IS_DEVICE = 1 << 4,
	READER_IS_FIFO = 1 << 5, /* or a socket */
	READER_LINK_OUTSIDE = 1 << 6,
	READER_IS_LINK = 1 << 7, /* npm never packs one */
	READER_CONTROL = 1 << 8, /* control characters in the path */
	READER_SETUID = 1 << 9, /* setuid, setgid */
	READER_LONG_PATH = 1 << 10,
	READER_DEEP = 1 << 11,
	READER_BOMB = 1 << 12, /* ratio past LIMIT_ARCHIVE_RATIO */
	READER_LARGE = 1 << 13, /* member past LIMIT_ARCHIVE_ENTRY_BYTES */
	READER_NOT_UTF8 = 1 << 14,
	READER_OTHER_ROOT = 1 << 15, /* not below the folder of the others */
};
#define READER_N_ANOMALIES 16

struct reader_member {
	struct str path; /* as the archive has it; until the next call */
	/* Below the package folder ("package/" taken off), cleaned of "." and
	 * double slashes; equal to path where that makes no sense. */
	struct str inner;
	struct str target; /* of links */
	enum reader_type type;
	int mode; /* permission bits with setuid, setgid, sticky */
	int64_t size; /* as declared; -1: not declared */
	unsigned anomalies;
};

/* fd is borrowed and read from its beginning, with pread: others may read it
 * at the same time. strip: folders to take off each
 * path for `inner` (npm: 1). */
int reader_open(int fd, int strip, struct reader **ret, struct error *err);
void reader_free(struct reader *r); /* accepts NULL */
void reader_freep(struct reader **r);
/* 1 a member, 0 the end; an error says why the rest cannot be read. */
int reader_next(struct reader *r, struct reader_member *ret, struct error *err);
/* Up to n bytes of the current member: count, 0 at its end; -EFBIG when a
 * limit cuts it (then reader_anomalies() has grown). */
int64_t reader_read(struct reader *r, void *p, size_t n, struct error *err);
/* Of the current member, with what reading it has shown. */
unsigned reader_anomalies(const struct reader *r);
/* Name of one bit: "traversal", "absolute", … */
const char *reader_anomaly_name(unsigned bit);

#endif
