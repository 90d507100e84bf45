/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: namespaces, mounts, filters, control groups. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/host_priv.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "sandbox/cgroup.h"
#include "sys/paths.h"
#include "sys/rootless.h"

int
host_try_root(char *detail, size_t size)
{
	struct error err = ERROR_INIT;

	if (rootless_has_root()) {
		if (rootless_check_root(&err) == 0)
			return 0;
		(void)snprintf(detail, size, "%.*s", (int)strcspn(err.msg, ":"),
		    err.msg);
		return err.code;
	}
	(void)snprintf(detail, size, "%s",
	    rootless_is() ? "root of a user namespace of the caller's own" :
			    "not root");
	return -EPERM;
}

/* Root looks with the eyes of nobody, who has no subordinate ids: whether the
 * namespace can be made is all that can be said for others. */
static int
nobody_may(char *detail, size_t size)
{
	struct error err = ERROR_INIT;

	if (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0)
		return -errno;
	if (unshare(CLONE_NEWUSER) != 0) {
		(void)rootless_explain("/proc/sys", strerror(errno), &err);
		(void)snprintf(detail, size, "%s", err.msg);
		return err.code;
	}
	(void)snprintf(detail, size,
	    "for those with a line in /etc/subuid and /etc/subgid");
	return 0;
}

int
host_try_rootless(char *detail, size_t size)
{
	struct error err = ERROR_INIT;

	if (rootless_has_root())
		return nobody_may(detail, size);
	if (rootless_is() || rootless_enter(&err) == 0)
		return 0;
	(void)snprintf(detail, size, "%s", err.msg);
	return err.code;
}

/* A child stays in the namespaces: only this attempt sees them. */
static int
leave(int flags)
{
	return unshare(flags) == 0 ? 0 : -errno;
}

int
host_try_namespaces(char *detail, size_t size)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = { { "user", CLONE_NEWUSER }, { "mount", CLONE_NEWNS },
		{ "pid", CLONE_NEWPID }, { "network", CLONE_NEWNET },
		{ "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS },
		{ "cgroup", CLONE_NEWCGROUP } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int rc = leave(kinds[i].flag);

		if (rc == 0)
			continue;
		(void)snprintf(detail, size, "%s: %s", kinds[i].name,
		    strerror(-rc));
		return rc;
	}
	return 0;
}

/* In a process of its own namespace, as init is; it says why not. */
int
host_try_proc(char *detail, size_t size)
{
	int status, rc = leave(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
	pid_t pid = rc == 0 ? fork() : -1;

	(void)detail;
	(void)size;
	if (rc != 0)
		return rc;
	if (pid == 0) {
		rc = mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
			mount("proc", "/proc", "proc",
			    MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 ?
		    0 :
		    errno;
		_exit(rc);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

int
host_try_time(char *detail, size_t size)
{
	(void)detail;
	(void)size;
	return leave(CLONE_NEWUSER | CLONE_NEWTIME);
}

static int
private_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return -errno;
	return 0;
}

/* A user namespace that maps 0 to 100000, held open by a child; its
 * descriptor, or a negative errno. */
static int
other_ids(void)
{
	char path[64], byte;
	int fds[2], user, rc = 0;
	pid_t pid;

	if (pipe(fds) != 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = unshare(CLONE_NEWUSER) == 0;
		(void)!write(fds[1], &byte, 1);
		(void)pause();
		_exit(0);
	}
	if (read(fds[0], &byte, 1) != 1 || byte != 1)
		return -EPERM;
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	user = open(path, O_WRONLY | O_CLOEXEC);
	if (user < 0 || write(user, "0 100000 1\n", 11) != 11)
		rc = -errno;
	(void)close(user);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	user = open(path, O_WRONLY | O_CLOEXEC);
	if (rc == 0 && (user < 0 || write(user, "0 100000 1\n", 11) != 11))
		rc = -errno;
	(void)close(user);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (rc == 0) {
		rc = open(path, O_RDONLY | O_CLOEXEC);
		rc = rc < 0 ? -errno : rc;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return rc;
}

/* Where images lie decides: it is their file system that must do it. */
int
host_try_idmap(char *detail, size_t size)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	struct error err = ERROR_INIT;
	char dir[512];
	int user, tree, rc = private_mounts();

	if (rc != 0)
		return rc;
	if (paths_get(PATHS_IMAGES, NULL, dir, sizeof(dir), &err) != 0) {
		(void)snprintf(detail, size, "%s", err.msg);
		return err.code;
	}
	user = other_ids();
	if (user < 0)
		return user;
	attr.userns_fd = (unsigned)user;
	tree = open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 ||
	    mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		rc = -errno;
	(void)snprintf(detail, size, "%s", dir);
	if (rc != 0)
		(void)snprintf(detail, size, "%s: %s", dir, strerror(-rc));
	return rc;
}

/* --- overlays --- */

static int
detached_tmpfs(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0 || mkdirat(fd, "l", 0700) != 0 ||
	    mkdirat(fd, "l/folder", 0700) != 0 || mkdirat(fd, "u", 0700) != 0 ||
	    mkdirat(fd, "w", 0700) != 0)
		return -errno;
	return fd;
}

int
host_try_overlay(char *detail, size_t size)
{
	int fd, rc = private_mounts();

	(void)detail;
	(void)size;
	fd = rc == 0 ? detached_tmpfs() : rc;
	if (fd < 0)
		return fd;
	if (move_mount(fd, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) !=
		0 ||
	    chdir("/tmp") != 0 ||
	    mount("overlay", "l", "overlay", 0,
		rootless_is() ?
		    "lowerdir=l,upperdir=u,workdir=w,index=on,nfs_export=on,"
		    "userxattr" :
		    "lowerdir=l,upperdir=u,workdir=w,index=on,nfs_export=on") !=
		0)
		return -errno;
	return 0;
}

/* A folder of a lower layer is hidden by an attribute of the upper one: without
 * root of user.*, which tmpfs has from 6.6 on. */
int
host_try_overlay_removal(char *detail, size_t size)
{
	int rc = host_try_overlay(detail, size);

	if (rc != 0)
		return rc;
	return rmdir("l/folder") == 0 && mkdir("l/folder", 0700) == 0 ? 0 :
									-errno;
}

static int
set_layer(int fs, const char *key, int dir, const char *name)
{
	int fd = openat(dir, name, O_PATH | O_CLOEXEC);

	if (fd < 0 || fsconfig(fs, FSCONFIG_SET_FD, key, NULL, fd) != 0)
		return -errno;
	return 0;
}

int
host_try_overlay_descriptors(char *detail, size_t size)
{
	int fs, fd, rc = private_mounts();

	(void)detail;
	(void)size;
	fd = rc == 0 ? detached_tmpfs() : rc;
	if (fd < 0)
		return fd;
	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	rc = set_layer(fs, "lowerdir+", fd, "l");
	if (rc == 0)
		rc = set_layer(fs, "upperdir", fd, "u");
	if (rc == 0)
		rc = set_layer(fs, "workdir", fd, "w");
	if (rc == 0 && rootless_is() &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) != 0)
		rc = -errno;
	if (rc == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		rc = -errno;
	return rc;
}

/* --- filters --- */

int
host_try_seccomp(char *detail, size_t size)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, allow };

	(void)detail;
	(void)size;
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return -errno;
	return 0;
}

int
host_try_landlock(char *detail, size_t size)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE,
	};
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr,
	    sizeof(attr.handled_access_fs), 0);

	if (abi < 0 || fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return -errno;
	(void)snprintf(detail, size, "ABI %d", abi);
	return 0;
}

/* --- control groups --- */

static int
find_cgroups(struct cgroup *g, struct error *err)
{
	return rootless_is() ? cgroup_find_own(g, err) : cgroup_find(g, err);
}

/* Made and removed again: being mounted is not being allowed. */
static int
try_controller(enum cgroup_controller c, char *detail, size_t size)
{
	struct error err = ERROR_INIT;
	struct cgroup g;
	char name[48];
	int rc = find_cgroups(&g, &err), version;

	if (rc != 0)
		return rc;
	version = cgroup_version(&g, c);
	if (version == 0) {
		(void)snprintf(detail, size,
		    "no %s controller is mounted, or only to be read",
		    cgroup_controller_name(c));
		return -ENOENT;
	}
	(void)snprintf(name, sizeof(name), "doctor-%d-%d", (int)getpid(),
	    (int)c);
	rc = cgroup_make(&g, name, &err);
	if (rc != 0) {
		(void)snprintf(detail, size, "%s", err.msg);
		return rc;
	}
	/* A controller that was not handed down is known only now. */
	version = cgroup_version(&g, c);
	if (g.path2[0] != '\0')
		(void)cgroup_remove_path(g.path2);
	for (int i = 0; i < CGROUP_CONTROLLER__MAX; i++)
		if (g.path1[i][0] != '\0')
			(void)cgroup_remove_path(g.path1[i]);
	cgroup_done(&g);
	(void)snprintf(detail, size, "cgroup version %d", version);
	return version != 0 ? 0 : -ENOENT;
}

int
host_try_memory(char *detail, size_t size)
{
	return try_controller(CGROUP_MEMORY, detail, size);
}

int
host_try_pids(char *detail, size_t size)
{
	return try_controller(CGROUP_PIDS, detail, size);
}

int
host_try_cpu(char *detail, size_t size)
{
	return try_controller(CGROUP_CPU, detail, size);
}

int
host_try_freezer(char *detail, size_t size)
{
	return try_controller(CGROUP_FREEZER, detail, size);
}

int
host_try_cgroup2(char *detail, size_t size)
{
	struct error err = ERROR_INIT;
	struct cgroup g;
	int rc = find_cgroups(&g, &err);

	if (rc != 0)
		return rc;
	if (g.mount2[0] == '\0') {
		(void)snprintf(detail, size,
		    rootless_is() ? "none was delegated" :
				    "not mounted, or only to be read");
		return -ENOENT;
	}
	(void)snprintf(detail, size, "%s", g.mount2);
	return 0;
}
