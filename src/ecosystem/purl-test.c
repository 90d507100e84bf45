/* SPDX-License-Identifier: Apache-2.0 */
/* What people write for a package. */
#include "ecosystem/purl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

static const struct {
	const char *in, *out; /* NULL: refused */
} rows[] = {
	{ "pkg:npm/left-pad@1.3.0", "pkg:npm/left-pad@1.3.0" },
	{ "pkg:npm/left-pad", "pkg:npm/left-pad" },
	{ "pkg://npm/left-pad@1.3.0", "pkg:npm/left-pad@1.3.0" },
	{ "pkg:npm/%40scope/x@1.0.0", "pkg:npm/%40scope/x@1.0.0" },
	{ "pkg:npm/@scope/x@1.0.0", "pkg:npm/%40scope/x@1.0.0" },
	{ "npm/@scope/x@^1.0", "pkg:npm/%40scope/x@%5E1.0" },
	{ "npm/@scope/x", "pkg:npm/%40scope/x" },
	{ "NPM/x@latest", "pkg:npm/x@latest" },
	{ "npm/JSONStream", "pkg:npm/JSONStream" },
	{ "pypi/requests@2", "pkg:pypi/requests@2" },
	{ "crates.io/serde@1.0.0", "pkg:cargo/serde@1.0.0" },
	{ "pkg:cargo/serde@1.0.0", "pkg:cargo/serde@1.0.0" },
	{ "pkg:npm/x@1.0.0+b", "pkg:npm/x@1.0.0%2Bb" },
	{ "pkg:npm/x@1?repository_url=https://r.test/n",
	    "pkg:npm/x@1?repository_url=https://r.test/n" },
	{ "pkg:npm/x@1#lib/a", "pkg:npm/x@1#lib/a" },
	{ "", NULL },
	{ "left-pad", NULL },
	{ "pkg:npm", NULL },
	{ "pkg:npm/", NULL },
	{ "pkg:npm/x@", NULL },
	{ "pkg:nuget2/x", NULL },
	{ "npm/../x", NULL },
	{ "npm/.x", NULL },
	{ "npm/x y", NULL },
	{ "pkg:npm/x%00y", NULL },
	{ "pkg:npm/x%2", NULL },
	{ "pkg:npm/x%zz", NULL },
	{ "pkg:npm/a/b", NULL },
	{ "pkg:npm/x?novalue", NULL },
};

static void
spelling(void **state)
{
	struct arena *a = arena_new(MIB);
	struct error err = ERROR_INIT;
	struct purl p;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int rc = purl_parse(a, str_of(rows[i].in), &p, &err);

		if ((rc == 0) != (rows[i].out != NULL))
			fail_msg("\"%s\": %d %s", rows[i].in, rc, err.msg);
		if (rc == 0)
			assert_string_equal(purl_print(a, &p), rows[i].out);
	}
	arena_free(a);
}

static void
three_words(void **state)
{
	struct arena *a = arena_new(MIB);
	struct purl p;

	(void)state;
	assert_int_equal(purl_of_words(a, STR_LIT("npm"), STR_LIT("left-pad"),
			     STR_LIT("1.3.0"), &p, NULL),
	    0);
	assert_string_equal(purl_print(a, &p), "pkg:npm/left-pad@1.3.0");
	assert_int_equal(purl_of_words(a, STR_LIT("npm"), STR_LIT("a b"),
			     STR_NONE, &p, NULL),
	    -EINVAL);
	arena_free(a);
}

static void
files_are_told_from_packages(void **state)
{
	(void)state;
	assert_true(purl_is_local(STR_LIT("./x")));
	assert_true(purl_is_local(STR_LIT(".")));
	assert_true(purl_is_local(STR_LIT("/tmp/x")));
	assert_true(purl_is_local(STR_LIT("x-1.0.0.tgz")));
	assert_false(purl_is_local(STR_LIT("pkg:npm/x@1.tgz")));
	assert_false(purl_is_local(STR_LIT("npm/x")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spelling),
		cmocka_unit_test(three_words),
		cmocka_unit_test(files_are_told_from_packages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
