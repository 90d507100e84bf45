/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: whole reads and writes, pipes and sockets, flags. */
#ifndef SYS_FD_H
#define SYS_FD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf;
struct error;

/* All n bytes, through EINTR and short writes; polls when fd would block. */
int fd_write_all(int fd, const void *p, size_t n, struct error *err);
/* The same on a stream socket; a peer that is gone is -EPIPE, no signal. */
int fd_send_all(int fd, const void *p, size_t n, struct error *err);
/* Up to the end or until buf is full (then -EFBIG). */
int fd_read_all(int fd, struct buf *out, struct error *err);
/* Whether the regular file at fd has these bytes. */
bool fd_has_bytes(int fd, struct str bytes);
/* A connected pair of stream sockets, close-on-exec. */
int fd_socketpair(int ret_fds[2], struct error *err);
int fd_set_nonblock(int fd, bool on, struct error *err);
int fd_set_cloexec(int fd, bool on, struct error *err);
/* A sealed, read-only descriptor with these bytes (memfd). */
int fd_of_bytes(const char *name, struct str bytes, int *ret_fd,
    struct error *err);
/* Folders made in this one need not lie near it, nor near each other (ext4's
 * flag T), where the file system knows that. For folders of very many files:
 * beside files that were just removed ext4 looks at the number of each of them
 * before it finds a free one, for every new file. */
void fd_spread(int folder);
/* As many descriptors as wanted, if we may; -EMFILE and how to have them when
 * there are fewer than least. */
int fd_allow(unsigned least, unsigned wanted, struct error *err);
/* Moves fds[i] to 3 + i for all i, whatever they are now, and closes
 * everything above. For the child between fork and exec. */
int fd_arrange(const int *fds, size_t n);

#endif
