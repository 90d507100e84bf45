/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up before it reads the first foreign byte. Called by
 * role/ and cmd/ mains only. Irrevocable: no_new_privs, no core file, no
 * capabilities unless listed, a seccomp filter that kills on what is not
 * listed and answers EACCES to opening files where files are not allowed.
 */
#ifndef SYS_LOCKDOWN_H
#define SYS_LOCKDOWN_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum lockdown_right {
	LOCKDOWN_PURE = 0, /* memory, clocks, its descriptors, poll */
	LOCKDOWN_READ_FILES = 1 << 0, /* openat read-only (Landlock narrows) */
	LOCKDOWN_WRITE_FILES = 1 << 1, /* open, create, rename, unlink, lock */
	LOCKDOWN_NETWORK = 1 << 2, /* socket, connect, bind, accept */
	LOCKDOWN_THREADS = 1
	    << 3, /* clone for threads, futex is always there */
	LOCKDOWN_BPF = 1 << 4, /* bpf(): map access of an already loaded one */
	LOCKDOWN_KILL = 1 << 5, /* kill, pidfd_send_signal */
	/* Files below /proc/PID of others and in mounts without a place:
	 * Landlock refuses both, so it is left out. */
	LOCKDOWN_FOREIGN_FILES = 1 << 6,
	LOCKDOWN_ACCEPT = 1 << 7, /* of sockets that others have bound */
	/* Holding and reading threads of others: ptrace, notifications, copies
	 * of their descriptors. */
	LOCKDOWN_TRACE = 1 << 8,
	LOCKDOWN_HANDLES = 1 << 9, /* files by their handles */
	/* Processes of its own kind, in the same namespaces, waiting for them
	 * and locking them down further. No other program. */
	LOCKDOWN_FORK = 1 << 10,
};

/* Folders that stay readable or writable with the FILES rights, by Landlock
 * where the kernel has it. NULL-terminated lists; NULL: none. */
struct lockdown {
	unsigned rights; /* enum lockdown_right, or-ed */
	const char *const *read_paths;
	const char *const *write_paths;
	uint64_t keep_caps; /* bits of CAP_*, kept permitted and effective */
};

int lockdown(const struct lockdown *l, struct error *err);
/* Whether a file may then be moved from one folder to another below
 * write_paths: not with the first Landlock (Linux 5.13 to 5.18). */
bool lockdown_can_move(void);

#endif
