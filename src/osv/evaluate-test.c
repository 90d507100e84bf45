/* SPDX-License-Identifier: Apache-2.0 */
/* Argument: evaluate.test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "osv/osv.h"

static const char *table_path;

struct loaded {
	struct arena *a;
	struct osv_document d;
	struct yyjson_doc *json;
};

static struct loaded
load(const char *entry, const char *more)
{
	struct loaded l = { .a = arena_new(MIB) };
	struct osv_findings f;
	struct osv_input in = { .profile = OSV_PROFILE_SCHEMA };
	struct buf b;

	buf_init(&b, MIB);
	buf_printf(&b,
	    "{\"id\":\"MAL-2026-1\",\"modified\":\"2026-01-02T03:04:05Z\","
	    "%s\"affected\":[%s]}",
	    more, entry);
	in.bytes = arena_str(l.a, buf_str(&b));
	osv_findings_init(&f, l.a);
	if (osv_validate(l.a, &in, &f, &l.d, &l.json) != 0)
		fail_msg("%s: %s", entry, f.v[0].message);
	osv_findings_done(&f);
	buf_done(&b);
	return l;
}

static void
unload(struct loaded *l)
{
	osv_json_free(l->json);
	arena_free(l->a);
}

static void
check(const char *entry, struct str pairs)
{
	static const char *const words[] = { [OSV_NOT_AFFECTED] = "no",
		[OSV_UNKNOWN] = "unknown",
		[OSV_AFFECTED] = "yes" };
	struct loaded l = load(entry, "");
	struct str pair, version;
	const char *why;

	while (str_cut(&pairs, '|', &pair)) {
		enum osv_answer got;

		assert_true(str_cut(&pair, ' ', &version));
		got = osv_affects(l.a, &l.d, STR_NONE, STR_NONE, version, &why);
		assert_true(why[0] != '\0');
		if (!str_is(pair, words[got]))
			fail_msg("%s: %.*s: %s (%s)", entry, STR_ARG(version),
			    words[got], why);
	}
	unload(&l);
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char entry[2048], pairs[2048];
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(entry, sizeof(entry), f) != NULL) {
		if (entry[0] != '{')
			continue;
		assert_non_null(fgets(pairs, sizeof(pairs), f));
		entry[strcspn(entry, "\n")] = '\0';
		check(entry, str_n(pairs, strcspn(pairs, "\n")));
		n++;
	}
	(void)fclose(f);
	assert_true(n >= 12);
}

static void
only_the_named_package_counts(void **state)
{
	struct loaded l = load("{\"package\":{\"ecosystem\":\"PyPI\",\"name\":"
			       "\"foo-bar\"},\"versions\":[\"1.0\"]}",
	    "");
	const char *why;

	(void)state;
	assert_int_equal(osv_affects(l.a, &l.d, STR_LIT("PyPI"),
			     STR_LIT("Foo.Bar"), STR_LIT("1.0"), &why),
	    OSV_AFFECTED);
	assert_int_equal(osv_affects(l.a, &l.d, STR_LIT("npm"),
			     STR_LIT("foo-bar"), STR_LIT("1.0"), &why),
	    OSV_NOT_AFFECTED);
	assert_int_equal(osv_affects(l.a, &l.d, STR_LIT("PyPI"), STR_LIT("foo"),
			     STR_LIT("1.0"), &why),
	    OSV_NOT_AFFECTED);
	unload(&l);
}

static void
a_withdrawn_document_affects_nothing(void **state)
{
	struct loaded l = load("{\"package\":{\"ecosystem\":\"npm\",\"name\":"
			       "\"x\"},\"versions\":[\"1.0.0\"]}",
	    "\"withdrawn\":\"2026-01-02T03:04:05Z\",");
	const char *why;

	(void)state;
	assert_int_equal(osv_affects(l.a, &l.d, STR_NONE, STR_NONE,
			     STR_LIT("1.0.0"), &why),
	    OSV_NOT_AFFECTED);
	assert_string_equal(why, "the document is withdrawn");
	unload(&l);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(only_the_named_package_counts),
		cmocka_unit_test(a_withdrawn_document_affects_nothing),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
