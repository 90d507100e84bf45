/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes from outside and, through probe.c, from inside. argv[1]: the probe.
 * Needs root; without it everything is skipped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static char top[] = "/tmp/sandbox-test-XXXXXX";
static char root[64], state[64];
static struct sandbox_layer layer = { root, -1 };

/* One sandbox, and what its last command said. */
struct box {
	struct sandbox_spec spec;
	struct sandbox_plan *plan;
	struct sandbox *sandbox;
	struct buf out;
	int status; /* of the last command */
	enum sandbox_limit limit; /* of SANDBOX_LIMIT; NONE: there was none */
};

static void
box_init(struct box *b)
{
	*b = (struct box){ 0 };
	sandbox_spec_init(&b->spec);
	b->spec.layers = &layer;
	b->spec.n_layers = 1;
	b->spec.state = state;
	buf_init(&b->out, 4 * MIB);
}

static int
box_try(struct box *b, struct error *err)
{
	int rc = sandbox_plan(&b->spec, &b->plan, err);

	return rc == 0 ? sandbox_start(b->plan, &b->sandbox, err) : rc;
}

static void
box_start(struct box *b)
{
	struct error err = ERROR_INIT;

	if (box_try(b, &err) != 0)
		fail_msg("start: %s", err.msg);
}

static void
box_done(struct box *b)
{
	sandbox_free(b->sandbox);
	sandbox_plan_free(b->plan);
	buf_done(&b->out);
}

static int
next_event(struct box *b, struct sandbox_event *e, int timeout_ms)
{
	struct pollfd p = { sandbox_fd(b->sandbox), POLLIN, 0 };
	struct error err = ERROR_INIT;
	int64_t end = clock_ns() + timeout_ms * NS_PER_MS;
	int rc;

	do {
		rc = sandbox_next(b->sandbox, e, &err);
		if (rc < 0)
			fail_msg("event: %s", err.msg);
		if (rc == 1)
			return 1;
		(void)poll(&p, 1, 50);
	} while (clock_ns() < end);
	return 0;
}

static int64_t
box_exec(struct box *b, const char *name, uint32_t uid, int out_fd)
{
	const char *const argv[] = { "/bin/probe", name, NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	int64_t id = 0;

	c.argv = argv;
	c.uid = c.gid = uid;
	c.out_fd = c.err_fd = out_fd;
	if (sandbox_exec(b->sandbox, &c, &id, &err) != 0)
		fail_msg("exec: %s", err.msg);
	return id;
}

/* Until the command has ended; -1 in b->status when it had to be killed. */
static void
box_wait(struct box *b, int64_t id)
{
	struct sandbox_event e;

	b->status = -1;
	while (next_event(b, &e, WAIT_MS)) {
		if (e.kind == SANDBOX_LIMIT)
			b->limit = e.limit;
		if (e.kind == SANDBOX_DIED || e.kind == SANDBOX_EXEC_FAILED)
			return;
		if (e.kind != SANDBOX_EXITED || e.id != id)
			continue;
		b->status = e.status;
		return;
	}
}

/* Output goes to a file: bombs must not wait for us. */
static int
box_run_as(struct box *b, const char *name, uint32_t uid)
{
	FILE *f = tmpfile();
	struct error err = ERROR_INIT;

	assert_non_null(f);
	box_wait(b, box_exec(b, name, uid, fileno(f)));
	buf_reset(&b->out);
	rewind(f);
	assert_int_equal(fd_read_all(fileno(f), &b->out, &err), 0);
	(void)fclose(f);
	return b->status;
}

static int
box_run(struct box *b, const char *name)
{
	return box_run_as(b, name, SANDBOX_UID_USER);
}

/* --- getting out --- */

static const char *const attempts[] = { "core-pattern", "sysctl", "masked",
	"kernel-log", "mount", "namespaces", "clone3", "untraced", "io-uring",
	"bpf", "perf", "userfaultfd", "keys", "modules", "handles", "listener",
	"new-calls", "terminal", "architectures", "families", "network-rights",
	"core", "devices", "processes", "descriptors", "old-root" };
/* Root inside may write its own files, and is root. */
static const char *const user_attempts[] = { "identity", "setuid-program",
	"root-files" };

static int
attempt(struct box *b, const char *name, uint32_t uid)
{
	if (box_run_as(b, name, uid) == 0)
		return 0;
	print_error("%s as %s: status 0x%x: %.*s\n", name,
	    uid == 0 ? "root" : "user", (unsigned)b->status, (int)b->out.n,
	    b->out.p != NULL ? b->out.p : "");
	return 1;
}

static void
attempt_all(struct box *b)
{
	int bad = 0;

	for (size_t i = 0; i < N_ELEMENTS(attempts); i++) {
		bad += attempt(b, attempts[i], SANDBOX_UID_USER);
		bad += attempt(b, attempts[i], 0);
	}
	for (size_t i = 0; i < N_ELEMENTS(user_attempts); i++)
		bad += attempt(b, user_attempts[i], SANDBOX_UID_USER);
	assert_int_equal(bad, 0);
}

static void
nothing_gets_out(void **unused)
{
	struct box b;

	(void)unused;
	box_init(&b);
	b.spec.network = SANDBOX_NETWORK_SINK;
	box_start(&b);
	attempt_all(&b);
	box_done(&b);
}

static void
nothing_gets_out_by_path(void **unused)
{
	struct box b;

	(void)unused;
	box_init(&b);
	b.spec.test_by_path = b.spec.test_no_cgroup = true;
	b.spec.test_no_landlock = true;
	box_start(&b);
	assert_non_null(strstr(sandbox_describe(b.sandbox), "by path"));
	attempt_all(&b);
	box_done(&b);
}

/* What a kernel does not let us set is no silence. */
static void
missing_setting_is_told(void **unused)
{
	static const char path[] = "/proc/sys/user/not-there";
	struct error err = ERROR_INIT;
	struct box b;

	(void)unused;
	box_init(&b);
	if (box_try(&b, &err) != 0)
		fail_msg("start: %s", err.msg);
	assert_null(strstr(sandbox_describe(b.sandbox), "not set"));
	box_done(&b);
	box_init(&b);
	b.spec.test_omit = "kernel:inotify";
	if (box_try(&b, &err) != 0)
		fail_msg("start: %s", err.msg);
	assert_non_null(strstr(sandbox_describe(b.sandbox), path));
	box_done(&b);
}

static bool is_clean(void);

/* Whatever is left out of these, the look from inside notices. */
static void
missing_safeguard_is_noticed(void **unused)
{
	static const struct {
		const char *name, *why;
		bool no_landlock;
	} omitted[] = {
		{ "seccomp", "calls are not filtered" },
		{ "no-new-privs", "seccomp: Permission denied" },
		{ "read-only", "settings of the kernel can be written" },
		{ "cover", "cannot cover /proc/" },
		/* The rights of commands are tied to the root that is missing.
		 */
		{ "pivot", "not tight" },
		{ "pivot", "a mount that was not planned", true },
		/* That of the host stays where it is. */
		{ "proc", "cannot move /proc" },
		{ "proc,place", "not tight" },
		{ "place", "not tight" },
		{ "root", "cannot attach /dev" },
	};

	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(omitted); i++) {
		struct error err = ERROR_INIT;
		struct box b;

		box_init(&b);
		b.spec.test_omit = omitted[i].name;
		b.spec.test_no_landlock = omitted[i].no_landlock;
		if (box_try(&b, &err) == 0 ||
		    strstr(err.msg, omitted[i].why) == NULL)
			fail_msg("without %s: %s", omitted[i].name, err.msg);
		assert_true(is_clean());
		box_done(&b);
	}
}

/* A command that was given before init had looked at itself: it runs after
 * that, or never. What it wrote; the error of a sandbox that is not tight. */
static size_t
exec_at_once(const char *omitted, struct error *err)
{
	const char *const argv[] = { "/bin/probe", "look-identity", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct sandbox_event e = { 0 };
	struct error ignored;
	struct box b;
	int64_t id;
	int ends[2], rc;

	box_init(&b);
	b.spec.test_omit = omitted;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(sandbox_plan(&b.spec, &b.plan, err), 0);
	assert_int_equal(sandbox_begin(b.plan, &b.sandbox, err), 0);
	c.argv = argv;
	c.out_fd = ends[1];
	rc = sandbox_exec(b.sandbox, &c, &id, err);
	(void)close(ends[1]);
	while (rc == 0 && e.kind != SANDBOX_EMPTY) {
		struct pollfd p = { sandbox_fd(b.sandbox), POLLIN, 0 };

		assert_true(poll(&p, 1, WAIT_MS) > 0);
		while ((rc = sandbox_next(b.sandbox, &e, err)) == 1 &&
		    e.kind != SANDBOX_EMPTY)
			;
		rc = rc == 1 ? 0 : rc;
	}
	assert_int_equal(rc == 0, omitted == NULL);
	sandbox_stop(b.sandbox);
	assert_int_equal(fd_read_all(ends[0], &b.out, &ignored), 0);
	(void)close(ends[0]);
	rc = (int)b.out.n;
	box_done(&b);
	return (size_t)rc;
}

static void
command_waits_for_the_look(void **unused)
{
	struct error err = ERROR_INIT;

	(void)unused;
	assert_true(exec_at_once(NULL, &err) > 0);
	assert_int_equal(exec_at_once("seccomp", &err), 0);
	if (strstr(err.msg, "calls are not filtered") == NULL)
		fail_msg("%s", err.msg);
	assert_true(is_clean());
}

static void
folders_are_not_handed_in(void **unused)
{
	const char *const argv[] = { "/bin/probe", "true", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	struct box b;
	int64_t id;

	(void)unused;
	box_init(&b);
	box_start(&b);
	c.argv = argv;
	c.in_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sandbox_exec(b.sandbox, &c, &id, &err), -EINVAL);
	(void)close(c.in_fd);
	c.in_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	assert_int_equal(sandbox_exec(b.sandbox, &c, &id, &err), -EINVAL);
	(void)close(c.in_fd);
	box_done(&b);
}

/* --- what the inside shows --- */

static void
identity_is_drawn(void **unused)
{
	char name[80], boot[80], machine[80], home[80], host[80] = "";
	long uptime;
	unsigned uid, gid;
	struct box b;

	(void)unused;
	box_init(&b);
	b.spec.hostname = "laptop-1";
	b.spec.user = "ada";
	b.spec.uid = 1234;
	b.spec.gid = 1235;
	b.spec.uptime_s = 777000;
	b.spec.machine_id = "0123456789abcdef0123456789abcdef";
	b.spec.boot_id = "11111111-2222-4333-8444-555555555555";
	box_start(&b);
	assert_int_equal(box_run(&b, "look-identity"), 0);
	assert_int_equal(sscanf(b.out.p, "%79s %79s %79s %ld %u:%u %79s", name,
			     boot, machine, &uptime, &uid, &gid, home),
	    7);
	assert_string_equal(name, "laptop-1");
	assert_string_equal(boot, b.spec.boot_id);
	assert_string_equal(machine, b.spec.machine_id);
	assert_string_equal(home, "/home/ada");
	assert_in_range(uptime, 777000, 777060);
	assert_int_equal(uid, 1234);
	assert_int_equal(gid, 1235);
	(void)gethostname(host, sizeof(host) - 1);
	assert_string_not_equal(host, name);
	box_done(&b);
}

static void
network_is_its_own(void **unused)
{
	const struct sandbox_network_info *n;
	struct stat inside, sink, host;
	struct box b;

	(void)unused;
	box_init(&b);
	b.spec.network = SANDBOX_NETWORK_SINK;
	box_start(&b);
	n = sandbox_network(b.sandbox);
	assert_non_null(n);
	assert_int_equal(box_run(&b, "look-interfaces"), 0);
	assert_non_null(strstr(b.out.p, n->address4));
	assert_non_null(strstr(b.out.p, n->address6));
	assert_non_null(strstr(b.out.p, "lo 127.0.0.1\n"));
	assert_non_null(strstr(b.out.p, "lo ::1\n"));
	assert_int_equal(fstat(sandbox_netns_fd(b.sandbox), &inside), 0);
	assert_int_equal(fstat(sandbox_sink_netns_fd(b.sandbox), &sink), 0);
	assert_int_equal(stat("/proc/self/ns/net", &host), 0);
	assert_int_not_equal(inside.st_ino, sink.st_ino);
	assert_int_not_equal(inside.st_ino, host.st_ino);
	assert_int_not_equal(sink.st_ino, host.st_ino);
	box_done(&b);
}

static void
no_network_is_none(void **unused)
{
	struct box b;

	(void)unused;
	box_init(&b);
	box_start(&b);
	assert_null(sandbox_network(b.sandbox));
	assert_int_equal(sandbox_sink_netns_fd(b.sandbox), -1);
	assert_int_equal(box_run(&b, "look-interfaces"), 0);
	assert_string_equal(b.out.p, "lo 127.0.0.1\nlo ::1\n");
	box_done(&b);
}

/* /link leads to /real in the layer: what is put must not hide that. */
static void
files_are_put(void **unused)
{
	struct sandbox_file files[] = {
		{ .path = "/put/deep/file",
		    .bytes = STR_LIT("content"),
		    .mode = 0640,
		    .uid = 1000,
		    .gid = 7,
		    .mtime = 1000000000 },
		{ .path = "/link/below", .bytes = STR_LIT("x") },
		{ .path = "/put/sym",
		    .kind = SANDBOX_FILE_SYMLINK,
		    .bytes = STR_LIT("deep/file") },
	};
	struct stat st;
	struct box b;
	int fd;

	(void)unused;
	box_init(&b);
	b.spec.files = files;
	b.spec.n_files = N_ELEMENTS(files);
	box_start(&b);
	assert_int_equal(box_run(&b, "show"), 0);
	assert_string_equal(b.out.p, "content 640 1000:7 1000000000\n");
	fd = sandbox_root_fd(b.sandbox);
	assert_int_equal(fstatat(fd, "real/below", &st, 0), 0);
	assert_int_equal(fstatat(fd, "real/old", &st, 0), 0);
	assert_int_equal(fstatat(fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fstatat(fd, "put/sym", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* None of that is a change. */
	assert_int_equal(fstatat(sandbox_upper_fd(b.sandbox), "put", &st, 0),
	    -1);
	box_done(&b);
}

/* --- commands --- */

static void
files_stay_between_commands(void **unused)
{
	struct stat st;
	struct box b;
	int upper;

	(void)unused;
	box_init(&b);
	box_start(&b);
	assert_int_equal(box_run(&b, "write"), 0);
	assert_int_equal(box_run(&b, "read"), 0);
	sandbox_stop(b.sandbox);
	sandbox_stop(b.sandbox);
	upper = sandbox_upper_fd(b.sandbox);
	assert_int_equal(fstatat(upper, "tmp/left", &st, 0), 0);
	assert_int_equal(st.st_size, 11);
	assert_int_equal(st.st_uid, sandbox_uid_base(b.sandbox) + 1000);
	assert_int_equal(access("/tmp/left", F_OK), -1);
	box_done(&b);
}

static void
ends_are_reported(void **unused)
{
	const char *const argv[] = { "nothing-of-this-name", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	struct sandbox_event e;
	struct box b;
	int64_t id;

	(void)unused;
	box_init(&b);
	box_start(&b);
	assert_int_equal(WEXITSTATUS(box_run(&b, "status")), 42);
	assert_int_equal(WTERMSIG(box_run(&b, "abort")), SIGTERM);
	c.argv = argv;
	assert_int_equal(sandbox_exec(b.sandbox, &c, &id, &err), 0);
	do
		assert_int_equal(next_event(&b, &e, WAIT_MS), 1);
	while (e.kind == SANDBOX_EMPTY);
	assert_int_equal(e.kind, SANDBOX_EXEC_FAILED);
	assert_int_equal(e.status, ENOENT);
	assert_int_equal(e.id, id);
	assert_int_equal(next_event(&b, &e, WAIT_MS), 1);
	assert_int_equal(e.kind, SANDBOX_EMPTY);
	box_done(&b);
}

/* "Empty" of the first command is not believed once the second is asked
 * for. */
static void
empty_is_never_stale(void **unused)
{
	struct sandbox_event e;
	struct box b;
	int64_t id;

	(void)unused;
	box_init(&b);
	box_start(&b);
	(void)box_exec(&b, "true", SANDBOX_UID_USER, -1);
	(void)poll(NULL, 0, 200);
	id = box_exec(&b, "sleep", SANDBOX_UID_USER, -1);
	while (next_event(&b, &e, 500))
		if (e.kind == SANDBOX_EMPTY)
			fail_msg("empty while command %lld runs",
			    (long long)id);
	box_done(&b);
}

static void
detached_children_are_seen_and_killed(void **unused)
{
	struct error err = ERROR_INIT;
	struct sandbox_event e = { 0 };
	struct box b;

	(void)unused;
	box_init(&b);
	box_start(&b);
	assert_int_equal(box_run(&b, "daemonize"), 0);
	assert_int_equal(next_event(&b, &e, 300), 0);
	assert_int_equal(sandbox_kill_all(b.sandbox, &err), 0);
	assert_int_equal(next_event(&b, &e, WAIT_MS), 1);
	assert_int_equal(e.kind, SANDBOX_EMPTY);
	/* And it goes on. */
	assert_int_equal(box_run(&b, "true"), 0);
	box_done(&b);
}

static void
frozen_is_still(void **unused)
{
	struct sandbox_usage before, after;
	struct error err = ERROR_INIT;
	struct box b;
	int64_t id;

	(void)unused;
	box_init(&b);
	box_start(&b);
	if (strstr(sandbox_describe(b.sandbox), "freezer: none") != NULL) {
		box_done(&b);
		skip();
	}
	id = box_exec(&b, "bomb-cpu", SANDBOX_UID_USER, -1);
	(void)poll(NULL, 0, 100);
	assert_int_equal(sandbox_freeze(b.sandbox, &err), 0);
	sandbox_usage(b.sandbox, &before);
	(void)poll(NULL, 0, 300);
	sandbox_usage(b.sandbox, &after);
	assert_true(before.cpu_ns > 0);
	assert_in_range(after.cpu_ns - before.cpu_ns, 0, 20 * NS_PER_MS);
	assert_int_equal(sandbox_thaw(b.sandbox, &err), 0);
	(void)poll(NULL, 0, 300);
	sandbox_usage(b.sandbox, &after);
	assert_true(after.cpu_ns - before.cpu_ns > 20 * NS_PER_MS);
	/* Frozen, it can be killed as well. */
	assert_int_equal(sandbox_freeze(b.sandbox, &err), 0);
	assert_int_equal(sandbox_kill_all(b.sandbox, &err), 0);
	box_wait(&b, id);
	assert_int_equal(WTERMSIG(b.status), SIGKILL);
	box_done(&b);
}

/* Without a control group; the record says so, and what runs goes on. */
static void
cannot_be_frozen(void **unused)
{
	struct error err = ERROR_INIT;
	struct box b;

	(void)unused;
	box_init(&b);
	b.spec.test_no_cgroup = true;
	box_start(&b);
	assert_non_null(strstr(sandbox_describe(b.sandbox), "freezer: none"));
	assert_int_equal(sandbox_freeze(b.sandbox, &err), -EOPNOTSUPP);
	assert_int_equal(box_run(&b, "true"), 0);
	box_done(&b);
}

/* --- limits --- */

struct bomb {
	const char *name;
	struct sandbox_limits limits;
	bool killed; /* otherwise it ends by itself, with status 0 */
	enum sandbox_limit want;
};

static const struct bomb bombs[] = {
	{ "bomb-memory", { .memory_bytes = 64ll * MIB }, true,
	    SANDBOX_LIMIT_MEMORY },
	{ "bomb-forks", { .pids = 20 }, false, SANDBOX_LIMIT_PIDS },
	{ "bomb-disk", { .disk_bytes = 4ll * MIB }, false, SANDBOX_LIMIT_DISK },
	{ "bomb-inodes", { .disk_inodes = 100 }, false, SANDBOX_LIMIT_DISK },
	{ "bomb-cpu", { .cpu_ms = 300 }, true, SANDBOX_LIMIT_CPU },
	{ "bomb-files", { .open_files = 64 }, false, SANDBOX_LIMIT_NONE },
	{ "bomb-large-file", { .file_bytes = 1ll * MIB }, false,
	    SANDBOX_LIMIT_NONE },
};

static void
run_bomb(const struct bomb *bomb, bool no_cgroup)
{
	struct box b;

	box_init(&b);
	b.spec.limits = bomb->limits;
	b.spec.test_no_cgroup = no_cgroup;
	box_start(&b);
	(void)box_run(&b, bomb->name);
	if (bomb->killed ? !WIFSIGNALED(b.status) : b.status != 0)
		fail_msg("%s: status 0x%x, %.*s", bomb->name,
		    (unsigned)b.status, (int)b.out.n,
		    b.out.p != NULL ? b.out.p : "");
	if (sandbox_limit_hit(b.sandbox) != bomb->want)
		fail_msg("%s: limit %s instead of %s", bomb->name,
		    sandbox_limit_word(sandbox_limit_hit(b.sandbox)),
		    sandbox_limit_word(bomb->want));
	box_done(&b);
}

static void
limits_hold(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(bombs); i++)
		run_bomb(&bombs[i], false);
}

static void
limits_hold_without_cgroups(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(bombs); i++)
		run_bomb(&bombs[i], true);
}

/* --- the end --- */

/* What its parent (process 1 of the host) has not yet reaped is dead. */
static bool
is_dead(const char *pid)
{
	char path[300], text[512] = "";
	const char *end;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return true;
	end = fgets(text, sizeof(text), f) != NULL ? strrchr(text, ')') : NULL;
	(void)fclose(f);
	return end == NULL || end[2] == 'Z' || end[2] == 'X';
}

/* Is there a process with an id of any sandbox's range? */
static bool
has_processes(uint32_t base)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	struct stat st;
	bool found = false;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] > '0' && e->d_name[0] <= '9' &&
		    fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
		    st.st_uid - base < 65536 && !is_dead(e->d_name))
			found = true;
	if (d != NULL)
		(void)closedir(d);
	return found;
}

/* No run folder of this test's state is there. */
static bool
is_empty(void)
{
	char path[128];
	const struct dirent *e;
	bool clean = true;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/runtime/sandbox", state);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			clean = false;
	if (d != NULL)
		(void)closedir(d);
	return clean;
}

/* The same, once the wardens have had time for it. */
static bool
is_clean(void)
{
	for (int i = 0; i < 200 && !is_empty(); i++)
		(void)poll(NULL, 0, 10);
	return is_empty();
}

/* What a supervisor tells us about its sandbox before it is killed. */
struct left {
	uint32_t base;
	pid_t init;
	char cgroup[PATH_MAX], run[PATH_MAX];
};

static void __attribute__((noreturn)) supervise(int out)
{
	struct left l = { 0 };
	struct box b;

	box_init(&b);
	b.spec.network = SANDBOX_NETWORK_SINK;
	box_start(&b);
	(void)box_exec(&b, "daemonize", SANDBOX_UID_USER, -1);
	(void)box_exec(&b, "bomb-cpu", SANDBOX_UID_USER, -1);
	(void)poll(NULL, 0, 50);
	l.base = sandbox_uid_base(b.sandbox);
	l.init = sandbox_init_pid(b.sandbox);
	if (sandbox_cgroup_path(b.sandbox) != NULL)
		(void)snprintf(l.cgroup, sizeof(l.cgroup), "%s",
		    sandbox_cgroup_path(b.sandbox));
	(void)snprintf(l.run, sizeof(l.run), "%s", sandbox_run_dir(b.sandbox));
	(void)!write(out, &l, sizeof(l));
	for (;;)
		(void)pause();
}

static pid_t
start_supervisor(struct left *ret)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		supervise(p[1]);
	(void)close(p[1]);
	assert_int_equal(read(p[0], ret, sizeof(*ret)), sizeof(*ret));
	(void)close(p[0]);
	return pid;
}

/* Without root, sandboxes share their ids; what they have of their own is the
 * pid namespace, and no process outlives the first one of it. */
static bool
runs(const struct left *l)
{
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)l->init);
	return rootless_is() ? !is_dead(pid) : has_processes(l->base);
}

static bool
is_left(const struct left *l)
{
	return runs(l) || access(l->run, F_OK) == 0 ||
	    (l->cgroup[0] != '\0' && access(l->cgroup, F_OK) == 0);
}

static void
killed_supervisor_leaves_nothing(void **unused)
{
	struct left l;
	pid_t pid;
	int64_t begun_at;

	(void)unused;
	pid = start_supervisor(&l);
	assert_true(is_left(&l));
	begun_at = clock_ns();
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	while (is_left(&l) &&
	    clock_ns() - begun_at < 5 * NS_PER_SEC * slow_factor())
		(void)poll(NULL, 0, 5);
	print_message("clean after %lld ms\n",
	    (long long)((clock_ns() - begun_at) / NS_PER_MS));
	assert_false(is_left(&l));
	assert_in_range(clock_ns() - begun_at, 0,
	    2 * NS_PER_SEC * slow_factor());
}

/* The parent of a child that it has adopted. */
static pid_t
warden_of(pid_t supervisor)
{
	char path[64], line[64];
	FILE *f;
	pid_t pid, found = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)supervisor, (int)supervisor);
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1) {
		FILE *c;

		(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		c = fopen(path, "re");
		if (c != NULL && fgets(line, sizeof(line), c) != NULL &&
		    strcmp(line, "lazaret-warden\n") == 0)
			found = pid;
		if (c != NULL)
			(void)fclose(c);
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void
next_start_sweeps(void **unused)
{
	struct left l;
	struct box b;
	char number[16];
	pid_t pid, warden;

	(void)unused;
	pid = start_supervisor(&l);
	warden = warden_of(pid);
	assert_true(warden > 0);
	(void)kill(warden, SIGKILL);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	/* Until then it holds the lock of the folder. */
	(void)snprintf(number, sizeof(number), "%d", (int)warden);
	for (int i = 0; i < 500 && !is_dead(number); i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(access(l.run, F_OK), 0);
	box_init(&b);
	box_start(&b);
	assert_false(is_left(&l));
	box_done(&b);
	assert_true(is_clean());
}

/* There is all that a start takes, but nobody who would clean up. */
static void
nothing_runs_without_a_warden(void **unused)
{
	const char *const argv[] = { "/bin/probe", "look-identity", NULL };
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	struct error err = ERROR_INIT;
	char dir[] = "/tmp/lazaret-test-XXXXXX", init[64], real[PATH_MAX];
	const char *libexec = getenv("LAZARET_LIBEXEC_DIR");
	char *before;
	struct box b;
	int64_t id;

	(void)unused;
	assert_non_null(libexec);
	before = strdup(libexec);
	(void)snprintf(real, sizeof(real), "%s/init", before);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(init, sizeof(init), "%s/init", dir);
	assert_int_equal(symlink(real, init), 0);
	(void)setenv("LAZARET_LIBEXEC_DIR", dir, 1);
	box_init(&b);
	box_start(&b);
	c.argv = argv;
	assert_true(sandbox_exec(b.sandbox, &c, &id, &err) < 0);
	assert_non_null(strstr(err.msg, "the warden died"));
	box_done(&b);
	assert_true(is_clean());
	(void)setenv("LAZARET_LIBEXEC_DIR", before, 1);
	free(before);
	(void)unlink(init);
	(void)rmdir(dir);
}

static int
compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Printed, not judged: other tests run beside this one. */
static void
start_takes(void **unused)
{
	int64_t start[21], stop[21];

	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(start); i++) {
		int64_t at = clock_ns();
		struct box b;

		box_init(&b);
		b.spec.network = SANDBOX_NETWORK_SINK;
		box_start(&b);
		start[i] = clock_ns() - at;
		at = clock_ns();
		box_done(&b);
		stop[i] = clock_ns() - at;
	}
	qsort(start, N_ELEMENTS(start), sizeof(start[0]), compare_ns);
	qsort(stop, N_ELEMENTS(stop), sizeof(stop[0]), compare_ns);
	print_message("start: median %.1f ms, least %.1f ms; "
		      "stop: median %.1f ms, least %.1f ms\n",
	    (double)start[N_ELEMENTS(start) / 2] / 1e6, (double)start[0] / 1e6,
	    (double)stop[N_ELEMENTS(stop) / 2] / 1e6, (double)stop[0] / 1e6);
	assert_true(is_clean());
}

/* --- the house around it --- */

static void
copy_file(const char *from, const char *to, unsigned mode)
{
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out =
	    open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct error err = ERROR_INIT;
	struct buf b;

	buf_init(&b, 64 * MIB);
	if (in < 0 || out < 0 || fd_read_all(in, &b, &err) != 0 ||
	    fd_write_all(out, b.p, b.n, &err) != 0 || fchmod(out, mode) != 0)
		fail_msg("cannot copy %s to %s", from, to);
	buf_done(&b);
}

static void
make_root(const char *probe)
{
	static const char *const folders[] = { "", "/bin", "/etc", "/real" };
	char path[128];

	(void)umask(022);
	assert_non_null(mkdtemp(top));
	(void)snprintf(root, sizeof(root), "%s/root", top);
	(void)snprintf(state, sizeof(state), "%s/state", top);
	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/bin/probe", root);
	copy_file(probe, path, 0755);
	(void)snprintf(path, sizeof(path), "%s/bin/setuid-probe", root);
	copy_file(probe, path, 04755);
	(void)snprintf(path, sizeof(path), "%s/real/old", root);
	copy_file("/dev/null", path, 0644);
	(void)snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("real", path), 0);
	assert_int_equal(give_layer(root), 0);
}

static void
remove_root(void)
{
	static const char *const files[] = { "root/bin/probe",
		"root/bin/setuid-probe", "root/real/old", "root/link",
		"state/runtime/sandbox/.lock" };
	static const char *const folders[] = { "root/bin", "root/etc",
		"root/real", "root", "state/runtime/sandbox", "state/runtime",
		"state/images", "state", "" };
	char path[128];

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, files[i]);
		(void)unlink(path);
	}
	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		(void)rmdir(path);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_gets_out),
		cmocka_unit_test(nothing_gets_out_by_path),
		cmocka_unit_test(missing_setting_is_told),
		cmocka_unit_test(missing_safeguard_is_noticed),
		cmocka_unit_test(command_waits_for_the_look),
		cmocka_unit_test(folders_are_not_handed_in),
		cmocka_unit_test(identity_is_drawn),
		cmocka_unit_test(network_is_its_own),
		cmocka_unit_test(no_network_is_none),
		cmocka_unit_test(files_are_put),
		cmocka_unit_test(files_stay_between_commands),
		cmocka_unit_test(ends_are_reported),
		cmocka_unit_test(empty_is_never_stale),
		cmocka_unit_test(detached_children_are_seen_and_killed),
		cmocka_unit_test(frozen_is_still),
		cmocka_unit_test(cannot_be_frozen),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(limits_hold_without_cgroups),
		cmocka_unit_test(killed_supervisor_leaves_nothing),
		cmocka_unit_test(next_start_sweeps),
		cmocka_unit_test(nothing_runs_without_a_warden),
		cmocka_unit_test(start_takes),
	};
	int rc;

	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	if (argc < 2 || !become_root()) {
		printf("skipped: needs root and the probe\n");
		return 77;
	}
	make_root(argv[1]);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	remove_root();
	return rc;
}
