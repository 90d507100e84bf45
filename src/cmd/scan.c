/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret scan: which packages does a project name, and are they known to be
 * malicious? This process walks and opens files and looks into none of them;
 * a child that can open nothing reads them, and prints what it finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd/scan-gate.h"
#include "gate/collect.h"
#include "gate/defaults.h"
#include "gate/gate.h"
#include "gate/print.h"
#include "gate/walk.h"
#include "lockfile/lockfile.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/opt.h"
#include "sys/paths.h"
#include "sys/term.h"

/* All that is printed: a million packages. */
#define MAX_OUTPUT_BYTES (1024u * (size_t)MIB)

static struct {
	bool list;
	struct opt_list lockfiles;
	struct gate_options gate;
} options = { .gate = GATE_OPTIONS_INIT };

static const struct opt option_table[] = {
	{ "list", 0, OPT_FLAG, &options.list, NULL,
	    "print the packages, check nothing" },
	{ "lockfile", 'L', OPT_LIST, &options.lockfiles, "FORMAT:PATH",
	    "read a file as this format, whatever its name" },
	GATE_OPTION_ROWS(options.gate),
	OPT_END,
};

static const struct opt_command command = {
	.name = "scan",
	.operands = "[PATH…]",
	.summary =
	    "Finds lockfiles, SBOMs and installed trees below PATH (the "
	    "working directory)\nand looks for known-bad packages in them. "
	    "Exit 0, 1 when something is found,\n3 when a file cannot be read "
	    "whole, 4 without good and recent data.",
	.options = option_table,
	.examples = "  lazaret scan\n"
		    "  lazaret scan --snapshot all.snapshot --format sarif -o "
		    "scan.sarif .\n"
		    "  lazaret scan --internal '@acme/*' --min-age 3d app\n"
		    "  lazaret scan --list --json app/package-lock.json\n"
		    "  lazaret scan --list -L requirements.txt:deps.in\n",
};

/* --- the reader ---------------------------------------------------------- */

struct reader {
	struct str registries; /* bytes of registries.json; empty: none */
	bool colour;
	struct gate_run *gate; /* NULL: --list */
};

static int
list_packages(const struct reader *r, const struct gate_file *files, size_t n,
    struct arena *a)
{
	struct gate_result result;
	struct print p = { .colour = r->colour };
	struct error err = ERROR_INIT;
	struct buf out;
	int status;

	gate_result_init(&result, a);
	for (size_t i = 0; i < n; i++) {
		result.n_packages += files[i].list->packages.n;
		result.n_errors += files[i].list->errors.n;
	}
	result.files = files;
	result.n_files = n;
	buf_init(&out, MAX_OUTPUT_BYTES);
	p.out = &out;
	print_packages(&result, options.gate.json, &p);
	status = gate_exit_status(&result);
	if (out.full)
		fatal("scan: more than %zu MiB to print: scan folders one by "
		      "one",
		    MAX_OUTPUT_BYTES / MIB);
	if (fd_write_all(STDOUT_FILENO, out.p, out.n, &err) != 0)
		fatal("scan: %s", err.msg);
	buf_done(&out);
	gate_result_done(&result);
	return status;
}

static int
judge(const struct reader *r, struct collect *c)
{
	struct gate_file *files =
	    arena_array(c->arena, c->files.n + 1, sizeof(*files));

	for (size_t i = 0; i < c->files.n; i++) {
		defaults_apply(r->registries, &c->files.v[i]->list);
		files[i].path = c->files.v[i]->path;
		files[i].list = &c->files.v[i]->list;
		files[i].npmrc = c->files.v[i]->npmrc;
	}
	if (r->gate != NULL)
		return gate_judge(r->gate, files, c->files.n);
	return list_packages(r, files, c->files.n, c->arena);
}

/* Ends without freeing: the memory goes with the process. */
static void __attribute__((noreturn)) reader(const struct reader *r, int fd)
{
	struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct error err = ERROR_INIT;
	struct channel channel;
	struct collect c;
	int status;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (lockdown(&l, &err) != 0)
		fatal("scan: %s", err.msg);
	channel_init(&channel, fd);
	collect_init(&c, a, &channel);
	if (collect_run(&c, &err) != 0)
		fatal("scan: %s", err.msg);
	status = judge(r, &c);
	collect_done(&c);
	channel_done(&channel);
	arena_free(a);
	_exit(status);
}

/* --- the opener ---------------------------------------------------------- */

/* FORMAT:PATH */
static void
forced_operand(const char *s, struct walk_operand *ret)
{
	const char *colon = strchr(s, ':');
	_cleanup_(freep) char *name = NULL;
	const struct lock_format *f;

	if (colon == NULL || colon[1] == '\0')
		opt_usage_error(&command,
		    "--lockfile %s: FORMAT:PATH is wanted", s);
	name = mem_strndup(str_n(s, (size_t)(colon - s)));
	f = lock_format_named(name);
	if (f == NULL)
		opt_usage_error(&command, "--lockfile: no format is called %s",
		    name);
	ret->path = colon + 1;
	ret->format = f->name;
}

static struct walk_operand *
operands(char **paths, size_t n_paths, size_t *ret_n)
{
	size_t n = options.lockfiles.n + n_paths, k = 0;
	struct walk_operand *v = mem_array(n + 1, sizeof(*v));

	for (size_t i = 0; i < options.lockfiles.n; i++)
		forced_operand(options.lockfiles.v[i], &v[k++]);
	for (size_t i = 0; i < n_paths; i++)
		v[k++].path = paths[i];
	if (k == 0)
		v[k++].path = ".";
	*ret_n = k;
	return v;
}

/* Ours, not a foreign file; without it, addresses stay as they are. */
static void
load_registries(struct buf *out)
{
	char dir[LIMIT_PATH_BYTES], path[LIMIT_PATH_BYTES + 32];
	_cleanup_(closep) int fd = -1;

	buf_init(out, LIMIT_CONFIG_BYTES);
	if (paths_get(PATHS_DATA, NULL, dir, sizeof(dir), NULL) != 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/registries.json", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fd_read_all(fd, out, NULL) != 0)
		buf_reset(out);
}

static int
status_of(int wait_status, struct error *err)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	if (WTERMSIG(wait_status) == SIGPIPE)
		return EXIT_TOOL_FAILED; /* who reads our output went away */
	return error_set(err, -EPROTO,
	    "the reader of lockfiles died of signal %d", WTERMSIG(wait_status));
}

static int
run(struct walk *w, const struct reader *r, struct error *err)
{
	int fds[2], wait_status, rc;
	struct channel channel;
	pid_t pid;

	if (fd_socketpair(fds, err) != 0)
		return err->code;
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		(void)close(fds[0]);
		reader(r, fds[1]);
	}
	(void)close(fds[1]);
	channel_init(&channel, fds[0]);
	rc = walk_serve(w, &channel, err);
	channel_done(&channel);
	if (waitpid(pid, &wait_status, 0) != pid)
		return error_errno(err, "waitpid");
	/* What the reader says of itself comes before that it hung up. */
	if (rc != 0 && WIFEXITED(wait_status) &&
	    WEXITSTATUS(wait_status) == EXIT_NOTHING_FOUND)
		return rc;
	return status_of(wait_status, err);
}

/* --list has two formats; it checks nothing, so nothing else is of use. */
static void
check_list_format(void)
{
	const char *format = options.gate.format;

	if (format == NULL || strcmp(format, "table") == 0)
		return;
	if (strcmp(format, "json") != 0)
		opt_usage_error(&command,
		    "--list prints a table or JSON, not %s", format);
	options.gate.json = true;
}

static int
scan(struct walk *w, struct reader *r)
{
	struct error err = ERROR_INIT;
	struct buf registries;
	int rc = 0;

	if (options.list)
		check_list_format();

	load_registries(&registries);
	r->registries = buf_str(&registries);
	r->colour = term_colour(stdout);
	if (!options.list)
		rc = gate_open(&command, &options.gate, &r->gate);
	if (rc == 0) {
		rc = run(w, r, &err);
		if (rc < 0)
			(void)fprintf(stderr, "lazaret scan: %s\n", err.msg);
		if (r->gate != NULL)
			rc = gate_close(r->gate, rc);
	}
	buf_done(&registries);
	return rc < 0 ? EXIT_TOOL_FAILED : rc;
}

int
main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), rc;
	_cleanup_(freep) struct walk_operand *v = NULL;
	struct reader r = { .colour = false };
	struct error err = ERROR_INIT;
	struct walk *w;
	size_t n;

	v = operands(argv + first, (size_t)(argc - first), &n);
	rc = walk_new(v, n, &w, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret scan: %s\n", err.msg);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_TOOL_FAILED;
	}
	rc = scan(w, &r);
	walk_free(w);
	free(options.lockfiles.v);
	gate_options_done(&options.gate);
	return rc;
}
