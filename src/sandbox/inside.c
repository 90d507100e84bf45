/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations that happen inside the namespaces of the sandbox. Runs in
 * init, before the first foreign byte; linked into nothing else.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/init.h"

/* Where the root waits for the pivot: over something that is never needed
 * before it. */
#define STAGING "/tmp"
/* Where the new /proc waits for the root: over the old one. What covers parts
 * of it is put there, while the supervisor still makes the root. */
#define PROC "/proc"
/* Folder of masks, over another such folder of the old root: each mount that
 * is taken away by itself waits for all processors (namespace_unlock()). */
#define MASKS "/dev"

/* NUL-terminated: of the new /proc, where it waits. */
static int
below_proc(struct str s, char ret[PATH_MAX], struct error *err)
{
	size_t n = sizeof(PROC) - 1;

	if (s.n >= PATH_MAX || !str_starts(s, PROC) ||
	    (s.n != n && s.p[n] != '/'))
		return error_set(err, -EINVAL, "bad path %.*s", STR_ARG(s));
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return 0;
}

/* NUL-terminated, relative to the new root: "/proc" becomes "proc". */
static int
relative(struct str s, char ret[PATH_MAX], struct error *err)
{
	if (s.n < 2 || s.n >= PATH_MAX || s.p[0] != '/')
		return error_set(err, -EINVAL, "bad path %.*s", STR_ARG(s));
	memcpy(ret, s.p + 1, s.n - 1);
	ret[s.n - 1] = '\0';
	return 0;
}

static int
apply_private(struct inside *in, const struct init_order *o, struct error *err)
{
	(void)in;
	(void)o;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return error_errno(err, "cannot make mounts private");
	return 0;
}

static int
apply_root(struct inside *in, const struct init_order *o, struct error *err)
{
	if (move_mount(o->fd, "", AT_FDCWD, STAGING, MOVE_MOUNT_F_EMPTY_PATH) !=
	    0)
		return error_errno(err, "cannot attach the root");
	in->root = open(STAGING, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (in->root < 0 || fchdir(in->root) != 0)
		return error_errno(err, "cannot enter the root");
	return 0;
}

static int
apply_mount(struct inside *in, const struct init_order *o, struct error *err)
{
	struct mount_attr attr = { .attr_set = (uint64_t)o->m };
	char path[PATH_MAX];
	int rc = relative(o->a, path, err);

	(void)in;
	if (rc != 0)
		return rc;
	if (attr.attr_set != 0 &&
	    mount_setattr(o->fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		return error_errno(err, "cannot restrict /%s", path);
	if (move_mount(o->fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return error_errno(err, "cannot attach /%s", path);
	return 0;
}

/* What is cloned from it later has the same attributes. */
static int
apply_masks(struct inside *in, const struct init_order *o, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY |
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

	(void)in;
	if (move_mount(o->fd, "", AT_FDCWD, MASKS, MOVE_MOUNT_F_EMPTY_PATH) !=
		0 ||
	    mount_setattr(o->fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
		return error_errno(err, "cannot attach the masks");
	return 0;
}

static int
apply_devpts(struct inside *in, const struct init_order *o, struct error *err)
{
	char path[PATH_MAX];
	int rc = relative(o->a, path, err);

	(void)in;
	if (rc != 0)
		return rc;
	/* Without gid=: the option would show host ids to who reads mounts. */
	if (mount("devpts", path, "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620") != 0)
		return error_errno(err, "cannot mount /%s", path);
	return 0;
}

static int
apply_proc(struct inside *in, const struct init_order *o, struct error *err)
{
	char path[PATH_MAX], options[64];
	int rc = below_proc(o->a, path, err);

	(void)in;
	if (rc != 0)
		return rc;
	(void)snprintf(options, sizeof(options), "%.*s", STR_ARG(o->b));
	if (mount("proc", path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		options) == 0)
		return 0;
	/* Who has a /proc without some of its files may not make a whole one.
	 */
	if (errno == EPERM)
		return error_set(err, -EPERM,
		    "cannot mount %s: refused, as in a container that hides "
		    "parts of it: start that with --privileged, or with "
		    "--security-opt systempaths=unconfined",
		    path);
	return error_errno(err, "cannot mount %s", path);
}

static int
apply_hide(struct inside *in, const struct init_order *o, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX], mask[PATH_MAX];
	int rc = below_proc(o->a, path, err);

	(void)in;
	if (rc != 0)
		return rc;
	if (access(path, F_OK) != 0)
		return 0; /* this kernel does not have it */
	(void)snprintf(mask, sizeof(mask), MASKS "/%.*s", STR_ARG(o->b));
	fd = open_tree(AT_FDCWD, mask, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 ||
	    move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return error_errno(err, "cannot cover %s", path);
	return 0;
}

static int
apply_setting(struct inside *in, const struct init_order *o, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int rc = below_proc(o->a, path, err);

	if (rc != 0)
		return rc;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		size_t n = strlen(in->left_out);

		(void)snprintf(in->left_out + n, sizeof(in->left_out) - n,
		    "%s\n", path);
		return 0;
	}
	if (fd < 0 || write(fd, o->b.p, o->b.n) != (ssize_t)o->b.n)
		return error_errno(err, "cannot set %s", path);
	return 0;
}

static int
apply_readonly(struct inside *in, const struct init_order *o, struct error *err)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int rc = below_proc(o->a, path, err);

	(void)in;
	if (rc != 0)
		return rc;
	fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 ||
	    mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0 ||
	    move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0)
		return error_errno(err, "cannot make %s read-only", path);
	return 0;
}

/* With all that covers it, from where it waited. */
static int
apply_place(struct inside *in, const struct init_order *o, struct error *err)
{
	char path[PATH_MAX];
	int rc = relative(o->a, path, err);

	(void)in;
	if (rc == 0 && move_mount(AT_FDCWD, PROC, AT_FDCWD, path, 0) != 0)
		rc = error_errno(err, "cannot move /%s", path);
	return rc;
}

/* The standard descriptors of the host end here. */
static int
own_null(struct error *err)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "/dev/null");
	for (int i = 0; i < 3; i++)
		if (dup2(fd, i) != i)
			return error_errno(err, "/dev/null");
	if (fd > 2)
		(void)close(fd);
	return 0;
}

static int
apply_pivot(struct inside *in, const struct init_order *o, struct error *err)
{
	(void)o;
	/* The old root lands on top of the new one, and goes. */
	if (fchdir(in->root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return error_errno(err, "pivot_root");
	closep(&in->root);
	return own_null(err);
}

static int
apply_hostname(struct inside *in, const struct init_order *o, struct error *err)
{
	(void)in;
	if (sethostname(o->a.p, o->a.n) != 0 ||
	    setdomainname(o->b.p, o->b.n) != 0)
		return error_errno(err, "sethostname");
	return 0;
}

static int
apply_cgroup_ns(struct inside *in, const struct init_order *o,
    struct error *err)
{
	(void)in;
	(void)o;
	if (unshare(CLONE_NEWCGROUP) != 0)
		return error_errno(err, "cgroup namespace");
	return 0;
}

static int
apply_rlimit(struct inside *in, const struct init_order *o, struct error *err)
{
	struct rlimit now, want = { (rlim_t)o->m, (rlim_t)o->m };

	(void)in;
	if (getrlimit((__rlimit_resource_t)o->n, &now) != 0)
		return error_errno(err, "limit %d", (int)o->n);
	/* Nobody may be allowed to raise it. */
	want.rlim_max = MIN_OF(want.rlim_max, now.rlim_max);
	want.rlim_cur = MIN_OF(want.rlim_cur, want.rlim_max);
	if (setrlimit((__rlimit_resource_t)o->n, &want) != 0)
		return error_errno(err, "limit %d", (int)o->n);
	return 0;
}

/* --- rights --- */

static int
set_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective =
		    (uint32_t)(keep >> (32 * i));
	return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

/* Takes these away from the bounding set. */
static int
bound_capabilities(uint64_t gone)
{
	int there;

	for (int cap = 0; cap < 64; cap++) {
		if ((gone & 1ull << cap) == 0)
			continue;
		there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		if (there < 0)
			break; /* this kernel has no more */
		if (there != 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return -errno;
	}
	return 0;
}

/* What it takes to start a command as somebody else and to end it. */
#define INIT_CAPABILITIES \
	(1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SETPCAP | \
	    1ull << CAP_KILL)

static int
apply_capabilities(struct inside *in, const struct init_order *o,
    struct error *err)
{
	int rc = bound_capabilities(~INIT_CAPABILITIES);

	in->drops = o->m == 0;
	if (rc == 0)
		rc = set_capabilities(INIT_CAPABILITIES);
	if (rc != 0)
		return error_set(err, rc, "cannot drop capabilities: %s",
		    strerror(-rc));
	return 0;
}

static int
apply_no_new_privs(struct inside *in, const struct init_order *o,
    struct error *err)
{
	(void)in;
	(void)o;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_errno(err, "no_new_privs");
	return 0;
}

/* The supervisor's rules; without any, this kernel has no Landlock. */
static int
apply_landlock(struct inside *in, const struct init_order *o, struct error *err)
{
	if (o->fd < 0)
		return 0;
	in->landlock = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
	return in->landlock >= 0 ? 0 : error_errno(err, "Landlock");
}

int
inside_filter(struct str program, unsigned flags)
{
	_cleanup_(freep) struct sock_filter *aligned = NULL;
	struct sock_fprog f = { 0 };
	size_t n = program.n / sizeof(*aligned);
	long rc;

	if (n == 0 || n > BPF_MAXINSNS || program.n % sizeof(*aligned) != 0)
		return -EINVAL;
	aligned = mem_alloc(program.n);
	memcpy(aligned, program.p, program.n);
	f.filter = aligned;
	f.len = (unsigned short)n;
	rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f);
	return rc >= 0 ? (int)rc : -errno;
}

static int
apply_seccomp(struct inside *in, const struct init_order *o, struct error *err)
{
	int rc;

	for (size_t i = 0; o->m != 0 && i < N_ELEMENTS(in->programs); i++)
		if (in->programs[i].p == NULL) {
			in->programs[i].p = mem_strndup(o->b);
			in->programs[i].n = o->b.n;
			return 0;
		}
	rc = inside_filter(o->b, 0);
	return rc < 0 ? error_set(err, rc, "seccomp: %s", strerror(-rc)) : 0;
}

static int
apply_unreadable(struct inside *in, const struct init_order *o,
    struct error *err)
{
	(void)in;
	(void)o;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return error_errno(err, "cannot hide the memory of init");
	return 0;
}

int
inside_become(const struct inside *in, uint32_t uid, uint32_t gid)
{
	/* Init has no others left. */
	int rc = in->drops ? bound_capabilities(INIT_CAPABILITIES) : 0;

	if (rc != 0)
		return rc;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return -errno;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	rc = in->drops ? set_capabilities(0) : 0;
	if (rc != 0)
		return rc;
	if (in->landlock >= 0 &&
	    syscall(SYS_landlock_restrict_self, in->landlock, 0) != 0)
		return -errno;
	return 0;
}

static int (*const appliers[INIT_OP__MAX])(struct inside *,
    const struct init_order *, struct error *) = {
	[INIT_OP_PRIVATE] = apply_private,
	[INIT_OP_ROOT] = apply_root,
	[INIT_OP_MOUNT] = apply_mount,
	[INIT_OP_MASKS] = apply_masks,
	[INIT_OP_DEVPTS] = apply_devpts,
	[INIT_OP_PROC] = apply_proc,
	[INIT_OP_HIDE] = apply_hide,
	[INIT_OP_SETTING] = apply_setting,
	[INIT_OP_READONLY] = apply_readonly,
	[INIT_OP_PLACE] = apply_place,
	[INIT_OP_PIVOT] = apply_pivot,
	[INIT_OP_HOSTNAME] = apply_hostname,
	[INIT_OP_CGROUP_NS] = apply_cgroup_ns,
	[INIT_OP_RLIMIT] = apply_rlimit,
	[INIT_OP_CAPABILITIES] = apply_capabilities,
	[INIT_OP_NO_NEW_PRIVS] = apply_no_new_privs,
	[INIT_OP_LANDLOCK] = apply_landlock,
	[INIT_OP_SECCOMP] = apply_seccomp,
	[INIT_OP_UNREADABLE] = apply_unreadable,
};

int
inside_apply(struct inside *in, const struct init_order *o, struct error *err)
{
	if (o->kind == INIT_OP_VERIFY)
		return inside_verify(in, o, err);
	assert(o->kind < INIT_OP__MAX && appliers[o->kind] != NULL);
	return appliers[o->kind](in, o, err);
}
