/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report merge | assign | withdraw | unwithdraw. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/mem.h"
#include "cmd/report_priv.h"
#include "report/consolidate.h"
#include "report/edit.h"
#include "report/repo.h"
#include "sys/opt.h"
#include "sys/spawn.h"

static struct {
	const char *db, *reason;
	struct opt_list versions;
	bool commit;
} options;

#define DB_ROW \
	{ \
		"db", 0, OPT_STRING, &options.db, "DIR", "the report database" \
	}
#define COMMIT_ROW \
	{ \
		"commit", 0, OPT_FLAG, &options.commit, NULL, \
		    "commit the change, where the database is a git " \
		    "repository" \
	}

static const struct opt plain_options[] = { DB_ROW, COMMIT_ROW, OPT_END };

static const struct opt withdraw_options[] = {
	DB_ROW,
	{ "reason", 'r', OPT_STRING, &options.reason, "TEXT",
	    "why; kept in the report's details" },
	{ "version", 0, OPT_LIST, &options.versions, "V",
	    "take back only this version (repeatable)" },
	COMMIT_ROW,
	OPT_END,
};

static const struct opt unwithdraw_options[] = {
	DB_ROW,
	{ "reason", 'r', OPT_STRING, &options.reason, "TEXT",
	    "why; kept in the report's details" },
	COMMIT_ROW,
	OPT_END,
};

static const struct opt_command merge_command = {
	.name = "report merge",
	.operands = "",
	.summary = "Merges new reports into the report of their package. What "
		   "cannot be merged goes\nto osv/unmergable, for a person.",
	.options = plain_options,
};

static const struct opt_command assign_command = {
	.name = "report assign",
	.operands = "",
	.summary = "Merges new reports, and gives each report without an id "
		   "its own: MAL-YEAR-N,\nnever one that was given before.",
	.options = plain_options,
};

static const struct opt_command withdraw_command = {
	.name = "report withdraw",
	.operands = "ID|FILE|ECOSYSTEM/NAME",
	.summary = "Takes a report back: it moves to osv/withdrawn and "
		   "affects nothing any more.\nWith --version only those "
		   "versions, and the report stays.",
	.options = withdraw_options,
	.examples = "  lazaret report withdraw --db reports --reason 'the "
		    "owner showed …' MAL-2026-17\n",
};

static const struct opt_command unwithdraw_command = {
	.name = "report unwithdraw",
	.operands = "ID|FILE|ECOSYSTEM/NAME",
	.summary = "Makes a withdrawn report live again.",
	.options = unwithdraw_options,
};

static int
fail(const struct opt_command *c, const struct error *err)
{
	(void)fprintf(stderr, "lazaret %s: %s\n", c->name, err->msg);
	return EXIT_TOOL_FAILED;
}

static int
git_commit(const char *message, struct error *err)
{
	const char *const add[] = { "git", "-C", options.db, "add", "-A", "--",
		"osv", "held", NULL };
	const char *const add_osv[] = { "git", "-C", options.db, "add", "-A",
		"--", "osv", NULL };
	const char *const commit[] = { "git", "-C", options.db, "commit", "-q",
		"-m", message, NULL };
	const char *const changed[] = { "git", "-C", options.db, "diff",
		"--cached", "--quiet", NULL };
	char *dot_git = mem_printf("%s/.git", options.db);
	int rc = 0;

	if (access(dot_git, F_OK) != 0)
		rc = error_set(err, -1,
		    "%s is no git repository: run git "
		    "init there, or leave out --commit",
		    options.db);
	free(dot_git);
	if (rc == 0)
		rc = spawn_run(add, NULL) == 0 ? 0 : spawn_run(add_osv, err);
	/* Quiet success means that there is nothing to commit. */
	if (rc == 0 && spawn_run(changed, err) != 0)
		rc = spawn_run(commit, err);
	if (rc != 0) /* what is fit for git is fit for who uses it */
		(void)error_wrap(err,
		    "the change is made, but not committed (mend what git "
		    "says, then commit osv and held there)");
	return rc;
}

static int
open_repo(const struct opt_command *c, struct repo **ret, struct error *err)
{
	if (options.db == NULL)
		opt_usage_error(c, "say --db DIR");
	return repo_open(options.db, ret, err);
}

static int
consolidate(const struct opt_command *c, int argc, char **argv, bool give_ids)
{
	const struct edit_order o = { .verb =
					  give_ids ? EDIT_ASSIGN : EDIT_MERGE };
	struct consolidate_counts counts;
	struct error err = ERROR_INIT;
	struct repo *r = NULL;
	int rc;

	if (opt_parse(c, argc, argv) != argc)
		opt_usage_error(c, "there are no operands");
	rc = open_repo(c, &r, &err);
	if (rc == 0)
		rc = editor_run(r, &o, &counts, &err);
	if (rc == 0)
		rc = repo_commit(r, &err);
	repo_close(r);
	if (rc == 0 && options.commit)
		rc =
		    git_commit(give_ids ? "Assign ids" : "Merge reports", &err);
	if (rc != 0)
		return fail(c, &err);
	(void)printf("%llu merged, %llu ids assigned, %llu put aside, %llu "
		     "broad claims left out",
	    (unsigned long long)counts.merged,
	    (unsigned long long)counts.assigned,
	    (unsigned long long)counts.unmergable,
	    (unsigned long long)counts.held);
	if (counts.waiting != 0)
		(void)printf(", %llu wait for an answer (report held list)",
		    (unsigned long long)counts.waiting);
	if (counts.left_alone != 0)
		(void)printf(", %llu packages left alone",
		    (unsigned long long)counts.left_alone);
	(void)putchar('\n');
	return counts.unmergable + counts.left_alone != 0 ? EXIT_INCOMPLETE :
							    EXIT_NOTHING_FOUND;
}

int
report_merge_main(int argc, char **argv)
{
	return consolidate(&merge_command, argc, argv, false);
}

int
report_assign_main(int argc, char **argv)
{
	return consolidate(&assign_command, argc, argv, true);
}

static int
order(struct repo *r, bool back, const char *path, struct error *err)
{
	struct str *v = mem_array(options.versions.n, sizeof(*v));
	const struct edit_order o = { .verb = back ? EDIT_UNWITHDRAW :
						     EDIT_WITHDRAW,
		.path = str_of(path),
		.reason = str_of(options.reason),
		.versions = v,
		.n_versions = options.versions.n };
	int rc;

	for (size_t i = 0; i < options.versions.n; i++)
		v[i] = str_of(options.versions.v[i]);
	rc = editor_run(r, &o, NULL, err);
	free(v);
	return rc == 0 ? repo_commit(r, err) : rc;
}

static int
move(const struct opt_command *c, int argc, char **argv, bool back)
{
	int first = opt_parse(c, argc, argv), rc;
	_cleanup_(freep) char *path = NULL;
	_cleanup_(freep) char *message = NULL;
	struct error err = ERROR_INIT;
	struct repo *r = NULL;

	if (first + 1 != argc)
		opt_usage_error(c, "name one report");
	if (!back && options.reason == NULL)
		opt_usage_error(c, "say --reason: people will ask");
	rc = open_repo(c, &r, &err);
	if (rc == 0)
		rc = repo_find(r, back ? REPO_WITHDRAWN : REPO_MALICIOUS,
		    argv[first], &path, &err);
	if (rc == 0)
		rc = order(r, back, path, &err);
	repo_close(r);
	if (rc == 0 && options.commit) {
		message = mem_printf("%s %s", back ? "Unwithdraw" : "Withdraw",
		    argv[first]);
		rc = git_commit(message, &err);
	}
	if (rc != 0)
		return fail(c, &err);
	(void)printf("%s\n", path);
	return EXIT_NOTHING_FOUND;
}

int
report_withdraw_main(int argc, char **argv)
{
	return move(&withdraw_command, argc, argv, false);
}

int
report_unwithdraw_main(int argc, char **argv)
{
	return move(&unwithdraw_command, argc, argv, true);
}
