/* SPDX-License-Identifier: Apache-2.0 */
/* What lies where in a report database, and opening it through no link. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/repo_priv.h"

/* Below the database's folder. */
const char *const repo_folders[REPO_TREE__MAX] = {
	[REPO_MALICIOUS] = "osv/malicious",
	[REPO_WITHDRAWN] = "osv/withdrawn",
	[REPO_UNMERGABLE] = "osv/unmergable",
	[REPO_HELD] = "held",
};

#define ALLOCATOR ".id-allocator"
/* Of a file name, as file systems have it. */
#define MAX_PART_BYTES 255

bool
repo_path_valid(struct str path)
{
	struct str rest = path, part = STR_NONE;
	size_t parts = 0;

	if (str_is(path, ALLOCATOR))
		return true;
	if (path.n == 0 || path.n >= LIMIT_PATH_BYTES ||
	    str_chr(path, '\0') >= 0 || path.p[path.n - 1] == '/' ||
	    path.p[0] == '.')
		return false;
	/* Empty parts lead nowhere, and some packages' names have them. */
	for (; str_cut(&rest, '/', &part); parts += part.n != 0)
		if (part.n > MAX_PART_BYTES || str_is(part, ".") ||
		    str_is(part, ".."))
			return false;
	return parts >= 3 && str_starts(part, "MAL-") &&
	    (str_ends(part, ".json") || str_ends(part, ".json.why") ||
		str_ends(part, ".versions"));
}

int
repo_open_below(int tree, const char *path, int flags)
{
	const struct open_how how = { .flags = (unsigned)flags,
		.mode = (flags & O_CREAT) != 0 ? 0644 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, tree, path, &how, sizeof(how));
}

/* Only the last part is missing, most times. */
int
repo_make_folders(int tree, const char *folder, struct error *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char part[LIMIT_PATH_BYTES];
	size_t n = strlen(folder);

	if (n >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "%s", folder);
	memcpy(part, folder, n + 1);
	for (size_t at = 0; at < n; at++) {
		_cleanup_(closep) int above = -1;
		size_t end = at + strcspn(part + at, "/");

		if (end == at)
			continue;
		part[end] = '\0';
		if (at > 0) {
			part[at - 1] = '\0';
			above = repo_open_below(tree, part, flags);
			part[at - 1] = '/';
		}
		if ((at > 0 && above < 0) ||
		    (mkdirat(at > 0 ? above : tree, part + at, 0755) != 0 &&
			errno != EEXIST))
			return error_errno(err, "%s", part);
		if (end < n)
			part[end] = '/';
		at = end;
	}
	return 0;
}

void
repo_unmake(const char *dir)
{
	static const char *const files[] = { "index.db", "index.db-wal",
		"index.db-shm", "index.db-journal", "lock" };
	static const char *const folders[] = { ".lazaret", "osv" };
	char path[LIMIT_PATH_BYTES];

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/.lazaret/%s", dir,
		    files[i]);
		(void)unlink(path);
	}
	for (int i = 0; i < REPO_TREE__MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    repo_folders[i]);
		(void)rmdir(path);
	}
	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		(void)rmdir(path);
	}
	(void)rmdir(dir);
}
