/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host can record system calls with, best first: found by trying,
 * since rights, configuration and filters above us may each refuse. Runs in
 * supervisors; record_pidfd_status() in role record.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "record/record.h"

static const char *const words[RECORD_MEANS__MAX] = {
	[RECORD_AUTO] = "auto",
	[RECORD_EBPF] = "ebpf",
	[RECORD_NOTIFY] = "notify",
	[RECORD_PTRACE] = "ptrace",
};

const char *
record_means_word(enum record_means m)
{
	return words[m];
}

int
record_means_parse(const char *word, enum record_means *ret)
{
	for (unsigned i = 0; i < RECORD_MEANS__MAX; i++)
		if (strcmp(word, words[i]) == 0) {
			*ret = (enum record_means)i;
			return 0;
		}
	return -EINVAL;
}

bool
record_kernel_is(int major, int minor)
{
	struct utsname u;
	int have[2] = { 0, 0 };

	if (uname(&u) != 0 ||
	    sscanf(u.release, "%d.%d", &have[0], &have[1]) != 2)
		return false;
	return have[0] > major || (have[0] == major && have[1] >= minor);
}

/* Since 6.15: how a process ended, also after it was reaped. */
struct pidfd_info {
	__u64 mask, cgroup;
	__u32 ids[11];
	__s32 exit_code;
};
#define PIDFD_GET_INFO  _IOWR(0xFF, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (1ull << 3)

bool
record_pidfd_status(int pidfd, int *ret)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };

	if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO, &info) != 0 ||
	    (info.mask & PIDFD_INFO_EXIT) == 0)
		return false;
	*ret = info.exit_code;
	return true;
}

int
record_cgroup_dev(uint64_t *ret, struct error *err)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *e;
	struct stat st;
	bool found = false;

	while (mounts != NULL && !found && (e = getmntent(mounts)) != NULL)
		found = strcmp(e->mnt_type, "cgroup2") == 0 &&
		    stat(e->mnt_dir, &st) == 0;
	if (mounts != NULL)
		(void)endmntent(mounts);
	if (!found)
		return error_set(err, -ENOTSUP,
		    "no cgroup v2 here: mount -t cgroup2 none "
		    "/sys/fs/cgroup/unified");
	*ret = st.st_dev;
	return 0;
}

/* The smallest program that does what the recorder's do: it reads the kernel's
 * memory, which a kernel that keeps its secrets refuses. */
static int
try_ebpf(struct error *err)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
		    .dst_reg = BPF_REG_1,
		    .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K,
		    .dst_reg = BPF_REG_1,
		    .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		    .dst_reg = BPF_REG_2,
		    .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3 },
		{ .code = BPF_JMP | BPF_CALL,
		    .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a;
	_cleanup_(closep) int fd = -1;
	uint64_t dev;
	int rc;

	if (!record_kernel_is(5, 17))
		return error_set(err, -ENOSYS,
		    "eBPF: the kernel is older than "
		    "5.17");
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		return error_errno(err, "eBPF: /sys/kernel/btf/vmlinux");
	/* It tells sandboxes apart by their control groups. */
	rc = record_cgroup_dev(&dev, err);
	if (rc != 0)
		return error_wrap(err, "eBPF");
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	a.insn_cnt = N_ELEMENTS(program);
	a.insns = (uintptr_t)program;
	a.license = (uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));
	return fd >= 0 ? 0 : error_errno(err, "eBPF: bpf");
}

/* In a child: the filter stays with whoever loads it. */
static int
listen_once(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &all };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		   SECCOMP_FILTER_FLAG_NEW_LISTENER |
		       SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		   &program) >= 0 ?
	    0 :
	    errno;
}

static int
trace_once(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
}

static int
in_child(int (*what)(void), const char *name, struct error *err)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(what() & 0xff);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return error_errno(err, "%s", name);
	if (!WIFEXITED(status))
		return error_set(err, -EIO, "%s: a test of it died", name);
	if (WEXITSTATUS(status) == 0)
		return 0;
	return error_set(err, -WEXITSTATUS(status), "%s: %s", name,
	    strerror(WEXITSTATUS(status)));
}

static int
try_means(enum record_means m, struct error *err)
{
	if (m == RECORD_EBPF)
		return try_ebpf(err);
	if (m == RECORD_NOTIFY)
		return in_child(listen_once, "user notification", err);
	return in_child(trace_once, "ptrace", err);
}

static void
add_reason(char *why, size_t size, const char *reason)
{
	size_t at = strlen(why);

	(void)snprintf(why + at, size - at, "%s%s", at != 0 ? "; " : "",
	    reason);
}

static int
choose_from(enum record_means first, enum record_means *ret, char *why,
    size_t why_size, struct error *err)
{
	int rc = -ENOTSUP;

	for (unsigned m = first; m < RECORD_MEANS__MAX; m++) {
		rc = try_means((enum record_means)m, err);
		if (rc == 0) {
			*ret = (enum record_means)m;
			return 0;
		}
		add_reason(why, why_size, err->msg);
	}
	return error_set(err, rc, "no recorder works here: %s", why);
}

int
record_choose_weaker(enum record_means failed, const char *reason,
    enum record_means *ret, char *why, size_t why_size, struct error *err)
{
	add_reason(why, why_size, reason);
	return choose_from((enum record_means)(failed + 1), ret, why, why_size,
	    err);
}

int
record_choose(enum record_means wanted, enum record_means *ret, char *why,
    size_t why_size, struct error *err)
{
	why[0] = '\0';
	if (wanted != RECORD_AUTO) {
		*ret = wanted;
		return try_means(wanted, err);
	}
	return choose_from(RECORD_EBPF, ret, why, why_size, err);
}
