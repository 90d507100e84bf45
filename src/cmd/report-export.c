/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report export: the database as a folder that can be served. Confined
 * workers parse and compress what changed; this process writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/vec.h"
#include "cmd/report_priv.h"
#include "report/export.h"
#include "report/repo.h"
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

struct job {
	struct repo *repo;
	struct exporter *exporter;
	struct export_files files; /* to be worked on */
	size_t refused;
	int osv; /* folder that their paths begin in */
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

static int
work_on(struct channel *c, const void *job, size_t i, struct buf *bytes,
    struct error *err)
{
	const struct job *j = job;

	return export_work(c, (int64_t)i, j->osv, j->files.v[i].path, bytes,
	    err);
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

	if (export_file_of(m, &i) != 0 || i < 0 || (size_t)i >= j->files.n)
		return error_set(err, -EPROTO, "bad result of a worker");
	rc = export_take(j->exporter, m, &j->files.v[i], &why, err);
	if (rc != 1)
		return rc < 0 ? rc : 1;
	j->refused++;
	term_print(stderr, str_of(j->files.v[i].path), 4096);
	(void)fputs(": left out: ", stderr);
	term_print(stderr, why, 1000);
	(void)fputc('\n', stderr);
	return 1;
}

static int
work(struct job *j, struct error *err)
{
	const char *const paths[] = { options.db, NULL };
	struct report_crew crew = { .name = "report export",
		.noun = "reports",
		.n_files = j->files.n,
		.read_paths = paths,
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

int
report_export_main(int argc, char **argv)
{
	int rc = opt_parse(&command, argc, argv);
	struct export_counts counts;
	struct error err = ERROR_INIT;
	struct job j = { .refused = 0 };

	if (rc != argc || options.db == NULL || options.output == NULL)
		opt_usage_error(&command,
		    "say --db DIR and -o DIR, and no operands");
	/* Of a name that was mistyped nothing is published over what is. */
	rc = access(options.output, F_OK) == 0 ?
	    repo_open_read(options.db, &j.repo, &err) :
	    repo_open_made(options.db, &j.repo, &err);
	if (rc == 0)
		rc = export_open(options.output, options.fresh, &j.exporter,
		    &err);
	if (rc == 0)
		rc = find_files(&j, &err);
	if (rc == 0)
		rc = work(&j, &err);
	if (rc == 0)
		rc = export_finish(j.exporter, options.url, &counts, &err);
	if (rc == 0 && options.sign.key != NULL &&
	    report_sign(options.output, &options.sign, &err) != 0)
		rc = error_wrap(&err, "the export is whole, but not signed");
	export_free(j.exporter);
	repo_close(j.repo);
	export_files_done(&j.files);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret report export: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	if (counts.unordered != 0)
		(void)fprintf(stderr,
		    "lazaret report export: %llu changed reports claim "
		    "every version where no order of versions is known; some "
		    "offline readers cannot read that\n",
		    (unsigned long long)counts.unordered);
	(void)printf("%llu reports, %llu changed, %llu documents removed, "
		     "%llu files written, %zu left out\n",
	    (unsigned long long)counts.reports,
	    (unsigned long long)counts.changed,
	    (unsigned long long)counts.removed,
	    (unsigned long long)counts.files, j.refused);
	return j.refused != 0 ? EXIT_INCOMPLETE : EXIT_NOTHING_FOUND;
}
