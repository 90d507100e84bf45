/* SPDX-License-Identifier: Apache-2.0 */
/* State folders. Runs in subcommands. */
#include "sys/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "sys/rootless.h"

/* Subfolder of the state folder, per place. */
static const char *const subfolders[PATHS__MAX] = {
	[PATHS_STATE] = "",
	[PATHS_BLOBS] = "/blobs",
	[PATHS_IMAGES] = "/images",
	[PATHS_RUNS] = "/runs",
	[PATHS_REPORTS] = "/reports",
	[PATHS_SNAPSHOTS] = "/snapshots",
	[PATHS_RUNTIME] = "/runtime",
	[PATHS_DATA] = "",
};

static int
join(char *ret, size_t size, const char *a, const char *b, struct error *err)
{
	if ((size_t)snprintf(ret, size, "%s%s", a, b) >= size)
		return error_set(err, -ENAMETOOLONG, "path too long: %s", a);
	return 0;
}

/* $XDG_…_HOME, or its default below $HOME. */
static int
xdg(const char *variable, const char *fallback, char *ret, size_t size,
    struct error *err)
{
	const char *dir = getenv(variable), *home = getenv("HOME");

	if (dir != NULL && dir[0] == '/')
		return join(ret, size, dir, "/lazaret", err);
	if (home == NULL || home[0] != '/')
		return error_set(err, -ENOENT,
		    "neither %s nor HOME is set: give --state DIR", variable);
	(void)snprintf(ret, size, "%s/%s/lazaret", home, fallback);
	return 0;
}

static int
default_state(enum paths_place place, char *ret, size_t size, struct error *err)
{
	if (rootless_has_root())
		return join(ret, size, "/var/lib/lazaret", "", err);
	if (place == PATHS_IMAGES)
		return xdg("XDG_CACHE_HOME", ".cache", ret, size, err);
	return xdg("XDG_STATE_HOME", ".local/state", ret, size, err);
}

int
paths_make(const char *path, unsigned mode, struct error *err)
{
	char part[LIMIT_PATH_BYTES];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return error_set(err, -ENAMETOOLONG, "path too long");
	if (access(path, F_OK) == 0)
		return 0; /* nearly always */
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return error_errno(err, "cannot make %s", part);
		part[i] = i < n ? '/' : '\0';
	}
	return 0;
}

/* Installed data lies beside libexec: PREFIX/libexec/lazaret → PREFIX/share/
 * lazaret; in a build tree LIBEXEC/../../share/lazaret as well. */
static int
data_path(char *ret, size_t size, struct error *err)
{
	const char *dir = getenv("LAZARET_DATA_DIR");
	char exe[4096];
	ssize_t n;

	if (dir != NULL && dir[0] == '/')
		return join(ret, size, dir, "", err);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return error_errno(err, "/proc/self/exe");
	exe[n] = '\0';
	for (char *slash = strrchr(exe, '/'); slash != NULL && slash != exe;
	     slash = strrchr(exe, '/')) {
		*slash = '\0';
		(void)snprintf(ret, size, "%s/share/lazaret", exe);
		if (access(ret, R_OK) == 0)
			return 0;
	}
	return error_set(err, -ENOENT,
	    "share/lazaret is missing: the installation is not complete");
}

int
paths_get(enum paths_place place, const char *state, char *ret, size_t size,
    struct error *err)
{
	char base[LIMIT_PATH_BYTES];
	int rc;

	if (place == PATHS_DATA)
		return data_path(ret, size, err);
	if (state == NULL)
		state = getenv("LAZARET_STATE");
	if (place == PATHS_RUNTIME && state == NULL && rootless_has_root()) {
		rc = join(ret, size, "/run/lazaret", "", err);
	} else {
		rc = state != NULL && state[0] != '\0' ?
		    join(base, sizeof(base), state, "", err) :
		    default_state(place, base, sizeof(base), err);
		if (rc == 0)
			rc = join(ret, size, base, subfolders[place], err);
	}
	return rc == 0 ? paths_make(ret, 0700, err) : rc;
}
