/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorder tests: runs each case of the probe below a control group of its
 * own, with the recorder on it, and compares what the case says that it did
 * ("+ fact" must be there, "- fact" must not) with the facts of its phase.
 *
 *	run [--recorder=ebpf|notify|ptrace] [--no-cast] [--print] PROBE [CASE…]
 *	run --without=SAFEGUARD PROBE	with programs that lack it: the cases
 *		that need it hide what they do, and nothing else
 *	run --print -- COMMAND ARG…	records any command as a package manager
 *		whose project is its folder, prints its facts
 *	run --flood=lost|held|stopped -- COMMAND ARG…	with a ring far too
 *		small for what COMMAND does: what is lost is counted; what is
 *		held back (stopped: by stopping alone) is not lost
 *	run --turns -- COMMAND ARG…	the command several times in one phase,
 *		each time for another package: each is told as that package's
 *	run [--recorder=…] --asked -- COMMAND ARG…	asks the recorder for
 *all it has, again and again, while COMMAND makes calls: neither waits for the
 *other
 *
 * Exit 77 (skipped), saying why, where eBPF cannot be used.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "record/differences.h"
#include "record/facts.h"
#include "record/nursery.h"
#include "record/record.h"
#include "record/watch.h"
#include "record/without.h"
#include "slow.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/rootless.h"

#define SKIPPED            77
#define CGROUP2_MAGIC      0x63677270
#define EXPECTATIONS_BYTES (4 * MIB)
#define FACTS_BYTES        (256 * MIB)
#define FLOOD_RING_BYTES   (1 * MIB)
#define TURNS              8
/* Where it can hang, it takes some 200 to do so. */
#define ASKED       3000
#define ASKED_LEAST 600 /* where each takes long */

struct run {
	enum record_means means;
	struct nursery nursery; /* without eBPF */
	char cgroup[256], folder[256], facts_path[300];
	int cgroup_fd;
	struct record *record;
	pid_t reader;
	VEC(char *) wanted; /* owned; expectations of case i */
	VEC(char *) names;
	bool print, all;
	bool no_cast; /* as before 6.2 */
	bool turns, asked;
	const char *without; /* a safeguard; NULL: none is missing */
	const char *flood; /* "lost", "held", "stopped"; NULL: no flood */
	int64_t dropped;
};

static int
make_cgroup(struct run *r)
{
	static const char *const roots[] = { "/sys/fs/cgroup",
		"/sys/fs/cgroup/unified", NULL };
	struct statfs fs;

	for (const char *const *root = roots; *root != NULL; root++) {
		if (statfs(*root, &fs) != 0 || fs.f_type != CGROUP2_MAGIC)
			continue;
		(void)snprintf(r->cgroup, sizeof(r->cgroup),
		    "%s/record-test-%d", *root, (int)getpid());
		if (mkdir(r->cgroup, 0755) != 0)
			continue;
		r->cgroup_fd =
		    open(r->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return r->cgroup_fd >= 0 ? 0 : -errno;
	}
	return -ENOENT;
}

static void
enter_cgroup(const struct run *r)
{
	int fd;

	if (r->cgroup_fd < 0)
		return;
	fd = openat(r->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(125);
	(void)close(fd);
}

/* Facts go to a file through a process of their own: the recorder must never
 * wait for us. */
static int
start_reader(struct run *r, int *ret_facts_fd, struct error *err)
{
	int fds[2], rc = fd_socketpair(fds, err);

	if (rc != 0)
		return rc;
	r->reader = fork();
	if (r->reader == 0) {
		FILE *out = fopen(r->facts_path, "we");

		(void)close(fds[0]);
		if (out == NULL)
			_exit(1);
		rc = facts_print(fds[1], out);
		_exit(fclose(out) != 0 || rc < 0);
	}
	(void)close(fds[1]);
	*ret_facts_fd = fds[0];
	return r->reader < 0 ? error_errno(err, "fork") : 0;
}

/* As sandbox and supervisor do it: a listener before the recorder begins, a
 * tracer before there is anything to trace. */
static int
start_watching(struct run *r, struct record_start *start,
    const struct record_command *command, struct error *err)
{
	struct buf program;
	int rc;

	buf_init(&program, MIB);
	watch_program(r->means, &program);
	watch_program_end(r->means, &program);
	nursery_start(&r->nursery, r->cgroup_fd);
	start->target = r->nursery.pid;
	if (r->means == RECORD_NOTIFY)
		start->listener_fd =
		    nursery_filter(&r->nursery, buf_str(&program), 1);
	rc = record_start(r->record, start, err);
	/* Before the nursery does anything that it would be known by. */
	if (rc == 0)
		rc = record_command(r->record, command, err);
	if (rc == 0 && r->means == RECORD_PTRACE)
		(void)nursery_filter(&r->nursery, buf_str(&program), 0);
	if (start->listener_fd >= 0)
		(void)close(start->listener_fd);
	buf_done(&program);
	return rc;
}

static int
start_recorder(struct run *r, struct error *err)
{
	struct record_start start = { .sandbox = 3,
		.cgroup_fd = r->cgroup_fd,
		.listener_fd = -1 };
	struct record_command command = { "package", "node_modules/probe",
		"/nowhere" };
	struct record_command any = { "manager", NULL, r->folder };
	struct record_options options = { r->flood ? FLOOD_RING_BYTES : 0,
		r->means };
	bool is_lost = r->flood != NULL && strcmp(r->flood, "lost") == 0;
	int facts_fd = -1, rc = start_reader(r, &facts_fd, err);

	options.test_no_stop = is_lost;
	options.test_no_cast = r->no_cast;
	options.test_no_freeze =
	    r->flood != NULL && strcmp(r->flood, "held") != 0;
	start.upper_fd = open("/", O_PATH | O_CLOEXEC);
	if (rc == 0)
		rc = record_spawn(&options, facts_fd, &r->record, err);
	if (rc == 0)
		rc = r->means == RECORD_EBPF ?
		    record_start(r->record, &start, err) :
		    start_watching(r, &start, r->print ? &any : &command, err);
	if (rc == 0 && r->means == RECORD_EBPF)
		rc = record_command(r->record, r->print ? &any : &command, err);
	(void)close(start.upper_fd);
	return rc;
}

/* The command's standard output, until it and all that hold it are gone. */
static char *
run_command(struct run *r, char *const *argv, int *ret_status)
{
	struct error err = ERROR_INIT;
	struct buf said;
	int p[2];
	pid_t pid = 0;

	if (pipe2(p, O_CLOEXEC) != 0)
		fatal("pipe");
	if (r->means == RECORD_EBPF)
		pid = fork();
	else
		nursery_run(&r->nursery, r->folder, argv, r->print ? -1 : p[1]);
	if (r->means != RECORD_EBPF)
		pid = -1;
	if (pid == 0) {
		enter_cgroup(r);
		if (chdir(r->folder) != 0)
			_exit(125);
		if (!r->print)
			(void)dup2(p[1], 1);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	(void)close(p[1]);
	buf_init(&said, EXPECTATIONS_BYTES);
	if (fd_read_all(p[0], &said, &err) != 0)
		fatal("%s", err.msg);
	(void)close(p[0]);
	if (pid < 0)
		*ret_status = nursery_wait(&r->nursery);
	else if (waitpid(pid, ret_status, 0) != pid)
		fatal("waitpid");
	buf_puts(&said, "");
	return buf_steal(&said);
}

static int
run_phase(struct run *r, const char *name, char *const *argv, struct error *err)
{
	int64_t phase = (int64_t)r->wanted.n + 1, events = 0, dropped = 0;
	int status = 0, rc;
	char *wanted;

	rc = record_phase_begin(r->record, phase, clock_ns(), err);
	if (rc != 0)
		return rc;
	wanted = run_command(r, argv, &status);
	/* Done by us, outside of the control group. */
	if (access("/outside-of-the-group", F_OK) == 0 ||
	    mkdir("/proc/outside-of-the-group", 0700) == 0)
		return error_set(err, -EEXIST, "/outside-of-the-group");
	vec_push(&r->wanted, wanted);
	vec_push(&r->names, mem_strdup(name));
	rc = record_phase_end(r->record, phase, &events, &dropped, err);
	if (rc != 0)
		return rc;
	r->dropped += dropped;
	if (dropped != 0 && !r->flood)
		return error_set(err, -EIO, "%s: %lld events dropped", name,
		    (long long)dropped);
	if (!r->print && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return error_set(err, -EIO, "%s: the probe itself failed (%x)",
		    name, (unsigned)status);
	return 0;
}

/* As a package manager's hooks run: shorter than the recorder's pauses. */
static int
run_turns(struct run *r, char *const *argv, struct error *err)
{
	int64_t events = 0;
	int status = 0;
	int rc = record_phase_begin(r->record, 1, clock_ns(), err);

	for (int i = 0; i < TURNS && rc == 0; i++) {
		char package[32];
		struct record_command c = { "package", package, r->folder };

		(void)snprintf(package, sizeof(package), "turn-%d", i);
		rc = record_command(r->record, &c, err);
		if (rc == 0)
			free(run_command(r, argv, &status));
	}
	return rc != 0 ?
	    rc :
	    record_phase_end(r->record, 1, &events, &r->dropped, err);
}

static int
times_asked(void)
{
	int n = ASKED / slow_factor();

	return n > ASKED_LEAST ? n : ASKED_LEAST;
}

/* Lets the command go one step, and asks while it takes it. */
static void __attribute__((noreturn)) ask_along(struct run *r, const char *fifo)
{
	const struct record_command c = { "package", "asked", r->folder };
	struct error err = ERROR_INIT;
	int fd = open(fifo, O_WRONLY | O_CLOEXEC);

	for (int i = 0; i < times_asked(); i++)
		if (write(fd, "x\n", 2) != 2 ||
		    record_command(r->record, &c, &err) != 0)
			_exit(1);
	_exit(0);
}

static int
run_asked(struct run *r, char *const *argv, struct error *err)
{
	int64_t events = 0;
	int status = 0, rc = record_phase_begin(r->record, 1, clock_ns(), err);
	char fifo[sizeof(r->folder) + 8];
	pid_t pid;

	(void)snprintf(fifo, sizeof(fifo), "%s/steps", r->folder);
	if (rc != 0)
		return rc;
	if (mkfifo(fifo, 0666) != 0)
		return error_errno(err, "%s", fifo);
	pid = fork();
	if (pid == 0)
		ask_along(r, fifo);
	free(run_command(r, argv, &status));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return error_set(err, -EIO, "the recorder did not answer");
	return record_phase_end(r->record, 1, &events, &r->dropped, err);
}

static bool
any_line(struct str facts, struct str wanted, int phase)
{
	struct str line;
	char number[32];
	struct buf both;
	bool found = false;

	number[0] = '\0';
	if (!str_starts(wanted, "blob ")) /* which belongs to no phase */
		(void)snprintf(number, sizeof(number), " phase=%d", phase);
	buf_init(&both, MIB);
	buf_put_str(&both, wanted);
	buf_puts(&both, number);
	while (!found && facts.p != NULL && str_cut(&facts, '\n', &line))
		found = facts_match(line, buf_str(&both));
	buf_done(&both);
	return found;
}

static int
check_case(const struct run *r, size_t i, struct str facts)
{
	struct str wanted = str_of(r->wanted.v[i]), line;
	int failures = 0, checks = 0, hidden = 0;
	struct buf changed;

	buf_init(&changed, MIB);

	while (wanted.p != NULL && str_cut(&wanted, '\n', &line)) {
		bool want;

		if (line.n < 3)
			continue;
		want = line.p[0] == '+';
		checks++;
		if (!differences_apply(r->means, r->names.v[i], want,
			str_sub(line, 2, line.n), &changed))
			continue;
		if (any_line(facts, buf_str(&changed), (int)i + 1) == want)
			continue;
		if (r->without != NULL &&
		    without_hides(r->without, r->names.v[i],
			buf_str(&changed))) {
			hidden++;
			continue;
		}
		failures++;
		(void)printf("# %s: %.*s\n", want ? "missing" : "unexpected",
		    STR_ARG(line));
	}
	buf_done(&changed);
	if (checks == 0)
		failures++;
	if (r->without != NULL && hidden == 0) {
		failures++;
		(void)printf("# nothing is hidden without %s\n", r->without);
	}
	(void)printf("%s %zu - %s (%d)\n", failures == 0 ? "ok" : "not ok",
	    i + 1, r->names.v[i], checks);
	return failures;
}

/* Each call of the flood is either in the facts or was counted as lost. */
static int
check_flood(const struct run *r, struct str facts)
{
	struct str line;
	int64_t told = 0;
	bool ok;

	while (facts.p != NULL && str_cut(&facts, '\n', &line))
		told += facts_match(line, STR_LIT("file_event op=mkdir"));
	if (strcmp(r->flood, "lost") == 0)
		ok = r->dropped > 0 && told > 0 &&
		    told + r->dropped >= FLOOD_CALLS;
	else
		ok = r->dropped == 0 && told == FLOOD_CALLS;
	(void)printf("%s 1 - %lld calls told, %lld events dropped\n1..1\n",
	    ok ? "ok" : "not ok", (long long)told, (long long)r->dropped);
	return !ok;
}

static int
check_turns(struct str facts)
{
	int failures = 0;

	for (int i = 0; i < TURNS; i++) {
		struct str left = facts, line;
		char wanted[64];
		int n = 0;

		(void)snprintf(wanted, sizeof(wanted),
		    "process package=turn-%d", i);
		while (left.p != NULL && str_cut(&left, '\n', &line))
			n += facts_match(line, str_of(wanted));
		failures += n == 0;
		(void)printf("%s %d - %s: %d\n", n != 0 ? "ok" : "not ok",
		    i + 1, wanted, n);
	}
	(void)printf("1..%d\n", TURNS);
	return failures;
}

static int
check(const struct run *r)
{
	struct error err = ERROR_INIT;
	struct buf facts;
	int failures = 0, fd = open(r->facts_path, O_RDONLY | O_CLOEXEC);

	buf_init(&facts, FACTS_BYTES);
	if (fd < 0 || fd_read_all(fd, &facts, &err) != 0)
		fatal("%s: %s", r->facts_path, err.msg);
	(void)close(fd);
	if (r->print)
		(void)fwrite(facts.p, 1, facts.n, stdout);
	else if (r->flood)
		failures = check_flood(r, buf_str(&facts));
	else if (r->turns)
		failures = check_turns(buf_str(&facts));
	else if (r->asked)
		(void)printf("ok 1 - asked %d times\n1..1\n", times_asked());
	else
		for (size_t i = 0; i < r->wanted.n; i++)
			failures += check_case(r, i, buf_str(&facts));
	if (!r->print && !r->flood && r->all)
		failures += differences_unused(r->means);
	if (str_find(buf_str(&facts), STR_LIT("outside-of-the-group")) >= 0) {
		(void)printf("# a process outside was recorded\n");
		failures++;
	}
	if (str_find(buf_str(&facts), STR_LIT("bad-")) == 0 ||
	    str_find(buf_str(&facts), STR_LIT("\nbad-")) >= 0) {
		(void)printf("# a fact that cannot be read\n");
		failures++;
	}
	if (!r->print && !r->flood && !r->turns && !r->asked)
		(void)printf("1..%zu\n", r->wanted.n);
	buf_done(&facts);
	return failures;
}

/* Names of all cases, one per line, from the probe itself. */
static int
run_cases(struct run *r, char *probe, char **only, struct error *err)
{
	char *list_argv[] = { probe, mem_strdup("--list"), NULL };
	int status = 0, rc = 0;
	char *list = run_command(r, list_argv, &status);
	struct str left = str_of(list), name;

	for (; only == NULL && rc == 0 && left.p != NULL &&
	     str_cut(&left, '\n', &name);) {
		char *argv[] = { probe, mem_strndup(name), NULL };

		if (name.n != 0 &&
		    (r->without == NULL || without_concerns(r->without, name)))
			rc = run_phase(r, argv[1], argv, err);
		free(argv[1]);
	}
	for (; only != NULL && *only != NULL && rc == 0; only++) {
		char *argv[] = { probe, *only, NULL };

		rc = run_phase(r, *only, argv, err);
	}
	free(list_argv[1]);
	free(list);
	return rc;
}

static int
run_probe(struct run *r, char **argv, struct error *err)
{
	char *probe = realpath(argv[0], NULL);
	int rc;

	if (probe == NULL)
		return error_errno(err, "%s", argv[0]);
	r->all = argv[1] == NULL && r->without == NULL;
	rc = run_cases(r, probe, argv[1] != NULL ? argv + 1 : NULL, err);
	free(probe);
	if (rc == 0 && r->wanted.n == 0)
		rc = error_set(err, -ENOENT, "the probe has no cases");
	return rc;
}

static void
clean_up(struct run *r)
{
	int status;
	pid_t pid;

	nursery_stop(&r->nursery);
	record_free(r->record);
	for (int i = 0; i < 100 && rmdir(r->cgroup) != 0; i++)
		(void)usleep(20000);
	pid = fork();
	if (pid == 0) {
		(void)execlp("rm", "rm", "-rf", r->folder, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	for (size_t i = 0; i < r->wanted.n; i++) {
		free(r->wanted.v[i]);
		free(r->names.v[i]);
	}
	vec_done(&r->wanted);
	vec_done(&r->names);
	(void)close(r->cgroup_fd);
}

static int
run_any(struct run *r, char **argv, struct error *err)
{
	char *program = argv[0] != NULL ? realpath(argv[0], NULL) : NULL;
	int rc;

	if (argv[0] == NULL)
		return error_set(err, -EINVAL, "no command");
	if (program != NULL) /* otherwise it is looked for in PATH */
		argv[0] = program;
	rc = r->asked ? run_asked(r, argv, err) :
	    r->turns  ? run_turns(r, argv, err) :
			run_phase(r, argv[0], argv, err);
	free(program);
	return rc;
}

static int
run_all(struct run *r, char **argv, struct error *err)
{
	int status = 0, rc;

	if (strcmp(argv[0], "--") == 0)
		rc = run_any(r, argv + 1, err);
	else
		rc = run_probe(r, argv, err);
	if (rc == 0)
		rc = record_stop(r->record, err);
	if (rc == 0 &&
	    (waitpid(r->reader, &status, 0) != r->reader || status != 0))
		rc = error_set(err, -EIO, "the reader of facts failed");
	return rc;
}

int
main(int argc, char **argv)
{
	struct run r = { .cgroup_fd = -1 };
	struct error err = ERROR_INIT;
	int rc, failures;

	(void)argc;
	argv++;
	r.means = RECORD_EBPF;
	if (*argv != NULL && strncmp(*argv, "--recorder=", 11) == 0 &&
	    record_means_parse(*argv++ + 11, &r.means) != 0)
		return 2;
	if (*argv != NULL && strncmp(*argv, "--without=", 10) == 0)
		r.without = *argv++ + 10;
	if (*argv != NULL && strcmp(*argv, "--no-cast") == 0)
		r.no_cast = *argv++ != NULL;
	if (*argv != NULL && strcmp(*argv, "--print") == 0)
		r.print = *argv++ != NULL;
	else if (*argv != NULL && strncmp(*argv, "--flood=", 8) == 0)
		r.flood = *argv++ + 8;
	else if (*argv != NULL && strcmp(*argv, "--turns") == 0)
		r.turns = *argv++ != NULL;
	else if (*argv != NULL && strcmp(*argv, "--asked") == 0)
		r.asked = *argv++ != NULL;
	if (*argv == NULL)
		return 2;
	/* Only eBPF needs the group. */
	if (rootless_enter(&err) != 0 ||
	    (make_cgroup(&r) != 0 && r.means == RECORD_EBPF)) {
		(void)printf(
		    "1..0 # SKIP needs root and a writable cgroup v2\n");
		return SKIPPED;
	}
	(void)snprintf(r.folder, sizeof(r.folder), "/tmp/record-test-%d",
	    (int)getpid());
	(void)snprintf(r.facts_path, sizeof(r.facts_path), "%s/.facts",
	    r.folder);
	if (mkdir(r.folder, 0755) != 0)
		fatal("%s: %s", r.folder, strerror(errno));
	rc = start_recorder(&r, &err);
	/* -EACCES would be the verifier: our own fault. */
	if (rc == -EPERM || rc == -ENOSYS) {
		(void)printf("1..0 # SKIP %s\n", err.msg);
		clean_up(&r);
		return SKIPPED;
	}
	if (rc == 0)
		rc = run_all(&r, argv, &err);
	if (rc != 0)
		(void)printf("Bail out! %s\n", err.msg);
	failures = rc == 0 ? check(&r) : 1;
	clean_up(&r);
	return failures != 0;
}
