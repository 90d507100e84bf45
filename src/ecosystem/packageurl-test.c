/* SPDX-License-Identifier: Apache-2.0 */
/* Argument: packageurl.test, groups of three lines. */
#include "ecosystem/packageurl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

static const char *table_path;

static void
check_good(struct arena *a, const char *in, const struct packageurl *p,
    const char *canonical, const char *osv)
{
	struct packageurl again;
	struct str ecosystem, name;
	struct buf b;

	buf_init(&b, 64 * KIB);
	packageurl_write(p, &b);
	if (!str_is(buf_str(&b), canonical))
		fail_msg("%s: wrote %s", in, b.p);
	assert_int_equal(packageurl_parse(a, str_of(canonical), &again, NULL),
	    0);
	buf_reset(&b);
	if (packageurl_to_osv(a, p, &ecosystem, &name))
		buf_printf(&b, "%.*s %.*s", STR_ARG(ecosystem), STR_ARG(name));
	else
		buf_puts(&b, "-");
	if (!str_is(buf_str(&b), osv))
		fail_msg("%s: OSV %s", in, b.p);
	buf_done(&b);
}

static void
check(const char *in, const char *canonical, const char *osv)
{
	struct arena *a = arena_new(MIB);
	struct packageurl p;
	struct error err = ERROR_INIT;
	int rc = packageurl_parse(a, str_of(in), &p, &err);

	if (strncmp(canonical, "error: ", 7) == 0) {
		if (rc == 0 || strstr(err.msg, canonical + 7) == NULL)
			fail_msg("%s: %s", in, rc == 0 ? "accepted" : err.msg);
	} else {
		if (rc != 0)
			fail_msg("%s: %s", in, err.msg);
		check_good(a, in, &p, canonical, osv);
	}
	arena_free(a);
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char line[3][1024];
	int n = 0, k = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line[k], sizeof(line[k]), f) != NULL) {
		line[k][strcspn(line[k], "\n")] = '\0';
		if (k == 0 && (line[0][0] == '#' || line[0][0] == '\0'))
			continue;
		if (++k < 3)
			continue;
		check(line[0], line[1], line[2]);
		k = 0;
		n++;
	}
	(void)fclose(f);
	assert_true(n >= 30);
}

/* From OSV to a purl and back. */
static void
osv_packages_come_back(void **state)
{
	static const char *const packages[][2] = { { "npm", "@a/b" },
		{ "PyPI", "foo-bar" }, { "Maven", "g.h:a" },
		{ "Packagist:https://repo.test", "a/b" },
		{ "Go", "example.test/Mod" }, { "Debian:12", "curl" },
		{ "Alpine:v3.19", "musl" }, { "VSCode", "pub.name" },
		{ "GitHub Actions", "owner/repo/sub" }, { "Hex", "phoenix" },
		{ "Rocky Linux:9", "bash" }, { "Ubuntu:22.04:LTS", "curl" },
		{ "Ubuntu:Pro:18.04:LTS", "curl" }, { "crates.io", "serde" } };
	struct arena *a = arena_new(MIB);
	struct packageurl p;
	struct str ecosystem, name;

	(void)state;
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
		assert_int_equal(packageurl_of_osv(a, str_of(packages[i][0]),
				     str_of(packages[i][1]), &p, NULL),
		    0);
		assert_true(packageurl_to_osv(a, &p, &ecosystem, &name));
		assert_true(str_is(ecosystem, packages[i][0]));
		assert_true(str_is(name, packages[i][1]));
	}
	assert_int_equal(packageurl_of_osv(a, STR_LIT("PyPI"),
			     STR_LIT("Foo._.Bar"), &p, NULL),
	    0);
	assert_true(str_is(p.name, "foo-bar"));
	/* A purl has a namespace there, OSV's Go has packages without. */
	assert_int_equal(packageurl_of_osv(a, STR_LIT("Go"), STR_LIT("stdlib"),
			     &p, NULL),
	    0);
	assert_true(str_is(p.name, "stdlib") && p.namespace.n == 0);
	assert_int_not_equal(packageurl_of_osv(a, STR_LIT("Maven"),
				 STR_LIT("artifact"), &p, NULL),
	    0);
	assert_true(packageurl_for_ecosystem(STR_LIT("Debian:12")));
	assert_false(packageurl_for_ecosystem(STR_LIT("FreeBSD")));
	assert_int_not_equal(packageurl_of_osv(a, STR_LIT("Android"),
				 STR_LIT("x"), &p, NULL),
	    0);
	arena_free(a);
}

/* Built and parsed alike: what is written can be read again. */
static void
a_long_one_is_none(void **state)
{
	struct arena *a = arena_new(MIB);
	struct packageurl p = { .type = STR_LIT("npm") }, again;
	struct error err = ERROR_INIT;
	struct buf b;

	(void)state;
	buf_init(&b, 16 * KIB);
	for (size_t i = 0; i < LIMIT_PURL_BYTES - 8; i++)
		buf_putc(&b, 'a');
	p.name = buf_str(&b);
	assert_int_equal(packageurl_normalise(a, &p, &err), 0);
	buf_putc(&b, 'a');
	p.name = buf_str(&b);
	assert_true(packageurl_normalise(a, &p, &err) < 0);
	/* Each of these is written as three. */
	buf_reset(&b);
	buf_puts(&b, "pkg:npm/");
	while (b.n < LIMIT_PURL_BYTES / 2)
		buf_putc(&b, '!');
	assert_true(packageurl_parse(a, buf_str(&b), &again, &err) < 0);
	assert_non_null(strstr(err.msg, "canonical"));
	buf_done(&b);
	arena_free(a);
}

/* What tools write has not everything that a type's definition wants. */
static void
loose_purls_are_read(void **state)
{
	static const char *const rows[][3] = {
		{ "pkg:golang/stdlib@1.21", "Go", "stdlib" },
		{ "pkg:cargo/a/b", "crates.io", "a/b" },
		{ "pkg:julia/Dates", "Julia", "Dates" },
		{ "pkg:NuGet/A", "NuGet", "A" },
	};
	struct arena *a = arena_new(MIB);
	struct packageurl p;
	struct str ecosystem, name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(packageurl_parse_loose(a, str_of(rows[i][0]),
				     &p, NULL),
		    0);
		assert_true(packageurl_to_osv(a, &p, &ecosystem, &name));
		assert_true(str_is(ecosystem, rows[i][1]));
		assert_true(str_is(name, rows[i][2]));
	}
	assert_int_not_equal(packageurl_parse_loose(a, STR_LIT("pkg:golang/"),
				 &p, NULL),
	    0);
	assert_int_not_equal(packageurl_parse_loose(a, STR_LIT("golang/x"), &p,
				 NULL),
	    0);
	arena_free(a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(a_long_one_is_none),
		cmocka_unit_test(osv_packages_come_back),
		cmocka_unit_test(loose_purls_are_read),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
