/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name. Runs in supervisors and tools. */
#include "sys/nameless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/fd.h"

int
nameless_open(const char *folder, int *ret_fd, struct error *err)
{
	_cleanup_(freep) char *name = NULL;
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		name = mem_printf("%s/.lazaret-XXXXXX", folder);
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(name);
	}
	if (fd < 0)
		return error_errno(err, "cannot make a file in %s", folder);
	*ret_fd = fd;
	return 0;
}

int
nameless_copy(int from, int to, const char *path, struct error *err)
{
	char block[16384];
	off_t at = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = pread(from, block, sizeof(block), at)) > 0) {
		rc = fd_write_all(to, block, (size_t)n, err);
		at += n;
	}
	if (rc != 0)
		return error_wrap(err, "cannot write %s", path);
	return n < 0 ? error_errno(err, "cannot copy to %s", path) : 0;
}

/* Once a file has lost its name it can have none again. */
static int
keep_copy(int fd, const char *path, struct error *err)
{
	_cleanup_(freep) char *temporary = mem_printf("%s.XXXXXX", path);
	_cleanup_(closep) int to = mkostemp(temporary, O_CLOEXEC);
	int rc;

	if (to < 0)
		return error_errno(err, "cannot keep %s", path);
	rc = nameless_copy(fd, to, path, err);
	/* Not renamed: what is there stays. */
	if (rc == 0 && link(temporary, path) != 0)
		rc = error_errno(err, "cannot keep %s", path);
	(void)unlink(temporary);
	return rc;
}

int
nameless_keep(int fd, const char *path, struct error *err)
{
	char from[64];

	(void)snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno == ENOENT)
		return keep_copy(fd, path, err);
	return error_errno(err, "cannot keep %s", path);
}
