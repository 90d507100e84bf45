/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are those of a default registry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "gate/defaults.h"
#include "lockfile/lockfile.h"

static const char registries[] = "{\"npm\": \"https://npm.test/\", "
				 "\"crates.io\": \"https://sparse.test/\", "
				 "\"crates.io lockfile\": "
				 "\"https://code.test/index/\", "
				 "\"packagist\": \"https://repo.php.test/\", "
				 "\"Pub\": \"https://pub.test\"}";

static const struct row {
	const char *ecosystem, *origin;
	bool plain;
} rows[] = {
	{ "npm", "registry:https://npm.test", true },
	{ "npm", "registry:https://NPM.test/", true },
	{ "npm", "registry:https://user@npm.test/", true },
	{ "npm", "registry:https://npm.test/other", false },
	{ "npm", "registry:https://evil.npm.test", false },
	{ "npm", "git:https://npm.test", false },
	{ "PyPI", "registry:https://npm.test", false },
	{ "crates.io", "registry:https://sparse.test", true },
	{ "crates.io", "registry:https://code.test/index", true },
	{ "crates.io", "registry:https://code.test/other", false },
	{ "Packagist", "registry:https://repo.php.test/", true },
	{ "Packagist", "registry:https://php.test/", true },
	{ "Packagist", "registry:https://hp.test/", false },
	{ "Packagist", "registry:https://test/", false },
	{ "Packagist", "registry:https://php.test/private", false },
	{ "npm", "registry:https://test/", false },
	{ "Pub", "registry:https://pub.test", true },
};

static void
test_defaults(void **state)
{
	struct arena *a = arena_new(MIB);
	struct lock_list l;

	(void)state;
	lock_list_init(&l, a);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		lock_add(&l, rows[i].ecosystem, STR_LIT("x"), STR_LIT("1"), 1)
		    ->origin = str_of(rows[i].origin);
	defaults_apply(str_of(registries), &l);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		if (str_is(l.packages.v[i].origin, "registry") != rows[i].plain)
			fail_msg("%s %s", rows[i].ecosystem, rows[i].origin);
	lock_list_done(&l);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
