/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control groups of one sandbox: a folder lazaret-NAME in every hierarchy
 * that is mounted and useful. cgroup2 identifies, kills and freezes; limits
 * come from its controllers or from those of version 1, whichever exist.
 * Runs in supervisors; the warden kills and removes.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum cgroup_controller {
	CGROUP_MEMORY,
	CGROUP_PIDS,
	CGROUP_CPU,
	CGROUP_FREEZER, /* version 1 alone; in version 2 built in */
	CGROUP_ACCOUNTING, /* cpuacct of version 1; in version 2 built in */
	CGROUP_CONTROLLER__MAX
};

/* Of the names of our folders. They lie side by side: one more above them, to
 * be made and removed in each hierarchy, takes as long as they do. */
#define CGROUP_PREFIX     "lazaret-"
#define CGROUP_PATH_BYTES 256

struct cgroup {
	/* Where hierarchies are mounted; "": none. */
	char mount2[CGROUP_PATH_BYTES];
	char mount1[CGROUP_CONTROLLER__MAX][CGROUP_PATH_BYTES];
	/* Our folders, once made. */
	char path2[CGROUP_PATH_BYTES];
	char path1[CGROUP_CONTROLLER__MAX][CGROUP_PATH_BYTES];
	bool has2[CGROUP_CONTROLLER__MAX]; /* controller works in version 2 */
	uint64_t id2;
	int fd2; /* of path2, owned; -1 */
};

struct cgroup_limits {
	int64_t memory_bytes, pids, cpu_percent;
};

const char *cgroup_controller_name(enum cgroup_controller c);
/* What is mounted here. Nothing is an answer too. */
int cgroup_find(struct cgroup *ret, struct error *err);
/* Without root: of version 2, and below the caller's own cgroup or one above
 * it, as far as they were handed over to the caller; otherwise nothing. */
int cgroup_find_own(struct cgroup *ret, struct error *err);
/* 0, 2 or 1: the version that limits c. */
int cgroup_version(const struct cgroup *g, enum cgroup_controller c);
/* Where in that hierarchy the folder of this name will be. */
void cgroup_path(const char *mount, const char *name, char *ret, size_t size);
/* -EEXIST: the name is taken. Nothing is left when it fails. */
int cgroup_make(struct cgroup *g, const char *name, struct error *err);
int cgroup_limit(struct cgroup *g, const struct cgroup_limits *l,
    struct error *err);
/* Into the folders of version 1 (version 2: CLONE_INTO_CGROUP), in two steps:
 * descriptors here, and the new process itself writes "0" to each. Moving
 * another process takes a lock of all cgroups, which costs 10 ms; oneself,
 * nothing. */
struct cgroup_doors {
	int fds[CGROUP_CONTROLLER__MAX]; /* owned */
	size_t n;
};
int cgroup_open_doors(const struct cgroup *g, struct cgroup_doors *ret,
    struct error *err);
int cgroup_go_in(const struct cgroup_doors *d); /* system calls only */
void cgroup_doors_done(struct cgroup_doors *d);
/* Waits until it is so, at most a second. -EOPNOTSUPP: neither kind. */
int cgroup_freeze(const struct cgroup *g, bool on, struct error *err);
void cgroup_done(struct cgroup *g); /* closes; removes nothing */

struct cgroup_usage { /* -1: not known */
	int64_t cpu_ns, memory_bytes, memory_peak_bytes, pids;
	int64_t oom_kills, pids_refused;
};
void cgroup_usage(const struct cgroup *g, struct cgroup_usage *ret);

/* For the warden too, which has paths only. */
void cgroup_kill_path(const char *path); /* all in it; any version */
/* Waits for the kernel to let go, at most two seconds. True: it is gone. */
bool cgroup_remove_path(const char *path);

#endif
