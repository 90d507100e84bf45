/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of system calls. Runs in the role record (loader and decoder).
 * Row: call, fact, op, arguments of flags, mode, value, how many there are;
 * then what the kernel side needs (event.h).
 */
#include "record/calls.h"

#include <assert.h>
#include <sys/syscall.h>

#include "base/cleanup.h"

/* Not in the headers of Debian 12 (Linux 6.6); the same everywhere. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define TRACED RECORD_TRACED
#define MARKED (RECORD_TRACED | RECORD_MARKED)
#define NAMES  (MARKED | RECORD_ENTRY_PATHS)
#define QUIET  (MARKED | RECORD_REFUSAL_ONLY)

#define ROW(c, fact, op, flags, mode, value, n, ...) \
	{ \
		SYS_##c, #c, fact, op, flags, mode, value, n, \
		{ \
			__VA_ARGS__ \
		} \
	}
#define REFUSABLE(c, n) \
	{ \
		SYS_##c, #c, CALLS_NONE, NULL, 0, 0, 0, n, \
		{ \
			.flags = QUIET \
		} \
	}

/* clang-format off */
const struct calls_row calls_rows[] = {
	/* Files: what was opened is told from the descriptor. */
	ROW(open, CALLS_OPEN, "open", 2, 3, 0, 3,
	    .flags = MARKED | RECORD_RESULT_FD, .path = 1),
	ROW(openat, CALLS_OPEN, "open", 3, 4, 0, 4,
	    .flags = MARKED | RECORD_RESULT_FD, .path = 2, .base = 1),
	ROW(openat2, CALLS_OPEN, "open", 0, 0, 0, 4,
	    .flags = MARKED | RECORD_RESULT_FD, .path = 2, .base = 1),
	ROW(creat, CALLS_OPEN, "open", 0, 2, 0, 2,
	    .flags = MARKED | RECORD_RESULT_FD, .path = 1),
	ROW(memfd_create, CALLS_MEMFD, "memfd", 2, 0, 0, 2,
	    .flags = MARKED | RECORD_RESULT_FD, .path = 1),
	ROW(mmap, CALLS_MMAP, "mmap-exec", 3, 0, 0, 6,
	    .flags = TRACED | RECORD_SUCCESS_ONLY,
	    .filter = RECORD_IF_EXECUTABLE, .fd = 5),

	/* Files: names. */
	ROW(rename, CALLS_FILE, "rename", 0, 0, 0, 2,
	    .flags = NAMES, .path = 1, .path2 = 2),
	ROW(renameat, CALLS_FILE, "rename", 0, 0, 0, 4,
	    .flags = NAMES, .path = 2, .base = 1, .path2 = 4, .base2 = 3),
	ROW(renameat2, CALLS_FILE, "rename", 5, 0, 0, 5,
	    .flags = NAMES, .path = 2, .base = 1, .path2 = 4, .base2 = 3),
	ROW(link, CALLS_FILE, "link", 0, 0, 0, 2,
	    .flags = NAMES, .path = 1, .path2 = 2),
	ROW(linkat, CALLS_FILE, "link", 5, 0, 0, 5,
	    .flags = NAMES, .path = 2, .base = 1, .path2 = 4, .base2 = 3),
	/* The target of a symbolic link is text: relative to nothing. */
	ROW(symlink, CALLS_FILE, "symlink", 0, 0, 0, 2,
	    .flags = NAMES, .path = 2, .path2 = 1),
	ROW(symlinkat, CALLS_FILE, "symlink", 0, 0, 0, 3,
	    .flags = NAMES, .path = 3, .base = 2, .path2 = 1),
	ROW(unlink, CALLS_FILE, "unlink", 0, 0, 0, 1,
	    .flags = NAMES, .path = 1),
	ROW(unlinkat, CALLS_FILE, "unlink", 3, 0, 0, 3,
	    .flags = NAMES, .path = 2, .base = 1),
	ROW(rmdir, CALLS_FILE, "rmdir", 0, 0, 0, 1,
	    .flags = NAMES, .path = 1),
	ROW(mkdir, CALLS_FILE, "mkdir", 0, 2, 0, 2,
	    .flags = NAMES, .path = 1),
	ROW(mkdirat, CALLS_FILE, "mkdir", 0, 3, 0, 3,
	    .flags = NAMES, .path = 2, .base = 1),
	ROW(mknod, CALLS_FILE, "mknod", 0, 2, 0, 3,
	    .flags = NAMES, .path = 1),
	ROW(mknodat, CALLS_FILE, "mknod", 0, 3, 0, 4,
	    .flags = NAMES, .path = 2, .base = 1),
	ROW(chmod, CALLS_FILE, "chmod", 0, 2, 0, 2,
	    .flags = NAMES, .path = 1),
	ROW(fchmodat, CALLS_FILE, "chmod", 0, 3, 0, 3,
	    .flags = NAMES, .path = 2, .base = 1),
	/* What libraries call for fchmodat() with flags. */
	ROW(fchmodat2, CALLS_FILE, "chmod", 4, 3, 0, 4,
	    .flags = NAMES, .path = 2, .base = 1),
	ROW(fchmod, CALLS_FILE, "chmod", 0, 2, 0, 2,
	    .flags = MARKED, .fd = 1),
	ROW(chown, CALLS_FILE, "chown", 0, 0, 0, 3,
	    .flags = NAMES, .path = 1),
	ROW(lchown, CALLS_FILE, "chown", 0, 0, 0, 3,
	    .flags = NAMES, .path = 1),
	ROW(fchownat, CALLS_FILE, "chown", 5, 0, 0, 5,
	    .flags = NAMES, .path = 2, .base = 1),
	ROW(fchown, CALLS_FILE, "chown", 0, 0, 0, 3,
	    .flags = MARKED, .fd = 1),
	ROW(truncate, CALLS_FILE, "truncate", 0, 0, 2, 2,
	    .flags = NAMES, .path = 1),
	ROW(ftruncate, CALLS_FILE, "truncate", 0, 0, 2, 2,
	    .flags = TRACED, .fd = 1),

	/* Files and sockets: bytes. Too many to tell one by one. */
	ROW(read, CALLS_BYTES, "read", 0, 0, 0, 3,
	    .flags = TRACED, .in_fd = 1),
	ROW(pread64, CALLS_BYTES, "read", 0, 0, 0, 4,
	    .flags = TRACED, .in_fd = 1),
	ROW(readv, CALLS_BYTES, "read", 0, 0, 0, 3,
	    .flags = TRACED, .in_fd = 1),
	ROW(preadv, CALLS_BYTES, "read", 0, 0, 0, 5,
	    .flags = TRACED, .in_fd = 1),
	ROW(preadv2, CALLS_BYTES, "read", 0, 0, 0, 6,
	    .flags = TRACED, .in_fd = 1),
	ROW(write, CALLS_BYTES, "write", 0, 0, 0, 3,
	    .flags = TRACED, .out_fd = 1),
	ROW(pwrite64, CALLS_BYTES, "write", 0, 0, 0, 4,
	    .flags = TRACED, .out_fd = 1),
	ROW(writev, CALLS_BYTES, "write", 0, 0, 0, 3,
	    .flags = TRACED, .out_fd = 1),
	ROW(pwritev, CALLS_BYTES, "write", 0, 0, 0, 5,
	    .flags = TRACED, .out_fd = 1),
	ROW(pwritev2, CALLS_BYTES, "write", 0, 0, 0, 6,
	    .flags = TRACED, .out_fd = 1),
	ROW(sendfile, CALLS_BYTES, "write", 0, 0, 0, 4,
	    .flags = TRACED, .in_fd = 2, .out_fd = 1),
	ROW(copy_file_range, CALLS_BYTES, "write", 0, 0, 0, 6,
	    .flags = TRACED, .in_fd = 1, .out_fd = 3),
	ROW(splice, CALLS_BYTES, "write", 0, 0, 0, 6,
	    .flags = TRACED, .in_fd = 1, .out_fd = 3),
	ROW(sendto, CALLS_BYTES, "send", 0, 0, 0, 6,
	    .flags = TRACED, .address = 5, .out_fd = 1),
	ROW(recvfrom, CALLS_BYTES, "receive", 0, 0, 0, 6,
	    .flags = TRACED, .in_fd = 1),
	ROW(recvmsg, CALLS_BYTES, "receive", 0, 0, 0, 3,
	    .flags = TRACED, .in_fd = 1),
	ROW(recvmmsg, CALLS_BYTES, "receive", 0, 0, 0, 5,
	    .flags = TRACED, .filter = RECORD_IF_RECEIVED),
	ROW(sendmsg, CALLS_BYTES, "send", 0, 0, 0, 3,
	    .flags = TRACED, .filter = RECORD_IF_MESSAGE),
	ROW(sendmmsg, CALLS_BYTES, "send", 0, 0, 0, 4,
	    .flags = TRACED, .filter = RECORD_IF_MESSAGES),

	/* Sockets. */
	ROW(socket, CALLS_SOCKET, "socket", 0, 0, 0, 3,
	    .flags = MARKED | RECORD_RESULT_FD, .filter = RECORD_IF_UNUSUAL),
	ROW(connect, CALLS_SOCKET, "connect", 0, 0, 0, 3,
	    .flags = MARKED, .fd = 1, .address = 2),
	ROW(bind, CALLS_SOCKET, "bind", 0, 0, 0, 3,
	    .flags = MARKED, .fd = 1, .address = 2),
	ROW(listen, CALLS_SOCKET, "listen", 0, 0, 0, 2,
	    .flags = MARKED, .fd = 1),
	ROW(accept, CALLS_SOCKET, "accept", 0, 0, 0, 3,
	    .flags = MARKED | RECORD_RESULT_FD | RECORD_SUCCESS_ONLY),
	ROW(accept4, CALLS_SOCKET, "accept", 0, 0, 0, 4,
	    .flags = MARKED | RECORD_RESULT_FD | RECORD_SUCCESS_ONLY),

	/* Descriptors: who feeds a shell. */
	ROW(pipe, CALLS_PAIR, "pipe", 0, 0, 0, 1,
	    .flags = TRACED | RECORD_SUCCESS_ONLY, .pair = 1),
	ROW(pipe2, CALLS_PAIR, "pipe", 0, 0, 0, 2,
	    .flags = TRACED | RECORD_SUCCESS_ONLY, .pair = 1),
	ROW(socketpair, CALLS_PAIR, "socketpair", 0, 0, 0, 4,
	    .flags = MARKED | RECORD_SUCCESS_ONLY, .pair = 4),
	ROW(dup, CALLS_DUP, "dup", 0, 0, 0, 1,
	    .flags = TRACED | RECORD_SUCCESS_ONLY,
	    .filter = RECORD_IF_STANDARD, .fd = 1),
	ROW(dup2, CALLS_DUP, "dup", 0, 0, 0, 2,
	    .flags = TRACED | RECORD_SUCCESS_ONLY,
	    .filter = RECORD_IF_STANDARD, .fd = 1),
	ROW(dup3, CALLS_DUP, "dup", 0, 0, 0, 3,
	    .flags = TRACED | RECORD_SUCCESS_ONLY,
	    .filter = RECORD_IF_STANDARD, .fd = 1),
	ROW(fcntl, CALLS_DUP, "dup", 0, 0, 0, 3,
	    .flags = TRACED | RECORD_SUCCESS_ONLY,
	    .filter = RECORD_IF_DUPLICATES, .fd = 1),

	/* Programs. */
	ROW(execve, CALLS_EXEC, "exec", 0, 0, 0, 3,
	    .flags = NAMES | RECORD_FAILURE_ONLY, .path = 1),
	ROW(execveat, CALLS_EXEC, "exec", 5, 0, 0, 5,
	    .flags = NAMES | RECORD_FAILURE_ONLY, .path = 2, .base = 1),

	/* Other processes. value: the signal, request or what was asked. */
	ROW(ptrace, CALLS_REACH, "ptrace", 2, 0, 1, 4, .flags = MARKED),
	ROW(process_vm_readv, CALLS_REACH, "vm-read", 1, 0, 0, 6,
	    .flags = MARKED),
	ROW(process_vm_writev, CALLS_REACH, "vm-write", 1, 0, 0, 6,
	    .flags = MARKED),
	ROW(kill, CALLS_REACH, "kill", 1, 0, 2, 2, .flags = MARKED),
	ROW(tkill, CALLS_REACH, "kill", 1, 0, 2, 2, .flags = MARKED),
	ROW(tgkill, CALLS_REACH, "kill", 1, 0, 3, 3, .flags = MARKED),
	ROW(rt_sigqueueinfo, CALLS_REACH, "kill", 1, 0, 2, 3,
	    .flags = MARKED),
	ROW(rt_tgsigqueueinfo, CALLS_REACH, "kill", 1, 0, 3, 4,
	    .flags = MARKED),
	ROW(pidfd_send_signal, CALLS_REACH, "kill", 0, 0, 2, 4,
	    .flags = MARKED),
	/* Who is meant lies behind a descriptor. */
	ROW(pidfd_getfd, CALLS_REACH, "take-fd", 0, 0, 2, 3, .flags = MARKED),
	ROW(process_madvise, CALLS_REACH, "advise", 0, 0, 4, 5,
	    .flags = MARKED),
	ROW(kcmp, CALLS_REACH, "compare", 1, 0, 3, 5, .flags = MARKED),

	/* Told only where isolation refuses them. */
	REFUSABLE(io_uring_setup, 2), REFUSABLE(io_uring_enter, 6),
	REFUSABLE(io_uring_register, 4), REFUSABLE(io_setup, 2),
	REFUSABLE(bpf, 3),
	REFUSABLE(perf_event_open, 5), REFUSABLE(userfaultfd, 1),
	REFUSABLE(keyctl, 5), REFUSABLE(add_key, 5),
	REFUSABLE(request_key, 4), REFUSABLE(mount, 5),
	REFUSABLE(umount2, 2), REFUSABLE(pivot_root, 2),
	REFUSABLE(chroot, 1), REFUSABLE(fsopen, 2), REFUSABLE(fsconfig, 5),
	REFUSABLE(fsmount, 3), REFUSABLE(fspick, 3),
	REFUSABLE(move_mount, 5), REFUSABLE(open_tree, 3),
	REFUSABLE(mount_setattr, 5), REFUSABLE(unshare, 1),
	REFUSABLE(setns, 2), REFUSABLE(clone, 5), REFUSABLE(clone3, 2),
	REFUSABLE(open_by_handle_at, 3), REFUSABLE(name_to_handle_at, 5),
	REFUSABLE(kexec_load, 4), REFUSABLE(kexec_file_load, 5),
	REFUSABLE(init_module, 3), REFUSABLE(finit_module, 3),
	REFUSABLE(delete_module, 2), REFUSABLE(seccomp, 3),
	REFUSABLE(prctl, 5), REFUSABLE(reboot, 4), REFUSABLE(swapon, 2),
	REFUSABLE(swapoff, 1), REFUSABLE(acct, 1), REFUSABLE(settimeofday, 2),
	REFUSABLE(clock_settime, 2), REFUSABLE(clock_adjtime, 2),
	REFUSABLE(adjtimex, 1), REFUSABLE(iopl, 1), REFUSABLE(ioperm, 3),
	REFUSABLE(quotactl, 4), REFUSABLE(syslog, 3),
	REFUSABLE(sethostname, 2), REFUSABLE(setdomainname, 2),
	REFUSABLE(vhangup, 0), REFUSABLE(modify_ldt, 3),
	REFUSABLE(personality, 1), REFUSABLE(fanotify_init, 2),
	REFUSABLE(fanotify_mark, 5), REFUSABLE(lookup_dcookie, 3),
	REFUSABLE(move_pages, 6), REFUSABLE(migrate_pages, 4),
	REFUSABLE(mbind, 6), REFUSABLE(set_mempolicy, 3),
	REFUSABLE(get_mempolicy, 5), REFUSABLE(pidfd_open, 2),
	REFUSABLE(nfsservctl, 3),
	REFUSABLE(memfd_secret, 1), REFUSABLE(landlock_create_ruleset, 3),
	REFUSABLE(quotactl_fd, 4), REFUSABLE(uselib, 1),
	REFUSABLE(_sysctl, 1), REFUSABLE(ustat, 2), REFUSABLE(sysfs, 3),
	REFUSABLE(setxattr, 5), REFUSABLE(vmsplice, 4),
	/* Refused with some arguments. */
	REFUSABLE(ioctl, 3), REFUSABLE(setrlimit, 2), REFUSABLE(prlimit64, 4),
};
/* clang-format on */
const size_t calls_n_rows = N_ELEMENTS(calls_rows);
const struct record_call calls_newer = { .flags = QUIET };

void
calls_fill(struct record_call *ret, size_t n)
{
	for (size_t i = CALLS_NEWER; i < n; i++)
		ret[i] = calls_newer;
	for (size_t i = 0; i < N_ELEMENTS(calls_rows); i++)
		ret[calls_rows[i].number] = calls_rows[i].call;
}

const struct calls_row *
calls_get(unsigned number)
{
	static uint16_t at[RECORD_N_CALLS]; /* index + 1 */
	static bool filled;

	for (size_t i = 0; !filled && i < N_ELEMENTS(calls_rows); i++) {
		assert(calls_rows[i].number < RECORD_N_CALLS);
		assert(at[calls_rows[i].number] == 0);
		at[calls_rows[i].number] = (uint16_t)(i + 1);
	}
	filled = true;
	if (number >= RECORD_N_CALLS || at[number] == 0)
		return NULL;
	return &calls_rows[at[number] - 1];
}
