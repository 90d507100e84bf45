/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder as supervisors see it: roles `record` (what processes of one
 * sandbox do: by eBPF, user notification or ptrace) and `upper` (what they left
 *in the overlay's upper layer). Facts of both go to scribe; here are the
 *messages on descriptor 3 and the functions that send them (client.c,
 *upper-client.c).
 *
 * Order of calls for a run:
 *
 *	record_spawn(…)         before the sandbox is made; programs load
 *	…make the sandbox, stopped before the command's exec…
 *	record_start(…)         waits until loaded, then watches the cgroup
 *	record_phase_begin(…)   before the phase's command is let go
 *	record_phase_end(…)     after it ended (or between phases); everything
 *	                        that happened before the call is then in facts
 *	upper_walk(…)           files that changed since the last walk
 *	record_stop(…), upper_stop(…)
 *
 * Events while no phase is open are used to keep the table of processes and
 * give no facts of their own.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "runfile/control.h"

struct error;

/*
 * Messages of role record:
 *
 *	record     → CONTROL_READY: the programs are attached; nothing is
 *	               watched and nothing foreign read yet
 *	supervisor → RECORD_START {int sandbox, int target, str program,
 *	               str program, int has_cgroup, int has_upper,
 *	               int has_listener} with, where they are, the cgroup's
 *	               folder (v2; its descendants are watched too), the upper
 *	               layer's folder and the listener of user notification;
 *	               role locks itself down and answers
 *	record     → RECORD_STARTED {int shared, str why}: whether the loader's
 *	               programs tell; why not ("": there is no loader)
 *	supervisor → RECORD_COMMAND {str role, str package, str project}: how
 *	               the next process that the sandbox's init starts is
 *	               attributed; project: the folder, inside the sandbox,
 *	               that install folders are relative to
 *	supervisor → RECORD_HELD_ASK, record → RECORD_HELD_FOR {int ns}: how
 *	               long the sandbox has been held back, since the start
 *	supervisor → RECORD_SYNC, record → RECORD_SYNCED: messages before it
 *	               have taken effect
 *	and CONTROL_PHASE_BEGIN, _END, _ENDED, CONTROL_STOP
 *
 * Messages of role upper (descriptor 5: the upper layer's folder; 6 and up:
 * the lower layers' roots, uppermost first; with the argument "watch",
 * the merged root after them):
 *
 *	upper      → CONTROL_READY
 *	supervisor → UPPER_RULE {int keep, str prefix}: enum upper_keep for
 *	               paths at and below prefix; the longest prefix decides
 *	supervisor → UPPER_WALK {int phase}: facts for what changed since the
 *	               last walk
 *	upper      → UPPER_WALKED {int files, int bytes, int kept_bytes,
 *	               int incomplete, int has_seen, int seen, int seen_dropped}
 *	supervisor → UPPER_LOCK {str path}: npm's hidden lockfile there
 *	               (project/node_modules/.package-lock.json) as dependency
 *	               facts
 *	upper      → UPPER_LOCKED {int dependencies}: 0 when there is none
 */
enum record_type {
	RECORD_START = CONTROL_ROLE,
	RECORD_STARTED,
	RECORD_COMMAND,
	RECORD_SYNC,
	RECORD_SYNCED,
	RECORD_HELD_ASK,
	RECORD_HELD_FOR,
	UPPER_RULE,
	UPPER_WALK,
	UPPER_WALKED,
	UPPER_LOCK,
	UPPER_LOCKED,
};

enum upper_keep {
	UPPER_KEEP_CONTENT, /* written_file and blob; also without any rule */
	UPPER_KEEP_HASH, /* written_file with its hash */
	UPPER_KEEP_NOTHING, /* no fact for anything below */
	UPPER_KEEP__MAX
};

#define UPPER_FD        5
#define UPPER_LOWER_FD  6
#define UPPER_MAX_LOWER 4

struct record; /* a running role record */
struct upper; /* a running role upper */

/* What the view of system calls is made with. */
enum record_means {
	RECORD_AUTO, /* the first of those below that this host has */
	RECORD_EBPF,
	RECORD_NOTIFY, /* seccomp user notification */
	RECORD_PTRACE,
	RECORD_MEANS__MAX
};

/* "auto", "ebpf", "notify", "ptrace"; -EINVAL for any other word. */
const char *record_means_word(enum record_means m);
int record_means_parse(const char *word, enum record_means *ret);

/* RECORD_AUTO: tries each; `why` says what refused those before the one that
 * was taken ("": the best was). Any other: whether this one works. */
int record_choose(enum record_means wanted, enum record_means *ret, char *why,
    size_t why_size, struct error *err);

/* After `failed` could not be made to work although it was there: the next
 * one. `why` gets the reason as well, for which it may hold the others. */
int record_choose_weaker(enum record_means failed, const char *reason,
    enum record_means *ret, char *why, size_t why_size, struct error *err);
/* Device of the control groups of version 2. */
int record_cgroup_dev(uint64_t *ret, struct error *err);
bool record_kernel_is(int major, int minor); /* or newer */
/* How a process ended that was reaped, as of waitpid(2). False: it has not, or
 * this kernel (before 6.15) does not keep it. */
bool record_pidfd_status(int pidfd, int *ret);

/* Programs of isolation that the recorder answers for (RECORD_NOTIFY,
 * RECORD_PTRACE). */
#define RECORD_PROGRAMS 2

struct record_options {
	int64_t ring_bytes; /* 0: 32 MiB; a power of two */
	enum record_means means; /* RECORD_AUTO: RECORD_EBPF */
	/* Of role loader; NULL: LAZARET_RECORDER_SOCKET or the usual one, "":
	 * programs of our own. */
	const char *socket;
	/* For tests alone: do not freeze or stop what floods the ring; programs
	 * as before 6.2. */
	bool test_no_freeze, test_no_stop, test_no_cast;
};

/* facts_fd: a facts channel (scribe has the other end); taken. Returns while
 * the programs are still loading. */
int record_spawn(const struct record_options *o, int facts_fd,
    struct record **ret, struct error *err);

struct record_start {
	int64_t sandbox; /* number of the sandbox in this run, from 0 */
	int cgroup_fd; /* folder of its v2 cgroup; eBPF; -1; borrowed */
	int upper_fd; /* folder of its upper layer, -1: none; borrowed */
	/* RECORD_NOTIFY, RECORD_PTRACE: the first process, in our pid
	 * namespace; the listener of the filter that it and all it starts run
	 * under (-1: none; borrowed), and what isolation refuses. */
	int64_t target;
	int listener_fd;
	struct str programs[RECORD_PROGRAMS];
};

int record_start(struct record *r, const struct record_start *s,
    struct error *err);

/* Whether the programs are those of role loader (eBPF). ret_why: why not
 * (borrowed; "": there is none). */
bool record_is_shared(const struct record *r, const char **ret_why);

struct record_command {
	const char *role; /* fact_roles; NULL: none */
	const char *package; /* install folder; NULL: none, "": the project */
	const char *project; /* "/home/u/project"; NULL: none */
};

int record_command(struct record *r, const struct record_command *c,
    struct error *err);
/* started_at: clock_ns() when the phase begins. */
int record_phase_begin(struct record *r, int64_t phase, int64_t started_at,
    struct error *err);
/* The phase_view row of view ebpf is the caller's to send, with these figures:
 * it alone can also say that the recorder was lost. */
/* record_phase_end() alone waits for what record_ask_end() asks for, and says
 * what was wrong with it: other roles end their phase meanwhile. */
void record_ask_end(struct record *r, int64_t phase);
int record_phase_end(struct record *r, int64_t phase, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err);
/* How long floods have been held back since the start, ns: time that does not
 * count against limits. */
int record_held(struct record *r, int64_t *ret_ns, struct error *err);
int record_pidfd(const struct record *r); /* borrowed */
void record_ask_stop(struct record *r); /* as above */
int record_stop(struct record *r, struct error *err); /* waits for its end */
void record_free(struct record *r); /* kills it if it runs; accepts NULL */
void record_freep(struct record **r);

struct upper_rule {
	const char *prefix; /* absolute, inside the sandbox */
	enum upper_keep keep;
};

struct upper_start {
	int upper_fd; /* borrowed */
	int lower_fds[UPPER_MAX_LOWER]; /* borrowed; uppermost first */
	size_t n_lower; /* 0: nothing can be told modified from created */
	const struct upper_rule *rules;
	size_t n_rules;
	/* The merged root, for fanotify; borrowed; 0 or -1: without. */
	int root_fd;
};

struct upper_result {
	int64_t files, bytes; /* seen by this walk */
	int64_t kept_bytes; /* of them in blobs */
	bool incomplete; /* a limit was reached */
	/* fanotify: there is none where the kernel or the file system has it
	 * not. */
	bool has_seen;
	int64_t seen, seen_dropped;
};

int upper_spawn(const struct upper_start *s, int facts_fd, struct upper **ret,
    struct error *err);
/* Waits until it watches: before the first command. */
int upper_ready(struct upper *u, struct error *err);
void upper_ask_walk(struct upper *u, int64_t phase); /* as record_ask_end */
int upper_walk(struct upper *u, int64_t phase, struct upper_result *ret,
    struct error *err);
int upper_lock(struct upper *u, const char *path, int64_t *ret_dependencies,
    struct error *err);
void upper_ask_stop(struct upper *u);
int upper_stop(struct upper *u, struct error *err);
void upper_free(struct upper *u); /* kills it if it runs; accepts NULL */
void upper_freep(struct upper **u);

#endif
