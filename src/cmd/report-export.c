/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report export: the database as a folder that can be served. A
 * process of its own exports: it may read the database and write the export,
 * and nothing else, because it reads what the last export left there. Its
 * workers, which parse and compress what changed, may only read.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/vec.h"
#include "cmd/report_priv.h"
#include "report/export.h"
#include "report/repo.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/opt.h"
#include "sys/term.h"

static struct {
	const char *db, *output, *url;
	struct report_sign sign;
	bool fresh;
} options;

static const struct opt option_table[] = {
	{ "db", 0, OPT_STRING, &options.db, "DIR", "the report database" },
	{ "output", 'o', OPT_STRING, &options.output, "DIR",
	    "the export; what is unchanged there stays" },
	{ "url", 0, OPT_STRING, &options.url, "URL",
	    "where the export will be served, for links in feeds" },
	{ "sign", 0, OPT_STRING, &options.sign.key, "KEYFILE",
	    "sign SHA256SUMS with this secret key of minisign" },
	{ "sign-password", 0, OPT_STRING, &options.sign.password, "FILE",
	    "the password of an encrypted key" },
	{ "sign-legacy", 0, OPT_FLAG, &options.sign.legacy, NULL,
	    "sign the sums themselves, not their hash, for old verifiers" },
	{ "fresh", 0, OPT_FLAG, &options.fresh, NULL, "write everything anew" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report export",
	.operands = "",
	.summary = "Publishes the reports that have an id, withdrawn ones "
		   "included, as a folder for a web\nserver or an object "
		   "store: single documents, archives for each ecosystem, "
		   "lists, feeds\nand sums. Only what changed is written.",
	.options = option_table,
	.examples = "  lazaret report export --db reports -o public\n",
};

/* What came of it; in memory that both processes have. */
struct outcome {
	struct export_counts counts;
	uint64_t refused;
};

/* A tree may be a symbolic link, as to a larger disk. */
enum {
	READ_PATHS = 4
};

struct job {
	struct repo *repo;
	struct exporter *exporter;
	struct outcome *outcome; /* mapped */
	struct export_files files; /* to be worked on */
	int osv; /* folder that their paths begin in */
	const char *read_paths[READ_PATHS + 1]; /* owned; of the database */
};

static int
find_files(struct job *j, struct error *err)
{
	static const enum repo_tree trees[] = { REPO_MALICIOUS,
		REPO_WITHDRAWN };
	struct export_tree v[N_ELEMENTS(trees)];

	for (size_t i = 0; i < N_ELEMENTS(trees); i++)
		v[i] = (struct export_tree){ repo_tree_fd(j->repo, trees[i]),
			repo_tree_name(trees[i]) };
	return export_walk(j->exporter, v, N_ELEMENTS(v), &j->files, err);
}

static_assert(REPORT_CREW_SHARE % EXPORT_GROUP == 0,
    "a worker has what is compressed together");

static int
work_on(struct channel *c, const void *job, size_t i, struct buf *bytes,
    struct error *err)
{
	const struct job *j = job;
	int rc =
	    export_work(c, (int64_t)i, j->osv, j->files.v[i].path, bytes, err);

	if (rc == 0 && ((i + 1) % EXPORT_GROUP == 0 || i + 1 == j->files.n))
		rc = export_work_groups(c, err);
	return rc;
}

/* --- results ---------------------------------------------------------------
 */

static int
take(void *job, struct message *m, struct error *err)
{
	struct job *j = job;
	struct str why;
	int64_t i;
	int rc;

	if (export_is_group(m))
		return export_take_group(j->exporter, m, &j->files, err);
	if (export_file_of(m, &i) != 0 || i < 0 || (size_t)i >= j->files.n)
		return error_set(err, -EPROTO, "bad result of a worker");
	rc = export_take(j->exporter, m, &j->files.v[i], &why, err);
	if (rc != 1)
		return rc < 0 ? rc : 1;
	j->outcome->refused++;
	term_print(stderr, str_of(j->files.v[i].path), 4096);
	(void)fputs(": left out: ", stderr);
	term_print(stderr, why, 1000);
	(void)fputc('\n', stderr);
	return 1;
}

static int
work(struct job *j, struct error *err)
{
	struct report_crew crew = { .name = "report export",
		.noun = "reports",
		.n_files = j->files.n,
		.read_paths = j->read_paths,
		.work = work_on,
		.take = take,
		.job = j };
	_cleanup_(freep) char *osv_path = mem_printf("%s/osv", options.db);
	_cleanup_(closep) int osv =
	    open(osv_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (osv < 0)
		return error_errno(err, "%s", osv_path);
	j->osv = crew.dir = osv;
	return report_crew_run(&crew, err);
}

/* --- the process that exports ----------------------------------------------
 */

static void
fill_paths(struct job *j)
{
	static const char *const below[READ_PATHS] = { "", "/osv",
		"/osv/malicious", "/osv/withdrawn" };

	for (size_t i = 0; i < READ_PATHS; i++)
		j->read_paths[i] = mem_printf("%s%s", options.db, below[i]);
}

/* For processes that only look at names of files. */
static int
narrow(const void *arg, struct error *err)
{
	const struct job *j = arg;
	const struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = j->read_paths };

	return lockdown(&l, err);
}

/* Files of others, as before, where root exports; what the write paths are
 * does not depend on it. The first Landlock would refuse to move files. */
static int
confine(const struct job *j, struct error *err)
{
	const char *const paths[] = { options.output, NULL };
	const struct lockdown l = { .rights = LOCKDOWN_WRITE_FILES |
		    LOCKDOWN_KILL | LOCKDOWN_FORK |
		    (lockdown_can_move() ? 0u : LOCKDOWN_FOREIGN_FILES),
		.read_paths = j->read_paths,
		.write_paths = paths,
		.keep_caps = 1ull << CAP_DAC_OVERRIDE |
		    1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_FOWNER |
		    1ull << CAP_LEASE };

	return lockdown(&l, err);
}

static int
export_all(struct job *j, pid_t parent, struct error *err)
{
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return error_set(err, -EPIPE, "its parent ended");
	rc = confine(j, err);
	if (rc == 0)
		rc = find_files(j, err);
	if (rc == 0)
		rc = work(j, err);
	if (rc == 0)
		rc = export_finish(j->exporter, options.url,
		    &j->outcome->counts, err);
	export_files_done(&j->files);
	return rc;
}

static void
job_done(struct job *j)
{
	export_free(j->exporter);
	repo_close(j->repo);
	for (size_t i = 0; i < READ_PATHS; i++)
		free((void *)(uintptr_t)j->read_paths[i]);
}

static void __attribute__((noreturn)) child(struct job *j, pid_t parent)
{
	struct error err = ERROR_INIT;
	int rc = export_all(j, parent, &err);

	if (rc != 0)
		(void)fprintf(stderr, "lazaret report export: %s\n", err.msg);
	job_done(j);
	exit(rc != 0 ? EXIT_TOOL_FAILED : EXIT_NOTHING_FOUND);
}

/* 1: the child has said why. */
static int
run(struct job *j, struct error *err)
{
	pid_t parent = getpid(), pid;
	int status = 0;

	j->outcome = mmap(NULL, sizeof(*j->outcome), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (j->outcome == MAP_FAILED)
		return error_errno(err, "memory for two processes");
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(j, parent);
	if (pid < 0)
		return error_errno(err, "fork");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, "the process that exports");
	if (WIFSIGNALED(status))
		return error_set(err, -EPIPE,
		    "the process that exports was ended by signal %d; say this "
		    "again, what is there stays as it is",
		    WTERMSIG(status));
	return WEXITSTATUS(status) != 0;
}

static void
say_outcome(const struct outcome *o)
{
	const struct export_counts *n = &o->counts;

	if (n->unordered != 0)
		(void)fprintf(stderr,
		    "lazaret report export: %llu changed reports claim "
		    "every version where no order of versions is known; some "
		    "offline readers cannot read that\n",
		    (unsigned long long)n->unordered);
	(void)printf("%llu reports, %llu changed, %llu documents removed, "
		     "%llu files written, %llu left out\n",
	    (unsigned long long)n->reports, (unsigned long long)n->changed,
	    (unsigned long long)n->removed, (unsigned long long)n->files,
	    (unsigned long long)o->refused);
}

int
report_export_main(int argc, char **argv)
{
	int rc = opt_parse(&command, argc, argv);
	struct error err = ERROR_INIT;
	struct job j = { .repo = NULL };

	if (rc != argc || options.db == NULL || options.output == NULL)
		opt_usage_error(&command,
		    "say --db DIR and -o DIR, and no operands");
	if (options.url != NULL && strncmp(options.url, "https://", 8) != 0 &&
	    strncmp(options.url, "http://", 7) != 0)
		opt_usage_error(&command,
		    "--url %s: this is no address: https://…", options.url);
	fill_paths(&j);
	/* Of a name that was mistyped nothing is published over what is. */
	rc = access(options.output, F_OK) == 0 ?
	    repo_open_read(options.db, &j.repo, &err) :
	    repo_open_made(options.db, &j.repo, &err);
	if (rc == 0)
		rc = export_open(options.output, options.fresh, &j.exporter,
		    &err);
	if (rc == 0) {
		export_narrow(j.exporter, narrow, &j);
		rc = run(&j, &err);
	}
	if (rc == 0 && options.sign.key != NULL &&
	    report_sign(options.output, &options.sign, &err) != 0)
		rc = error_wrap(&err, "the export is whole, but not signed");
	job_done(&j);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report export: %s\n", err.msg);
	if (rc != 0)
		return EXIT_TOOL_FAILED;
	say_outcome(j.outcome);
	return j.outcome->refused != 0 ? EXIT_INCOMPLETE : EXIT_NOTHING_FOUND;
}
