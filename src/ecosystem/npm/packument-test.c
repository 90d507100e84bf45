/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of a registry: choosing, telling, serving. */
#include "ecosystem/npm/packument.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"

static const char document[] =
    "{\"name\":\"x\",\"dist-tags\":{\"latest\":\"1.1.0\",\"next\":\"2.0.0-b\"},"
    "\"maintainers\":[{\"name\":\"a\",\"email\":\"a@b.test\"},\"c\"],"
    "\"time\":{\"created\":\"2020\",\"1.1.0\":\"2021\",\"1.0.0\":\"2020\","
    "\"0.9.0\":\"2019\"},\"versions\":{"
    "\"1.0.0\":{\"_npmUser\":{\"name\":\"old\"},\"dependencies\":{\"d\":\"1\"},"
    "\"dist\":{\"tarball\":\"https://r.test/x/-/"
    "x-1.0.0.tgz\",\"shasum\":\"ab\"}},"
    "\"1.1.0\":{\"_npmUser\":{\"name\":\"new\"},\"scripts\":{\"install\":\"y\"}"
    ","
    "\"deprecated\":\"no\",\"os\":[\"!linux\"],"
    "\"dist\":{\"tarball\":\"https://other.test/x.tgz\","
    "\"integrity\":\"sha512-q\",\"attestations\":{\"url\":\"u\"}}},"
    "\"1.2.0\":{\"engines\":{\"node\":\">=99\"},\"cpu\":\"arm\","
    "\"optionalDependencies\":{\"al\":\"npm:@s/real@^1\",\"../bad\":\"1\"},"
    "\"dist\":{\"tarball\":\"t\\tab\"}},"
    "\"1.1.5\":{\"peerDependencies\":{\"p\":\"*\"}},"
    "\"2.0.0-b\":{},\"weird\":{},\"9.9.9\":7}}";

static const struct npm_platform here = { { "linux", 5 }, { "x64", 3 },
	{ "glibc", 5 }, { "24.1.0", 6 } };

static void
choosing(void **state)
{
	static const struct {
		const char *want, *version; /* NULL: refused */
		int code;
	} rows[] = {
		{ NULL, "1.1.0", 0 }, /* the tag, although deprecated */
		{ "latest", "1.1.0", 0 },
		{ "next", "2.0.0-b", 0 },
		{ "1.0.0", "1.0.0", 0 },
		{ "=v1.0.0", "1.0.0", 0 },
		{ "^1.0.0", "1.1.5", 0 }, /* not deprecated, fits engine */
		{ "~1.2.0", "1.2.0", 0 }, /* nothing better */
		{ ">=1.1.0 <1.1.5", "1.1.0", 0 },
		{ "^2.0.0-a", "2.0.0-b", 0 },
		{ "weird", "weird", 0 },
		{ "^2.0.0", NULL, -ENOENT },
		{ "0.9.0", NULL, -ENODATA },
		{ "9.9.9", NULL, -ENOENT },
		{ "nope", NULL, -ENOENT },
	};
	struct packument *p;
	struct packument_version v;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(packument_parse(str_of(document), STR_LIT("x"), &p,
			     &err),
	    0);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		int rc =
		    packument_pick(p, str_of(rows[i].want), &here, &v, &err);

		if (rc != rows[i].code ||
		    (rc == 0 && !str_is(v.version, rows[i].version)))
			fail_msg("%s: %d %.*s (%s)", rows[i].want, rc,
			    STR_ARG(v.version), err.msg);
	}
	packument_free(p);
}

static void
what_is_known_of_a_version(void **state)
{
	struct packument *p;
	struct packument_version v;

	(void)state;
	assert_int_equal(packument_parse(str_of(document), STR_LIT("x"), &p,
			     NULL),
	    0);
	assert_int_equal(packument_pick(p, STR_NONE, &here, &v, NULL), 0);
	assert_true(str_is(v.publisher, "new"));
	assert_true(str_is(v.published_at, "2021"));
	assert_true(str_is(v.previous, "1.0.0"));
	assert_true(str_is(v.deprecated, "no"));
	assert_true(str_is(v.platform, "os !linux"));
	assert_true(v.platform_mismatch && v.has_install_script);
	assert_true(v.has_attestations && !v.has_signatures);
	assert_int_equal(packument_pick(p, STR_LIT("1.2.0"), &here, &v, NULL),
	    0);
	assert_true(v.platform_mismatch && v.engine_mismatch);
	assert_null(v.deprecated.p);
	packument_free(p);
}

static int
collect(void *arg, const char *key, struct str value, struct error *err)
{
	(void)err;
	buf_printf(arg, "%s=%.*s\n", key, STR_ARG(value));
	return 0;
}

static void
facts(void **state)
{
	static const char *const want[] = { "maintainers=a <a@b.test>, c\n",
		"published_at=2021\n", "publisher=new\n",
		"previous_version=1.0.0\n", "previous_publisher=old\n",
		"previous_has_install_script=0\n", "has_install_script=1\n",
		"attestations=1\n", "integrity=sha512-q\n", "latest=1.1.0\n",
		"created_at=2020\n", "versions=7\n" };
	struct packument *p;
	struct packument_version v;
	struct buf b;

	(void)state;
	buf_init(&b, 64 * KIB);
	assert_int_equal(packument_parse(str_of(document), STR_LIT("x"), &p,
			     NULL),
	    0);
	assert_int_equal(packument_pick(p, STR_NONE, &here, &v, NULL), 0);
	assert_int_equal(packument_facts(p, &v, collect, &b, NULL), 0);
	for (size_t i = 0; i < N_ELEMENTS(want); i++)
		if (strstr(b.p, want[i]) == NULL)
			fail_msg("%s is missing in %s", want[i], b.p);
	buf_done(&b);
	packument_free(p);
}

static void
served(void **state)
{
	struct packument *p;
	struct buf out, index;

	(void)state;
	buf_init(&out, MIB);
	buf_init(&index, MIB);
	assert_int_equal(packument_parse(str_of(document), STR_LIT("x"), &p,
			     NULL),
	    0);
	packument_write_index(p, &index);
	assert_int_equal(packument_write_served(p, STR_LIT("https://pub.test/"),
			     &out, NULL),
	    0);
	assert_null(strstr(out.p, "other.test"));
	assert_null(strstr(out.p, "r.test"));
	assert_non_null(strstr(out.p, "\"https://pub.test/x/-/x-1.1.0.tgz\""));
	assert_non_null(strstr(index.p,
	    "v\t1.1.0\thttps://other.test/x.tgz\tsha512-q\t\n"));
	assert_non_null(strstr(index.p, "v\t1.2.0\t\t\t\n"));
	assert_non_null(strstr(index.p, "d\td\n"));
	assert_non_null(strstr(index.p, "d\t@s/real\n"));
	assert_non_null(strstr(index.p, "d\tp\n"));
	assert_null(strstr(index.p, "bad"));
	buf_done(&out);
	buf_done(&index);
	packument_free(p);
}

static void
refusals(void **state)
{
	static const struct {
		const char *json, *words;
		int code;
	} rows[] = {
		{ "", "not JSON", -EBADMSG },
		{ "<html>", "not JSON", -EBADMSG },
		{ "[]", "no document", -EBADMSG },
		{ "{}", "lists no versions", -EBADMSG },
		{ "{\"name\":\"y\",\"versions\":{\"1.0.0\":{}}}",
		    "answered about \"y\"", -EBADMSG },
		{ "{\"name\":\"x\",\"versions\":{}}", "unpublished", -ENODATA },
		{ "{\"name\":\"x\",\"time\":{\"unpublished\":{}}}",
		    "unpublished", -ENODATA },
	};
	struct packument *p;
	struct error err;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		err = (struct error)ERROR_INIT;
		assert_int_equal(packument_parse(str_of(rows[i].json),
				     STR_LIT("x"), &p, &err),
		    rows[i].code);
		assert_non_null(strstr(err.msg, rows[i].words));
	}
}

static void
local(void **state)
{
	const struct packument_local l = { STR_LIT("@s/x"), STR_LIT("1.0.0"),
		STR_LIT("sha512-q"), STR_LIT("ab") };
	struct buf doc, index;

	(void)state;
	buf_init(&doc, MIB);
	buf_init(&index, MIB);
	assert_int_equal(packument_write_local(&l,
			     STR_LIT("{\"name\":\"@s/x\",\"_secret\":1,"
				     "\"dependencies\":{\"d\":\"*\"}}"),
			     STR_LIT("https://p.test/"), &doc, &index, NULL),
	    0);
	assert_non_null(strstr(doc.p, "\"latest\":\"1.0.0\""));
	assert_non_null(strstr(doc.p, "\"https://p.test/@s/x/-/x-1.0.0.tgz\""));
	assert_null(strstr(doc.p, "_secret"));
	assert_non_null(strstr(index.p, "d\td\n"));
	assert_int_equal(packument_write_local(&l, STR_LIT("[]"),
			     STR_LIT("https://p.test/"), &doc, &index, NULL),
	    -EBADMSG);
	buf_done(&doc);
	buf_done(&index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choosing),
		cmocka_unit_test(what_is_known_of_a_version),
		cmocka_unit_test(facts),
		cmocka_unit_test(served),
		cmocka_unit_test(refusals),
		cmocka_unit_test(local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
