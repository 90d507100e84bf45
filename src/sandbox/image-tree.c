/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees: removed, and their bytes. Runs in the supervisor. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/image_priv.h"

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	return (type == FTW_DP ? rmdir(path) : unlink(path)) != 0 &&
		errno != ENOENT ?
	    errno :
	    0;
}

int
image_tree_remove(const char *path, struct error *err)
{
	int rc = nftw(path, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (rc == 0 || (rc < 0 && errno == ENOENT))
		return 0;
	if (rc > 0)
		errno = rc;
	return error_errno(err, "cannot remove %s", path);
}

static int64_t tree_bytes; /* nftw has no argument for its function */

static int
count_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type != FTW_NS)
		tree_bytes += (int64_t)st->st_blocks * 512 /
		    (S_ISDIR(st->st_mode) ? 1 : (int64_t)st->st_nlink);
	return 0;
}

int64_t
image_tree_bytes(const char *path)
{
	tree_bytes = 0;
	(void)nftw(path, count_one, 64, FTW_PHYS | FTW_MOUNT);
	return tree_bytes;
}
