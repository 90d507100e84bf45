/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret analyze: runs packages in the sandbox and says what they do. */
#include <stdio.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "ecosystem/purl.h"
#include "sys/opt.h"
#include "sys/term.h"

struct options {
	struct analysis_options analysis;
	const char *fail_on;
	bool json, quiet;
};

static struct options o;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &o.json, NULL,
	    "print one JSON object per package" },
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
	.examples = "lazaret analyze pkg:npm/left-pad@1.3.0\n"
		    "lazaret analyze npm/express\n"
		    "lazaret analyze npm left-pad 1.3.0\n"
		    "lazaret analyze ./package.tgz --json\n"
		    "lazaret analyze . -o run.laz" };
