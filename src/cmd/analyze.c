/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret analyze: runs packages in the sandbox and says what they do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "ecosystem/purl.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/rootless.h"
#include "sys/spawn.h"
#include "sys/term.h"

struct options {
	struct analysis_options analysis;
	const char *fail_on, *export, *recorder;
	bool json, quiet;
};

static struct options o = { .recorder = "auto" };

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &o.json, NULL,
	    "print one JSON object per package" },
	{ "export", 0, OPT_STRING, &o.export, "FORMAT",
	    "print the report as another system does: ossf" },
	{ "quiet", 'q', OPT_FLAG, &o.quiet, NULL, "print no report" },
	{ "output", 'o', OPT_STRING, &o.analysis.output, "FILE",
	    "also keep the run file as FILE" },
	{ "fail-on", 0, OPT_STRING, &o.fail_on, "LABEL",
	    "exit 1 from this label on (default suspicious)" },
	{ "offline", 0, OPT_FLAG, &o.analysis.offline, NULL,
	    "take packages from the cache alone" },
	{ "timeout", 0, OPT_DURATION, &o.analysis.install_ms, "TIME",
	    "end the install after TIME (default 5m)" },
	{ "import-timeout", 0, OPT_DURATION, &o.analysis.import_ms, "TIME",
	    "end each import after TIME (default 1m)" },
	{ "memory", 0, OPT_SIZE, &o.analysis.memory_bytes, "SIZE",
	    "memory of the sandbox" },
	{ "recorder", 0, OPT_STRING, &o.recorder, "auto|ebpf|notify|ptrace",
	    "how system calls are recorded (auto: the best of this host)" },
	{ "trace", 0, OPT_FLAG, &o.analysis.trace, NULL,
	    "say on standard error when each step was done" },
	{ "state", 0, OPT_STRING, &o.analysis.state, "DIR",
	    "where images, archives and runs are kept" },
	OPT_END,
};

static const struct opt_command command = { .name = "analyze",
	.operands = "PACKAGE…",
	.summary = "Run packages in the sandbox and say what they do.",
	.options = options,
	.examples = "  lazaret analyze pkg:npm/left-pad@1.3.0\n"
		    "  lazaret analyze npm/express\n"
		    "  lazaret analyze npm left-pad 1.3.0\n"
		    "  lazaret analyze ./package.tgz --json\n"
		    "  lazaret analyze . -o run.laz\n" };

/* Worst first, as fact_labels. */
static const struct {
	const char *label;
	enum exit_status below; /* when it does not reach the threshold */
} labels[] = {
	{ "malicious", EXIT_NOTHING_FOUND },
	{ "suspicious", EXIT_NOTHING_FOUND },
	{ "incomplete", EXIT_INCOMPLETE },
	{ "clean", EXIT_NOTHING_FOUND },
};

static size_t
rank_of(const char *label)
{
	size_t i = 0;

	while (i < N_ELEMENTS(labels) && strcmp(labels[i].label, label) != 0)
		i++;
	return i;
}

static enum exit_status
status_of(const char *label)
{
	size_t rank = rank_of(label);

	if (rank == N_ELEMENTS(labels))
		return EXIT_TOOL_FAILED;
	return rank <= rank_of(o.fail_on) ? EXIT_FOUND : labels[rank].below;
}

/* The report is a foreign file's content: another program prints it. */
static int
print_report(const char *run, struct error *err)
{
	const char *const argv[] = { "show",
		o.export != NULL ? "--export=ossf" :
		    o.json       ? "--json" :
				   "--",
		run, NULL };
	struct child child = CHILD_INIT;
	struct spawn sp = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int status = 0, r = spawn_libexec_path("show", path, sizeof(path), err);

	if (r < 0 || o.quiet)
		return r;
	sp.path = path;
	sp.argv = argv;
	r = spawn_start(&sp, &child, err);
	if (r == 0)
		r = spawn_wait(&child, -1, &status, err);
	/* Who reads it may stop reading; a full disk does not. */
	if (r == 0 && WIFEXITED(status) &&
	    WEXITSTATUS(status) == EXIT_TOOL_FAILED)
		r = error_set(err, -EIO,
		    "the report was not printed; lazaret show %s does it again",
		    run);
	return r;
}

/* Known before the package has run, not after. */
static int
check_output(const char *path, struct error *err)
{
	char folder[LIMIT_PATH_BYTES];
	char *slash;
	struct stat st;

	if (path == NULL)
		return 0;
	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[1] = '\0';
	else
		(void)snprintf(folder, sizeof(folder), ".");
	if (stat(path, &st) != 0 ? access(folder, W_OK | X_OK) != 0 :
				   access(path, W_OK) != 0)
		return error_errno(err, "cannot write %s", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return error_set(err, -EISDIR, "cannot write %s: a folder",
		    path);
	return 0;
}

static int
parse_operand(struct arena *a, const char *word, struct analysis_subject *ret,
    struct error *err)
{
	struct purl p;
	int r;

	*ret = (struct analysis_subject){ .path = NULL };
	if (purl_is_local(str_of(word))) {
		ret->path = word;
		return 0;
	}
	r = purl_parse(a, str_of(word), &p, err);
	if (r < 0)
		return r;
	if (p.ecosystem != ECOSYSTEM_NPM)
		return error_set(err, -ENOTSUP,
		    "%s: only npm packages can be "
		    "analysed by this version",
		    word);
	ret->name = p.name;
	ret->version = p.version;
	ret->registry = p.repository_url;
	return 0;
}

/* Why the recorder is not a better one. */
static char recorder_why[480];

/* It was there and could not be started: another one, where any will do.
 * Later packages are recorded in the same way. */
static int
replace_recorder(struct error *err)
{
	enum record_means failed = o.analysis.recorder;
	struct error why = *err;
	int r;

	if (strcmp(o.recorder, record_means_word(RECORD_AUTO)) != 0)
		return err->code;
	r = record_choose_weaker(failed, why.msg, &o.analysis.recorder,
	    recorder_why, sizeof(recorder_why), err);
	if (r == 0)
		fprintf(stderr, "lazaret analyze: %s; recording by %s\n",
		    why.msg, record_means_word(o.analysis.recorder));
	return r;
}

/* Of several packages the worst counts; found before failed before
 * incomplete. */
static enum exit_status
worse(enum exit_status a, enum exit_status b)
{
	static const enum exit_status order[] = { EXIT_FOUND, EXIT_TOOL_FAILED,
		EXIT_USAGE, EXIT_INCOMPLETE };

	for (size_t i = 0; i < N_ELEMENTS(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return EXIT_NOTHING_FOUND;
}

static enum exit_status
analyze(const char *word, struct arena *a)
{
	struct analysis_result result = { .run_fd = -1 };
	struct analysis_subject subject;
	struct error err = ERROR_INIT;
	struct progress progress;
	enum exit_status status;
	int r = parse_operand(a, word, &subject, &err);

	if (r < 0) {
		fprintf(stderr, "lazaret analyze: %s\n", err.msg);
		return EXIT_USAGE;
	}
	progress_begin(&progress);
	o.analysis.progress = &progress;
	r = analysis_run(&o.analysis, &subject, &result, &err);
	while (r < 0 && result.recorder_failed) {
		progress_end(&progress);
		r = replace_recorder(&err);
		progress_begin(&progress);
		result.recorder_failed = false;
		if (r == 0)
			r = analysis_run(&o.analysis, &subject, &result, &err);
	}
	progress_end(&progress);
	status = r == 0 ? status_of(result.label) : EXIT_TOOL_FAILED;
	if (r == 0)
		r = print_report(result.run_path, &err);
	if (r < 0)
		fprintf(stderr, "lazaret analyze: %s\n", err.msg);
	else if (result.interrupted)
		fprintf(stderr,
		    "lazaret analyze: interrupted; what was "
		    "recorded is in %s\n",
		    result.run_path);
	analysis_result_done(&result);
	return r < 0 ? worse(status, EXIT_TOOL_FAILED) : status;
}

/* Chosen once: packages and the empty one are recorded alike. */
static int
choose_recorder(struct error *err)
{
	enum record_means wanted;

	if (record_means_parse(o.recorder, &wanted) != 0)
		opt_usage_error(&command,
		    "--recorder=%s: auto, ebpf, notify or ptrace", o.recorder);
	o.analysis.recorder_why = recorder_why;
	return record_choose(wanted, &o.analysis.recorder, recorder_why,
	    sizeof(recorder_why), err);
}

/* "npm left-pad 1.3.0" is one package. */
static bool
is_three_words(char **v, size_t n)
{
	enum ecosystem e;

	return (n == 2 || n == 3) &&
	    ecosystem_parse(str_of(v[0]), &e, NULL) == 0;
}

int
main(int argc, char **argv)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1u * MIB);
	enum exit_status status = EXIT_NOTHING_FOUND;
	struct error err = ERROR_INIT;
	int first;

	o.fail_on = "suspicious";
	first = opt_parse(&command, argc, argv);
	if (first == argc)
		opt_usage_error(&command, "which package?");
	if (o.export != NULL && (o.json || strcmp(o.export, "ossf") != 0))
		opt_usage_error(&command,
		    "--export knows ossf alone, and goes "
		    "without --json");
	if (o.analysis.output != NULL && argc - first > 1 &&
	    !is_three_words(argv + first, (size_t)(argc - first)))
		opt_usage_error(&command, "-o is for one package");
	if (rank_of(o.fail_on) == N_ELEMENTS(labels))
		opt_usage_error(&command, "--fail-on: no label '%s'",
		    o.fail_on);
	if (fd_allow(LIMIT_OWN_FILES_LEAST, LIMIT_OWN_FILES, &err) != 0 ||
	    check_output(o.analysis.output, &err) != 0 ||
	    rootless_enter(&err) != 0 || choose_recorder(&err) != 0) {
		fprintf(stderr, "lazaret analyze: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	if (is_three_words(argv + first, (size_t)(argc - first))) {
		const char *version = argc - first == 3 ? argv[first + 2] : "";
		return (int)analyze(arena_printf(a, "%s/%s%s%s", argv[first],
					argv[first + 1],
					*version != '\0' ? "@" : "", version),
		    a);
	}
	for (int i = first; i < argc; i++)
		status = worse(status, analyze(argv[i], a));
	return (int)status;
}
