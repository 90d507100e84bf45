/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between our processes, over stream sockets of the AF_UNIX family.
 *
 * Frame: u32 payload length, u16 type, u8 version, u8 count of descriptors,
 * then the payload; little endian. Payload members: an integer is 8 bytes; a
 * string is u32 length (0xffffffff: absent) and its bytes. Descriptors travel
 * as SCM_RIGHTS with the first byte of their frame.
 *
 * Reading is sticky: after the first member that does not fit, all further
 * gets give 0/absent, and message_end() says so. Every receiver treats what
 * it gets as hostile.
 */
#ifndef SYS_MESSAGE_H
#define SYS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

struct error;

#define MESSAGE_VERSION 1

struct message {
	uint16_t type;
	struct str payload; /* borrowed from the channel until its next call */
	size_t at; /* bytes read so far */
	int fds[LIMIT_MESSAGE_FDS]; /* owned until taken; -1 when taken */
	size_t n_fds, fds_taken;
	bool bad;
};

/* One end of a connection: what is read but not yet taken apart, and what is
 * put but not yet written. */
struct channel {
	int fd; /* owned */
	struct buf in, out;
	size_t in_at; /* bytes of `in` already given out */
	int fds[LIMIT_MESSAGE_FDS * 4]; /* received, not yet given out */
	size_t n_fds;
	size_t frame_at; /* where the frame being written begins in `out` */
	int out_fds[LIMIT_MESSAGE_FDS];
	size_t n_out_fds;
	bool writing, eof;
};

void channel_init(struct channel *c, int fd); /* takes fd */
void channel_done(struct channel *c); /* accepts a zeroed one; closes fd */

/* Writing: begin, puts, end. Small frames collect until LIMIT_MESSAGE_BATCH_
 * BYTES or channel_flush(); a frame with descriptors is flushed at once. */
void message_begin(struct channel *c, uint16_t type);
void message_put_int(struct channel *c, int64_t v);
void message_put_str(struct channel *c, struct str s);
void message_put_fd(struct channel *c, int fd); /* borrowed until end */
int message_send(struct channel *c, struct error *err);
int channel_flush(struct channel *c, struct error *err);

/* Reads what is there (blocks on a blocking fd when nothing is).
 * 0: got some, 1: end of file, -EAGAIN, other errors. */
int channel_fill(struct channel *c, struct error *err);
/* The next whole frame: 1 given, 0 none yet, -EPROTO for bad framing. */
int channel_next(struct channel *c, struct message *ret, struct error *err);
/* Blocks for one frame: 1 given, 0 end of file. */
int channel_recv(struct channel *c, struct message *ret, struct error *err);

/* Waits at most timeout_ms for the other end to be closed, as the last thing
 * that a role says; what else it says is an error. */
int channel_end(struct channel *c, int timeout_ms, struct error *err);

int64_t message_get_int(struct message *m);
struct str message_get_str(struct message *m);
int message_get_fd(struct message *m); /* owned by the caller; -1 when bad */
/* Closes descriptors not taken. -EPROTO when a member was missing or left. */
int message_end(struct message *m, struct error *err);

#endif
