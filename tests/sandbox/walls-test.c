/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every wall holds, and every wall is needed. For each attack: refused with
 * all walls; refused by each of its walls alone, the others taken out; and
 * working when all of them are taken out. argv[1]: wall-probe.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/become.h"
#include "sandbox/sandbox.h"
#include "slow.h"
#include "sys/clock.h"
#include "sys/fd.h"

#define WAIT_MS (20000 * slow_factor())
#define WALLS   4

static char top[] = "/tmp/walls-test-XXXXXX";
static char root[64], state[64];
static struct sandbox_layer layer = { root, -1 };
static const char *probe_path;

/* Drawn by the test, for attacks on things of this host. */
static char abstract_name[32], port[8], shm_key[16];

static const struct attack {
	const char *name, *argument;
	const char *as; /* "user", "root" */
	const char *walls[WALLS];
	int since; /* kernel: 100 * major + minor; 0: any */
} attacks[] = {
#define FILTER(name, row) \
	{ \
		name, NULL, "user", { "filter:" row }, 0 \
	}
#define RIGHTS(name, row) \
	{ \
		name, NULL, "root", { "filter:" row, "capabilities" }, 0 \
	}
#define MOUNT(name, type, since) \
	{ \
		name, type, "root", \
		    { "filter:mount", "capabilities", "landlock" }, since \
	}
	FILTER("unshare-user", "unshare:CLONE_NEWUSER"),
	RIGHTS("unshare-mount", "unshare:CLONE_NEWNS"),
	RIGHTS("unshare-pid", "unshare:CLONE_NEWPID"),
	RIGHTS("unshare-net", "unshare:CLONE_NEWNET"),
	RIGHTS("unshare-ipc", "unshare:CLONE_NEWIPC"),
	RIGHTS("unshare-uts", "unshare:CLONE_NEWUTS"),
	RIGHTS("unshare-cgroup", "unshare:CLONE_NEWCGROUP"),
	RIGHTS("unshare-time", "unshare:CLONE_NEWTIME"),
	FILTER("clone-user", "clone:CLONE_NEWUSER"),
	RIGHTS("clone-mount", "clone:CLONE_NEWNS"),
	RIGHTS("clone-net", "clone:CLONE_NEWNET"),
	RIGHTS("clone-pid", "clone:CLONE_NEWPID"),
	RIGHTS("clone-ipc", "clone:CLONE_NEWIPC"),
	RIGHTS("clone-uts", "clone:CLONE_NEWUTS"),
	RIGHTS("clone-cgroup", "clone:CLONE_NEWCGROUP"),
	FILTER("clone-untraced", "clone:CLONE_UNTRACED"),
	FILTER("clone3-user", "clone3"),
	RIGHTS("setns", "setns"),
	MOUNT("mount", NULL, 0),
	{ "umount", NULL, "root",
	    { "filter:umount2", "capabilities", "landlock" }, 0 },
	RIGHTS("fsopen", "fsopen"),
	RIGHTS("fspick", "fspick"),
	FILTER("fsconfig", "fsconfig"),
	FILTER("open-tree", "open_tree"),
	RIGHTS("mount-setattr", "mount_setattr"),
	RIGHTS("chroot", "chroot"),
	FILTER("io-uring", "io_uring_setup"),
	FILTER("io-uring-enter", "io_uring_enter"),
	FILTER("aio", "io_setup"),
	FILTER("bpf", "bpf"),
	FILTER("perf", "perf_event_open"),
	FILTER("userfaultfd", "userfaultfd"),
	FILTER("add-key", "add_key"),
	FILTER("keyctl", "keyctl"),
	FILTER("request-key", "request_key"),
	{ "handle", NULL, "user", { "filter:open_by_handle_at" }, 612 },
	RIGHTS("reboot", "reboot"),
	FILTER("iopl", "iopl"),
	FILTER("ioperm", "ioperm"),
	FILTER("ldt", "modify_ldt"),
	FILTER("quotactl", "quotactl"),
	FILTER("quotactl-fd", "quotactl_fd"),
	FILTER("listener", "seccomp"),
	{ "newer-call", NULL, "user", { "filter:newer" }, 615 },
	FILTER("tiocsti", "ioctl:TIOCSTI"),
	FILTER("tioclinux", "ioctl:TIOCLINUX"),
	RIGHTS("move-mount", "move_mount"),
	RIGHTS("fsmount", "fsmount"),
	RIGHTS("pivot-root", "pivot_root"),
	RIGHTS("choose-pid", "clone3"),
	MOUNT("mount-type", "cgroup2", 0),
	MOUNT("register-format", "binfmt_misc", 607),
	MOUNT("share-mounts", NULL, 0),
	FILTER("secret-memory", "memfd_secret"),
	{ "personality", "0x40000", "user",
	    { "filter:personality:ADDR_NO_RANDOMIZE" }, 0 },
	{ "personality", "0x400000", "user",
	    { "filter:personality:READ_IMPLIES_EXEC" }, 0 },
	{ "personality", "0x100000", "user",
	    { "filter:personality:MMAP_PAGE_ZERO" }, 0 },
	{ "forge-program", NULL, "root", { "capabilities" }, 0 },
	FILTER("fanotify", "fanotify_init"),
	FILTER("x32", "arch"),
	FILTER("i386", "arch"),
	FILTER("vsock", "families"),
	FILTER("packet", "families"),
	FILTER("uevent", "netlink"),
	{ "protocol", "136", "user", { "filter:protocols" }, 0 },
	FILTER("core-limit", "core"),
	{ "abstract-socket", abstract_name, "user", { "network" }, 0 },
	{ "host-loopback", port, "user", { "network" }, 0 },
	{ "host-memory", shm_key, "user", { "ipc" }, 0 },
	{ "many-files", "200", "user", { "rlimit:open files" }, 0 },
	{ "long-file", NULL, "user", { "rlimit:file size" }, 0 },
	{ "mlock", NULL, "user", { "rlimit:locked memory" }, 0 },
	{ "lock-everything", NULL, "user", { "rlimit:locked memory" }, 0 },
	{ "real-time", NULL, "user", { "rlimit:real-time priority" }, 0 },
	{ "sigqueue", NULL, "user", { "rlimit:pending signals" }, 0 },
	{ "timers", NULL, "user", { "rlimit:pending signals" }, 0 },
	{ "in-flight", "200", "user", { "rlimit:open files" }, 0 },
	{ "inotify", "40", "user",
	    { "setting:/proc/sys/user/max_inotify_instances" }, 0 },
	{ "read-init", NULL, "root", { "capabilities", "landlock" }, 0 },
	/* Of nobody who has rights that its memory is not for. */
	{ "read-init", NULL, "root",
	    { "command-rights", "landlock", "unreadable" }, 0 },
	{ "files-of-init", NULL, "root",
	    { "command-rights", "landlock", "unreadable" }, 0 },
	{ "write-init", NULL, "root", { "capabilities", "landlock" }, 0 },
	{ "trace-init", NULL, "root", { "capabilities", "landlock" }, 0 },
	{ "files-of-init", NULL, "root", { "capabilities", "landlock" }, 0 },
	{ "compare-init", NULL, "root", { "capabilities", "landlock" }, 0 },
	{ "change", "/proc/self/mem", "user", { "landlock" }, 0 },
	{ "many-processes", "60", "user",
	    { "rlimit:processes of a user", "controllers" }, 0 },
	{ "change", "/proc/sys/user/max_user_namespaces", "root",
	    { "read-only:/proc/sys", "landlock", "capabilities" }, 0 },
	{ "see", "/proc/1/status", "user", { "hidepid" }, 0 },
	{ "see", "/proc/interrupts", "user", { "hide:/proc/interrupts" }, 0 },
	{ "see", "/proc/softirqs", "user", { "hide:/proc/softirqs" }, 0 },
	{ "see", "/proc/partitions", "user", { "hide:/proc/partitions" }, 0 },
	{ "see", "/proc/diskstats", "user", { "hide:/proc/diskstats" }, 0 },
	{ "see", "/proc/kallsyms", "user", { "hide:/proc/kallsyms" }, 0 },
	{ "make-in-root", NULL, "root", { "landlock" }, 0 },
#undef FILTER
#undef RIGHTS
#undef MOUNT
};

struct box {
	struct sandbox_spec spec;
	struct sandbox_plan *plan;
	struct sandbox *sandbox;
};

/* Without the walls of the list; the look from inside would notice. */
static void
box_start_limited(struct box *b, const char *without,
    const struct sandbox_limits *limits)
{
	struct error err = ERROR_INIT;

	sandbox_spec_init(&b->spec);
	b->spec.layers = &layer;
	b->spec.n_layers = 1;
	b->spec.state = state;
	b->spec.limits = *limits;
	b->spec.test_omit = without;
	b->spec.test_no_cgroup = strstr(without, "controllers") != NULL;
	if (sandbox_plan(&b->spec, &b->plan, &err) != 0 ||
	    sandbox_start(b->plan, &b->sandbox, &err) != 0)
		fail_msg("start without %s: %s", without, err.msg);
}

static void
box_start(struct box *b, const char *without)
{
	static const struct sandbox_limits usual = { .open_files = 64,
		.pids = 40 };

	box_start_limited(b, without, &usual);
}

static void
box_done(struct box *b)
{
	sandbox_free(b->sandbox);
	sandbox_plan_free(b->plan);
}

/* The exit status, or -1. */
static int
box_wait(struct box *b, int64_t id)
{
	struct pollfd p = { sandbox_fd(b->sandbox), POLLIN, 0 };
	struct error err = ERROR_INIT;
	int64_t end = clock_ns() + WAIT_MS * NS_PER_MS;
	struct sandbox_event e;

	while (clock_ns() < end) {
		int rc = sandbox_next(b->sandbox, &e, &err);

		if (rc < 0 || (rc == 1 && e.kind == SANDBOX_EXEC_FAILED))
			return -1;
		if (rc == 1 && e.kind == SANDBOX_EXITED && e.id == id)
			return WIFEXITED(e.status) ? WEXITSTATUS(e.status) : -1;
		if (rc == 0)
			(void)poll(&p, 1, 50);
	}
	return -1;
}

static int
box_run(struct box *b, const struct attack *a, int out_fd)
{
	const char *const argv[] = { "/bin/probe", a->name, a->argument, NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	int64_t id = 0;

	c.argv = argv;
	c.out_fd = out_fd;
	if (strcmp(a->as, "root") == 0)
		c.uid = c.gid = 0;
	if (sandbox_exec(b->sandbox, &c, &id, &err) != 0)
		fail_msg("exec: %s", err.msg);
	return box_wait(b, id);
}

static int
kernel(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	(void)uname(&u);
	(void)sscanf(u.release, "%d.%d", &major, &minor);
	return 100 * major + minor;
}

static bool
host_limit_is_below(int resource, rlim_t wanted)
{
	struct rlimit l;

	return getrlimit((__rlimit_resource_t)resource, &l) == 0 &&
	    l.rlim_max < wanted;
}

static bool
has_file_system(const char *type)
{
	FILE *f = fopen("/proc/filesystems", "re");
	char line[128];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *name = strrchr(line, '\t');

		line[strcspn(line, "\n")] = '\0';
		found = name != NULL && strcmp(name + 1, type) == 0;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static bool
has_secret_memory(void)
{
	_cleanup_(closep) int fd = (int)syscall(SYS_memfd_secret, 0);

	return fd >= 0;
}

static bool
may_forge_programs(void)
{
	unsigned size = 0;

	return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0;
}

static bool
has_protocol(int number)
{
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_DGRAM, number);

	return fd >= 0;
}

static bool
is_one_of(const char *name, const char *first, const char *second)
{
	return strcmp(name, first) == 0 || strcmp(name, second) == 0;
}

/* NULL, or why this host cannot show that the attack works. */
static const char *
not_here(const struct attack *a)
{
	if (kernel() < a->since)
		return "this kernel asks for rights first";
	if (is_one_of(a->name, "mlock", "lock-everything") &&
	    host_limit_is_below(RLIMIT_MEMLOCK, 32 * MIB))
		return "this host's own limit on locked memory is lower";
	if (strcmp(a->name, "real-time") == 0 &&
	    host_limit_is_below(RLIMIT_RTPRIO, 1))
		return "this host's own limit on priorities is lower";
	if (strcmp(a->name, "protocol") == 0 && !has_protocol(136))
		return "this kernel does not have the protocol";
	if (strcmp(a->name, "see") == 0 && access(a->argument, R_OK) != 0)
		return "this host does not have the file";
	if (is_one_of(a->name, "mount-type", "register-format") &&
	    !has_file_system(a->argument))
		return "this kernel does not have the file system";
	if ((strcmp(a->name, "secret-memory") == 0 && !has_secret_memory()) ||
	    (strcmp(a->name, "forge-program") == 0 && !may_forge_programs()) ||
	    (strcmp(a->name, "compare-init") == 0 &&
		syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, 0, 0) != 0))
		return "this kernel does not have the call";
	return NULL;
}

static size_t
count_walls(const struct attack *a)
{
	size_t n = 0;

	while (n < WALLS && a->walls[n] != NULL)
		n++;
	return n;
}

/* All walls of the attack but number kept; n: none is kept. */
static void
list_without(const struct attack *a, size_t kept, char *ret, size_t size)
{
	(void)snprintf(ret, size, "verify");
	for (size_t i = 0; i < count_walls(a); i++)
		if (i != kept)
			(void)snprintf(ret + strlen(ret), size - strlen(ret),
			    ",%s", a->walls[i]);
}

static int
without(const struct attack *a, size_t kept)
{
	size_t n = count_walls(a);
	char list[256];
	struct box b;
	int want = kept == n, status;

	list_without(a, kept, list, sizeof(list));
	box_start(&b, list);
	status = box_run(&b, a, -1);
	box_done(&b);
	if (status == want)
		return 0;
	print_error("%s %s as %s without %s: status %d instead of %d\n",
	    a->name, a->argument != NULL ? a->argument : "", a->as, list,
	    status, want);
	return 1;
}

static void
walls_together(void **unused)
{
	struct box b;
	int bad = 0;

	(void)unused;
	box_start(&b, "");
	for (size_t i = 0; i < N_ELEMENTS(attacks); i++)
		if (box_run(&b, &attacks[i], -1) != 0) {
			print_error("%s worked\n", attacks[i].name);
			bad++;
		}
	box_done(&b);
	assert_int_equal(bad, 0);
}

/* Without root there are controllers only where somebody gave us some. */
static bool
is_here(const char *wall)
{
	return strcmp(wall, "controllers") != 0 || !rootless_is();
}

static void
walls_alone(void **unused)
{
	int bad = 0;

	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(attacks); i++) {
		const struct attack *a = &attacks[i];
		const char *why = not_here(a);

		if (why != NULL) {
			print_message("skipped: %s %s: %s\n", a->name,
			    a->argument != NULL ? a->argument : "", why);
			continue;
		}
		for (size_t kept = 0; kept <= count_walls(a); kept++)
			if (kept < count_walls(a) ?
				count_walls(a) > 1 && is_here(a->walls[kept]) :
				true)
				bad += without(a, kept);
	}
	assert_int_equal(bad, 0);
}

/* --- what no plan can be without --- */

/* Nothing of ours keeps these up: refused to whoever lives here, as root too.
 */
static void
first_process_stays(void **unused)
{
	static const struct attack on_init[] = {
		{ "end-init", NULL, "root", { NULL }, 0 },
		{ "stop-init", NULL, "root", { NULL }, 0 },
		{ "end-init", NULL, "user", { NULL }, 0 },
		{ "stop-init", NULL, "user", { NULL }, 0 },
		{ "read-init", NULL, "user", { NULL }, 0 },
		{ "write-init", NULL, "user", { NULL }, 0 },
		{ "trace-init", NULL, "user", { NULL }, 0 },
		{ "files-of-init", NULL, "user", { NULL }, 0 },
		{ "compare-init", NULL, "user", { NULL }, 0 },
		{ "drain-init", NULL, "user", { NULL }, 0 },
		{ "drain-init", NULL, "root", { NULL }, 0 },
		{ "list-mounts", NULL, "user", { NULL }, 0 },
		{ "list-mounts", NULL, "root", { NULL }, 0 },
		{ "climb-namespaces", NULL, "user", { NULL }, 0 },
		{ "climb-namespaces", NULL, "root", { NULL }, 0 },
	};
	struct box b;

	(void)unused;
	box_start(&b, "");
	for (size_t i = 0; i < N_ELEMENTS(on_init); i++)
		assert_int_equal(box_run(&b, &on_init[i], -1), 0);
	box_done(&b);
}

/* The probe on this host, without any sandbox, as whom we are. */
static int
run_outside(const char *name, const char *argument)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl(probe_path, "wall-probe", name, argument,
		    (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Settings of the whole host: with every other wall out of the way the user
 * namespace is left, and it is enough. Opened, never written. */
static void
user_namespace_is_a_wall(void **unused)
{
	static const char *const files[] = { "/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
		"/proc/sysrq-trigger" };
	struct box b;

	(void)unused;
	box_start(&b, "verify,read-only,landlock,capabilities,seccomp");
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		const struct attack a = { .name = "change",
			.argument = files[i],
			.as = "root" };

		if (access(files[i], F_OK) != 0)
			continue;
		assert_int_equal(box_run(&b, &a, -1), 0);
		if (!rootless_is())
			assert_int_equal(run_outside("change", files[i]), 1);
	}
	box_done(&b);
}

/* The same of what only root of the host may do to the whole machine. */
static void
user_namespace_holds_processors(void **unused)
{
	static const struct attack on_host[] = {
		{ "real-time", NULL, "root", { NULL }, 0 },
		{ "real-time-disk", NULL, "root", { NULL }, 0 },
		{ "before-others", NULL, "root", { NULL }, 0 },
		{ "make-device", "1:11", "root", { NULL }, 0 },
	};
	struct box b;

	(void)unused;
	box_start(&b, "verify,read-only,landlock,capabilities,seccomp");
	for (size_t i = 0; i < N_ELEMENTS(on_host); i++) {
		assert_int_equal(box_run(&b, &on_host[i], -1), 0);
		if (!rootless_is())
			assert_int_equal(run_outside(on_host[i].name,
					     on_host[i].argument),
			    1);
	}
	box_done(&b);
}

/* Whoever has all the layers of Landlock that there are has them for itself:
 * the next command gets ours. */
static void
layers_of_a_package_are_its_own(void **unused)
{
	static const struct attack first = { "stack-layers", NULL, "user",
		{ NULL }, 0 };
	static const struct attack next = { "make-in-root", NULL, "root",
		{ NULL }, 0 };
	struct box b;

	(void)unused;
	box_start(&b, "");
	assert_int_equal(box_run(&b, &first, -1), 0);
	assert_int_equal(box_run(&b, &next, -1), 0);
	box_done(&b);
}

/* As numbers, too, that no kernel has yet. */
static void
no_other_protocol_is_spoken(void **unused)
{
	static const struct attack any = { "any-protocol", NULL, "user",
		{ NULL }, 0 };
	struct box b;

	(void)unused;
	box_start_limited(&b, "", &(struct sandbox_limits){ .pids = 40 });
	assert_int_equal(box_run(&b, &any, -1), 0);
	box_done(&b);
}

/* A package whose processes all stand still is ended as any other. */
static void
who_stands_still_is_ended(void **unused)
{
	const char *const argv[] = { "/bin/probe", "stop-everybody", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	int64_t id = 0;
	struct box b;

	(void)unused;
	box_start(&b, "");
	c.argv = argv;
	assert_int_equal(sandbox_exec(b.sandbox, &c, &id, &err), 0);
	(void)poll(NULL, 0, 100);
	assert_int_equal(sandbox_kill_all(b.sandbox, &err), 0);
	assert_int_equal(box_wait(&b, id), -1);
	box_done(&b);
}

/* Whoever leaves its session and its parent is still in the sandbox, and ends
 * with it; the same program outside outlives the session that it came from. */
static void
nobody_outlives_the_sandbox(void **unused)
{
	const struct attack a = { .name = "leave-daemon", .as = "user" };
	char number[32] = "";
	int ends[2], status = 0;
	struct box b;
	pid_t pid;

	(void)unused;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	box_start(&b, "");
	assert_int_equal(box_run(&b, &a, ends[1]), 0);
	(void)close(ends[1]);
	assert_true(read(ends[0], number, sizeof(number)) > 0);
	box_done(&b);
	assert_int_equal(read(ends[0], number, sizeof(number)), 0);
	(void)close(ends[0]);

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)execl(probe_path, "wall-probe", a.name, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(read(ends[0], number, sizeof(number)) > 0);
	(void)kill(-pid, SIGKILL);
	/* Still there. */
	assert_int_equal(poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, 200),
	    0);
	assert_int_equal(kill((pid_t)strtol(number, NULL, 10), SIGKILL), 0);
	assert_int_equal(read(ends[0], number, sizeof(number)), 0);
	(void)close(ends[0]);
}

/* --- what may be filled --- */

static const struct fill {
	const char *name, *argument; /* more than the limit */
	struct sandbox_limits limits, wider;
} fills[] = {
	{ "fill-disk", "8192", { .disk_bytes = 4ll * MIB },
	    { .disk_bytes = 16ll * MIB } },
	/* A quarter of it. */
	{ "fill-shm", "8192", { .disk_bytes = 16ll * MIB },
	    { .disk_bytes = 64ll * MIB } },
	{ "fill-inodes", "200", { .disk_inodes = 100 },
	    { .disk_inodes = 400 } },
	{ "fill-memory", "131072", { .memory_bytes = 64ll * MIB },
	    { .memory_bytes = 512ll * MIB } },
};

/* Held by its limit, and by nothing else. */
static void
fill(const struct fill *f, const struct sandbox_limits *limits, bool holds)
{
	const struct attack a = { .name = f->name,
		.argument = f->argument,
		.as = "user" };
	struct box b;
	int status;

	box_start_limited(&b, "", limits);
	status = box_run(&b, &a, -1);
	if (holds ? status == 1 : status != 1)
		fail_msg("%s %s: status %d", f->name, f->argument, status);
	box_done(&b);
}

static void
limits_are_what_holds(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(fills); i++) {
		fill(&fills[i], &fills[i].limits, true);
		fill(&fills[i], &fills[i].wider, false);
	}
}

/* --- what is shown instead of the host's --- */

static void
tell(const char *omitted, const char *name, const char *argument, char *ret,
    size_t size)
{
	const struct attack a = { .name = name,
		.argument = argument,
		.as = "user" };
	FILE *f = tmpfile();
	struct box b;

	assert_non_null(f);
	box_start(&b, omitted);
	assert_int_equal(box_run(&b, &a, fileno(f)), 0);
	box_done(&b);
	rewind(f);
	ret[fread(ret, 1, size - 1, f)] = '\0';
	(void)fclose(f);
}

static void
first_line(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");

	ret[0] = '\0';
	if (f != NULL && fgets(ret, (int)size, f) != NULL)
		ret[strcspn(ret, "\n")] = '\0';
	if (f != NULL)
		(void)fclose(f);
}

static void
files_of_the_host_are_covered(void **unused)
{
	static const char *const files[] = { "/proc/cmdline", "/proc/version",
		"/proc/sys/kernel/random/boot_id" };
	char omit[128], host[4096], inside[4096];

	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		first_line(files[i], host, sizeof(host));
		tell("", "tell", files[i], inside, sizeof(inside));
		assert_string_not_equal(inside, host);
		(void)snprintf(omit, sizeof(omit), "verify,hide:%s", files[i]);
		tell(omit, "tell", files[i], inside, sizeof(inside));
		assert_string_equal(inside, host);
	}
}

static void
groups_of_the_host_are_hidden(void **unused)
{
	char inside[4096];

	(void)unused;
	tell("", "tell-all", "/proc/self/cgroup", inside, sizeof(inside));
	assert_null(strstr(inside, "lazaret"));
	tell("verify,cgroup-namespace", "tell-all", "/proc/self/cgroup", inside,
	    sizeof(inside));
	assert_non_null(strstr(inside, "lazaret"));
}

static void
clock_of_the_host_is_hidden(void **unused)
{
	char inside[64];
	struct sysinfo i;

	(void)unused;
	(void)sysinfo(&i);
	tell("", "tell-uptime", NULL, inside, sizeof(inside));
	assert_true(labs(strtol(inside, NULL, 10) - i.uptime) > 60);
	tell("verify,clock", "tell-uptime", NULL, inside, sizeof(inside));
	assert_true(labs(strtol(inside, NULL, 10) - i.uptime) < 60);
}

/* --- things of the host, and the root --- */

static int
listen_abstract(void)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n;

	(void)snprintf(abstract_name, sizeof(abstract_name), "walls-test-%d",
	    (int)getpid());
	n = strlen(abstract_name);
	memcpy(u.sun_path + 1, abstract_name, n);
	assert_int_equal(bind(fd, (const void *)&u,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 1 + n)),
	    0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int
listen_loopback(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const void *)&in, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (void *)&in, &n), 0);
	(void)snprintf(port, sizeof(port), "%d", ntohs(in.sin_port));
	return fd;
}

static int
make_memory(void)
{
	key_t key = (key_t)(0x57a11 << 8 | (getpid() & 0xff));
	int id = shmget(key, 4096, IPC_CREAT | 0666);

	assert_true(id >= 0);
	(void)snprintf(shm_key, sizeof(shm_key), "%d", (int)key);
	return id;
}

static void
make_root(const char *probe)
{
	char path[128];
	_cleanup_(closep) int in = open(probe, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out = -1;
	struct error err = ERROR_INIT;
	struct buf b;

	(void)umask(022);
	assert_non_null(mkdtemp(top));
	(void)snprintf(root, sizeof(root), "%s/root", top);
	(void)snprintf(state, sizeof(state), "%s/state", top);
	assert_int_equal(mkdir(root, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/bin", root);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/bin/probe", root);
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	buf_init(&b, 64 * MIB);
	if (in < 0 || out < 0 || fd_read_all(in, &b, &err) != 0 ||
	    fd_write_all(out, b.p, b.n, &err) != 0)
		fail_msg("cannot copy %s", probe);
	buf_done(&b);
	closep(&out);
	assert_int_equal(give_layer(root), 0);
}

static void
remove_root(void)
{
	static const char *const names[] = { "root/bin/probe", "root/bin",
		"root", "state/runtime/sandbox/.lock", "state/runtime/sandbox",
		"state/runtime", "state/images", "state", "" };
	char path[128];

	/* The last warden may still be at its work. */
	for (int n = 0; n < 100 && access(top, F_OK) == 0; n++) {
		for (size_t i = 0; i < N_ELEMENTS(names); i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", top,
			    names[i]);
			(void)remove(path);
		}
		(void)poll(NULL, 0, 20);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walls_together),
		cmocka_unit_test(walls_alone),
		cmocka_unit_test(first_process_stays),
		cmocka_unit_test(user_namespace_is_a_wall),
		cmocka_unit_test(user_namespace_holds_processors),
		cmocka_unit_test(layers_of_a_package_are_its_own),
		cmocka_unit_test(no_other_protocol_is_spoken),
		cmocka_unit_test(who_stands_still_is_ended),
		cmocka_unit_test(nobody_outlives_the_sandbox),
		cmocka_unit_test(limits_are_what_holds),
		cmocka_unit_test(files_of_the_host_are_covered),
		cmocka_unit_test(groups_of_the_host_are_hidden),
		cmocka_unit_test(clock_of_the_host_is_hidden),
	};
	int rc, abstract, loopback, memory;

	if (argc < 2 || !become_root()) {
		printf("skipped: needs root and the probe\n");
		return 77;
	}
	probe_path = argv[1];
	make_root(argv[1]);
	abstract = listen_abstract();
	loopback = listen_loopback();
	memory = make_memory();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)shmctl(memory, IPC_RMID, NULL);
	(void)close(loopback);
	(void)close(abstract);
	remove_root();
	return rc;
}
