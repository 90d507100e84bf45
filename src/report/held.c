/* SPDX-License-Identifier: Apache-2.0 */
/* Reports that wait for a person. Runs in `lazaret report` and role edit. */
#include "report/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/repo.h"

static int
put_reason(struct repo *r, const char *path, struct str why, struct error *err)
{
	char file[LIMIT_PATH_BYTES];
	struct buf b;
	int rc;

	(void)snprintf(file, sizeof(file), "%s" HELD_SUFFIX, path);
	buf_init(&b, 4 * KIB);
	for (size_t i = 0; i < why.n && i < 1000; i++)
		buf_putc(&b, (unsigned char)why.p[i] < ' ' ? ' ' : why.p[i]);
	buf_putc(&b, '\n');
	rc = repo_put(r, REPO_HELD, file, buf_str(&b), err);
	buf_done(&b);
	return rc < 0 ? rc : 0;
}

static bool
exists(struct repo *r, enum repo_tree tree, const char *path)
{
	struct stat st;

	return fstatat(repo_tree_fd(r, tree), path, &st, AT_SYMLINK_NOFOLLOW) ==
	    0;
}

int
held_ask(struct repo *r, const char *path, struct str why, struct error *err)
{
	return put_reason(r, path, why, err);
}

bool
held_is_asked(struct repo *r, const char *path)
{
	char file[LIMIT_PATH_BYTES];

	(void)snprintf(file, sizeof(file), "%s" HELD_SUFFIX, path);
	return exists(r, REPO_HELD, file) && !exists(r, REPO_HELD, path);
}

int
held_remove(struct repo *r, const char *path, struct error *err)
{
	char file[LIMIT_PATH_BYTES];
	int rc = 0;

	(void)snprintf(file, sizeof(file), "%s" HELD_SUFFIX, path);
	if (!exists(r, REPO_HELD, file))
		return error_set(err, -ENOENT, "%s is not held", path);
	if (exists(r, REPO_HELD, path))
		rc = repo_remove(r, REPO_HELD, path, err);
	return rc == 0 ? repo_remove(r, REPO_HELD, file, err) : rc;
}
