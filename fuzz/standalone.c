/* SPDX-License-Identifier: Apache-2.0 */
/* Replays files (or all files of folders) through a fuzz target. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/fd.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay(int folder, const char *name)
{
	_cleanup_(closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct error err = ERROR_INIT;
	struct buf b;
	int rc;

	buf_init(&b, 64 * (size_t)MIB);
	rc = fd < 0 ? -errno : fd_read_all(fd, &b, &err);
	if (rc == 0)
		(void)LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&b).p,
		    b.n);
	else
		(void)fprintf(stderr, "%s: cannot be read\n", name);
	buf_done(&b);
	return rc;
}

static int
replay_folder(DIR *d, int *n)
{
	const struct dirent *e;
	int rc = 0;

	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		rc |= replay(dirfd(d), e->d_name);
		(*n)++;
	}
	return rc;
}

int
main(int argc, char **argv)
{
	int rc = 0, n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);

		if (d == NULL) {
			rc |= replay(AT_FDCWD, argv[i]);
			n++;
			continue;
		}
		rc |= replay_folder(d, &n);
		(void)closedir(d);
	}
	(void)printf("%d inputs\n", n);
	return rc != 0 || n == 0;
}
