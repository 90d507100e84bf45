/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder as a .tgz: what `npm pack` makes of it, but for its rules about
 * which files belong: here all of them do, except node_modules and .git at
 * any depth and links. Deterministic: same files, same bytes. Runs in
 * subcommands, on a folder of the user; contents are copied, not looked at.
 */
#ifndef ARCHIVE_PACK_H
#define ARCHIVE_PACK_H

struct error;

/* ret_fd: a descriptor (memfd) with the archive, at its beginning. Every path
 * begins with "package/". -ENOENT names what is missing (package.json). */
int pack_folder(const char *path, int *ret_fd, struct error *err);

#endif
