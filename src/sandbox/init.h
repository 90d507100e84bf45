/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor and process 1 of a sandbox (role/init) say to each
 * other, in frames of sys/message.h on descriptor 3 of init.
 *
 *	supervisor → INIT_OP {int kind, str a, str b, int n, int m} [+ fd], in
 *	               the order of the plan; not answered one by one
 *	supervisor → INIT_END: do all of that
 *	init       → INIT_READY {str settings that this kernel does not have},
 *	             or INIT_FAILED {int code, str sentence}
 *	supervisor → INIT_WATCH {str program, int listen}: from now on under it
 *	init       → INIT_WATCHED {int number of the listener, or -errno}
 *	supervisor → INIT_EXEC {int id, int uid, int gid, str cwd, str argv,
 *	               str env, str rlimits, int mask} + descriptors
 *	               (argv, env: NUL-terminated strings; rlimits: pairs of
 *	               u64; mask: which of 0, 1, 2 come; the others: /dev/null)
 *	init       → INIT_STARTED {int id} + pidfd, or
 *	             INIT_EXEC_FAILED {int id, int errno}
 *	init       → INIT_EXITED {int id, int status, int user_us, int sys_us,
 *	               int maxrss_kb}
 *	init       → INIT_EMPTY: no process but init is left
 *	supervisor → INIT_KILL: kill all but init
 * End of file: init ends, and with it everything in its pid namespace.
 *
 * The operations come before the first foreign byte; from INIT_READY on, init
 * takes orders from nobody but this socket.
 */
#ifndef SANDBOX_INIT_H
#define SANDBOX_INIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct error;

#define INIT_FD 3

enum init_message {
	INIT_OP = 64,
	INIT_END,
	INIT_READY,
	INIT_FAILED,
	INIT_EXEC,
	INIT_STARTED,
	INIT_EXEC_FAILED,
	INIT_EXITED,
	INIT_EMPTY,
	INIT_KILL,
	INIT_WATCH,
	INIT_WATCHED,
};

/* Operations inside. The second half of the plan. */
enum init_op {
	INIT_OP_PRIVATE, /* no mount of ours is seen outside */
	INIT_OP_ROOT, /* fd: the overlay */
	INIT_OP_MOUNT, /* fd: a mount, put at a; m: MOUNT_ATTR_* added */
	INIT_OP_MASKS, /* fd: the folder of masks, put where the pivot takes it
			* away with the old root */
	INIT_OP_DEVPTS, /* new instance at a */
	INIT_OP_PROC, /* options b; the next three are about what is in it */
	INIT_OP_HIDE, /* what lies at b in the folder of masks covers a; a
		       * missing a is no error */
	INIT_OP_SETTING, /* writes b to the file a; where there is none,
			  * INIT_READY says so */
	INIT_OP_READONLY, /* a becomes read-only */
	INIT_OP_PLACE, /* all of that goes to a in the root */
	INIT_OP_PIVOT, /* into the root; the old one is gone */
	INIT_OP_HOSTNAME, /* a; domain b */
	INIT_OP_CGROUP_NS, /* its own cgroups become the root of what it sees */
	INIT_OP_RLIMIT, /* resource n, value m */
	INIT_OP_CAPABILITIES, /* keeps what starting commands takes; the
			       * commands have none; m, of tests: they keep
			       * the same */
	INIT_OP_NO_NEW_PRIVS,
	INIT_OP_LANDLOCK, /* fd: ruleset of commands; none where not there */
	INIT_OP_SECCOMP, /* b: struct sock_filter[], a second call: another;
			  * m: for the look from inside alone, since
			  * INIT_WATCH brings the same in another form */
	INIT_OP_VERIFY, /* a: uid_map; n, m: uid and gid of the probe; b:
			 * mount points, NUL-terminated */
	INIT_OP_UNREADABLE, /* no command reaches into init, whatever rights
			     * it has gained */
	INIT_OP__MAX
};

/* One operation as init has it. */
struct init_order {
	enum init_op kind;
	struct str a, b;
	int64_t n, m;
	int fd; /* owned; -1: none */
};

/* sandbox/inside.c: linked into init alone. */
struct inside {
	int landlock; /* ruleset that commands restrict themselves with; -1 */
	int root; /* folder where the new root lies until the pivot */
	bool drops; /* INIT_OP_CAPABILITIES: commands have none */
	struct str programs[2]; /* of the look from inside; p owned */
	char left_out[256]; /* settings, one per line */
};

int inside_apply(struct inside *in, const struct init_order *o,
    struct error *err);
/* 0, or a negative errno. With flags: what seccomp(2) gave. */
int inside_filter(struct str program, unsigned flags);
/* In a child of init: gives up everything, becomes uid and gid. Errors are
 * negative errnos. */
int inside_become(const struct inside *in, uint32_t uid, uint32_t gid);
/* sandbox/inside-verify.c: 0, or a sentence that says what is wrong. */
int inside_verify(const struct inside *in, const struct init_order *o,
    struct error *err);

#endif
