/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report held list | release | reject: what waits for a person. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "cmd/report_priv.h"
#include "report/held.h"
#include "report/repo.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/term.h"

static struct {
	const char *db, *reason;
	bool json;
} options;

static const struct opt option_table[] = {
	{ "db", 0, OPT_STRING, &options.db, "DIR", "the report database" },
	{ "reason", 'r', OPT_STRING, &options.reason, "TEXT",
	    "of reject: why; kept where a published report is withdrawn" },
	{ "json", 0, OPT_FLAG, &options.json, NULL, "of list: print JSON" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report held",
	.operands = "list | release PATH… | reject PATH…",
	.summary = "Lists what was held for review, and why; makes a held "
		   "report an ordinary new one\n(release), or deletes it "
		   "(reject). Of a question about a published report, release\n"
		   "keeps the report and reject withdraws it. What is held is "
		   "not published.",
	.options = option_table,
	.examples = "  lazaret report held --db reports list\n"
		    "  lazaret report held --db reports release "
		    "npm/x/MAL-0000-feed-0123456789abcdef.json\n",
};

struct list {
	struct json *json; /* NULL: text */
	size_t n;
};

static int
print(void *data, const char *path, struct str why, bool question)
{
	struct list *l = data;

	l->n++;
	if (l->json == NULL) {
		term_print(stdout, str_of(path), LIMIT_PATH_BYTES);
		(void)fputs(question ? ": published: " : ": ", stdout);
		term_print(stdout, why, 1000);
		(void)fputc('\n', stdout);
		return 0;
	}
	json_object_begin(l->json);
	json_key(l->json, "path");
	json_strz(l->json, path);
	json_key(l->json, "reason");
	json_str(l->json, why);
	json_key(l->json, "published");
	json_bool(l->json, question);
	json_object_end(l->json);
	return 0;
}

static int
list(struct repo *r, struct error *err)
{
	struct list l = { .n = 0 };
	struct json j;
	struct buf b;
	int rc;

	if (!options.json)
		return held_walk(r, print, &l, err);
	buf_init(&b, 256 * (size_t)MIB);
	json_init(&j, &b, 2);
	l.json = &j;
	json_array_begin(&j);
	rc = held_walk(r, print, &l, err);
	json_array_end(&j);
	buf_putc(&b, '\n');
	if (rc == 0)
		rc = fd_write_all(STDOUT_FILENO, b.p, b.n, err);
	buf_done(&b);
	return rc;
}

static int
decide(struct repo *r, bool release, char **what, struct error *err)
{
	int rc = 0;

	for (; *what != NULL && rc == 0; what++)
		rc = release ? held_release(r, *what, err) :
			       held_reject(r, *what, options.reason, err);
	return rc;
}

static int
run(const char *verb, char **operands, struct error *err)
{
	struct repo *r = NULL;
	bool reading = strcmp(verb, "list") == 0;
	int rc = reading ? repo_open_made(options.db, &r, err) :
			   repo_open(options.db, &r, err);

	if (rc == 0)
		rc = reading ?
		    list(r, err) :
		    decide(r, strcmp(verb, "release") == 0, operands, err);
	repo_close(r);
	return rc;
}

int
report_held_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool operands;
	} verbs[] = { { "list", false }, { "release", true },
		{ "reject", true } };
	int first = opt_parse(&command, argc, argv);
	struct error err = ERROR_INIT;
	size_t i = 0;

	if (options.db == NULL || first == argc)
		opt_usage_error(&command,
		    "say --db DIR, and list, release or reject");
	while (i < N_ELEMENTS(verbs) && strcmp(verbs[i].name, argv[first]) != 0)
		i++;
	if (i == N_ELEMENTS(verbs))
		opt_usage_error(&command, "there is no verb %s", argv[first]);
	if (verbs[i].operands != (first + 1 < argc))
		opt_usage_error(&command,
		    verbs[i].operands ? "name what is held, as list does" :
					"list has no operands");
	if (run(argv[first], argv + first + 1, &err) == 0)
		return EXIT_NOTHING_FOUND;
	(void)fprintf(stderr, "lazaret report held: %s\n", err.msg);
	return EXIT_TOOL_FAILED;
}
