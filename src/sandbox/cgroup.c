/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups, both versions, side by side as on older distributions. */
#include "sandbox/cgroup.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"

#define CPU_PERIOD_US 100000
/* A killed process leaves its cgroup when its last page is given back. */
#define REMOVE_WAIT_MS 2000
#define FREEZE_WAIT_MS 1000

static const char *const names[CGROUP_CONTROLLER__MAX] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",
	[CGROUP_CPU] = "cpu",
	[CGROUP_FREEZER] = "freezer",
	[CGROUP_ACCOUNTING] = "cpuacct",
};

const char *
cgroup_controller_name(enum cgroup_controller c)
{
	assert(c < CGROUP_CONTROLLER__MAX);
	return names[c];
}

static int
read_text(const char *dir, const char *file, char *ret, size_t size)
{
	char path[CGROUP_PATH_BYTES * 2];
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static int
write_text(const char *dir, const char *file, const char *text)
{
	char path[CGROUP_PATH_BYTES * 2];
	_cleanup_(closep) int fd = -1;
	ssize_t n = (ssize_t)strlen(text);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, (size_t)n) == n ? 0 : -errno;
}

static int
write_int(const char *dir, const char *file, int64_t v)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, v);
	return write_text(dir, file, text);
}

/* The number after `key ` at the start of a line ("" for the first), or -1. */
static int64_t
number_of(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = text; p != NULL && *p != '\0';) {
		if (strncmp(p, key, n) == 0 && (n == 0 || p[n] == ' '))
			return strtoll(p + n, NULL, 10);
		p = strchr(p, '\n');
		p = p != NULL ? p + 1 : NULL;
	}
	return -1;
}

static int64_t
read_number(const char *dir, const char *file, const char *key)
{
	char text[4096];

	if (dir[0] == '\0' || read_text(dir, file, text, sizeof(text)) != 0)
		return -1;
	return number_of(text, key);
}

/* --- finding --- */

static bool
has_word(const char *list, const char *word, const char *separators)
{
	size_t n = strlen(word);

	for (const char *p = list; *p != '\0';) {
		size_t len = strcspn(p, separators);

		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
		p += strspn(p, separators);
	}
	return false;
}

/* A line of mountinfo: 31 23 0:28 / /mnt opts - type source superopts. */
static void
find_line(struct cgroup *g, char *line)
{
	char mount[CGROUP_PATH_BYTES], type[16], super[256];
	char *dash = strstr(line, " - cgroup");

	if (dash == NULL || sscanf(line, "%*s %*s %*s %*s %255s", mount) != 1 ||
	    sscanf(dash + 3, "%15s %*s %255s", type, super) != 2)
		return;
	/* As in containers that may not make any. */
	if (access(mount, W_OK) != 0 && errno == EROFS)
		return;
	if (strcmp(type, "cgroup2") == 0 && g->mount2[0] == '\0')
		(void)snprintf(g->mount2, sizeof(g->mount2), "%s", mount);
	if (strcmp(type, "cgroup") != 0)
		return;
	for (int c = 0; c < CGROUP_CONTROLLER__MAX; c++)
		if (g->mount1[c][0] == '\0' && has_word(super, names[c], ","))
			(void)snprintf(g->mount1[c], sizeof(g->mount1[c]), "%s",
			    mount);
}

static void
find_controllers(struct cgroup *g)
{
	char text[512];

	if (g->mount2[0] == '\0' ||
	    read_text(g->mount2, "cgroup.controllers", text, sizeof(text)) != 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	for (int c = 0; c < CGROUP_FREEZER; c++)
		g->has2[c] = has_word(text, names[c], " ");
}

int
cgroup_find(struct cgroup *ret, struct error *err)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;

	*ret = (struct cgroup){ .fd2 = -1 };
	if (f == NULL)
		return error_errno(err, "/proc/self/mountinfo");
	while (getline(&line, &size, f) > 0)
		find_line(ret, line);
	find_controllers(ret);
	return 0;
}

/* Is the folder ours: to make others in it, and to move processes there? */
static bool
is_ours(const char *path)
{
	static const char *const files[] = { "", "/cgroup.procs",
		"/cgroup.subtree_control" };
	char file[CGROUP_PATH_BYTES * 2];

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", path, files[i]);
		if (access(file, W_OK) != 0)
			return false;
	}
	return true;
}

/* One with processes of its own hands down no controllers. */
static bool
has_processes(const char *path)
{
	char text[8];

	return read_text(path, "cgroup.procs", text, sizeof(text)) != 0 ||
	    text[0] != '\0';
}

int
cgroup_find_own(struct cgroup *ret, struct error *err)
{
	char text[4096], own[CGROUP_PATH_BYTES], up[CGROUP_PATH_BYTES];
	char path[CGROUP_PATH_BYTES - 80];
	const char *at;
	int rc = cgroup_find(ret, err);

	if (rc != 0)
		return rc;
	memset(ret->mount1, 0, sizeof(ret->mount1));
	memset(ret->has2, 0, sizeof(ret->has2));
	memcpy(path, ret->mount2, sizeof(path));
	path[sizeof(path) - 1] = ret->mount2[0] = '\0';
	if (path[0] == '\0' ||
	    read_text("/proc/self", "cgroup", text, sizeof(text)) != 0)
		return 0;
	at = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	at = at != NULL ? strchr(at, '/') : NULL;
	if (at == NULL ||
	    (size_t)snprintf(own, sizeof(own), "%s%.*s", path,
		(int)strcspn(at, "\n"), at) >= sizeof(path))
		return 0;
	memcpy(up, own, sizeof(up));
	while (strlen(up) > strlen(path) && is_ours(up) && has_processes(up))
		*strrchr(up, '/') = '\0';
	if (is_ours(up) && !has_processes(up))
		memcpy(ret->mount2, up, sizeof(up));
	else if (is_ours(own))
		memcpy(ret->mount2, own, sizeof(own));
	find_controllers(ret);
	return 0;
}

int
cgroup_version(const struct cgroup *g, enum cgroup_controller c)
{
	if (g->mount2[0] != '\0' && (g->has2[c] || c >= CGROUP_FREEZER))
		return 2;
	return g->mount1[c][0] != '\0' ? 1 : 0;
}

/* --- making --- */

void
cgroup_path(const char *mount, const char *name, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s/" CGROUP_PREFIX "%s", mount, name);
}

static int
make_folder(const char *mount, const char *name, char *ret, struct error *err)
{
	char path[CGROUP_PATH_BYTES + 64];

	cgroup_path(mount, name, path, sizeof(path));
	if (strlen(path) >= CGROUP_PATH_BYTES)
		return error_set(err, -ENAMETOOLONG, "%s is too long", path);
	if (mkdir(path, 0755) != 0)
		return error_errno(err, "cannot make %s", path);
	memcpy(ret, path, strlen(path) + 1);
	return 0;
}

/* Controllers are handed down from above. One that is refused there is one
 * that we do not have. */
static void
enable2(struct cgroup *g)
{
	char word[32], text[512];

	for (int c = 0; c < CGROUP_FREEZER; c++) {
		if (!g->has2[c])
			continue;
		(void)snprintf(word, sizeof(word), "+%s", names[c]);
		(void)write_text(g->mount2, "cgroup.subtree_control", word);
	}
	if (read_text(g->path2, "cgroup.controllers", text, sizeof(text)) != 0)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	for (int c = 0; c < CGROUP_FREEZER; c++)
		g->has2[c] = has_word(text, names[c], " ");
}

static void
unmake(struct cgroup *g)
{
	if (g->path2[0] != '\0')
		(void)cgroup_remove_path(g->path2);
	for (int c = 0; c < CGROUP_CONTROLLER__MAX; c++)
		if (g->path1[c][0] != '\0')
			(void)cgroup_remove_path(g->path1[c]);
	g->path2[0] = '\0';
	memset(g->path1, 0, sizeof(g->path1));
	closep(&g->fd2);
}

static int
make2(struct cgroup *g, const char *name, struct error *err)
{
	struct stat st;
	int rc = make_folder(g->mount2, name, g->path2, err);

	if (rc != 0)
		return rc;
	enable2(g);
	g->fd2 = open(g->path2, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (g->fd2 < 0 || fstat(g->fd2, &st) != 0)
		return error_errno(err, "%s", g->path2);
	g->id2 = st.st_ino; /* kernfs: the id is the inode (64 bit) */
	return 0;
}

/* Two controllers may be mounted as one hierarchy (cpu,cpuacct). */
static int
make1(struct cgroup *g, int c, const char *name, struct error *err)
{
	for (int other = 0; other < c; other++)
		if (g->path1[other][0] != '\0' &&
		    strcmp(g->mount1[other], g->mount1[c]) == 0) {
			memcpy(g->path1[c], g->path1[other],
			    sizeof(g->path1[c]));
			return 0;
		}
	return make_folder(g->mount1[c], name, g->path1[c], err);
}

int
cgroup_make(struct cgroup *g, const char *name, struct error *err)
{
	int rc = 0;

	assert(g->path2[0] == '\0' && g->fd2 < 0);
	if (g->mount2[0] != '\0')
		rc = make2(g, name, err);
	for (int c = 0; c < CGROUP_CONTROLLER__MAX && rc == 0; c++)
		if (cgroup_version(g, (enum cgroup_controller)c) == 1)
			rc = make1(g, c, name, err);
	if (rc != 0)
		unmake(g);
	return rc;
}

static int
limit2(struct cgroup *g, const struct cgroup_limits *l)
{
	char text[64];
	int rc = 0;

	if (g->has2[CGROUP_MEMORY]) {
		rc = write_int(g->path2, "memory.max", l->memory_bytes);
		/* Without swap accounting the file is not there. */
		(void)write_int(g->path2, "memory.swap.max", 0);
		(void)write_int(g->path2, "memory.oom.group", 0);
	}
	if (rc == 0 && g->has2[CGROUP_PIDS])
		rc = write_int(g->path2, "pids.max", l->pids);
	(void)snprintf(text, sizeof(text), "%" PRId64 " %d",
	    l->cpu_percent * CPU_PERIOD_US / 100, CPU_PERIOD_US);
	if (rc == 0 && g->has2[CGROUP_CPU])
		rc = write_text(g->path2, "cpu.max", text);
	return rc;
}

static int
limit1(struct cgroup *g, const struct cgroup_limits *l)
{
	const char *memory = g->path1[CGROUP_MEMORY];
	const char *pids = g->path1[CGROUP_PIDS];
	const char *cpu = g->path1[CGROUP_CPU];
	int rc = 0;

	if (memory[0] != '\0') {
		rc =
		    write_int(memory, "memory.limit_in_bytes", l->memory_bytes);
		(void)write_int(memory, "memory.memsw.limit_in_bytes",
		    l->memory_bytes);
	}
	if (rc == 0 && pids[0] != '\0')
		rc = write_int(pids, "pids.max", l->pids);
	if (rc == 0 && cpu[0] != '\0') {
		(void)write_int(cpu, "cpu.cfs_period_us", CPU_PERIOD_US);
		rc = write_int(cpu, "cpu.cfs_quota_us",
		    l->cpu_percent * CPU_PERIOD_US / 100);
	}
	return rc;
}

int
cgroup_limit(struct cgroup *g, const struct cgroup_limits *l, struct error *err)
{
	int rc = g->path2[0] != '\0' ? limit2(g, l) : 0;

	if (rc == 0)
		rc = limit1(g, l);
	if (rc != 0)
		return error_set(err, rc, "cannot set limits in %s: %s",
		    g->path2[0] != '\0' ? g->path2 : "cgroups", strerror(-rc));
	return 0;
}

int
cgroup_open_doors(const struct cgroup *g, struct cgroup_doors *ret,
    struct error *err)
{
	char path[CGROUP_PATH_BYTES + 8];
	int fd;

	for (int c = 0; c < CGROUP_CONTROLLER__MAX; c++) {
		if (g->path1[c][0] == '\0')
			continue;
		(void)snprintf(path, sizeof(path), "%s/tasks", g->path1[c]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "%s", path);
		ret->fds[ret->n++] = fd;
	}
	return 0;
}

int
cgroup_go_in(const struct cgroup_doors *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (write(d->fds[i], "0", 1) != 1)
			return -errno;
	return 0;
}

void
cgroup_doors_done(struct cgroup_doors *d)
{
	for (size_t i = 0; i < d->n; i++)
		closep(&d->fds[i]);
	d->n = 0;
}

void
cgroup_done(struct cgroup *g)
{
	closep(&g->fd2);
}

/* --- using --- */

static bool
is_frozen(const struct cgroup *g, bool v2)
{
	char state[32];

	if (v2)
		return read_number(g->path2, "cgroup.events", "frozen") == 1;
	return read_text(g->path1[CGROUP_FREEZER], "freezer.state", state,
		   sizeof(state)) == 0 &&
	    strncmp(state, "FROZEN", 6) == 0;
}

int
cgroup_freeze(const struct cgroup *g, bool on, struct error *err)
{
	bool v2 = g->path2[0] != '\0';
	int rc;

	if (!v2 && g->path1[CGROUP_FREEZER][0] == '\0')
		return error_set(err, -EOPNOTSUPP,
		    "no cgroup here can freeze processes");
	rc = v2 ? write_int(g->path2, "cgroup.freeze", on) :
		  write_text(g->path1[CGROUP_FREEZER], "freezer.state",
		      on ? "FROZEN" : "THAWED");
	if (rc != 0)
		return error_set(err, rc, "cannot freeze: %s", strerror(-rc));
	for (int ms = 0; ms < FREEZE_WAIT_MS && is_frozen(g, v2) != on; ms++)
		(void)poll(NULL, 0, 1);
	if (is_frozen(g, v2) != on)
		return error_set(err, -ETIMEDOUT, "processes do not freeze");
	return 0;
}

static void
usage1(const struct cgroup *g, struct cgroup_usage *u)
{
	const char *memory = g->path1[CGROUP_MEMORY];
	const char *pids = g->path1[CGROUP_PIDS];

	if (u->cpu_ns < 0)
		u->cpu_ns = read_number(g->path1[CGROUP_ACCOUNTING],
		    "cpuacct.usage", "");
	if (memory[0] != '\0') {
		u->memory_bytes =
		    read_number(memory, "memory.usage_in_bytes", "");
		u->memory_peak_bytes =
		    read_number(memory, "memory.max_usage_in_bytes", "");
		u->oom_kills =
		    read_number(memory, "memory.oom_control", "oom_kill");
	}
	if (pids[0] != '\0') {
		u->pids = read_number(pids, "pids.current", "");
		u->pids_refused = read_number(pids, "pids.events", "max");
	}
}

void
cgroup_usage(const struct cgroup *g, struct cgroup_usage *ret)
{
	struct cgroup_usage u = { -1, -1, -1, -1, -1, -1 };

	if (g->path2[0] != '\0') {
		u.cpu_ns = read_number(g->path2, "cpu.stat", "usage_usec");
		u.cpu_ns = u.cpu_ns >= 0 ? u.cpu_ns * 1000 : -1;
	}
	if (g->path2[0] != '\0' && g->has2[CGROUP_MEMORY]) {
		u.memory_bytes = read_number(g->path2, "memory.current", "");
		u.memory_peak_bytes = read_number(g->path2, "memory.peak", "");
		u.oom_kills =
		    read_number(g->path2, "memory.events", "oom_kill");
	}
	if (g->path2[0] != '\0' && g->has2[CGROUP_PIDS]) {
		u.pids = read_number(g->path2, "pids.current", "");
		u.pids_refused = read_number(g->path2, "pids.events", "max");
	}
	usage1(g, &u);
	*ret = u;
}

/* --- ending --- */

/* One round over cgroup.procs; the number of processes seen. */
static int
kill_listed(const char *path)
{
	char file[CGROUP_PATH_BYTES + 32];
	_cleanup_(fclosep) FILE *f = NULL;
	int n = 0, pid;

	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	f = fopen(file, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1) {
		if (pid > 1 && kill(pid, SIGKILL) == 0)
			n++;
	}
	return n;
}

void
cgroup_kill_path(const char *path)
{
	/* Version 2 kills at once and against forks (5.14). */
	(void)write_text(path, "cgroup.freeze", "0");
	if (write_text(path, "cgroup.kill", "1") == 0)
		return;
	/* Elsewhere a fork bomb is faster than we are: hold it first. A killed
	 * process that is frozen dies when thawed. */
	(void)write_text(path, "freezer.state", "FROZEN");
	(void)kill_listed(path);
	(void)write_text(path, "freezer.state", "THAWED");
	for (int round = 0; round < 100 && kill_listed(path) != 0; round++)
		(void)poll(NULL, 0, 5);
}

bool
cgroup_remove_path(const char *path)
{
	bool gone = false;

	for (int ms = 0; ms < REMOVE_WAIT_MS && !gone; ms++) {
		gone = rmdir(path) == 0 || errno == ENOENT;
		if (!gone)
			(void)poll(NULL, 0, 1);
	}
	return gone;
}
