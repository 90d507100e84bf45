/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of mappings, tables, popular packages, listings: tables of cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "report/bundle.h"
#include "report/listing.h"
#include "report/mapping.h"
#include "report/popular.h"

static void
paths(void **state)
{
	static const struct {
		const char *path;
		bool valid;
	} cases[] = { { "name", true }, { "a.b.c", true }, { "a[]", true },
		{ "a[].b[]", true }, { "a[][]", true }, { "=npm", true },
		{ "=", true }, { "", false }, { ".", false }, { "a.", false },
		{ "a..b", false }, { "[]", false }, { "a[0]", false },
		{ "a]", false }, { "a[].", false },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", false } };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		if (mapping_path_valid(str_of(cases[i].path)) != cases[i].valid)
			fail_msg("\"%s\": wanted %d", cases[i].path,
			    cases[i].valid);
}

static int
print(void *arg, struct str name, struct str document, const char *refused)
{
	struct buf *out = arg;

	buf_printf(out, "%.*s %.*s%s|", STR_ARG(name), STR_ARG(document),
	    refused != NULL ? refused : "");
	return 0;
}

static void
tables(void **state)
{
	/* table, what comes of it; NULL: refused as a whole */
	static const struct {
		const char *table, *rows;
	} cases[] = {
		{ "a,b\n1,2\n", "t:2 {\"a\":\"1\",\"b\":\"2\"}|" },
		{ "a,b\r\n1,\r\n", "t:2 {\"a\":\"1\",\"b\":\"\"}|" },
		{ "\xef\xbb\xbf"
		  "a\n1",
		    "t:2 {\"a\":\"1\"}|" },
		{ "a,b\n\"x\ny\",\"q\"\"q\"\n3,4\n",
		    "t:2 {\"a\":\"x\\ny\",\"b\":\"q\\\"q\"}|"
		    "t:4 {\"a\":\"3\",\"b\":\"4\"}|" },
		{ "a,b\n1\n", "t:2 {\"a\":\"1\"}|" },
		{ "a,b\n\n\n1,2\n", "t:4 {\"a\":\"1\",\"b\":\"2\"}|" },
		{ "a\n1,2\n3\n",
		    "t:2 has more columns than the heading|"
		    "t:3 {\"a\":\"3\"}|" },
		{ "a,b\n\"1,2\n3", "t:2 has a quote that is never closed|" },
		{ "a,a\n1,2\n", NULL },
		{ "", "" },
	};
	struct error err = ERROR_INIT;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct bundle b = { .format = BUNDLE_CSV,
			.fn = print,
			.arg = &out };
		int rc;

		buf_reset(&out);
		rc = bundle_read_bytes(&b, str_of(cases[i].table), STR_LIT("t"),
		    &err);
		assert_int_equal(rc, cases[i].rows == NULL ? -EINVAL : 0);
		if (cases[i].rows != NULL &&
		    !str_is(buf_str(&out), cases[i].rows))
			fail_msg("%zu: \"%.*s\", wanted \"%s\"", i,
			    STR_ARG(buf_str(&out)), cases[i].rows);
	}
	buf_done(&out);
}

static void
popular_names(void **state)
{
	static const struct {
		const char *ecosystem, *name;
		bool listed;
	} cases[] = { { "npm", "react", true }, { "npm", "React", true },
		{ "npm", "@x/react", false }, { "npm", "@types/node", true },
		{ "PyPI", "my-package", true }, { "PyPI", "My_Package", true },
		{ "PyPI", "react", false }, { "crates.io", "a_b", true },
		{ "Maven:https://repository.test", "g:a", true },
		{ "npm", "few", false } };
	static const struct popular_file any = { .at_least = 5 };
	struct popular *p = popular_new();
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(popular_add(p, &any,
			     STR_LIT("ecosystem,name\n# c\n\nnpm,react,5\n"
				     "pkg:npm/%40types/node@1.0\r\n"
				     "PyPI\tMy.Package\ncrates.io,a-b,new\n"
				     "Maven,g:a\nnpm\tfew\t4\r\n"),
			     &err),
	    0);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		if (popular_has(p, str_of(cases[i].ecosystem),
			str_of(cases[i].name)) != cases[i].listed)
			fail_msg("%s %s: wanted %d", cases[i].ecosystem,
			    cases[i].name, cases[i].listed);
	popular_free(p);
	assert_false(popular_has(NULL, STR_LIT("npm"), STR_LIT("react")));
}

/* Files of one ecosystem, and what a scan lists. */
static void
popular_files(void **state)
{
	static const struct popular_file names = { .ecosystem = { "npm", 3 },
		.at_least = 100 };
	static const char scan[] =
	    "{\"packages\":[{\"name\":\"Dep\",\"ecosystem\":\"PyPI\","
	    "\"origin\":\"registry\"},{\"name\":\"own\",\"ecosystem\":"
	    "\"npm\",\"origin\":\"root\"},{\"name\":\"near\","
	    "\"ecosystem\":\"npm\",\"origin\":\"path:x\"},{},7]}";
	static const struct {
		const char *ecosystem, *name;
		bool listed;
	} cases[] = { { "npm", "a", true }, { "npm", "@s/b", true },
		{ "npm", "c", false }, { "npm", "name", false },
		{ "PyPI", "a", false }, { "PyPI", "dep", true },
		{ "npm", "own", false }, { "npm", "near", false } };
	static const char *const bad[] = { "{", "{}", "pkg:pypi/x\n" };
	struct popular *p = popular_new();
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(popular_add(p, &names,
			     STR_LIT("name\tdownloads\na\t100\n@s/b\n"
				     "c,99\npkg:npm/d,1000\n"),
			     &err),
	    0);
	assert_int_equal(popular_add(p, &names, str_of(scan), &err), 0);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		if (popular_has(p, str_of(cases[i].ecosystem),
			str_of(cases[i].name)) != cases[i].listed)
			fail_msg("%s %s: wanted %d", cases[i].ecosystem,
			    cases[i].name, cases[i].listed);
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_true(popular_add(p, &names, str_of(bad[i]), &err) < 0);
	/* A package of this name is none of a heading. */
	assert_int_equal(popular_add(p, &names, STR_LIT("name\t1000\n"), &err),
	    0);
	assert_true(popular_has(p, STR_LIT("npm"), STR_LIT("name")));
	popular_free(p);
}

static void
listings(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct listing l = { .truncated = false };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    listing_parse(a,
		STR_LIT("<ListBucketResult><IsTruncated>true</IsTruncated>"
			"<EncodingType>url</EncodingType><Contents>"
			"<Owner><Key>no</Key></Owner>"
			"<Key>a%2Fb+%C3%A9%zz.json</Key><Size>7</Size>"
			"</Contents></ListBucketResult>"),
		&l, &err),
	    0);
	assert_true(l.truncated);
	assert_int_equal(l.objects.n, 1);
	assert_true(str_is(l.objects.v[0].key, "a/b \xc3\xa9%zz.json"));
	assert_int_equal(l.objects.v[0].size, 7);
	listing_done(&l);
	/* Without the word, the key is as it stands. */
	assert_int_equal(listing_parse(a,
			     STR_LIT("<ListBucketResult><Contents><Key>a%2Fb&"
				     "amp;c</Key>"
				     "</Contents></ListBucketResult>"),
			     &l, &err),
	    0);
	assert_true(str_is(l.objects.v[0].key, "a%2Fb&c"));
	listing_done(&l);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(tables),
		cmocka_unit_test(popular_names),
		cmocka_unit_test(popular_files),
		cmocka_unit_test(listings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
