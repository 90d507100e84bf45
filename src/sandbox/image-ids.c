/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without root nobody may show a tree with other ids than it has on disk. So
 * what was built as 0…65535 of the caller's namespace is given to 1…65536, the
 * ids of its sandboxes. Runs in `lazaret image`.
 */
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/vec.h"
#include "sandbox/image_priv.h"
#include "sys/rootless.h"

#define OPEN_FOLDERS 16

/* ftw(3) has no argument for its function. */
static struct {
	bool root_alone;
	VEC(ino_t) linked; /* files with several names: once is enough */
} walk;

static bool
is_done(const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return false;
	for (size_t i = 0; i < walk.linked.n; i++)
		if (walk.linked.v[i] == st->st_ino)
			return true;
	vec_push(&walk.linked, st->st_ino);
	return false;
}

static int
give_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)at;
	if (kind == FTW_NS || kind == FTW_DNR)
		return -1;
	if (is_done(st) || (walk.root_alone && st->st_uid != 0))
		return 0;
	if (lchown(path, st->st_uid + ROOTLESS_FIRST,
		st->st_gid + ROOTLESS_FIRST) != 0)
		return -1;
	/* A change of owner takes these bits away. */
	if (S_ISREG(st->st_mode) && (st->st_mode & 06000) != 0)
		return chmod(path, st->st_mode & 07777);
	return 0;
}

int
image_ids_give(const char *path, bool root_alone, struct error *err)
{
	int rc;

	if (!rootless_is())
		return 0;
	walk.root_alone = root_alone;
	rc = nftw(path, give_one, OPEN_FOLDERS, FTW_PHYS);
	if (rc != 0)
		rc = error_errno(err, "cannot give %s to the sandbox's ids",
		    path);
	vec_done(&walk.linked);
	return rc;
}
