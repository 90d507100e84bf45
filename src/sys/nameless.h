/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name, given one when they are whole: whoever is killed
 * before that leaves nothing. Where the file system has no such files
 * (overlayfs of Linux 6.1, the root of most containers) they lose their name at
 * once and are copied in the end. */
#ifndef SYS_NAMELESS_H
#define SYS_NAMELESS_H

struct error;

/* For reading and writing, mode 0600; on the file system of folder. */
int nameless_open(const char *folder, int *ret_fd, struct error *err);
/* path: on the same file system. -EEXIST: something is there, and stays. */
int nameless_keep(int fd, const char *path, struct error *err);
/* All of it, from wherever `to` stands; path: of `to`, for the error. */
int nameless_copy(int fd, int to, const char *path, struct error *err);

#endif
