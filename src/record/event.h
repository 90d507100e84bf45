/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Events in the ring, as record.bpf.c writes and decode.c reads them: a
 * header, then sections. Included by both.
 *
 * Sections begin at multiples of 8 bytes from the start of the event.
 */
#ifndef RECORD_EVENT_H
#define RECORD_EVENT_H

#ifndef RECORD_VMLINUX_H
#include <linux/types.h>
#endif

/* What a row of calls.c says to the kernel side; by call number. */
enum record_call_flag {
	RECORD_TRACED = 1 << 0,
	/* Entry is marked: an end without it was refused by seccomp. */
	RECORD_MARKED = 1 << 1,
	/* Paths are told at entry as well: another thread may change them. */
	RECORD_ENTRY_PATHS = 1 << 2,
	/* Nothing but refusals is told. */
	RECORD_REFUSAL_ONLY = 1 << 3,
	/* The result is a descriptor worth describing. */
	RECORD_RESULT_FD = 1 << 4,
	/* Ends of success are told elsewhere (exec). */
	RECORD_FAILURE_ONLY = 1 << 5,
	/* Failures other than refusals are not told. */
	RECORD_SUCCESS_ONLY = 1 << 6,
};

/* When a call is told at all. */
enum record_filter {
	RECORD_ALWAYS,
	RECORD_IF_EXECUTABLE, /* mmap of a file with PROT_EXEC */
	RECORD_IF_UNUSUAL, /* socket of a family other than the common ones */
	RECORD_IF_STANDARD, /* a descriptor onto 0, 1, 2 */
	RECORD_IF_DUPLICATES, /* fcntl(F_DUPFD*) onto 0, 1, 2 */
	RECORD_IF_MESSAGE, /* sendmsg: counted, told when it carries rights */
	RECORD_IF_MESSAGES, /* sendmmsg: every message counted */
	RECORD_IF_RECEIVED, /* recvmmsg: the same */
};

/* Arguments are counted from 1; 0: the call has none of it. */
struct record_call {
	__u16 flags;
	__u8 filter;
	__u8 path, base; /* string, and descriptor it is relative to */
	__u8 path2, base2;
	__u8 fd; /* descriptor to describe */
	__u8 address; /* sockaddr; its length is the next argument */
	__u8 pair; /* two descriptors in memory */
	__u8 in_fd, out_fd; /* result counts as bytes read/written there */
};

#define RECORD_N_CALLS 512

enum record_kind {
	RECORD_CALL, /* end of a system call */
	RECORD_ENTRY, /* its begin: paths only */
	RECORD_REFUSED, /* end without a begin */
	RECORD_FOREIGN, /* a call in the 32-bit or x32 way */
	RECORD_KILLED, /* SIGSYS ended the process; args as it made the call */
	RECORD_IO, /* first bytes of a process with a file or peer */
	RECORD_PASS, /* descriptors sent over a unix socket */
	RECORD_ARGV, /* piece of argv, before RECORD_EXEC; args[0]: offset */
	RECORD_ENV,
	RECORD_EXEC,
	RECORD_FORK, /* args[0]: new pid, args[1]: its pid inside */
	RECORD_EXIT, /* result: wait status */
	RECORD_KIND__MAX
};

enum record_flag {
	RECORD_CUT = 1 << 0, /* did not fit */
	RECORD_WRITING = 1 << 1, /* RECORD_IO: bytes written, not read */
	RECORD_SCRIPT = 1 << 2, /* RECORD_EXEC: of a file with an interpreter */
	/* RECORD_EXEC: of a file that the sandbox may have written and may
	 * remove at once: the process is stopped until it has been opened. */
	RECORD_STOPPED = 1 << 3,
	/* The ring is half full: the process is stopped until it is empty. */
	RECORD_HELD = 1 << 4,
	/* RECORD_CALL: the open makes the file (where no descriptor says so).
	 */
	RECORD_CREATED = 1 << 5,
};

/* Result of a call that was told at its begin (as FACT_NONE). */
#define RECORD_UNKNOWN INT64_MIN
/* It failed; with which error is not known (the last number that is none). */
#define RECORD_FAILED (-4095)

struct record_header {
	__u64 at; /* CLOCK_MONOTONIC, ns */
	__u32 bytes; /* of the whole event */
	__u16 kind; /* enum record_kind */
	__u16 call; /* number of the system call */
	__u32 pid, tid; /* as the host counts */
	__u32 inner_pid; /* as the sandbox counts */
	__u32 flags; /* enum record_flag */
	__s64 result;
	__u64 args[6];
};

enum record_section_type {
	RECORD_STRING1 = 1, /* from the process's memory (exec: the kernel's) */
	RECORD_STRING2,
	RECORD_BASE1, /* what the string is relative to, as a walk */
	RECORD_BASE2,
	RECORD_FILE, /* struct record_file; value: descriptor */
	RECORD_SOCKET, /* struct record_socket; of the file before */
	RECORD_PATH, /* of the file before, as a walk */
	RECORD_ADDRESS, /* sockaddr as the process gave it */
	RECORD_CWD, /* as a walk */
	RECORD_PIECE, /* bytes of argv or environment */
	RECORD_KEY, /* struct record_io_key of RECORD_IO */
	RECORD_SECTION__MAX
};

struct record_section {
	__u16 type;
	__u16 bytes; /* without this header and the padding */
	__u32 value; /* of walks: enum record_walk; of strings: unreadable */
};

/* A walk: names from the leaf upwards, each with its NUL. */
enum record_walk {
	RECORD_WALK_ROOT = 1 << 0, /* ended at the process's root */
	RECORD_WALK_TOP = 1 << 1, /* ended above it, at the top of the mounts */
	RECORD_WALK_DETACHED = 1 << 2, /* ended where no mount is (memfd) */
	RECORD_WALK_DELETED = 1 << 3,
	RECORD_WALK_CUT = 1 << 4,
};

#define RECORD_UNREADABLE 1

struct record_file {
	__u64 ino;
	__u32 dev, rdev;
	__u32 mode; /* i_mode */
	__u32 flags; /* f_flags */
	__u32 f_mode;
	__u32 links;
};

struct record_socket {
	__u64 peer_ino; /* of unix sockets; 0: none */
	__u16 family, type, protocol, state;
	__u16 local_port, port; /* host order */
	__u32 pad;
	__u8 local_address[16], address[16]; /* IPv4: first four bytes */
};

/* Totals per process and file, or per process, socket and peer. */
struct record_io_key {
	__u32 pid, writing;
	__u64 ino;
	__u32 dev, port;
	__u64 address[2];
};

struct record_io {
	__u64 bytes, first_at;
};

/* Control groups watched at once by programs that were loaded for many: a
 * machine with that many sandboxes has other limits first. */
#define RECORD_SLOTS 64
/* The usual ring, and the only one that role loader gives out. */
#define RECORD_RING_BYTES (32u << 20)
/* Processes with a file or peer, of one sandbox, whose bytes are counted. */
#define RECORD_TOTALS 65536

/* What the kernel side and the reader of one ring share: a page of memory. */
struct record_control {
	__u64 told, dropped, cut;
	/* Second in which watching began: what has changed since, the sandbox
	 * wrote (nobody can set the time of change). */
	__s64 watched_since;
	__u32 pressed; /* 1: the ring is a quarter full; the reader clears it */
	__u32 woken; /* 1: the reader has been called and has not looked yet */
	/* Bytes in the ring from which on the reader is woken, the ring counts
	 * as pressed, writers are stopped (0: never). */
	__u32 wake_bytes, press_bytes, hold_bytes;
};

#endif
