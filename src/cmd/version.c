/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret version compare: the order of two versions, a pair a line.
 * lazaret version affected: does an OSV document affect these versions?
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/version.h"
#include "osv/osv.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/term.h"

static struct {
	const char *ecosystem, *package;
} options;

static const struct opt option_table[] = {
	{ "ecosystem", 'e', OPT_STRING, &options.ecosystem, "NAME",
	    "compare: whose order, as OSV spells it (npm, PyPI, Debian:12)" },
	{ "package", 'p', OPT_STRING, &options.package, "PURL",
	    "affected: only entries about this package count" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "version",
	.operands = "compare | affected FILE.json VERSION…",
	.summary =
	    "Orders versions, and looks them up in an OSV document.\n"
	    "compare reads two versions a line, separated by a tab, and "
	    "prints <, =, >\nor ! (they cannot be ordered). affected prints "
	    "for each version: the version,\naffected, not-affected or "
	    "unknown, and why, separated by tabs; exit 1 when\nany is "
	    "affected.",
	.options = option_table,
	.examples = "  printf '1.0rc1\\t1.0\\n' | "
		    "lazaret version compare --ecosystem PyPI\n"
		    "  lazaret version affected --package pkg:npm/left-pad "
		    "MAL-2026-1.json 1.3.0 1.3.1\n",
};

static int
fail(const struct error *err)
{
	(void)fprintf(stderr, "lazaret version: %s\n", err->msg);
	return EXIT_TOOL_FAILED;
}

static char
order(version_compare *rule, struct str line)
{
	struct str a;
	int d;

	/* Two versions, not one and not three. */
	if (!str_cut(&line, '\t', &a) || line.p == NULL ||
	    str_chr(line, '\t') >= 0)
		return '!';
	if (rule == NULL)
		return str_eq(a, line) ? '=' : '!';
	if (!rule(a, line, &d))
		return '!';
	return d < 0 ? '<' : d > 0 ? '>' : '=';
}

static int
compare(void)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	_cleanup_(freep) char *line = NULL;
	struct str ecosystem = str_of(options.ecosystem);
	version_compare *rule;
	size_t size = 0;
	ssize_t n;

	if (options.ecosystem == NULL)
		opt_usage_error(&command, "compare needs --ecosystem");
	rule = version_rule(ecosystem);
	if (rule == NULL && !osv_ecosystem_valid(ecosystem))
		opt_usage_error(&command, "\"%s\" is no ecosystem of OSV",
		    options.ecosystem);
	if (lockdown(&pure, &err) != 0)
		return fail(&err);
	while ((n = getline(&line, &size, stdin)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		(void)printf("%c\n", order(rule, str_n(line, (size_t)n)));
	}
	return fflush(stdout) == 0 ? EXIT_NOTHING_FOUND : EXIT_TOOL_FAILED;
}

/* --- affected ------------------------------------------------------------ */

struct query {
	struct arena *arena;
	struct osv_document document;
	struct str ecosystem, name; /* p NULL: any */
	const char *nowhere; /* why no document can name it; NULL: one can */
};

static int
find_package(struct query *q, struct error *err)
{
	struct packageurl p;
	int rc;

	if (options.package == NULL)
		return 0;
	rc = packageurl_parse_loose(q->arena, str_of(options.package), &p, err);
	if (rc != 0)
		return error_wrap(err, "--package %s", options.package);
	if (!packageurl_to_osv(q->arena, &p, &q->ecosystem, &q->name)) {
		q->ecosystem = STR_LIT("");
		q->nowhere = arena_printf(q->arena,
		    "OSV has no ecosystem for %.*s: no document can name it",
		    STR_ARG(str_sub(str_of(options.package), 0, 200)));
	}
	return 0;
}

static int
read_document(struct query *q, const char *path, struct str bytes,
    struct yyjson_doc **ret_json, struct error *err)
{
	struct osv_input in = { .bytes = bytes,
		.profile = OSV_PROFILE_QUESTION,
		.now_s = clock_wall_ns() / NS_PER_SEC };
	struct osv_findings f;
	int rc;

	osv_findings_init(&f, q->arena);
	rc = osv_validate(q->arena, &in, &f, &q->document, ret_json);
	if (rc != 0)
		(void)error_set(err, rc, "%s: %s: %s", path, f.v[0].path,
		    f.v[0].message);
	osv_findings_done(&f);
	return rc;
}

static int
answer(struct query *q, int n, char **versions)
{
	static const char *const words[] = {
		[OSV_NOT_AFFECTED] = "not-affected",
		[OSV_UNKNOWN] = "unknown",
		[OSV_AFFECTED] = "affected",
	};
	int status = EXIT_NOTHING_FOUND;
	enum osv_answer a;
	const char *why;

	for (int i = 0; i < n; i++) {
		struct str v = str_of(versions[i]);

		a = osv_affects(q->arena, &q->document, q->ecosystem, q->name,
		    v, &why);
		if (q->nowhere != NULL && q->document.withdrawn.p == NULL)
			why = q->nowhere;
		term_print(stdout, v, SIZE_MAX);
		(void)printf("\t%s\t", words[a]);
		term_print(stdout, str_of(why), 500);
		(void)putchar('\n');
		if (a == OSV_AFFECTED)
			status = EXIT_FOUND;
	}
	return fflush(stdout) == 0 ? status : EXIT_TOOL_FAILED;
}

static int
affected(int n, char **operands)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	struct query q = { .arena = arena_new(LIMIT_ARENA_BYTES) };
	struct error err = ERROR_INIT;
	struct yyjson_doc *json = NULL;
	_cleanup_(closep) int fd = -1;
	struct buf bytes;
	int rc, status = EXIT_TOOL_FAILED;

	if (n < 2)
		opt_usage_error(&command,
		    "affected needs a file and at "
		    "least one version");
	buf_init(&bytes, 32 * (size_t)MIB);
	fd = strcmp(operands[0], "-") == 0 ?
	    dup(STDIN_FILENO) :
	    open(operands[0], O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? error_errno(&err, "%s", operands[0]) :
		      fd_read_all(fd, &bytes, &err);
	if (rc != 0 && fd >= 0)
		(void)error_wrap(&err, "%s", operands[0]);
	if (rc == 0)
		rc = lockdown(&pure, &err);
	if (rc == 0)
		rc = find_package(&q, &err);
	if (rc == 0)
		rc = read_document(&q, operands[0], buf_str(&bytes), &json,
		    &err);
	if (rc == 0)
		status = answer(&q, n - 1, operands + 1);
	else
		(void)fail(&err);
	osv_json_free(json);
	buf_done(&bytes);
	arena_free(q.arena);
	return status;
}

int
main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv);

	if (first >= argc)
		opt_usage_error(&command, "say compare or affected");
	if (strcmp(argv[first], "compare") == 0 && first + 1 == argc)
		return compare();
	if (strcmp(argv[first], "affected") == 0)
		return affected(argc - first - 1, argv + first + 1);
	opt_usage_error(&command, "%s is neither compare nor affected",
	    argv[first]);
}
