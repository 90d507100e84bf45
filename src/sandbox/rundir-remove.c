/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run folder. Apart from its making, which takes more than the
 * warden may be linked with. Runs in supervisors and in the warden. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/cgroup.h"
#include "sandbox/rundir.h"

#define REMOVE_DEPTH 32

/* Runs nothing but unlink: contents are our own temporary files. */
static void
remove_below(int dir, int depth)
{
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (d == NULL) {
		closep(&fd);
		return;
	}
	rewinddir(d);
	while ((e = readdir(d)) != NULL) {
		_cleanup_(closep) int sub = -1;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dir, e->d_name, 0) == 0 || depth == 0)
			continue;
		sub = openat(dir, e->d_name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			remove_below(sub, depth - 1);
		(void)unlinkat(dir, e->d_name, AT_REMOVEDIR);
	}
	(void)closedir(d);
}

/* Two rounds: everything is killed before the first wait for a removal. */
static void
remove_noted(int dir)
{
	_cleanup_(closep) int fd = openat(dir, "paths", O_RDONLY | O_CLOEXEC);
	_cleanup_(fclosep) FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		return;
	(void)steal_fd(&fd);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		cgroup_kill_path(line);
	}
	rewind(f);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		(void)cgroup_remove_path(line);
	}
}

void
rundir_remove(const char *path)
{
	_cleanup_(closep) int dir =
	    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir >= 0) {
		remove_noted(dir);
		remove_below(dir, REMOVE_DEPTH);
	}
	(void)rmdir(path);
}
