/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are there before the first command: written into a read-only
 * layer of their own. Runs in supervisors. */
#ifndef SANDBOX_PUT_H
#define SANDBOX_PUT_H

#include <limits.h>
#include <stdint.h>

struct error;
struct mounts;
struct sandbox_file;

/* Whose parent folders belong to the user. */
struct put_home {
	const char *path;
	uint32_t uid, gid; /* inside */
};

/* The folder of the file before, as it was named and, without links, as it
 * was made: mostly also that of the next. Zeroed: none. */
struct put_folder {
	char named[PATH_MAX], made[PATH_MAX];
};

/* Needs m->put and all layers. */
int put_file(const struct mounts *m, const struct put_home *home,
    struct put_folder *last, const struct sandbox_file *f, struct error *err);

#endif
