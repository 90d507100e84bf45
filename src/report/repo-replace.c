/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that take another's place, and files that go, when somebody may edit
 * them at this moment: what came out is compared with what was read. Runs in
 * `lazaret report`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "report/repo_priv.h"

struct repo_was
repo_was_of(const struct stat *st)
{
	return (struct repo_was){ .inode = (int64_t)st->st_ino,
		.size = st->st_size,
		.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 +
		    st->st_mtim.tv_nsec };
}

static bool
is_same(const struct repo_was *a, const struct repo_was *b)
{
	return a->inode == b->inode && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns;
}

static struct repo_was
look_at(int folder, const char *name)
{
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return (struct repo_was){ .inode = 0 };
	return repo_was_of(&st);
}

static bool
is_expected(const struct repo_replace *p, const struct repo_was *found)
{
	return is_same(found, p->was) ||
	    (p->own != NULL && p->own->inode != 0 && is_same(found, p->own));
}

/* What was there is at p->temporary: somebody's. It goes back; what comes out
 * then is ours, or a still later edit, which is the one that stays. */
static int
put_back(const struct repo_replace *p, const struct repo_was *mine)
{
	struct repo_was out;

	if (renameat2(p->tree, p->temporary, p->folder, p->name,
		RENAME_EXCHANGE) != 0)
		return -errno;
	out = look_at(p->tree, p->temporary);
	if (!is_same(&out, mine))
		(void)renameat2(p->tree, p->temporary, p->folder, p->name,
		    RENAME_EXCHANGE);
	(void)unlinkat(p->tree, p->temporary, 0);
	return -ESTALE;
}

/* Not every file system can exchange two files. */
static int
look_and_rename(const struct repo_replace *p)
{
	struct repo_was found = look_at(p->folder, p->name);

	if (!is_expected(p, &found))
		return -ESTALE;
	return renameat(p->tree, p->temporary, p->folder, p->name) != 0 ?
	    -errno :
	    0;
}

int
repo_replace(const struct repo_replace *p, struct repo_was *ret)
{
	struct repo_was mine = look_at(p->tree, p->temporary), found;
	int rc = 0;

	if (renameat2(p->tree, p->temporary, p->folder, p->name,
		RENAME_EXCHANGE) == 0) {
		found = look_at(p->tree, p->temporary);
		if (!is_expected(p, &found))
			return put_back(p, &mine);
		(void)unlinkat(p->tree, p->temporary, 0);
	} else {
		rc = errno == EINVAL || errno == ENOSYS ? look_and_rename(p) :
		    errno == ENOENT                     ? -ESTALE :
							  -errno;
	}
	if (rc == 0)
		*ret = mine;
	else
		(void)unlinkat(p->tree, p->temporary, 0);
	return rc;
}

int
repo_take_out(const struct repo_replace *p)
{
	struct repo_was found;

	if (renameat(p->folder, p->name, p->tree, p->temporary) != 0)
		return -errno;
	found = look_at(p->tree, p->temporary);
	if (is_expected(p, &found))
		return unlinkat(p->tree, p->temporary, 0) != 0 ? -errno : 0;
	/* Where somebody has made another meanwhile, that one is later. */
	if (renameat2(p->tree, p->temporary, p->folder, p->name,
		RENAME_NOREPLACE) != 0)
		(void)unlinkat(p->tree, p->temporary, 0);
	return -ESTALE;
}
