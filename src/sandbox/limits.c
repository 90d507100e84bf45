/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sandbox uses, and which limit it hit. The kernel keeps the limits
 * where it has cgroups; where it has none, we count and kill. Runs in
 * supervisors.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/sandbox_priv.h"
#include "sys/clock.h"

static const char *const words[SANDBOX_LIMIT__MAX] = {
	[SANDBOX_LIMIT_NONE] = "none",
	[SANDBOX_LIMIT_MEMORY] = "memory",
	[SANDBOX_LIMIT_PIDS] = "processes",
	[SANDBOX_LIMIT_CPU] = "processor time",
	[SANDBOX_LIMIT_DISK] = "disk",
};

const char *
sandbox_limit_word(enum sandbox_limit l)
{
	assert(l < SANDBOX_LIMIT__MAX);
	return words[l];
}

/* --- counting by hand --- */

struct census {
	int64_t threads, resident_bytes, cpu_ns;
};

/* Fields of /proc/PID/stat after the name, which may hold anything. */
static void
count_one(int proc, const char *pid, struct census *c)
{
	char path[300], text[1024], *p;
	_cleanup_(closep) int fd = -1;
	long long user = 0, sys = 0, threads = 0, resident = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/stat", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p == NULL ||
	    sscanf(p + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %*d "
		"%*d %*d %*d %lld %*d %*u %*u %lld",
		&user, &sys, &threads, &resident) != 4)
		return;
	c->threads += threads;
	c->resident_bytes += resident * sysconf(_SC_PAGESIZE);
	c->cpu_ns += (user + sys) * (NS_PER_SEC / sysconf(_SC_CLK_TCK));
}

/* Its user ids are nobody else's: every process that has one is in it. Without
 * root they are, and ids of the host all look alike; only whoever runs in
 * sandboxes of this caller shows which pid namespace it is in. */
static bool
is_in(const struct sandbox *s, int proc, const char *pid)
{
	char path[300];
	struct stat st;

	if (!s->mounts.rootless)
		return fstatat(proc, pid, &st, 0) == 0 &&
		    st.st_uid - rundir_uid_base(&s->run) < RUNDIR_UID_COUNT;
	(void)snprintf(path, sizeof(path), "%s/ns/pid", pid);
	return fstatat(proc, path, &st, 0) == 0 && st.st_ino == s->pid_ns;
}

static void
count(const struct sandbox *s, struct census *c)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;

	*c = (struct census){ 0 };
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] > '0' && e->d_name[0] <= '9' &&
		    is_in(s, dirfd(d), e->d_name))
			count_one(dirfd(d), e->d_name, c);
	if (d != NULL)
		(void)closedir(d);
}

static int64_t
used_bytes(int fd, int64_t *ret_inodes)
{
	struct statvfs v;

	if (fd < 0 || fstatvfs(fd, &v) != 0)
		return 0;
	*ret_inodes += (int64_t)(v.f_files - v.f_ffree);
	return (int64_t)((v.f_blocks - v.f_bfree) * v.f_frsize);
}

/* --- usage --- */

static bool
counts_itself(const struct sandbox *s)
{
	return cgroup_version(&s->cgroup, CGROUP_MEMORY) != 0;
}

static void
usage_by_hand(struct sandbox *s, struct sandbox_usage *u)
{
	struct census c;
	int64_t inodes = 0;

	count(s, &c);
	if (u->pids < 0)
		u->pids = c.threads;
	/* Of what runs: what ended is not counted. */
	if (u->cpu_ns < 0)
		u->cpu_ns = c.cpu_ns;
	if (counts_itself(s))
		return;
	u->memory_bytes =
	    c.resident_bytes + used_bytes(s->mounts.upper_mount, &inodes);
	s->memory_peak_seen = MAX_OF(s->memory_peak_seen, u->memory_bytes);
	u->memory_peak_bytes = s->memory_peak_seen;
}

static void
usage_of(struct sandbox *s, const struct cgroup_usage *c,
    struct sandbox_usage *ret)
{
	struct sandbox_usage u = { 0 };

	u.cpu_ns = c->cpu_ns;
	u.memory_bytes = c->memory_bytes;
	u.memory_peak_bytes = c->memory_peak_bytes;
	u.pids = c->pids;
	if (!counts_itself(s) || u.cpu_ns < 0 || u.pids < 0)
		usage_by_hand(s, &u);
	u.disk_bytes = used_bytes(s->mounts.upper_mount, &u.disk_inodes);
	*ret = u;
}

void
sandbox_usage(struct sandbox *s, struct sandbox_usage *ret)
{
	struct cgroup_usage c;

	assert(s->magic == SANDBOX_MAGIC);
	if (!s->stopped && !s->looked) {
		cgroup_usage(&s->cgroup, &c);
		usage_of(s, &c, &s->last);
	}
	*ret = s->last;
}

/* --- limits --- */

static bool
is_full(int fd)
{
	struct statvfs v;

	return fd >= 0 && fstatvfs(fd, &v) == 0 &&
	    (v.f_bavail == 0 || v.f_ffree == 0);
}

static void
hit(struct sandbox *s, enum sandbox_limit l)
{
	if (s->hit == SANDBOX_LIMIT_NONE)
		s->hit = l;
}

/* What nobody but us keeps ends here. */
static void
hit_and_kill(struct sandbox *s, enum sandbox_limit l)
{
	struct error ignored;

	hit(s, l);
	(void)sandbox_kill_all(s, &ignored);
}

int
limits_set(struct sandbox *s, struct error *err)
{
	struct cgroup_limits l = { s->limits.memory_bytes, s->limits.pids,
		s->limits.cpu_percent };

	return cgroup_limit(&s->cgroup, &l, err);
}

void
limits_look(struct sandbox *s)
{
	struct cgroup_usage c;
	struct sandbox_usage u;

	/* Nothing changes any more once nothing runs. */
	if (s->stopped || s->looked)
		return;
	s->looked = s->empty;
	cgroup_usage(&s->cgroup, &c);
	if (c.oom_kills > s->oom_seen)
		hit(s, SANDBOX_LIMIT_MEMORY);
	if (c.pids_refused > s->pids_seen)
		hit(s, SANDBOX_LIMIT_PIDS);
	if (is_full(s->mounts.upper_mount) || is_full(s->mounts.shm))
		hit(s, SANDBOX_LIMIT_DISK);
	if (s->looked)
		usage_of(s, &c, &s->last);
	if (s->limits.cpu_ms == 0 && counts_itself(s) && c.pids >= 0)
		return;
	usage_of(s, &c, &u);
	if (!counts_itself(s) && u.memory_bytes > s->limits.memory_bytes)
		hit_and_kill(s, SANDBOX_LIMIT_MEMORY);
	/* RLIMIT_NPROC does not count init, and refuses without telling us:
	 * full, or full but for the one that was refused and gave up, is what
	 * can be seen of it. */
	if (c.pids < 0 && u.pids >= s->limits.pids)
		hit(s, SANDBOX_LIMIT_PIDS);
	if (s->limits.cpu_ms != 0 &&
	    u.cpu_ns - s->cpu_reset_ns > s->limits.cpu_ms * NS_PER_MS)
		hit_and_kill(s, SANDBOX_LIMIT_CPU);
}

enum sandbox_limit
sandbox_limit_hit(struct sandbox *s)
{
	assert(s->magic == SANDBOX_MAGIC);
	if (s->hit == SANDBOX_LIMIT_NONE)
		limits_look(s);
	return s->hit;
}

void
sandbox_limit_reset(struct sandbox *s)
{
	struct cgroup_usage c;
	struct sandbox_usage u;

	cgroup_usage(&s->cgroup, &c);
	usage_of(s, &c, &u);
	s->oom_seen = MAX_OF(c.oom_kills, 0);
	s->pids_seen = MAX_OF(c.pids_refused, 0);
	s->cpu_reset_ns = MAX_OF(u.cpu_ns, 0);
	s->hit = SANDBOX_LIMIT_NONE;
	s->hit_given = s->looked = false;
}
