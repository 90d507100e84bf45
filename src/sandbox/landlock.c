/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ruleset that commands restrict themselves with, made while init still
 * mounts. The rights of a folder are tied to the folder, wherever it comes to
 * be mounted. Runs in supervisors.
 */
#include "sandbox/landlock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/mounts.h"

/* Rights that older headers do not name. */
#define ACCESS_REFER     (1ull << 13)
#define ACCESS_TRUNCATE  (1ull << 14)
#define ACCESS_IOCTL_DEV (1ull << 15)

static int
allow_beneath(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access,
		.parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* Rights below one entry of the root folder; 0: those of the root alone. */
static uint64_t
access_of(const char *name, uint64_t all)
{
	static const uint64_t devices =
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

	/* /proc and /sys are read; nothing is made or written there. */
	if (strcmp(name, "proc") == 0 || strcmp(name, "sys") == 0)
		return 0;
	return all & ~devices;
}

/* What lies over the folder of the overlay is what counts. */
static int
allow_entry(const struct mounts *m, int ruleset, int root, const char *name,
    uint64_t access)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	if (strcmp(name, "dev") == 0)
		return allow_beneath(ruleset, m->dev, access);
	fd = openat(root, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return allow_beneath(ruleset, fd, access);
}

static int
add_rules(const struct mounts *m, int ruleset, uint64_t all)
{
	_cleanup_(closep) int root =
	    openat(m->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = root >= 0 ? fdopendir(root) : NULL;
	const struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return -1;
	root = -1; /* d has it */
	rc = allow_beneath(ruleset, dirfd(d),
	    all &
		(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		    LANDLOCK_ACCESS_FS_EXECUTE));
	while (rc == 0 && (e = readdir(d)) != NULL) {
		uint64_t access = access_of(e->d_name, all);

		if (e->d_name[0] != '.' && access != 0)
			rc = allow_entry(m, ruleset, dirfd(d), e->d_name,
			    access);
	}
	(void)closedir(d);
	return rc;
}

int
landlock_make(const struct mounts *m, int *ret, struct error *err)
{
	struct landlock_ruleset_attr attr = { 0 };
	_cleanup_(closep) int ruleset = -1;
	long abi;

	abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	/* Version 1 refuses every rename from folder to folder. */
	if (abi < 2)
		return 0;
	attr.handled_access_fs = ACCESS_REFER | (ACCESS_REFER - 1);
	if (abi >= 3)
		attr.handled_access_fs |= ACCESS_TRUNCATE;
	if (abi >= 5)
		attr.handled_access_fs |= ACCESS_IOCTL_DEV;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0 || add_rules(m, ruleset, attr.handled_access_fs) != 0)
		return error_errno(err, "Landlock");
	*ret = steal_fd(&ruleset);
	return 0;
}
