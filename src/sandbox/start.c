/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies a plan: one function per operation of the host, then the list for
 * init, then its answer. Runs in supervisors; for moments it is in the network
 * namespace of the sandbox and gives its children another clock.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/safeguard.h"
#include "sandbox/early.h"
#include "sandbox/landlock.h"
#include "sandbox/put.h"
#include "sandbox/sandbox_priv.h"
#include "sandbox/shift.h"
#include "sandbox/warden.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/rootless.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* While a plan is applied. */
struct work {
	struct sandbox *s;
	const struct sandbox_plan *p;
	int64_t uptime_s; /* 0: the clock of the host */
	struct put_folder put; /* of the file before */
};

typedef int (*op_apply)(struct work *w, const struct op *op, struct error *err);

/* --- surroundings --- */

static int
apply_rootless(struct work *w, const struct op *op, struct error *err)
{
	(void)w;
	(void)op;
	return rootless_is() ?
	    0 :
	    error_set(err, -EPERM, "the caller has no namespace of its own");
}

static int
apply_run_folder(struct work *w, const struct op *op, struct error *err)
{
	int rc = rundir_make(w->p->spec->state, &w->s->run, err);

	(void)op;
	if (w->p->spec->rootless)
		w->s->run.uid_base = ROOTLESS_FIRST;
	return rc;
}

static int
apply_warden(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return warden_start(&w->s->run, &w->s->net, &w->s->warden,
	    &w->s->warden_control, &w->s->warden_go, err);
}

static int
note_cgroups(struct work *w, const char *name, struct error *err)
{
	char lines[(CGROUP_CONTROLLER__MAX + 1) * (CGROUP_PATH_BYTES + 80)];
	const struct cgroup *g = &w->s->cgroup;
	size_t n = 0;

	lines[0] = '\0';
	for (int c = -1; c < CGROUP_CONTROLLER__MAX; c++) {
		const char *mount = c < 0 ? g->mount2 : g->mount1[c];

		if (mount[0] == '\0' ||
		    (c >= 0 &&
			cgroup_version(g, (enum cgroup_controller)c) != 1))
			continue;
		cgroup_path(mount, name, lines + n, sizeof(lines) - n - 1);
		n += strlen(lines + n);
		lines[n++] = '\n';
		lines[n] = '\0';
	}
	return rundir_note(&w->s->run, lines, err);
}

/* The name has a random part: what is noted for removal is ours alone. */
static int
apply_cgroup(struct work *w, const struct op *op, struct error *err)
{
	struct cgroup *g = &w->s->cgroup;
	char name[64];
	int rc;

	(void)op;
	if (w->p->spec->test_no_cgroup)
		return 0;
	rc = w->p->spec->rootless ? cgroup_find_own(g, err) :
				    cgroup_find(g, err);
	(void)snprintf(name, sizeof(name), "%s-%" PRIx64, w->s->run.name,
	    (uint64_t)clock_ns());
	if (rc == 0)
		rc = note_cgroups(w, name, err);
	return rc == 0 ? cgroup_make(g, name, err) : rc;
}

static const struct sandbox_network_info *
network_info(const struct sandbox *s)
{
	return s->has_network ? &s->network : NULL;
}

/* First of all, and waited for when there is somebody to go in. */
static int
apply_network(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	if (early_take(w->p->spec->early, &w->s->net))
		return 0;
	return net_begin(&w->s->net, network_info(w->s), err);
}

static int
apply_clock(struct work *w, const struct op *op, struct error *err)
{
	(void)err;
	w->uptime_s = op->n;
	return 0;
}

static int
apply_filter(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return filter_make(w->p->spec, w->s->filters, err);
}

/* --- init --- */

/* Children get clocks that say when this machine "started"; the kernel takes
 * offsets only while the namespace is empty. */
static int
set_clock(int64_t uptime_s, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct timespec now;
	char text[80];
	int64_t offset;

	if (unshare(CLONE_NEWTIME) != 0)
		return errno == EINVAL ? 0 : error_errno(err, "time namespace");
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	offset = uptime_s - now.tv_sec;
	(void)snprintf(text, sizeof(text),
	    "monotonic %" PRId64 " 0\nboottime %" PRId64 " 0\n", offset,
	    offset);
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "/proc/self/timens_offsets");
	if (fd_write_all(fd, text, strlen(text), err) != 0)
		return error_wrap(err, "time namespace");
	return 0;
}

/* The child between clone3 and exec: system calls only. It waits for its ids,
 * becomes root of its namespace, and gives up every descriptor but one: first
 * the supervisor's end, which says whether that lives, warden or not. */
static void __attribute__((noreturn))
become_init(const struct cgroup_doors *doors, int exe, int control, int other)
{
	static const char *const argv[] = { "init", NULL };
	static const char *const env[] = { NULL };
	char go;
	int null = open("/dev/null", O_RDWR);

	/* Real-time processes do not enter cgroups; packages are none. */
	(void)sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	if (SAFEGUARD(orphan))
		(void)close(other);
	if (cgroup_go_in(doors) != 0)
		_exit(8);
	if (read(control, &go, 1) != 1 || null < 0)
		_exit(4);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	if (setgroups(0, NULL) != 0 || setresgid(0, 0, 0) != 0 ||
	    setresuid(0, 0, 0) != 0 || setsid() < 0)
		_exit(5);
	if (fd_arrange((const int[]){ control, exe }, 2) != 0)
		_exit(6);
	(void)fcntl(INIT_FD + 1, F_SETFD, FD_CLOEXEC);
	(void)syscall(SYS_execveat, INIT_FD + 1, "", argv, env, AT_EMPTY_PATH);
	_exit(7);
}

static int
clone_init(struct work *w, int exe, int control, uint64_t flags,
    struct error *err)
{
	_cleanup_(cgroup_doors_done) struct cgroup_doors doors = { .n = 0 };
	struct sandbox *s = w->s;
	int pidfd = -1;
	struct clone_args a = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
		    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | flags,
		.pidfd = (uintptr_t)&pidfd,
		/* A brother takes the signal of the one that clones it. */
		.exit_signal = flags == CLONE_PARENT ? 0 : (unsigned)SIGCHLD,
	};
	long pid;
	int rc = cgroup_open_doors(&s->cgroup, &doors, err);

	if (rc != 0)
		return rc;
	if (sandbox_omits(w->p->spec, "ipc", NULL))
		a.flags &= ~(uint64_t)CLONE_NEWIPC;
	if (s->cgroup.fd2 >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (unsigned)s->cgroup.fd2;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0)
		become_init(&doors, exe, control, s->control.fd);
	if (pid < 0)
		return error_errno(err, "cannot make namespaces (clone3)");
	s->init = (struct child){ (pid_t)pid, pidfd };
	return 0;
}

/* Without root there is no way back into the namespaces of the host: a child
 * goes, and what it clones is a child of ours all the same. */
static void __attribute__((noreturn))
clone_and_end(struct work *w, int exe, int control, int answer)
{
	struct error err = ERROR_INIT;
	int64_t said[2] = { 0, 0 }; /* pid, or an error */
	int rc = 0;

	if (w->uptime_s != 0)
		rc = set_clock(w->uptime_s, &err);
	if (rc == 0 && w->s->net.inside >= 0)
		rc = net_enter(&w->s->net, &err);
	else if (rc == 0 && !sandbox_omits(w->p->spec, "network", NULL))
		rc = error_set(&err, -EINVAL, "no network namespace");
	if (rc == 0)
		rc = clone_init(w, exe, control, CLONE_PARENT, &err);
	said[0] = w->s->init.pid;
	said[1] = rc;
	if (write(answer, said, sizeof(said)) < 0 ||
	    write(answer, err.msg, strlen(err.msg)) < 0)
		_exit(1);
	_exit(0);
}

static int
clone_by_child(struct work *w, int exe, int control, struct error *err)
{
	_cleanup_(closep) int answer = -1;
	char said[sizeof(err->msg)] = "";
	int64_t result[2];
	int fds[2], pidfd;
	pid_t child;
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	answer = fds[0];
	child = fork();
	if (child == 0)
		clone_and_end(w, exe, control, fds[1]);
	(void)close(fds[1]);
	if (child < 0)
		return error_errno(err, "fork");
	n = read(answer, result, sizeof(result));
	if (n == (ssize_t)sizeof(result) && result[1] != 0 &&
	    read(answer, said, sizeof(said) - 1) < 0)
		said[0] = '\0';
	(void)waitpid(child, NULL, 0);
	if (n != (ssize_t)sizeof(result))
		return error_set(err, -EIO, "the process that clones died");
	if (result[1] != 0)
		return error_set(err, (int)result[1], "%s", said);
	/* Ours, and not waited for: the number is still its own. */
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)result[0], 0);
	w->s->init = (struct child){ (pid_t)result[0], pidfd };
	return pidfd >= 0 ? 0 : error_errno(err, "pidfd_open");
}

/* In the network of the sandbox and with its clock, for one clone. */
static int
clone_elsewhere(struct work *w, int exe, int control, struct error *err)
{
	_cleanup_(closep) int clock = -1;
	int rc = 0;

	if (w->uptime_s != 0) {
		clock = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
		/* Without CONFIG_TIME_NS there is nothing to change. */
		rc = clock >= 0 ? set_clock(w->uptime_s, err) : 0;
	}
	if (rc == 0 && w->s->net.inside >= 0) {
		rc = net_enter(&w->s->net, err);
		if (rc == 0) {
			rc = clone_init(w, exe, control, 0, err);
			net_leave(&w->s->net);
		}
	} else if (rc == 0 && sandbox_omits(w->p->spec, "network", NULL)) {
		rc = clone_init(w, exe, control, 0, err);
	} else if (rc == 0) {
		rc = error_set(err, -EINVAL, "sandbox: no network namespace");
	}
	if (clock >= 0 && setns(clock, CLONE_NEWTIME) != 0)
		fatal("cannot return to the clock of the host");
	return rc;
}

static int
write_map(pid_t pid, const char *file, uint32_t base, struct error *err)
{
	char path[64], text[64];
	_cleanup_(closep) int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	n = snprintf(text, sizeof(text), "0 %u %u\n", base, RUNDIR_UID_COUNT);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	/* One write: the kernel takes no second. */
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return error_errno(err, "%s", path);
	return 0;
}

static int
give_ids(struct sandbox *s, struct error *err)
{
	uint32_t base = rundir_uid_base(&s->run);
	struct stat st;
	char path[64];
	int rc = write_map(s->init.pid, "gid_map", base, err);

	if (rc == 0)
		rc = write_map(s->init.pid, "uid_map", base, err);
	if (rc != 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user",
	    (int)s->init.pid);
	s->mounts.userns = open(path, O_RDONLY | O_CLOEXEC);
	s->mounts.uid_base = base;
	if (s->mounts.userns < 0)
		return error_errno(err, "%s", path);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)s->init.pid);
	if (stat(path, &st) != 0)
		return error_errno(err, "%s", path);
	s->pid_ns = st.st_ino;
	return 0;
}

static int
open_init(int *ret, struct error *err)
{
	char path[PATH_MAX];
	int rc = spawn_libexec_path("init", path, sizeof(path), err);

	if (rc != 0)
		return rc;
	*ret = open(path, O_PATH | O_CLOEXEC);
	return *ret >= 0 ? 0 : error_errno(err, "%s", path);
}

static int
apply_namespaces(struct work *w, const struct op *op, struct error *err)
{
	struct sandbox *s = w->s;
	_cleanup_(closep) int exe = -1;
	_cleanup_(closep) int theirs = -1;
	int pair[2], rc = open_init(&exe, err);

	(void)op;
	if (rc == 0 && s->net.answer >= 0)
		rc = net_wait(&s->net, network_info(s), err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	theirs = pair[1];
	channel_init(&s->control, pair[0]);
	rc = w->p->spec->rootless ? clone_by_child(w, exe, theirs, err) :
				    clone_elsewhere(w, exe, theirs, err);
	if (rc == 0)
		rc = give_ids(s, err);
	if (rc == 0)
		rc = warden_watch(&s->warden_control, s->init.pidfd, err);
	/* Ids and cgroups are there: go on to exec. */
	if (rc == 0)
		rc = fd_write_all(s->control.fd, "g", 1, err);
	return rc;
}

/* --- files --- */

static int
apply_layer(struct work *w, const struct op *op, struct error *err)
{
	const struct sandbox_layer *l = &w->p->spec->layers[op->n];
	struct sandbox *s = w->s;
	const struct shift how = { w->p->spec->state, s->run.name,
		rundir_uid_base(&s->run), w->p->spec->progress };
	_cleanup_(closep) int copy = -1;
	int rc = mounts_layer(&s->mounts, l, err);

	if (rc <= 0)
		return rc;
	rc = shift_layer(&how, s->mounts.layers[s->mounts.n_layers - 1],
	    l->fd >= 0 ? "the layer" : l->path, &s->mounts.copies_lock, &copy,
	    err);
	return rc == 0 ? mounts_layer_copy(&s->mounts, copy, err) : rc;
}

static int
apply_put_layer(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return mounts_tmpfs(&w->s->mounts, "2g", "100k", 0755,
	    MOUNT_ATTR_NOSUID, &w->s->mounts.put, err);
}

static int
apply_put(struct work *w, const struct op *op, struct error *err)
{
	struct put_home home = { w->p->home, w->p->uid, w->p->gid };

	return put_file(&w->s->mounts, &home, &w->put, &w->p->files.v[op->n],
	    err);
}

static int
apply_upper(struct work *w, const struct op *op, struct error *err)
{
	return mounts_upper(&w->s->mounts, op->n, op->m, err);
}

static int
apply_overlay(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return mounts_overlay(&w->s->mounts, w->p->spec->test_by_path, err);
}

static int
apply_devices(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return mounts_dev(&w->s->mounts, err);
}

static int
apply_shm(struct work *w, const struct op *op, struct error *err)
{
	char size[32], inodes[32];

	(void)snprintf(size, sizeof(size), "%" PRId64, op->n);
	(void)snprintf(inodes, sizeof(inodes), "%" PRId64, op->m);
	return mounts_tmpfs(&w->s->mounts, size, inodes, 01777,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &w->s->mounts.shm, err);
}

static int
apply_masks(struct work *w, const struct op *op, struct error *err)
{
	(void)op;
	return mounts_tmpfs(&w->s->mounts, "256k", "64", 0755,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &w->s->mounts.hide, err);
}

static int
apply_mask(struct work *w, const struct op *op, struct error *err)
{
	const struct mounts *m = &w->s->mounts;

	if (op->b == NULL)
		return mounts_folder(m, m->hide, op->a, 0555, err);
	return mounts_file(m, m->hide, op->a, op->b, 0444, err);
}

/* --- orders for init --- */

static int
mount_of(const struct sandbox *s, const struct op *op)
{
	if (op->inside == INIT_OP_ROOT)
		return s->mounts.root;
	if (op->inside == INIT_OP_MASKS)
		return s->mounts.hide;
	if (op->inside != INIT_OP_MOUNT)
		return -1;
	if (op->n >= OP_MOUNT_NODE)
		return s->mounts.nodes[op->n - OP_MOUNT_NODE];
	switch ((enum op_mount)op->n) {
	case OP_MOUNT_DEV:
		return s->mounts.dev;
	case OP_MOUNT_SHM:
		return s->mounts.shm;
	case OP_MOUNT_NODE:
		break;
	}
	return -1;
}

static int
apply_inside(struct work *w, const struct op *op, struct error *err)
{
	struct sandbox *s = w->s;
	struct channel *c = &s->control;
	struct str a = str_of(op->a), b = str_of(op->b);
	char base[16];
	_cleanup_(closep) int rules = -1;
	int fd = mount_of(s, op), rc = 0;

	if (op->inside == INIT_OP_LANDLOCK) {
		/* Init goes on meanwhile. */
		rc = channel_flush(c, err);
		if (rc == 0)
			rc = landlock_make(&s->mounts, &rules, err);
		fd = rules;
	}
	if (rc != 0)
		return rc;
	if (op->b_size != 0)
		b.n = op->b_size;
	if (op->inside == INIT_OP_SECCOMP)
		b = buf_str(&s->filters[op->n]);
	if (op->inside == INIT_OP_VERIFY) {
		(void)snprintf(base, sizeof(base), "%u",
		    rundir_uid_base(&s->run));
		a = str_of(base);
	}
	message_begin(c, INIT_OP);
	message_put_int(c, op->inside);
	message_put_str(c, a);
	message_put_str(c, b);
	message_put_int(c, op->n);
	message_put_int(c, op->m);
	if (fd >= 0)
		message_put_fd(c, fd);
	return message_send(c, err);
}

/* Why init ended before it could say so. */
static int
init_died(struct sandbox *s, struct error *err)
{
	int status = 0;

	/* It has closed its end: it is dead, or has nothing to live for. */
	(void)syscall(SYS_pidfd_send_signal, s->init.pidfd, SIGKILL, NULL, 0);
	if (waitpid(s->init.pid, &status, 0) == s->init.pid)
		s->init.pid = 0;
	return error_set(err, -EIO, "init of the sandbox died (status 0x%x)",
	    (unsigned)status);
}

/* What follows it are commands: init takes them once it has verified itself. */
static int
tell_end(struct sandbox *s, struct error *err)
{
	int rc;

	message_begin(&s->control, INIT_END);
	rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	return rc == -EPIPE ? 0 : rc; /* it has said why */
}

/* Settings that this kernel does not have, at the end of the description. */
static void
describe_left_out(struct sandbox *s, struct str settings)
{
	struct str setting;

	while (str_cut(&settings, '\n', &setting))
		if (setting.n != 0) {
			size_t n = strlen(s->described);

			(void)snprintf(s->described + n,
			    sizeof(s->described) - n, "not set: %.*s\n",
			    STR_ARG(setting));
		}
}

int
start_answered(struct sandbox *s, struct message *m, struct error *err)
{
	struct str sentence;
	int code;

	if (m->type == INIT_READY) {
		describe_left_out(s, message_get_str(m));
		s->ready = true;
		return message_end(m, err);
	}
	if (m->type != INIT_FAILED)
		return error_set(err, -EPROTO, "init: unexpected message");
	code = (int)message_get_int(m);
	sentence = message_get_str(m);
	return error_set(err, code < 0 ? code : -EIO, "%.*s",
	    STR_ARG(sentence));
}

/* Waits until something of init is there to be taken apart. */
static int
hear_init(struct sandbox *s, struct error *err)
{
	struct pollfd fd = { s->control.fd, POLLIN, 0 };
	int rc;

	if (poll(&fd, 1, -1) < 0)
		return errno == EINTR ? 0 : error_errno(err, "poll");
	rc = channel_fill(&s->control, err);
	if (rc == 1 || rc == -ECONNRESET)
		return init_died(s, err);
	return rc == -EAGAIN ? 0 : rc;
}

int
sandbox_ready(struct sandbox *s, struct error *err)
{
	struct message m;
	int rc = 0;

	assert(s->magic == SANDBOX_MAGIC);
	while (rc == 0 && !s->ready) {
		rc = channel_next(&s->control, &m, err);
		if (rc == 0)
			rc = hear_init(s, err);
		else if (rc == 1)
			rc = start_answered(s, &m, err);
	}
	return rc == 0 ? 0 : error_wrap(err, "sandbox");
}

static const op_apply appliers[OP__MAX] = {
	[OP_ROOTLESS] = apply_rootless,
	[OP_RUN_FOLDER] = apply_run_folder,
	[OP_WARDEN] = apply_warden,
	[OP_CGROUP] = apply_cgroup,
	[OP_NETWORK] = apply_network,
	[OP_CLOCK] = apply_clock,
	[OP_FILTER] = apply_filter,
	[OP_NAMESPACES] = apply_namespaces,
	[OP_LAYER] = apply_layer,
	[OP_PUT_LAYER] = apply_put_layer,
	[OP_PUT] = apply_put,
	[OP_UPPER] = apply_upper,
	[OP_OVERLAY] = apply_overlay,
	[OP_DEVICES] = apply_devices,
	[OP_SHM] = apply_shm,
	[OP_MASKS] = apply_masks,
	[OP_MASK] = apply_mask,
	[OP_INSIDE] = apply_inside,
};

/* What is weaker without root, whatever else there is. */
#define ROOTLESS_LINES \
	"userns of the caller, without root\n" \
	"user ids: shared by sandboxes of this caller\n"

static void
describe(struct sandbox *s)
{
	struct buf b;

	buf_init(&b, sizeof(s->described) - 1);
	buf_puts(&b, s->mounts.rootless ? ROOTLESS_LINES : "ns\n");
	buf_puts(&b,
	    s->mounts.by_path ? "overlay by path\n" :
				"overlay by descriptors\n");
	if (s->mounts.copies_lock >= 0)
		buf_puts(&b, "image: shifted copy\n");
	for (int c = 0; c <= CGROUP_FREEZER; c++) {
		int v = cgroup_version(&s->cgroup, (enum cgroup_controller)c);

		buf_printf(&b, "%s: %s\n",
		    cgroup_controller_name((enum cgroup_controller)c),
		    v == 2                 ? "cgroup v2" :
			v == 1             ? "cgroup v1" :
			c == CGROUP_MEMORY ? "polled" :
			c == CGROUP_PIDS   ? "rlimit" :
					     "none");
	}
	memcpy(s->described, b.p, b.n + 1);
	buf_done(&b);
}

static struct sandbox *
new_sandbox(const struct sandbox_plan *p)
{
	struct sandbox *s = mem_alloc(sizeof(*s));

	s->magic = SANDBOX_MAGIC;
	s->limits = p->limits;
	s->uid = p->uid;
	s->gid = p->gid;
	(void)snprintf(s->home, sizeof(s->home), "%s", p->home);
	s->watch_program = p->spec->watch_program;
	s->watch_action = p->spec->watch_action;
	s->has_network = p->spec->network == SANDBOX_NETWORK_SINK;
	s->network = p->network;
	s->run.lock = s->run.claim = -1;
	s->cgroup.fd2 = -1;
	s->net = (struct net)NET_INIT;
	mounts_init(&s->mounts);
	s->mounts.rootless = p->spec->rootless;
	s->init = s->warden = (struct child)CHILD_INIT;
	s->epoll = s->timer = s->warden_go = -1;
	for (int i = 0; i < FILTER_PROGRAMS; i++)
		buf_init(&s->filters[i], 256 * KIB);
	return s;
}

int
sandbox_begin(const struct sandbox_plan *p, struct sandbox **ret,
    struct error *err)
{
	_cleanup_(sandbox_freep) struct sandbox *s = NULL;
	struct work w = { .p = p };
	const struct op *op;
	int rc = 0;

	assert(p->magic == SANDBOX_PLAN_MAGIC);
	if (geteuid() != 0)
		return error_set(err, -EPERM,
		    "the sandbox needs root: run the command with sudo");
	w.s = s = new_sandbox(p);
	vec_foreach(op, &p->ops) {
		/* What init can do while we do this. */
		if (op->kind != OP_INSIDE)
			rc = channel_flush(&s->control, err);
		if (rc == 0)
			rc = appliers[op->kind](&w, op, err);
		/* Init is no longer there: it has said why. */
		if (rc == -EPIPE && s->init.pid > 0)
			return sandbox_ready(s, err) != 0 ?
			    err->code :
			    error_set(err, rc, "sandbox: init has ended");
		if (rc != 0)
			return error_wrap(err, "sandbox: %s", op_name(op));
	}
	rc = tell_end(s, err);
	if (rc == 0)
		rc = limits_set(s, err);
	if (rc == 0)
		rc = warden_go(&s->warden_go, err);
	if (rc == 0)
		rc = command_begin(s, err);
	if (rc != 0)
		return error_wrap(err, "sandbox");
	/* What init attaches lives in its namespace. */
	closep(&s->mounts.dev);
	closep(&s->mounts.hide);
	for (int i = 0; i < FILTER_PROGRAMS && s->watch_program.p == NULL; i++)
		buf_done(&s->filters[i]);
	describe(s);
	*ret = steal(&s);
	return 0;
}

int
sandbox_start(const struct sandbox_plan *p, struct sandbox **ret,
    struct error *err)
{
	_cleanup_(sandbox_freep) struct sandbox *s = NULL;
	int rc = sandbox_begin(p, &s, err);

	if (rc == 0)
		rc = sandbox_ready(s, err);
	if (rc == 0)
		*ret = steal(&s);
	return rc;
}
