/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the watcher (watch*.c) share. */
#ifndef RECORD_WATCH_PRIV_H
#define RECORD_WATCH_PRIV_H

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/vec.h"
#include "record/event.h"
#include "record/watch.h"
#include "sys/message.h"

#if defined(__x86_64__)
#define WATCH_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define WATCH_ARCH AUDIT_ARCH_AARCH64
#endif

struct calls_row;
struct map;

/* What tells one program image from the next in the same process. */
struct watch_image {
	uint64_t start_code, start_stack, arg_start, arg_end, env_start,
	    env_end;
};

struct watch_process {
	pid_t pid; /* as the host counts */
	uint32_t inner;
	int pidfd; /* owned; -1: none */
	int exit_status; /* as of waitpid(2); -1: not known */
	int unborn; /* children that it made and that are not seen yet */
	int64_t forked_at; /* the last time that it made one */
	pid_t forked_by; /* which thread */
	bool dead;
	bool held; /* waits until its file has been opened (RECORD_STOPPED) */
	/* An exec that has begun: 0 none, otherwise the thread's id. */
	pid_t exec_tid;
	int64_t exec_at;
	struct buf exec_path; /* as given */
	struct watch_image image; /* before it */
	struct buf exec_failed; /* the event, for when it failed */
};

/* A system call at its begin or end. */
struct watch_call {
	struct watch_process *process;
	pid_t tid;
	unsigned number;
	uint64_t args[6];
	int64_t at;
	int64_t result; /* RECORD_UNKNOWN: at the begin */
	bool created; /* an open found nothing at its begin */
};

/* A notification that is answered later: its process is held. */
struct watch_answer {
	uint64_t id;
	pid_t pid;
	int error; /* 0: go on */
};

struct watcher {
	const struct watch_start *start;
	struct buf queue; /* events that the decoder has not taken */
	struct channel keeper;
	struct buf event; /* the one at hand */
	struct map *processes; /* pid: struct watch_process *, owned */
	struct map *threads; /* tid: struct watch_process * of notify */
	VEC(struct watch_process *) ended; /* owned: may have unborn children */
	VEC(struct watch_answer) answers; /* notify */
	struct map *tracees; /* ptrace: tid: struct watch_tracee *, owned */
	int epoll; /* pidfds; -1: ptrace */
	int signals; /* SIGCHLD; -1: notify */
	uint64_t dropped;
	int64_t since; /* wall clock, s */
	int64_t queued_at; /* when the oldest event in the queue came */
	bool urgent; /* somebody waits for what is in the queue */
	bool ends_wait, calls_wait; /* notify: what poll(2) has said */
	int root; /* of all processes, when they cannot change it; -1 */
	bool root_is_fixed;
	struct error *err;
};

/* --- watch-event.c, watch-bytes.c: events as bytes --- */
void event_open(struct watcher *w, unsigned kind, const struct watch_call *c);
void event_close(struct watcher *w); /* into the queue */
/* Parts of the one at hand. */
void event_section(struct watcher *w, unsigned type, uint32_t value,
    const void *p, size_t n);
void event_flags(struct watcher *w, uint32_t flags); /* added */
enum event_want {
	EVENT_PATH = 1 << 0,
	EVENT_FLAGS = 1 << 1, /* it was opened with */
	EVENT_REACHES = 1 << 2, /* a socket is about to reach somebody */
};

/* The file of a descriptor; of the program for -1. */
bool event_file(struct watcher *w, const struct watch_process *p, pid_t tid,
    int fd, unsigned want);
void event_fd(struct watcher *w, const struct watch_call *c, int fd,
    unsigned want);
void event_address(struct watcher *w, pid_t tid, uint64_t at, uint64_t n);
uint32_t event_dev(dev_t d); /* as the kernel counts */

/* Whole events. */
void event_of_call(struct watcher *w, const struct watch_call *c,
    unsigned kind);
/* An open at its begin; `flags` as open(2) has them. */
void event_of_open(struct watcher *w, struct watch_call *c, uint64_t flags);
void event_of_bytes(struct watcher *w, const struct watch_call *c);
/* What an exec asks for, as the kernel names it: below /dev/fd where it is
 * asked for by descriptor. */
void event_exec_name(const struct watch_call *c, const struct calls_row *row,
    struct buf *out);
void event_of_exec(struct watcher *w, struct watch_process *p, int64_t at,
    struct str filename);
void event_simple(struct watcher *w, unsigned kind, struct watch_process *p,
    const uint64_t args[6], int64_t result);
/* Bytes at an address of a process: how many, -1. */
ssize_t event_peek(pid_t pid, uint64_t at, void *ret, size_t n);
/* A string there, up to its NUL; false: unreadable. */
bool event_peek_string(pid_t pid, uint64_t at, char ret[4096], size_t *ret_n);
/* Whether there is nothing that an open would find now. */
bool event_finds_nothing(struct watcher *w, const struct watch_call *c);

/* --- watch-process.c --- */
struct watch_process *watch_process_get(struct watcher *w, pid_t pid);
/* parent 0: came from outside. Tells RECORD_FORK. */
struct watch_process *watch_process_add(struct watcher *w, pid_t pid,
    pid_t parent, int64_t at);
void watch_process_end(struct watcher *w, struct watch_process *p, int status);
void watch_process_free(struct watch_process *p);
int watch_image_of(pid_t pid, struct watch_image *ret);
/* A number in a line of /proc/PID/status ("Tgid:", "PPid:"); the last one of
 * its line ("NSpid:"); -1. */
int64_t watch_status(pid_t pid, const char *name);

/* Whether isolation refuses: the errno, 0. */
int watch_refusal(const struct watcher *w, const struct seccomp_data *d);
/* Whether it refuses every way to another root directory. */
bool watch_root_is_fixed(const struct watcher *w);

/* --- watch-notify.c --- */
int notify_begin(struct watcher *w);
/* What poll(2) has said that waits; everything that waits. */
int notify_turn(struct watcher *w);
int notify_all(struct watcher *w);
void notify_release(struct watcher *w, pid_t pid); /* 0: all */

/* --- watch-ptrace.c --- */
int ptrace_begin(struct watcher *w);
int ptrace_turn(struct watcher *w);
void ptrace_release(struct watcher *w, pid_t pid); /* 0: all */

#endif
