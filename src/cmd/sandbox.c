/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret sandbox plan|run: any command in the sandbox. `plan` prints what
 * would be done, `run` does it: input, output and status of the command pass
 * through, the account of what it did follows on standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/sandbox-run.h"
#include "record/record.h"
#include "sandbox/filter.h"
#include "sandbox/image.h"
#include "sandbox/sandbox.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/rootless.h"
#include "sys/term.h"

static struct sandbox_options o = {
	.image = "npm",
	.network = "off",
	.recorder = "auto",
	.output_bytes = LIMIT_SANDBOX_OUTPUT_BYTES,
	.uid = 1000,
};

/* clang-format off */
static const struct opt options[] = {
	{ "image", 0, OPT_STRING, &o.image, "NAME|DIR",
	    "image, or a folder that is a root file system (npm)" },
	{ "put", 0, OPT_LIST, &o.put, "FILE[:PATH]",
	    "copy a file in, with its mode" },
	{ "output", 'o', OPT_STRING, &o.output, "FILE", "keep the facts" },
	{ "recorder", 0, OPT_STRING, &o.recorder, "MEANS",
	    "auto, ebpf, notify, ptrace, off: how it is recorded (auto)" },
	{ "network", 0, OPT_STRING, &o.network, "off|sink",
	    "no network, or a fake Internet (off)" },
	{ "env", 0, OPT_LIST, &o.env, "NAME=VALUE", "set a variable inside" },
	{ "cwd", 0, OPT_STRING, &o.cwd, "DIR", "start there (the home)" },
	{ "hostname", 0, OPT_STRING, &o.hostname, "NAME", "name of the host" },
	{ "user", 0, OPT_STRING, &o.user, "NAME", "name of the user" },
	{ "uid", 0, OPT_INT, &o.uid, "N", "run as this user inside (1000)" },
	{ "time", 0, OPT_DURATION, &o.time_ms, "TIME",
	    "wall time, then all is killed (no limit)" },
	{ "cpu-time", 0, OPT_DURATION, &o.limits.cpu_ms, "TIME",
	    "processor time in all (no limit)" },
	{ "cpu", 0, OPT_INT, &o.limits.cpu_percent, "PERCENT",
	    "of one processor; 200 is two (400)" },
	{ "memory", 0, OPT_SIZE, &o.limits.memory_bytes, "SIZE",
	    "with the files that were written (4G)" },
	{ "disk", 0, OPT_SIZE, &o.limits.disk_bytes, "SIZE",
	    "of what is written (2G)" },
	{ "files", 0, OPT_INT, &o.limits.disk_inodes, "N",
	    "files that are made (400000)" },
	{ "pids", 0, OPT_INT, &o.limits.pids, "N",
	    "processes and threads (512)" },
	{ "open-files", 0, OPT_INT, &o.limits.open_files, "N",
	    "per process (4096)" },
	{ "file-size", 0, OPT_SIZE, &o.limits.file_bytes, "SIZE",
	    "largest file (1G)" },
	{ "max-output", 0, OPT_SIZE, &o.output_bytes, "SIZE",
	    "standard output and error, each (64M)" },
	{ "calls", 0, OPT_FLAG, &o.calls, NULL,
	    "plan: list the refused system calls too" },
	{ "json", 0, OPT_FLAG, &o.json, NULL, "plan or account as JSON" },
	{ "quiet", 'q', OPT_FLAG, &o.quiet, NULL, "no account" },
	{ "state", 0, OPT_STRING, &o.state, "DIR", "where images lie" },
	OPT_END,
};
/* clang-format on */

static const struct opt_command command = {
	.name = "sandbox",
	.operands = "plan|run [OPTION…] [--] COMMAND…",
	.summary = "Run a command in the sandbox, or print what that takes.",
	.options = options,
	.examples =
	    "  lazaret sandbox run -- node -e 'console.log(os.userInfo())'\n"
	    "  lazaret sandbox run --network=sink --put x.sh -- sh x.sh\n"
	    "  lazaret sandbox run --time 10s --memory 256M -- ./build\n"
	    "  lazaret sandbox plan --json",
	.stop_at_operand = true,
};

static int
failed(const struct error *err)
{
	fprintf(stderr, "lazaret sandbox: %s\n", err->msg);
	return EXIT_TOOL_FAILED;
}

static int
plan(const struct sandbox_spec *spec)
{
	_cleanup_(sandbox_plan_freep) struct sandbox_plan *p = NULL;
	struct error err = ERROR_INIT;
	struct buf out;

	if (sandbox_plan(spec, &p, &err) != 0)
		return failed(&err);
	buf_init(&out, 4 * MIB);
	if (o.json)
		sandbox_plan_json(p, &out);
	else
		sandbox_plan_print(p, &out);
	if (!o.json && o.calls) {
		buf_puts(&out, "\nRefused system calls:\n");
		filter_print(&out);
	}
	(void)fwrite(out.p, 1, out.n, stdout);
	buf_done(&out);
	return fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}

static enum sandbox_network
network_of(const char *word)
{
	static const char *const words[SANDBOX_NETWORK__MAX] = {
		[SANDBOX_NETWORK_OFF] = "off",
		[SANDBOX_NETWORK_SINK] = "sink",
	};

	for (int i = 0; i < SANDBOX_NETWORK__MAX; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum sandbox_network)i;
	opt_usage_error(&command, "--network=%s: off or sink", word);
}

/* FILE or FILE:PATH; without PATH it goes to the working directory. */
static int
put_one(const char *arg, const char *folder, struct sandbox_file *f,
    struct error *err)
{
	const char *colon = strrchr(arg, ':');
	const char *from, *base;
	struct stat st;

	if (colon != NULL && colon[1] != '/')
		colon = NULL; /* part of the name */
	from = arena_strz(o.arena,
	    str_n(arg, colon != NULL ? (size_t)(colon - arg) : strlen(arg)));
	f->fd = open(from, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return error_errno(err, "%s", from);
	if (!S_ISREG(st.st_mode))
		return error_set(err, -EINVAL, "%s is not a file", from);
	base = strrchr(from, '/') != NULL ? strrchr(from, '/') + 1 : from;
	f->path = colon != NULL ? colon + 1 :
				  arena_printf(o.arena, "%s/%s", folder, base);
	f->kind = SANDBOX_FILE_FD;
	f->mode = st.st_mode & 0777;
	return 0;
}

static int
put_files(struct sandbox_spec *spec, struct error *err)
{
	const char *home =
	    arena_printf(o.arena, "/home/%s", o.user != NULL ? o.user : "user");
	struct sandbox_file *files =
	    arena_array(o.arena, o.put.n, sizeof(*files));
	int rc = 0;

	for (size_t i = 0; i < o.put.n && rc == 0; i++) {
		files[i].uid = files[i].gid = spec->uid != 0 ? spec->uid : 1000;
		rc = put_one(o.put.v[i], o.cwd != NULL ? o.cwd : home,
		    &files[i], err);
	}
	spec->files = files;
	spec->n_files = o.put.n;
	return rc;
}

static int
run(struct sandbox_spec *spec, const struct image *image, char **argv)
{
	struct error err = ERROR_INIT;
	struct progress progress;
	int status = EXIT_TOOL_FAILED, rc;

	progress_begin(&progress);
	if (!o.quiet)
		spec->progress = &progress;
	rc = put_files(spec, &err);
	if (rc == 0)
		rc = sandbox_run(&o, spec, image, argv, &status, &err);
	return rc == 0 ? status : failed(&err);
}

static int
enter_to_run(struct error *err)
{
	int rc = fd_allow(LIMIT_OWN_FILES_LEAST, LIMIT_OWN_FILES, err);

	return rc != 0 ? rc : rootless_enter(err);
}

/* Images of callers without root belong to other ids than theirs. */
static int
enter_to_plan(struct error *err)
{
	return geteuid() != 0 && strchr(o.image, '/') == NULL ?
	    rootless_enter(err) :
	    0;
}

int
main(int argc, char **argv)
{
	struct sandbox_layer layers[LIMIT_SANDBOX_LAYERS];
	struct sandbox_spec spec;
	struct error err = ERROR_INIT;
	bool is_plan, is_run;
	struct image image = IMAGE_INIT;
	_cleanup_(sandbox_early_freep) struct sandbox_early *early = NULL;
	enum record_means means;
	char **words;
	int first, status;

	is_plan = argc > 1 && strcmp(argv[1], "plan") == 0;
	is_run = argc > 1 && strcmp(argv[1], "run") == 0;
	if (is_plan || is_run) {
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	o.arena = arena_new(16 * MIB);
	first = opt_parse(&command, argc, argv);
	words = argv + first;
	if (!is_plan && !is_run)
		opt_usage_error(&command, "plan or run?");
	if (is_run && words[0] == NULL)
		opt_usage_error(&command, "no command given");
	if (strcmp(o.recorder, "off") != 0 &&
	    record_means_parse(o.recorder, &means) != 0)
		opt_usage_error(&command,
		    "--recorder=%s: auto, ebpf, notify, ptrace or off",
		    o.recorder);
	if ((is_run ? enter_to_run(&err) : enter_to_plan(&err)) != 0)
		return failed(&err);
	sandbox_spec_init(&spec);
	spec.limits = o.limits;
	spec.network = network_of(o.network);
	if (is_run && sandbox_early_new(spec.network, &early, &err) != 0)
		return failed(&err);
	spec.early = early;
	spec.hostname = o.hostname;
	spec.user = o.user;
	spec.uid = spec.gid = (uint32_t)o.uid;
	spec.state = o.state;
	spec.layers = layers;
	if (sandbox_run_layers(&o, &image, layers, &spec.n_layers, &err) != 0)
		return failed(&err);
	status = is_plan ? plan(&spec) :
			   run(&spec, image.dir != NULL ? &image : NULL, words);
	image_done(&image);
	arena_free(o.arena);
	return status;
}
