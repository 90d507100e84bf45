/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor for bench/report: makes the files of a folder again in another,
 * folder by folder, with the same names and sizes, one open, one write and one
 * close each. What the file system asks for them, whoever makes them. Not part
 * of the product.
 *
 *	files FROM TO
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES ((size_t)1 << 20)

static char bytes[BYTES];

static void
make_file(int to, const char *name, size_t size)
{
	int fd = openat(to, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		err(1, "%s", name);
	for (size_t n; size > 0; size -= n) {
		n = size < BYTES ? size : BYTES;
		if (write(fd, bytes, n) != (ssize_t)n)
			err(1, "%s", name);
	}
	(void)close(fd);
}

static void
make_folder(int from_parent, int to_parent, const char *name)
{
	int from = openat(from_parent, name, O_RDONLY | O_DIRECTORY), to;
	const struct dirent *e;
	struct stat st;
	DIR *d;

	if (from < 0 || (mkdirat(to_parent, name, 0755) != 0 && name[0] != '.'))
		err(1, "%s", name);
	to = openat(to_parent, name, O_RDONLY | O_DIRECTORY);
	d = fdopendir(from);
	if (to < 0 || d == NULL)
		err(1, "%s", name);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR)
			make_folder(from, to, e->d_name);
		else if (fstatat(from, e->d_name, &st, 0) == 0)
			make_file(to, e->d_name, (size_t)st.st_size);
	}
	(void)closedir(d);
	(void)close(to);
}

int
main(int argc, char **argv)
{
	int from, to;

	if (argc != 3 || mkdir(argv[2], 0755) != 0)
		errx(2, "usage: files FROM TO, and TO is not there");
	memset(bytes, 'x', sizeof(bytes));
	from = open(argv[1], O_RDONLY | O_DIRECTORY);
	to = open(argv[2], O_RDONLY | O_DIRECTORY);
	if (from < 0 || to < 0)
		err(1, "%s", argv[1]);
	make_folder(from, to, ".");
	return 0;
}
