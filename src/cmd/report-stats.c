/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report stats: counts of reports. Confined before the first file. */
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/report_priv.h"
#include "report/repo.h"
#include "report/stats.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/opt.h"

static struct {
	const char *db, *format;
	struct opt_list by;
	bool withdrawn;
} options = { .format = "text" };

static const struct opt option_table[] = {
	{ "db", 0, OPT_STRING, &options.db, "DIR", "the report database" },
	{ "by", 'b', OPT_LIST, &options.by, "WHAT",
	    "date, month, ecosystem, source or class; repeatable (month)" },
	{ "format", 'f', OPT_STRING, &options.format, "FORMAT",
	    "text, csv, json or svg" },
	{ "withdrawn", 0, OPT_FLAG, &options.withdrawn, NULL,
	    "count what was withdrawn instead" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report stats",
	.operands = "",
	.summary = "Counts the reports that have an id, by when they were "
		   "published and what they are\nabout. Values without a "
		   "report are left out.",
	.options = option_table,
	.examples = "  lazaret report stats --db reports --by ecosystem\n"
		    "  lazaret report stats --db reports --by date --by "
		    "ecosystem --format csv\n",
};

struct job {
	struct repo *repo;
	enum repo_tree tree;
	struct stats *stats;
	struct buf bytes;
	size_t unreadable;
};

static int
visit(void *data, const char *path)
{
	struct job *j = data;
	const char *slash = strrchr(path, '/');

	if (str_starts(str_of(slash != NULL ? slash + 1 : path), "MAL-0000-"))
		return 0;
	buf_reset(&j->bytes);
	if (repo_get(j->repo, j->tree, path, &j->bytes, NULL) != 0 ||
	    !stats_add(j->stats, buf_str(&j->bytes)))
		j->unreadable++;
	return 0;
}

static int
confine(struct error *err)
{
	const char *const paths[] = { options.db, NULL };
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = paths };

	return lockdown(&l, err);
}

int
report_stats_main(int argc, char **argv)
{
	enum stats_dimension by[STATS_DIMENSION__MAX] = { STATS_MONTH };
	int format, d, rc = opt_parse(&command, argc, argv);
	size_t n = options.by.n;
	struct job j = { .tree = REPO_MALICIOUS };
	struct error err = ERROR_INIT;
	struct buf out;

	if (rc != argc || options.db == NULL)
		opt_usage_error(&command, "say --db DIR, and no operands");
	format = stats_format_of(options.format);
	if (format < 0)
		opt_usage_error(&command, "no format %s", options.format);
	if (n > STATS_DIMENSION__MAX)
		opt_usage_error(&command, "--by more than five times");
	for (size_t i = 0; i < n; i++) {
		d = stats_dimension_of(options.by.v[i]);
		if (d < 0)
			opt_usage_error(&command, "cannot count by %s",
			    options.by.v[i]);
		by[i] = (enum stats_dimension)d;
	}
	if (options.withdrawn)
		j.tree = REPO_WITHDRAWN;
	rc = repo_open_made(options.db, &j.repo, &err);
	if (rc == 0)
		rc = confine(&err);
	j.stats = stats_new(by, MAX_OF(n, (size_t)1));
	buf_init(&j.bytes, 17 * (size_t)MIB);
	buf_init(&out, 256 * (size_t)MIB);
	if (rc == 0)
		rc = repo_walk(j.repo, j.tree, NULL, visit, &j, &err);
	if (rc == 0) {
		stats_print(j.stats, (enum stats_format)format, &out);
		rc = fd_write_all(STDOUT_FILENO, out.p, out.n, &err);
	}
	if (rc != 0)
		(void)fprintf(stderr, "lazaret report stats: %s\n", err.msg);
	if (j.unreadable != 0)
		(void)fprintf(stderr,
		    "lazaret report stats: %zu files are no reports\n",
		    j.unreadable);
	stats_free(j.stats);
	repo_close(j.repo);
	buf_done(&j.bytes);
	buf_done(&out);
	if (rc != 0)
		return EXIT_TOOL_FAILED;
	return j.unreadable != 0 ? EXIT_INCOMPLETE : EXIT_NOTHING_FOUND;
}
