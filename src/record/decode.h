/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event of the ring, taken apart and checked. The kernel side wrote it,
 * but its strings come from hostile processes, so nothing is believed.
 */
#ifndef RECORD_DECODE_H
#define RECORD_DECODE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "record/event.h"

struct buf;
struct error;

struct decode_walk {
	struct str names; /* p NULL: the event has none */
	unsigned flags; /* enum record_walk */
};

struct decode_file {
	int fd; /* -1: the executed file */
	struct record_file file;
	bool has_socket;
	struct record_socket socket;
	struct decode_walk path;
};

#define DECODE_MAX_FILES 6

struct decode_event {
	struct record_header h;
	struct str strings[2]; /* p NULL: absent or unreadable */
	struct decode_walk bases[2], cwd;
	struct decode_file files[DECODE_MAX_FILES];
	size_t n_files;
	struct str address, piece;
	bool has_key;
	struct record_io_key key;
};

/* Strings borrow from `bytes`; files are set up to n_files. -EPROTO for what
 * record.bpf.c never writes, and *ret is no use. */
int decode_parse(struct str bytes, struct decode_event *ret, struct error *err);
/* Appends the walk as a path from the process's root. What lies outside is
 * shown from the top of the mounts; what has no mount (memfd) by its name. */
void decode_put_walk(struct buf *out, const struct decode_walk *w);
/* Appends `path`, made absolute by base, with ".", ".." and "//" taken out
 * (without looking at symbolic links). */
void decode_put_path(struct buf *out, const struct decode_walk *base,
    struct str path);
/* The address of a sockaddr as text and its port (-1: none); "" when it has
 * no text form. Unix sockets: the path, abstract ones with "@". */
void decode_put_address(struct buf *out, struct str sockaddr, int *ret_port,
    int *ret_family);
/* The same for a raw IPv4 or IPv6 address. */
void decode_put_inet(struct buf *out, int family, const __u8 address[16]);

#endif
