/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report VERB: the report database. One file per verb. */

#include "cmd/report_priv.h"
#include "sys/opt.h"

static const struct opt_verb verbs[] = {
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
	{ NULL, NULL, NULL },
};

int
main(int argc, char **argv)
{
	return opt_run_verb("report", "[OPTION…] [ARGUMENT…]",
	    "The database of malicious packages, in OSV format.", verbs, argc,
	    argv);
}
