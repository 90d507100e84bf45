/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of sandbox/ share: the plan as a list, the running sandbox. */
#ifndef SANDBOX_SANDBOX_PRIV_H
#define SANDBOX_SANDBOX_PRIV_H

#include <limits.h>

#include "base/buf.h"
#include "base/vec.h"
#include "sandbox/cgroup.h"
#include "sandbox/filter.h"
#include "sandbox/init.h"
#include "sandbox/mounts.h"
#include "sandbox/net.h"
#include "sandbox/rundir.h"
#include "sandbox/sandbox.h"
#include "sys/message.h"
#include "sys/spawn.h"

struct arena;

/* Operations of the supervisor. The first half of the plan. */
enum op_kind {
	OP_ROOTLESS, /* we are where rootless_enter() goes */
	OP_RUN_FOLDER,
	OP_WARDEN,
	OP_CGROUP, /* made; limited when init has its orders */
	OP_NETWORK,
	OP_CLOCK, /* n: uptime to show, seconds */
	OP_NAMESPACES, /* init is born */
	OP_LAYER, /* n: index in spec.layers */
	OP_PUT_LAYER,
	OP_PUT, /* n: index in plan.files */
	OP_UPPER, /* n: bytes, m: inodes */
	OP_OVERLAY,
	OP_DEVICES,
	OP_SHM, /* n: bytes, m: inodes */
	OP_MASKS,
	OP_MASK, /* a: name, b: content */
	OP_FILTER,
	OP_INSIDE, /* inside: what init does */
	OP__MAX
};

/* Which mount INIT_OP_MOUNT attaches (op.n). */
enum op_mount {
	OP_MOUNT_DEV,
	OP_MOUNT_SHM,
	OP_MOUNT_NODE /* and up: of the host's /dev, mounts_node() */
};

struct op {
	enum op_kind kind;
	enum init_op inside;
	const char *a, *b; /* of the arena; NULL: none */
	size_t b_size; /* bytes at b, when it is a list */
	int64_t n, m;
	const char *text; /* for people */
};

#define SANDBOX_PLAN_MAGIC 0x706c616eu
#define SANDBOX_MAGIC      0x73616e64u

struct sandbox_plan {
	unsigned magic;
	struct arena *arena; /* owns every string */
	const struct sandbox_spec *spec; /* borrowed */
	struct sandbox_limits limits; /* without zeroes */
	struct sandbox_network_info network;
	const char *hostname, *user, *home, *machine_id, *boot_id;
	uint32_t uid, gid;
	int64_t uptime_s;
	VEC(struct sandbox_file) files; /* of the spec, and ours */
	VEC(struct op) ops;
};

const char *op_name(const struct op *op);
/* Is the safeguard NAME, or NAME:about, left out for a test? */
bool sandbox_omits(const struct sandbox_spec *spec, const char *name,
    const char *about);

/* identity.c: draws what the spec leaves open; adds /etc/passwd and its kin. */
int identity_draw(struct sandbox_plan *p, struct error *err);
int identity_files(struct sandbox_plan *p, struct error *err);

struct sandbox {
	unsigned magic;
	struct sandbox_limits limits;
	uint32_t uid, gid;
	char home[PATH_MAX];
	bool has_network;
	struct sandbox_network_info network;

	struct rundir run;
	struct cgroup cgroup;
	struct net net;
	struct mounts mounts;
	struct child init, warden;
	ino_t pid_ns; /* of init */
	struct channel control; /* to init */
	struct channel warden_control;
	int warden_go; /* owned; -1: it has begun, or there is none */
	bool guarded; /* the warden has said that it is ready */
	struct buf filters[FILTER_PROGRAMS];
	struct str watch_program; /* borrowed; p NULL: none */
	uint32_t watch_action;
	char described[512];

	/* command.c */
	int epoll, timer; /* owned */
	int64_t last_id;
	int n_pending; /* commands that init has not yet answered */
	bool ready; /* init has verified itself */
	bool empty, dead, stopped; /* dead: SANDBOX_DIED was given */
	bool frozen;
	bool looked; /* at usage and limits, since it became empty */
	struct sandbox_usage last; /* when it stopped, or was looked at */
	enum sandbox_limit hit; /* first since the last reset */
	bool hit_given; /* as an event */
	int64_t oom_seen, pids_seen; /* counters at the last reset */
	int64_t cpu_reset_ns;
	int64_t memory_peak_seen; /* where nobody counts */
};

/* limits.c: those that control groups keep, before the first command. */
int limits_set(struct sandbox *s, struct error *err);
/* Looks at all of them; kills what went over those that the kernel
 * does not keep. */
void limits_look(struct sandbox *s);

/* start.c: the first thing that init says, READY or FAILED. */
int start_answered(struct sandbox *s, struct message *m, struct error *err);

/* command.c */
int command_begin(struct sandbox *s, struct error *err);

#endif
