/* SPDX-License-Identifier: Apache-2.0 */
/* Files replaced by rename. Runs in `lazaret report snapshot` and `db`. */
#include "snapshot/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "sys/nameless.h"

/* Another writer may rename the file between our open and our lock. */
#define MAX_TRIES 10

static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	if (slash == path)
		return mem_strdup("/");
	return mem_strndup(str_n(path, (size_t)(slash - path)));
}

static bool
is_still(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int
replace_begin(const char *path, struct replace *ret, struct error *err)
{
	_cleanup_(replace_done) struct replace r = REPLACE_INIT;
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *folder = folder_of(path);
	int fd = -1;

	r.path = mem_strdup(path);
	r.temporary =
	    mem_printf("%s/.%s.new", folder, slash != NULL ? slash + 1 : path);
	for (int i = 0; i < MAX_TRIES && r.fd < 0; i++) {
		fd = open(r.temporary,
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return error_errno(err, "%s", r.temporary);
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			(void)close(fd);
			return error_set(err, -EBUSY,
			    "%s is being written by another process", path);
		}
		if (is_still(fd, r.temporary))
			r.fd = fd;
		else
			(void)close(fd);
	}
	if (r.fd < 0)
		return error_set(err, -EBUSY,
		    "%s is being written by other processes", path);
	if (ftruncate(r.fd, 0) != 0)
		return error_errno(err, "%s", r.temporary);
	*ret = r;
	r = (struct replace)REPLACE_INIT;
	return 0;
}

int
replace_commit(struct replace *r, struct error *err)
{
	_cleanup_(freep) char *folder = folder_of(r->path);
	_cleanup_(closep) int dir = -1;

	if (fsync(r->fd) != 0)
		return error_errno(err, "%s", r->temporary);
	if (rename(r->temporary, r->path) != 0)
		return error_errno(err, "%s", r->path);
	free(r->temporary);
	r->temporary = NULL;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) != 0)
		return error_errno(err, "%s", folder);
	return 0;
}

void
replace_done(struct replace *r)
{
	if (r->fd >= 0 && r->temporary != NULL)
		(void)unlink(r->temporary);
	closep(&r->fd);
	free(r->temporary);
	free(r->path);
	*r = (struct replace)REPLACE_INIT;
}

int
replace_spool(const char *path, int *ret_fd, struct error *err)
{
	_cleanup_(freep) char *folder = folder_of(path);

	return nameless_open(folder, ret_fd, err);
}
