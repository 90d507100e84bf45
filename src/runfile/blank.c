/* SPDX-License-Identifier: Apache-2.0 */
/* See blank.h. */
#include "runfile/blank.h"

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"
#include "sys/fd.h"

/* Generated. */
extern const char blank_file[];
extern const size_t blank_file_bytes;

int
blank_write(int fd, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "run file");
	if (st.st_size != 0)
		return 0;
	return fd_write_all(fd, blank_file, blank_file_bytes, err);
}
