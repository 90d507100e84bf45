/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A supervisor that is killed while it starts a sandbox, before any of its
 * system calls, and while the warden is held back: nothing is left of it. A
 * tracer lets it go on from call to call. Without the warden the same leaves
 * its run folder and its control groups; built without the safeguard `orphan`,
 * and then called with this word (tests/without), a process that no control
 * group tells of.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sandbox/become.h"
#include "sandbox/sandbox.h"
#include "slow.h"
#include "sys/clock.h"

#define END_MS (5000 * slow_factor())
#define KILLS  40 /* over all calls of a start */

static char top[] = "/tmp/killed-start-XXXXXX";
static char root[64], state[64];
static char runs[PATH_MAX]; /* where run folders are */
static struct sandbox_layer layer = { root, -1 };

/* What the start had made when it was killed. */
struct made {
	char run[NAME_MAX + 1]; /* "": no folder yet */
	bool held; /* the warden was there, and no program yet */
};

static void __attribute__((noreturn)) supervise(const char *without)
{
	struct error err = ERROR_INIT;
	struct sandbox_spec spec;
	struct sandbox_plan *plan;
	struct sandbox *s;

	sandbox_spec_init(&spec);
	spec.layers = &layer;
	spec.n_layers = 1;
	spec.state = state;
	spec.network = SANDBOX_NETWORK_SINK;
	spec.test_omit = without;
	if (sandbox_plan(&spec, &plan, &err) != 0)
		_exit(3);
	(void)ptrace(PTRACE_TRACEME, 0, 0, 0);
	(void)raise(SIGSTOP);
	if (sandbox_begin(plan, &s, &err) != 0) {
		(void)fprintf(stderr, "begin: %s\n", err.msg);
		_exit(4);
	}
	_exit(0);
}

/* One byte lets init go on, another one the warden. */
static bool
is_go(pid_t pid, const struct __ptrace_syscall_info *call)
{
	struct iovec there = { (void *)(uintptr_t)call->entry.args[1], 1 };
	char byte = 0;
	struct iovec here = { &byte, 1 };

	return call->entry.nr == SYS_write && call->entry.args[2] == 1 &&
	    process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 && byte == 'g';
}

/* To the next begin of a call; false: it has ended. */
static bool
next_call(pid_t pid, struct __ptrace_syscall_info *ret)
{
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) != 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
		sig =
		    WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
		if (sig == 0 &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(*ret), ret) >
			0 &&
		    ret->op == PTRACE_SYSCALL_INFO_ENTRY)
			return true;
	}
}

static bool
is_same_program(pid_t pid)
{
	char path[64], own[PATH_MAX], other[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own)), m;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	m = readlink(path, other, sizeof(other));
	return n > 0 && n == m && memcmp(own, other, (size_t)n) == 0;
}

static void
look(pid_t supervisor, struct made *ret)
{
	char path[64];
	_cleanup_(fclosep) FILE *f = NULL;
	DIR *d = opendir(runs);
	const struct dirent *e;
	pid_t pid;

	*ret = (struct made){ .held = false };
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)snprintf(ret->run, sizeof(ret->run), "%s",
			    e->d_name);
	if (d != NULL)
		(void)closedir(d);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)supervisor, (int)supervisor);
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		ret->held |= getsid(pid) == pid && is_same_program(pid);
}

#define INIT_GOES   (-1)
#define WARDEN_GOES (-2)

/* Killed before its call number `at`, or before it lets one of these go.
 * Returns how many calls it had begun; ret->run is what it had by then. */
static int
kill_at(int at, const char *without, struct made *ret)
{
	struct __ptrace_syscall_info call;
	int status, n = 0, goes = 0;
	pid_t pid = fork();

	if (pid == 0)
		supervise(without);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, 0,
			     PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
	    0);
	*ret = (struct made){ .held = false };
	while (next_call(pid, &call)) {
		goes += is_go(pid, &call);
		if (++n != at && -goes != at)
			continue;
		look(pid, ret);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		return n;
	}
	return n;
}

/* Everything that it had started is ours by now: whether all of it ends. */
static bool
all_end(void)
{
	int64_t end = clock_ns() + END_MS * NS_PER_MS;
	pid_t pid;

	while (clock_ns() < end) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid == 0)
			(void)poll(NULL, 0, 5);
	}
	return false;
}

#define PROCESS    "a process"
#define RUN_FOLDER "a run folder"

static char group[NAME_MAX + 16];

static int
find_group(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	return type == FTW_D && strcmp(path + at->base, group) == 0;
}

/* A line of the mounts names something of ours. */
static bool
is_mounted(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, top) != NULL;
	return found;
}

/* What is left of a run, or NULL. */
static const char *
left(const struct made *m)
{
	struct made now;

	if (!all_end())
		return PROCESS;
	(void)snprintf(group, sizeof(group), "lazaret-%s", m->run);
	if (m->run[0] != '\0' &&
	    nftw("/sys/fs/cgroup", find_group, 16, FTW_PHYS) != 0)
		return "a control group";
	if (is_mounted())
		return "a mount";
	look(getpid(), &now);
	return now.run[0] != '\0' ? RUN_FOLDER : NULL;
}

static void
killed_while_others_wait(void **unused)
{
	static const int when[] = { INIT_GOES, WARDEN_GOES };
	const char *what;
	struct made m;

	(void)unused;
	for (size_t i = 0; i < N_ELEMENTS(when); i++) {
		(void)kill_at(when[i], "", &m);
		assert_true(m.held);
		assert_string_not_equal(m.run, "");
		what = left(&m);
		if (what != NULL)
			fail_msg("%s is left", what);
	}
}

/* Before there is a warden there may be a folder, which the next start
 * removes; and nothing else. */
static void
killed_anywhere(void **unused)
{
	struct made m;
	int calls = kill_at(INT_MAX, "", &m), held = 0, made = 0;

	(void)unused;
	assert_null(left(&m));
	assert_true(calls > KILLS);
	for (int i = 0; i < KILLS; i++) {
		int at = 1 + calls * i / KILLS;
		const char *what;

		(void)kill_at(at, "", &m);
		held += m.held;
		made += m.run[0] != '\0';
		what = left(&m);
		if (what != NULL && (m.held || strcmp(what, RUN_FOLDER) != 0))
			fail_msg("killed at call %d of %d: %s is left", at,
			    calls, what);
	}
	print_message("%d calls; of %d killed, %d had a folder, %d a warden "
		      "that was held back\n",
	    calls, KILLS, made, held);
	assert_true(held > KILLS / 4);
	(void)kill_at(INT_MAX, "", &m);
	assert_null(left(&m));
}

static void
without_a_warden_something_is_left(void **unused)
{
	const char *what;
	struct made m;
	int calls = kill_at(INT_MAX, "warden", &m), n = 0;

	(void)unused;
	for (int i = 1; i < 4; i++) {
		(void)kill_at(calls * i / 4, "warden", &m);
		what = left(&m);
		n += what != NULL;
		/* Init goes by itself. */
		assert_true(what == NULL || strcmp(what, PROCESS) != 0);
	}
	assert_true(n > 0);
	/* The next start removes what this one has found. */
	(void)kill_at(INT_MAX, "", &m);
	assert_null(left(&m));
}

static void
without_other_eyes_init_is_left(void **unused)
{
	_cleanup_(fclosep) FILE *f = NULL;
	char path[64];
	const char *what;
	struct made m;
	pid_t pid;

	(void)unused;
	(void)kill_at(INIT_GOES, "", &m);
	what = left(&m);
	/* It has become ours. */
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children",
	    (int)getpid());
	f = fopen(path, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		(void)kill(pid, SIGKILL);
	assert_true(all_end());
	assert_non_null(what);
	assert_string_equal(what, PROCESS);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_while_others_wait),
		cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(without_a_warden_something_is_left),
	};
	const struct CMUnitTest without[] = {
		cmocka_unit_test(without_other_eyes_init_is_left),
	};
	bool is_out = argc > 1 && strcmp(argv[1], "orphan") == 0;
	int rc;

	if (!become_root()) {
		printf("skipped: needs root\n");
		return 77;
	}
	(void)umask(022);
	if (mkdtemp(top) == NULL)
		return 1;
	(void)snprintf(root, sizeof(root), "%s/root", top);
	(void)snprintf(state, sizeof(state), "%s/state", top);
	(void)snprintf(runs, sizeof(runs), "%s/runtime/sandbox", state);
	if (mkdir(root, 0755) != 0 || give_layer(root) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return 1;
	rc = is_out ? cmocka_run_group_tests(without, NULL, NULL) :
		      cmocka_run_group_tests(tests, NULL, NULL);
	(void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return rc;
}
