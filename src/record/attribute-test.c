/* SPDX-License-Identifier: Apache-2.0 */
#include "record/attribute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define PROJECT STR_LIT("/home/u/p")
/* As STR_LIT, for tables. */
#define S(l) \
	{ \
		"" l, sizeof(l) - 1 \
	}

static void
check_str(struct str have, const char *want)
{
	if (want == NULL) {
		assert_null(have.p);
		return;
	}
	assert_non_null(have.p);
	assert_int_equal(have.n, strlen(want));
	assert_memory_equal(have.p, want, have.n);
}

static void
folder(void **state)
{
	static const char *const rows[][2] = {
		{ "/home/u/p/node_modules/a/x.js", "node_modules/a" },
		{ "/home/u/p/node_modules/a", "node_modules/a" },
		{ "/home/u/p/node_modules/@s/a/lib/x.js", "node_modules/@s/a" },
		{ "/home/u/p/node_modules/@s", NULL },
		{ "/home/u/p/node_modules/@s/", NULL },
		{ "/home/u/p/node_modules/a/node_modules/b/x",
		    "node_modules/a/node_modules/b" },
		{ "/home/u/p/node_modules/a/node_modules/@s/b/c/d",
		    "node_modules/a/node_modules/@s/b" },
		{ "/home/u/p/node_modules/.bin/tool", NULL },
		{ "/home/u/p/node_modules/", NULL },
		{ "/home/u/p/node_modules", NULL },
		{ "/home/u/p/src/x.js", NULL },
		{ "/home/u/p2/node_modules/a/x.js", NULL },
		{ "/usr/lib/node_modules/npm/bin/npm-cli.js", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		check_str(attribute_folder(PROJECT, str_of(rows[i][0])),
		    rows[i][1]);
	check_str(attribute_folder(STR_LIT("/home/u/p/"),
		      STR_LIT("/home/u/p/node_modules/a/x")),
	    "node_modules/a");
	check_str(attribute_folder(STR_NONE, STR_LIT("node_modules/a/x")),
	    NULL);
}

static void
script(void **state)
{
	static const struct {
		const char *exe;
		struct str argv;
		const char *want;
	} rows[] = {
		{ "/usr/bin/node", S("node\0x.js\0arg\0"), "x.js" },
		{ "/usr/bin/node", S("node\0--no-warnings\0x.js\0"), "x.js" },
		{ "/usr/bin/node", S("node\0-r\0hook.js\0x.js\0"), "x.js" },
		{ "/usr/bin/node", S("node\0-e\0process.exit()\0"), NULL },
		{ "/usr/bin/node", S("node\0"), NULL },
		{ "/usr/bin/node", S(""), NULL },
		{ "/bin/sh", S("sh\0-c\0rm x\0"), NULL },
		{ "/bin/sh", S("sh\0-e\0x.sh\0"), "x.sh" },
		{ "/usr/bin/python3.11", S("python\0setup.py\0"), "setup.py" },
		{ "/usr/bin/python3", S("python3\0-m\0http\0"), NULL },
		{ "/usr/bin/gcc", S("gcc\0x.c\0"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		check_str(attribute_script(str_of(rows[i].exe), rows[i].argv),
		    rows[i].want);
}

#define HOOK_ENV(json) \
	S("PATH=/bin\0npm_lifecycle_event=postinstall\0" \
	  "npm_package_json=" json "\0")

/* What a process was, what it executes, what it is then. */
static const struct {
	struct attribution before;
	struct attribute_exec exec;
	const char *role, *package;
} steps[] = {
	/* The manager itself, its helpers and tools. */
	{ { "manager", { NULL, 0 } },
	    { S("/home/u/p"), S("/usr/bin/node"),
		S("/usr/lib/node_modules/npm/bin/npm-cli.js"), S("PATH=/bin\0"),
		S("/home/u/p") },
	    "manager", NULL },
	{ { "manager", { NULL, 0 } },
	    { S("/home/u/p"), S("/usr/bin/git"), { NULL, 0 }, S("PATH=/bin\0"),
		S("/home/u/p") },
	    "tool", NULL },
	/* A hook: for the package that the manager names. */
	{ { "manager", { NULL, 0 } },
	    { S("/home/u/p"), S("/bin/sh"), { NULL, 0 },
		HOOK_ENV("/home/u/p/node_modules/evil/package.json"),
		S("/home/u/p/node_modules/evil") },
	    "hook", "node_modules/evil" },
	{ { "manager", { NULL, 0 } },
	    { S("/home/u/p"), S("/bin/sh"), { NULL, 0 },
		HOOK_ENV("/home/u/p/package.json"), S("/home/u/p") },
	    "hook", "" },
	/* A hook cannot make another package the culprit. */
	{ { "hook", { "node_modules/evil", 17 } },
	    { S("/home/u/p"), S("/usr/bin/node"),
		S("/home/u/p/node_modules/good/x.js"),
		HOOK_ENV("/home/u/p/node_modules/good/package.json"),
		S("/home/u/p/node_modules/good") },
	    "hook", "node_modules/evil" },
	/* Import: the code that runs decides. */
	{ { "package", { "node_modules/a", 14 } },
	    { S("/home/u/p"), S("/usr/bin/node"),
		S("/home/u/p/node_modules/b/worker.js"), S("PATH=/bin\0"),
		S("/home/u/p") },
	    "package", "node_modules/b" },
	{ { "package", { "node_modules/a", 14 } },
	    { S("/home/u/p"), S("/bin/sh"), { NULL, 0 }, S(""), S("/tmp") },
	    "package", "node_modules/a" },
	{ { "package", { "node_modules/a", 14 } },
	    { S("/home/u/p"), S("/home/u/p/node_modules/c/bin/x"), { NULL, 0 },
		S(""), S("/tmp") },
	    "package", "node_modules/c" },
	{ { "package", { "node_modules/a", 14 } },
	    { S("/home/u/p"), S("/bin/sh"), { NULL, 0 }, S(""),
		S("/home/u/p/node_modules/d/lib") },
	    "package", "node_modules/d" },
	{ { NULL, { NULL, 0 } },
	    { S("/home/u/p"), S("/bin/true"), { NULL, 0 }, S(""), S("/") },
	    NULL, NULL },
};

static void
roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		struct attribution a =
		    attribute_exec(&steps[i].exec, steps[i].before);

		check_str(str_of(a.role), steps[i].role);
		check_str(a.package, steps[i].package);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folder),
		cmocka_unit_test(script), cmocka_unit_test(roles) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
