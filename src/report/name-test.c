/* SPDX-License-Identifier: Apache-2.0 */
#include "report/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

static void
folders(void **state)
{
	static const char *const cases[][3] = {
		{ "Github Action", "ThIs-is-A-Package",
		    "github-action/this-is-a-package" },
		{ "VSCode:https://vsx.test", "vscode.extension",
		    "vscode:vsx.test/vscode.extension" },
		{ "Maven:https://maven.test", "org.example:package",
		    "maven:maven.test/org.example:package" },
		{ "Ubuntu:Pro:18.04:LTS", "package",
		    "ubuntu:pro:18.04:lts/package" },
		{ "Photon OS:3.0", "package", "photon-os:3.0/package" },
		{ "crates.io", "A_b", "crates.io/a_b" },
		{ "npm", "@scope/Name", "npm/@scope/name" },
		{ "npm", "../this", NULL },
		{ "npm", "../../this", NULL },
		{ "npm", "a/../../../b", NULL },
		{ "npm", "a/../b", NULL },
		{ "npm", "", NULL },
		{ "npm", ".", NULL },
		{ "..", "..", NULL },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good;

		buf_reset(&b);
		good =
		    report_path(str_of(cases[i][0]), str_of(cases[i][1]), &b);
		if (good != (cases[i][2] != NULL) ||
		    (good && !str_is(buf_str(&b), cases[i][2])))
			fail_msg("%s %s: %d %s", cases[i][0], cases[i][1], good,
			    b.p);
	}
	buf_done(&b);
}

static void
destinations(void **state)
{
	static const char *const good[] = { "a/b", "a/../b/c", "a//////b" };
	static const char *const bad[] = { "a", "..", "a/../b", "./c",
		"/etc/passwd", "", ".", "a/..", "../a/b" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(report_path_valid(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (report_path_valid(str_of(bad[i])))
			fail_msg("%s", bad[i]);
}

static void
canonical_names(void **state)
{
	struct arena *a = arena_new(MIB);

	(void)state;
	assert_true(str_is(report_canonical_name(a, STR_LIT("PyPI"),
			       STR_LIT("This--Is__A1..Test_-.Example")),
	    "this-is-a1-test-example"));
	assert_true(str_is(report_canonical_name(a, STR_LIT("crates.io"),
			       STR_LIT("This-Is-A1_Test_Example")),
	    "this_is_a1_test_example"));
	assert_true(str_is(report_canonical_name(a, STR_LIT("GIT"),
			       STR_LIT("git@github.com:Org/Repo.git")),
	    "github.com/org/repo"));
	assert_true(str_is(report_canonical_name(a, STR_LIT("GIT"),
			       STR_LIT("no repository")),
	    "no repository"));
	assert_true(str_is(report_canonical_name(a, STR_LIT("npm"),
			       STR_LIT("@Scope/Name_x")),
	    "@Scope/Name_x"));
	assert_true(
	    str_is(report_canonical_name(a, STR_LIT("NuGet"), STR_LIT("A.b")),
		"A.b"));
	assert_true(report_same_package(STR_LIT("NuGet"), STR_LIT("A.b"),
	    STR_LIT("NuGet"), STR_LIT("a.B")));
	assert_false(report_same_package(STR_LIT("npm"), STR_LIT("A"),
	    STR_LIT("npm"), STR_LIT("a")));
	assert_true(report_same_package(STR_LIT("crates.io"), STR_LIT("A-b"),
	    STR_LIT("crates.io"), STR_LIT("a_b")));
	assert_false(report_same_package(STR_LIT("npm"), STR_LIT("a"),
	    STR_LIT("PyPI"), STR_LIT("a")));
	arena_free(a);
}

static void
git_repositories(void **state)
{
	static const char *const cases[][3] = {
		{ "http://github.com/org/repo.git",
		    "https://github.com/org/repo.git", "github.com/org/repo" },
		{ "ssh://anyuser@gitlab.com/org/REPO.git",
		    "https://gitlab.com/org/repo.git", "gitlab.com/org/repo" },
		{ "git://user:password@git.test/repo.git",
		    "git://user@git.test/repo.git", "user@git.test/repo" },
		{ "git@github.com:org/repo.git",
		    "https://github.com/org/repo.git", "github.com/org/repo" },
		{ "random@git.test:path/to/repo.git",
		    "random@git.test:path/to/repo.git",
		    "random@git.test/path/to/repo" },
		{ "git@gitee.com:ignOre/CASE.git",
		    "https://gitee.com/ignore/CASE.git",
		    "gitee.com/ignore/CASE" },
		{ "git@git.test:repo.git", "git@git.test:repo.git",
		    "git.test/repo" },
		{ "https://x.googlesource.com/repo",
		    "https://x.googlesource.com/repo",
		    "x.googlesource.com/repo" },
		{ "ftp://git.test/repo", NULL, NULL },
		{ "https:///repo", NULL, NULL },
		{ "https://git.test", NULL, NULL },
		{ "https://git.test/", NULL, NULL },
		{ "git@git.test:/absolute", NULL, NULL },
		{ ":repo", NULL, NULL },
		{ "@host:repo", NULL, NULL },
		{ ":", NULL, NULL },
		{ "https://github.com/a/b/c", NULL, NULL },
		{ "https://github.com/a", NULL, NULL },
		{ "git@github.com:a/b/c", NULL, NULL },
		{ "https://GitHub.com/A/B", "https://github.com/a/b.git",
		    "github.com/a/b" },
		{ "git://bitbucket.org/A/b", "https://bitbucket.org/a/b.git",
		    "bitbucket.org/a/b" },
		{ "https://me@codeberg.org/A/b.git",
		    "https://codeberg.org/a/b.git", "codeberg.org/a/b" },
		{ "https://x.googlesource.com/a/b", NULL, NULL },
		{ "https://gitee.com/A/B", "https://gitee.com/a/B.git",
		    "gitee.com/a/B" },
		{ "https://git.test/A/B/", "https://git.test/A/B.git",
		    "git.test/A/B" },
		{ "", NULL, NULL },
		{ "https://git.test/a b", NULL, NULL },
		{ "words", NULL, NULL },
	};
	struct arena *a = arena_new(MIB);
	struct str url, name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good =
		    report_git_name(a, str_of(cases[i][0]), &url, &name);

		if (good != (cases[i][1] != NULL))
			fail_msg("%s: %d", cases[i][0], good);
		if (good &&
		    (!str_is(url, cases[i][1]) || !str_is(name, cases[i][2])))
			fail_msg("%s: %.*s %.*s", cases[i][0], STR_ARG(url),
			    STR_ARG(name));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders),
		cmocka_unit_test(destinations),
		cmocka_unit_test(canonical_names),
		cmocka_unit_test(git_repositories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
