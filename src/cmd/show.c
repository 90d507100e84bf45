/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret show: the report of a run file. The file may be a stranger's: it is
 * opened, then everything is given up, then it is read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/run-file.h"
#include "runfile/fact.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/term.h"
#include "verdict/report.h"

static struct {
	bool json;
	const char *state, *fail_on, *export;
} o = { .fail_on = "suspicious" };

static const struct opt options[] = { { "json", 0, OPT_FLAG, &o.json, NULL,
					  "print one JSON object" },
	{ "export", 0, OPT_STRING, &o.export, "FORMAT",
	    "print it as another system does: ossf" },
	{ "fail-on", 0, OPT_STRING, &o.fail_on, "LABEL",
	    "status 1 at or above this verdict (suspicious)" },
	{ "state", 0, OPT_STRING, &o.state, "DIR", "where analyses are kept" },
	OPT_END };

static const struct opt_command command = {
	.name = "show",
	.operands = "[FILE.laz]",
	.summary = "Print the report of an analysis; without a file, the "
		   "newest.",
	.options = options,
	.examples = "  lazaret show\n"
		    "  lazaret show --json is-number.laz\n"
		    "  lazaret show --export ossf is-number.laz\n",
};

static int
print(struct reader *r, const struct report_style *style, int *ret_status,
    struct error *err)
{
	bool text = !o.json && o.export == NULL;
	struct buf json;
	int rc = report_prepare(r, err);

	if (rc == 0 && text)
		rc = report_text(r, style, stdout, err);
	buf_init(&json, 256 * MIB);
	if (rc == 0 && !text)
		rc = o.export != NULL ? report_ossf(r, &json, err) :
					report_json(r, &json, err);
	if (rc == 0 && !text)
		(void)fwrite(buf_str(&json).p, 1, json.n, stdout);
	buf_done(&json);
	if (rc == 0)
		rc = report_status(r, o.fail_on, ret_status, err);
	if (rc == 0 && fflush(stdout) != 0)
		rc = error_errno(err, "standard output");
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	_cleanup_(reader_freep) struct reader *r = NULL;
	_cleanup_(closep) int fd = -1;
	struct report_style style;
	struct error err = ERROR_INIT;
	char path[LIMIT_PATH_BYTES];
	int at = opt_parse(&command, argc, argv), status = 0, rc;

	if (argc - at > 1)
		opt_usage_error(&command, "one file at most");
	if (o.export != NULL && (o.json || strcmp(o.export, "ossf") != 0))
		opt_usage_error(&command,
		    "--export knows ossf alone, and goes "
		    "without --json");
	if (!run_file_is_label(o.fail_on))
		opt_usage_error(&command, "no verdict is called %s", o.fail_on);
	style = (struct report_style){ .colour = term_colour(stdout),
		.columns = run_file_columns(stdout) };
	rc = run_file_open(at < argc ? argv[at] : NULL, o.state, &fd, path,
	    &err);
	if (rc == 0)
		rc = lockdown(&pure, &err);
	if (rc == 0)
		rc = reader_open(fd, path, &r, &err);
	if (rc == 0)
		rc = print(r, &style, &status, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret show: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	return status;
}
