/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report VERB: the report database. One file per verb. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/exit.h"
#include "cmd/report_priv.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
	const char *summary;
} verbs[] = {
	{ "ingest", report_ingest_main,
	    "take OSV documents of a source into the database" },
	{ "held", report_held_main,
	    "list, release or reject what waits for a person" },
	{ "merge", report_merge_main,
	    "merge new reports into the report of their package" },
	{ "assign", report_assign_main, "merge, and give ids" },
	{ "withdraw", report_withdraw_main, "take a report back" },
	{ "unwithdraw", report_unwithdraw_main,
	    "make a withdrawn report live again" },
	{ "stats", report_stats_main,
	    "count reports by date, ecosystem, source, class" },
	{ "draft", report_draft_main,
	    "make a report from a malicious verdict" },
	{ "export", report_export_main,
	    "publish the reports as a folder to be served" },
	{ "snapshot", report_snapshot_main,
	    "make the file that scan, guard and serve look reports up in" },
	{ "validate", report_validate_main,
	    "check OSV documents against the schema and house rules" },
};

static void
help(FILE *f)
{
	(void)fputs("Usage: lazaret report VERB [OPTION…] [ARGUMENT…]\n\n"
		    "The database of malicious packages, in OSV format.\n\n"
		    "Verbs:\n",
	    f);
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		(void)fprintf(f, "  %-12s %s\n", verbs[i].name,
		    verbs[i].summary);
	(void)fputs("\nlazaret report VERB --help says more.\n", f);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return EXIT_NOTHING_FOUND;
	}
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	(void)fprintf(stderr,
	    "lazaret report: there is no verb %s; see lazaret report --help\n",
	    argv[1]);
	return EXIT_USAGE;
}
