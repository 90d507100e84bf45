/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: what the recorder and its fall-backs need. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/host_priv.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "record/record.h"

#define RING_BYTES 4096

/* Not in the headers of Debian 12 (Linux 6.6). */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS      SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static int
bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* `return 0`, checked by the kernel for this type. */
static int
load_program(unsigned type)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { 0 };
	int fd;

	attr.prog_type = type;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (uint64_t)(uintptr_t) "GPL";
	fd = bpf(BPF_PROG_LOAD, &attr);
	return fd >= 0 ? fd : -errno;
}

int
host_try_bpf(char *detail, size_t size)
{
	union bpf_attr ring = { .map_type = BPF_MAP_TYPE_RINGBUF,
		.max_entries = RING_BYTES };
	union bpf_attr attach = { 0 };
	int fd = load_program(BPF_PROG_TYPE_RAW_TRACEPOINT);

	if (fd < 0) {
		(void)snprintf(detail, size, "loading: %s", strerror(-fd));
		return fd;
	}
	attach.raw_tracepoint.name = (uint64_t)(uintptr_t) "sys_enter";
	attach.raw_tracepoint.prog_fd = (unsigned)fd;
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &attach) < 0) {
		(void)snprintf(detail, size, "attaching: %s", strerror(errno));
		return -errno;
	}
	if (bpf(BPF_MAP_CREATE, &ring) < 0) {
		(void)snprintf(detail, size, "ring: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

int
host_try_btf(char *detail, size_t size)
{
	const char *path = "/sys/kernel/btf/vmlinux";

	(void)snprintf(detail, size, "%s", path);
	return access(path, R_OK) == 0 ? 0 : -errno;
}

static int
read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return n > 0 ? 0 : -ENOENT;
}

/* A program that hooks needs a trampoline, which lockdown forbids; the two
 * files say both, once securityfs is there. */
int
host_try_bpf_lsm(char *detail, size_t size)
{
	char lsm[256], lockdown[64];

	if (unshare(CLONE_NEWNS) != 0)
		return -errno;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (read_line("/sys/kernel/security/lsm", lsm, sizeof(lsm)) != 0 &&
	    (mount("none", "/sys/kernel/security", "securityfs", 0, NULL) !=
		    0 ||
		read_line("/sys/kernel/security/lsm", lsm, sizeof(lsm)) != 0)) {
		(void)snprintf(detail, size, "securityfs cannot be read");
		return -ENOTSUP;
	}
	(void)snprintf(detail, size, "lsm: %.100s", lsm);
	if (strstr(lsm, "bpf") == NULL)
		return -ENOENT;
	if (read_line("/sys/kernel/security/lockdown", lockdown,
		sizeof(lockdown)) == 0 &&
	    strstr(lockdown, "[none]") == NULL) {
		(void)snprintf(detail, size, "lockdown: %s", lockdown);
		return -EPERM;
	}
	return 0;
}

/* As the recorder decides it: looking for the function takes too long. */
int
host_try_bpf_casts(char *detail, size_t size)
{
	(void)detail;
	(void)size;
	return record_kernel_is(6, 2) ? 0 : -ENOSYS;
}

/* As the recorder asks for it (record/means.c). */
int
host_try_notify(char *detail, size_t size)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K,
	    SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, allow };
	int fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER |
		SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
	    &program);
	if (fd < 0)
		return -errno;
	(void)snprintf(detail, size, "%s",
	    ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0 ?
		"with synchronous wake-up" :
		"slow: no synchronous wake-up before Linux 6.6");
	return 0;
}

/* Of a child that was waited for; 3 is what it ends with. */
int
host_try_pidfd_status(char *detail, size_t size)
{
	int fd, status = 0;
	pid_t pid = fork();

	(void)detail;
	(void)size;
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(3);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 || waitpid(pid, NULL, 0) != pid)
		return -errno;
	if (!record_pidfd_status(fd, &status))
		return -ENOSYS;
	return WIFEXITED(status) && WEXITSTATUS(status) == 3 ? 0 : -EIO;
}

int
host_try_ptrace(char *detail, size_t size)
{
	pid_t pid = fork();
	int rc = 0;

	(void)detail;
	(void)size;
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)pause();
		_exit(0);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) != 0)
		rc = -errno;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return rc;
}

int
host_try_fanotify(char *detail, size_t size)
{
	int fd, rc;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) != 0)
		return -errno;
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME |
		FAN_NONBLOCK | FAN_CLOEXEC,
	    O_RDONLY);
	if (fd < 0)
		return -errno;
	rc = fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
	    FAN_CREATE | FAN_DELETE | FAN_MODIFY, AT_FDCWD, "/tmp");
	if (rc != 0) {
		(void)snprintf(detail, size, "with names: %s", strerror(errno));
		return -errno;
	}
	return 0;
}
