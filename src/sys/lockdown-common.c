/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock and capabilities, for both kinds of lockdown. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sys/lockdown.h"
#include "sys/lockdown_priv.h"

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* All rights of ABI 1, which every kernel with Landlock knows. */
#define ALL_ACCESS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
/* ABI 2: moving from one folder to another, which ABI 1 always refuses. */
#ifdef LANDLOCK_ACCESS_FS_REFER
#define REFER LANDLOCK_ACCESS_FS_REFER
#else
#define REFER (1ull << 13)
#endif
#define FILE_ACCESS \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    LANDLOCK_ACCESS_FS_EXECUTE)

static int
add_paths(int ruleset, const char *const *paths, uint64_t access,
    struct error *err)
{
	struct landlock_path_beneath_attr rule = { 0 };
	struct stat st;
	int rc = 0;

	for (; paths != NULL && *paths != NULL && rc == 0; paths++) {
		_cleanup_(closep) int fd = -1;

		fd = open(*paths, O_PATH | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue; /* what is not there need not be readable */
		if (fd < 0 || fstat(fd, &st) != 0)
			return error_errno(err, "%s", *paths);
		rule.allowed_access =
		    S_ISDIR(st.st_mode) ? access : access & FILE_ACCESS;
		rule.parent_fd = fd;
		if (syscall(SYS_landlock_add_rule, ruleset,
			LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
			rc = error_errno(err, "Landlock rule for %s", *paths);
	}
	return rc;
}

static int
landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
}

bool
lockdown_can_move(void)
{
	return landlock_abi() != 1;
}

int
lockdown_landlock(const struct lockdown *l, struct error *err)
{
	uint64_t access = ALL_ACCESS | (landlock_abi() >= 2 ? REFER : 0);
	struct landlock_ruleset_attr attr = { .handled_access_fs = access };
	_cleanup_(closep) int ruleset = -1;
	int rc;

	ruleset =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (ruleset < 0)
		return error_errno(err, "Landlock");
	rc = add_paths(ruleset, l->read_paths, READ_ACCESS, err);
	if (rc == 0)
		rc = add_paths(ruleset, l->write_paths,
		    access & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE, err);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = error_errno(err, "Landlock");
	return rc;
}

int
lockdown_caps(uint64_t keep, struct error *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct now[2] = { 0 }, data[2] = { 0 };

	if (syscall(SYS_capget, &header, now) != 0)
		return error_errno(err, "capget");
	for (int i = 0; i < 2; i++) {
		data[i].permitted =
		    now[i].permitted & (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
	}
	for (int cap = 0; cap <= 63; cap++)
		if ((keep & (1ull << cap)) == 0)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) != 0)
		return error_errno(err, "capset");
	return 0;
}

int
lockdown_unknown(unsigned rights, struct error *err)
{
	return error_set(err, -EINVAL,
	    "no filter of calls was made for the rights 0x%x: name them in "
	    "lockdown-sets.h",
	    rights);
}
