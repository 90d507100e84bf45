/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are written again. Runs in `lazaret report export`. */
#include "report/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/outfile.h"

static void
path_of(const char *path, char ret[LIMIT_PATH_BYTES])
{
	(void)snprintf(ret, LIMIT_PATH_BYTES, ".cache/spare/%s", path);
}

/* A lease for writing is given to nobody while another has the file open; one
 * that this file system does not give is no answer. */
static bool
is_ours_alone(int fd)
{
	return fcntl(fd, F_SETLEASE, F_WRLCK) == 0 &&
	    fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

int
spare_take(int dir, const char *path, const struct spare *s,
    const char *temporary)
{
	char name[LIMIT_PATH_BYTES];
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (s->inode == 0)
		return -1;
	path_of(path, name);
	fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != s->size ||
	    (uint64_t)st.st_ino != s->inode ||
	    outfile_mtime_ns(&st) != s->mtime_ns || st.st_nlink != 1 ||
	    !is_ours_alone(fd) || renameat(dir, name, dir, temporary) != 0)
		return -1;
	return steal_fd(&fd);
}

/* A death between the two leaves the old one as a temporary file. */
int
spare_publish(int dir, const char *temporary, const char *path)
{
	char name[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;

	path_of(path, name);
	if (outfile_make_folders(dir, name, &err) != 0)
		return err.code;
	if (renameat2(dir, temporary, dir, path, RENAME_EXCHANGE) != 0)
		return -errno;
	if (renameat(dir, temporary, dir, name) != 0)
		(void)unlinkat(dir, temporary, 0);
	return 0;
}

int
spare_make(int dir, const char *path, uint64_t n, struct spare *ret)
{
	static const char temporary[] = ".tmp-spare";
	_cleanup_(closep) int from =
	    openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(closep) int to = openat(dir, temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	char name[LIMIT_PATH_BYTES];
	struct error err = ERROR_INIT;
	struct stat st;

	path_of(path, name);
	if (from < 0 || to < 0 || !outfile_copy(from, to, 0, n) ||
	    fstat(to, &st) != 0 || outfile_make_folders(dir, name, &err) != 0 ||
	    renameat(dir, temporary, dir, name) != 0) {
		(void)unlinkat(dir, temporary, 0);
		return -EIO;
	}
	*ret =
	    (struct spare){ n, (uint64_t)st.st_ino, outfile_mtime_ns(&st), n };
	return 0;
}

void
spare_drop(int dir, const char *path)
{
	char name[LIMIT_PATH_BYTES];

	path_of(path, name);
	(void)unlinkat(dir, name, 0);
}
