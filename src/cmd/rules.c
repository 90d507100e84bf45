/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret rules: list the rules, or test them against their fixtures. Files
 * are read first; then everything is given up, and they are parsed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "runfile/reader.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "verdict/fixture.h"
#include "verdict/judge-client.h"
#include "verdict/judge.h"

#define MAX_FIXTURE_BYTES (4 * MIB)
#define MAX_FIXTURES      2000

static struct {
	struct opt_list dirs;
} o;

static const struct opt options[] = {
	{ "rules", 0, OPT_LIST, &o.dirs, "DIR",
	    "rules of this folder instead of the installed ones" },
	OPT_END
};

static const struct opt_command command = {
	.name = "rules",
	.operands = "list | test [RULE…] | explain RULE",
	.summary = "List, explain and test the rules.",
	.options = options,
	.examples = "  lazaret rules list\n"
		    "  lazaret rules test\n"
		    "  lazaret rules --rules ./my-rules test my-rule\n",
};

struct fixture_file {
	char *rule, *name; /* owned; rule: of the folder */
	char *text; /* owned */
	size_t n;
};

static struct {
	struct arena *arena;
	VEC(struct rule_text) rules;
	VEC(struct fixture_file) fixtures;
} s;

static int
take_rule(void *arg, const char *file, struct str text, struct error *err)
{
	struct rule_text *t = vec_add(&s.rules);

	(void)arg;
	(void)err;
	t->file = arena_strz(s.arena, str_of(file));
	t->text = arena_str(s.arena, text);
	return 0;
}

static int
read_fixture(int dir, const char *rule, const char *name, struct error *err)
{
	_cleanup_(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct fixture_file *f;
	struct buf b;
	int rc;

	if (fd < 0)
		return error_errno(err, "%s/%s", rule, name);
	buf_init(&b, MAX_FIXTURE_BYTES);
	rc = fd_read_all(fd, &b, err);
	if (rc == 0) {
		f = vec_add(&s.fixtures);
		f->rule = mem_strdup(rule);
		f->name = mem_printf("%s/%s", rule, name);
		f->n = b.n;
		f->text = b.n != 0 ? buf_steal(&b) : mem_strdup("");
	}
	buf_done(&b);
	return rc;
}

static int
read_folder(int parent, const char *rule, struct error *err)
{
	int fd = openat(parent, rule, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return error_errno(err, "%s", rule);
	while ((e = readdir(d)) != NULL && rc == 0)
		if (str_ends(str_of(e->d_name), ".facts") &&
		    s.fixtures.n < MAX_FIXTURES)
			rc = read_fixture(fd, rule, e->d_name, err);
	(void)closedir(d);
	return rc;
}

/* DIR/fixtures/RULE/NAME.facts */
static int
read_fixtures(const char *dir, struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	const struct dirent *e;
	DIR *d;
	int rc = 0;

	(void)snprintf(path, sizeof(path), "%s/fixtures", dir);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : error_errno(err, "%s", path);
	while ((e = readdir(d)) != NULL && rc == 0)
		if (e->d_name[0] != '.')
			rc = read_folder(dirfd(d), e->d_name, err);
	(void)closedir(d);
	return rc;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct fixture_file *)a)->name,
	    ((const struct fixture_file *)b)->name);
}

static int
read_all(struct error *err)
{
	static char room[JUDGE_RULE_DIRS][4096];
	const char *installed[JUDGE_RULE_DIRS];
	const char **dirs = installed;
	int rc = 0;

	if (o.dirs.n != 0) {
		dirs = mem_array(o.dirs.n + 1, sizeof(*dirs));
		memcpy(dirs, o.dirs.v, o.dirs.n * sizeof(*dirs));
	} else {
		rc = judge_rule_dirs(room, installed, err);
	}
	if (rc == 0)
		rc = judge_read_rules(dirs, take_rule, NULL, err);
	for (const char **d = dirs; rc == 0 && *d != NULL; d++)
		rc = read_fixtures(*d, err);
	if (dirs != installed)
		free(dirs);
	if (s.fixtures.n != 0)
		qsort(s.fixtures.v, s.fixtures.n, sizeof(*s.fixtures.v),
		    compare);
	return rc;
}

static int
parse(size_t i, struct rule *ret)
{
	struct error err = ERROR_INIT;
	int rc = rule_parse(s.arena, s.rules.v[i].file, s.rules.v[i].text, ret,
	    &err);

	if (rc != 0)
		(void)fprintf(stderr, "lazaret rules: %s\n", err.msg);
	return rc;
}

static int
list_rules(int argc, char **argv)
{
	struct rule r;
	int status = 0;

	(void)argv;
	if (argc != 0)
		opt_usage_error(&command, "list takes no rules");
	for (size_t i = 0; i < s.rules.n; i++) {
		if (parse(i, &r) != 0) {
			status = EXIT_TOOL_FAILED;
			continue;
		}
		(void)printf("%-18.*s %-7s %-17.*s %.*s\n", STR_ARG(r.id),
		    severity_names[r.severity], STR_ARG(r.class),
		    STR_ARG(r.title));
	}
	return status;
}

static int
explain_rule(int argc, char **argv)
{
	struct rule r;

	if (argc != 1)
		opt_usage_error(&command, "explain takes one rule");
	for (size_t i = 0; i < s.rules.n; i++) {
		if (parse(i, &r) != 0 || !str_is(r.id, argv[0]))
			continue;
		(void)printf("%.*s: %.*s\n", STR_ARG(r.id), STR_ARG(r.title));
		(void)printf("  severity     %s\n", severity_names[r.severity]);
		(void)printf("  class        %.*s\n", STR_ARG(r.class));
		(void)printf("  ecosystems   %.*s\n", STR_ARG(r.ecosystems));
		(void)printf("  technique    %.*s\n", STR_ARG(r.technique));
		(void)printf("  look-alikes  %.*s\n", STR_ARG(r.look_alikes));
		(void)printf("  references   %.*s\n", STR_ARG(r.references));
		(void)printf("  file         %s\n", r.file);
		return 0;
	}
	opt_usage_error(&command, "no rule is called %s", argv[0]);
}

static int
test_one(const struct fixture_file *f, struct error *err)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	_cleanup_(arena_freep) struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	const char *base = strrchr(f->name, '/') + 1;
	struct judgement j = { 0 };
	struct fixture fixture;
	int rc;

	if (!str_starts(str_of(base), "positive") &&
	    !str_starts(str_of(base), "twin"))
		return error_set(err, -EINVAL,
		    "the name begins with neither positive nor twin");
	rc = fixture_read(a, f->name, str_n(f->text, f->n), &fixture, &r, err);
	if (rc == 0)
		rc = judge_rules(r, a, s.rules.v, s.rules.n, &j, err);
	if (rc == 0)
		rc = fixture_check(&fixture, f->rule,
		    str_starts(str_of(base), "positive"), &j, err);
	judgement_done(&j);
	return rc;
}

/* A rule needs both, or nobody knows that it can fire and that it can not. */
static int
count_fixtures(const char *rule, const char *kind)
{
	char prefix[200];
	int n = 0;

	(void)snprintf(prefix, sizeof(prefix), "%s/%s", rule, kind);
	for (size_t i = 0; i < s.fixtures.n; i++)
		n += str_starts(str_of(s.fixtures.v[i].name), prefix);
	return n;
}

static bool
is_chosen(const char *rule, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(rule, argv[i]) == 0)
			return true;
	return argc == 0;
}

static int
check_coverage(int argc, char **argv)
{
	struct rule r;
	int bad = 0;

	for (size_t i = 0; i < s.rules.n; i++) {
		const char *id;

		if (parse(i, &r) != 0) {
			bad++;
			continue;
		}
		id = arena_strz(s.arena, r.id);
		if (!is_chosen(id, argc, argv))
			continue;
		if (count_fixtures(id, "positive") == 0 ||
		    count_fixtures(id, "twin") == 0) {
			(void)printf("%s: has no positive or no twin in "
				     "fixtures/%s/\n",
			    r.file, id);
			bad++;
		}
	}
	return bad;
}

static int
test_rules(int argc, char **argv)
{
	int bad = check_coverage(argc, argv), n = 0;

	for (size_t i = 0; i < s.fixtures.n; i++) {
		struct error err = ERROR_INIT;

		if (!is_chosen(s.fixtures.v[i].rule, argc, argv))
			continue;
		n++;
		if (test_one(&s.fixtures.v[i], &err) == 0)
			continue;
		bad++;
		(void)printf("%s: %s\n", s.fixtures.v[i].name, err.msg);
	}
	if (n == 0)
		opt_usage_error(&command, "no fixtures of that name");
	(void)printf("%d fixtures, %d wrong\n", n, bad);
	return bad == 0 ? 0 : EXIT_FOUND;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "list", list_rules },
	{ "test", test_rules },
	{ "explain", explain_rule },
};

static void
done(void)
{
	for (size_t i = 0; i < s.fixtures.n; i++) {
		free(s.fixtures.v[i].rule);
		free(s.fixtures.v[i].name);
		free(s.fixtures.v[i].text);
	}
	vec_done(&s.fixtures);
	vec_done(&s.rules);
	arena_free(s.arena);
	free(o.dirs.v);
}

int
main(int argc, char **argv)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	int at = opt_parse(&command, argc, argv), status = -1, rc;

	s.arena = arena_new(LIMIT_ARENA_BYTES);
	if (at == argc)
		opt_usage_error(&command, "say list, test or explain");
	rc = read_all(&err);
	if (rc == 0)
		rc = lockdown(&pure, &err);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret rules: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		if (strcmp(argv[at], verbs[i].name) == 0)
			status = verbs[i].run(argc - at - 1, argv + at + 1);
	if (status < 0)
		opt_usage_error(&command, "say list, test or explain");
	(void)fflush(stdout);
	done();
	return status;
}
