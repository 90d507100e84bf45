/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: policy.test, pattern.test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "gate/pattern.h"
#include "gate/policy.h"
#include "gate/settings.h"
#include "osv/osv.h"

static const char *policy_path, *pattern_path;

typedef void group_fn(char *first, char *second, const char *want);

/* Calls fn for each three-line group of a table. */
static int
each_group(const char *path, group_fn *fn)
{
	FILE *f = fopen(path, "r");
	char lines[3][1024];
	int n = 0;

	assert_non_null(f);
	while (fgets(lines[0], sizeof(lines[0]), f) != NULL) {
		if (lines[0][0] == '#' || lines[0][0] == '\n')
			continue;
		for (int i = 1; i < 3; i++)
			assert_non_null(fgets(lines[i], sizeof(lines[i]), f));
		for (int i = 0; i < 3; i++)
			lines[i][strcspn(lines[i], "\n")] = '\0';
		fn(lines[0], lines[1], lines[2]);
		n++;
	}
	(void)fclose(f);
	return n;
}

static const char *
judge(const struct policy *p, char *question)
{
	struct str s = str_of(question), ecosystem, name, version;
	const struct policy_entry *e;
	int64_t now_s;

	assert_true(str_cut(&s, '|', &ecosystem));
	assert_true(str_cut(&s, '|', &name));
	assert_true(str_cut(&s, '|', &version));
	assert_int_equal(osv_time_parse(s, &now_s), 0);
	if (version.n == 0)
		version = STR_NONE;
	vec_foreach(e, &p->entries) {
		if (!policy_covers(e, ecosystem, name, version))
			continue;
		if (policy_expired(e, now_s))
			return "expired";
		return e->deny ? "deny" : "allow";
	}
	return "none";
}

static void
check_policy(char *yaml, char *question, const char *want)
{
	struct arena *a = arena_new(MIB);
	struct error err = ERROR_INIT;
	struct policy p = { 0 };
	const char *got = err.msg;

	if (policy_parse(a, STR_LIT("p.yaml"), str_of(yaml), &p, &err) == 0)
		got = judge(&p, question);
	if (strcmp(got, want) != 0)
		fail_msg("%s\n%s: %s, wanted %s", yaml, question, got, want);
	policy_done(&p);
	arena_free(a);
}

static void
check_pattern(char *pattern, char *question, const char *want)
{
	struct str name = str_of(question), ecosystem;
	struct error err = ERROR_INIT;
	struct pattern p;
	const char *got = err.msg;

	assert_true(str_cut(&name, ' ', &ecosystem));
	if (pattern_parse(str_of(pattern), &p, &err) == 0)
		got = pattern_match(&p, ecosystem, name) ? "true" : "false";
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s: %s, wanted %s", pattern, question, got, want);
}

static void
the_policies_hold(void **state)
{
	(void)state;
	assert_true(each_group(policy_path, check_policy) >= 20);
}

static void
the_patterns_hold(void **state)
{
	(void)state;
	assert_true(each_group(pattern_path, check_pattern) >= 12);
}

static void
settings_of_two_files_add_up(void **state)
{
	static const char system[] = "scan:\n"
				     "  max-db-age: 7d\n"
				     "  internal: '@acme/*'\n"
				     "  public-registries:\n"
				     "    npm: https://mirror.test/\n"
				     "serve: {listen: anything}\n";
	static const char user[] =
	    "scan:\n"
	    "  max-db-age: 12h\n"
	    "  internal: [acme-*, npm=acme]\n"
	    "  public-registries:\n"
	    "    PyPI: [https://a.test/, https://b.test]\n";
	struct arena *a = arena_new(MIB);
	struct settings s = SETTINGS_INIT;

	(void)state;
	assert_int_equal(settings_parse(a, str_of(system), &s, NULL), 0);
	assert_int_equal(s.max_db_age_ms, 7 * 86400 * 1000ll);
	assert_int_equal(settings_parse(a, str_of(user), &s, NULL), 0);
	assert_int_equal(s.max_db_age_ms, 12 * 3600 * 1000ll);
	assert_int_equal(s.min_age_ms, -1);
	assert_int_equal(s.internal.n, 3);
	assert_true(str_is(s.internal.v[2], "npm=acme"));
	assert_int_equal(s.registries.n, 3);
	assert_true(str_is(s.registries.v[0], "npm=https://mirror.test/"));
	assert_true(str_is(s.registries.v[2], "PyPI=https://b.test"));
	arena_free(a);
}

static void
a_wrong_setting_is_named(void **state)
{
	static const struct {
		const char *yaml, *want;
	} rows[] = {
		{ "scan: {max_db_age: 7d}",
		    "line 1: there is no key \"max_db_age\" here" },
		{ "scn: {}", "line 1: there is no key \"scn\" here" },
		{ "scan:\n  max-db-age: 7\n",
		    "line 2: a duration with its unit is wanted here, such as "
		    "7d or 12h" },
		{ "scan:\n  internal: {a: b}\n",
		    "line 2: a list is wanted here" },
		{ "- scan", "line 1: keys and values are wanted here" },
		{ "scan: [", "line 2: did not find expected node content" },
	};
	struct arena *a = arena_new(MIB);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings s = SETTINGS_INIT;
		struct error err = ERROR_INIT;

		assert_int_not_equal(settings_parse(a, str_of(rows[i].yaml), &s,
					 &err),
		    0);
		assert_string_equal(err.msg, rows[i].want);
	}
	arena_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_policies_hold),
		cmocka_unit_test(the_patterns_hold),
		cmocka_unit_test(settings_of_two_files_add_up),
		cmocka_unit_test(a_wrong_setting_is_named),
	};

	assert_int_equal(argc, 3);
	policy_path = argv[1];
	pattern_path = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
