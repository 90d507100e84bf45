/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a run file. Runs in show and query before they are confined. */
#include "cmd/run-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "runfile/fact.h"
#include "sys/paths.h"
#include "sys/term.h"

static bool
is_newer(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

static int
find_newest(const char *state, char *path, struct error *err)
{
	char dir[LIMIT_PATH_BYTES - 300];
	struct stat st, best = { 0 };
	const struct dirent *e;
	DIR *d;
	int rc;

	rc = paths_get(PATHS_RUNS, state, dir, sizeof(dir), err);
	if (rc != 0)
		return rc;
	d = opendir(dir);
	if (d == NULL)
		return error_errno(err, "%s", dir);
	path[0] = '\0';
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' ||
		    !str_ends(str_of(e->d_name), ".laz") ||
		    fstatat(dirfd(d), e->d_name, &st, 0) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (path[0] != '\0' && !is_newer(&st, &best))
			continue;
		best = st;
		(void)snprintf(path, LIMIT_PATH_BYTES, "%s/%s", dir, e->d_name);
	}
	(void)closedir(d);
	if (path[0] == '\0')
		return error_set(err, -ENOENT,
		    "no analysis is kept in %s: run lazaret analyze, or name "
		    "a file",
		    dir);
	return 0;
}

int
run_file_open(const char *name, const char *state, int *ret_fd, char *path,
    struct error *err)
{
	struct stat st;
	int fd, rc = 0;

	if (name == NULL)
		rc = find_newest(state, path, err);
	else
		(void)snprintf(path, LIMIT_PATH_BYTES, "%s", name);
	if (rc != 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_errno(err, "%s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return error_set(err, -EINVAL, "%s is not a file", path);
	}
	*ret_fd = fd;
	return 0;
}

bool
run_file_is_name(const char *operand)
{
	return str_ends(str_of(operand), ".laz") ||
	    (strpbrk(operand, " \t\n;") == NULL && access(operand, F_OK) == 0);
}

bool
run_file_is_label(const char *word)
{
	for (int i = 0; fact_labels[i] != NULL; i++)
		if (strcmp(word, fact_labels[i]) == 0)
			return true;
	return false;
}

int
run_file_columns(FILE *f)
{
	return isatty(fileno(f)) ? term_columns(f) : 0;
}
