/* SPDX-License-Identifier: Apache-2.0 */
/* Normalising, merging and retracting, on small documents. */
#include "report/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

#define NOW  STR_LIT("2026-09-01T00:00:00Z")
#define PKG  "\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"}"
#define HEAD "{\"modified\":\"2026-01-02T03:04:05Z\","

static struct report *
read_text(const char *text)
{
	struct arena *a = arena_new(MIB);
	struct osv_findings f;
	struct report *r = NULL;
	struct error err = ERROR_INIT;

	osv_findings_init(&f, a);
	if (report_read(str_of(text), OSV_PROFILE_REPORT, 1790000000, &f, &r,
		&err) != 0)
		fail_msg("%s: %s", text, err.msg);
	osv_findings_done(&f);
	arena_free(a);
	return r;
}

/* A document with this entry and these further members ("" or ending in a
 * comma), and one origin of the source when it is not NULL. */
static struct report *
make(const char *entry, const char *members, const char *source)
{
	struct buf b;
	struct report *r;

	buf_init(&b, MIB);
	buf_printf(&b, HEAD "%s\"affected\":[{" PKG "%s%s}]", members,
	    entry[0] != '\0' ? "," : "", entry);
	if (source != NULL)
		buf_printf(&b,
		    ",\"database_specific\":{\"malicious-packages-origins\":[{"
		    "\"source\":\"%s\",\"sha256\":\"%s-hash\",%s%s"
		    "\"import_time\":\"2026-01-01T00:00:00Z\"}]}",
		    source, source, entry, entry[0] != '\0' ? "," : "");
	buf_putc(&b, '}');
	r = read_text(b.p);
	buf_done(&b);
	return r;
}

static void
merged(struct report *r, struct report *other)
{
	struct error err = ERROR_INIT;

	if (report_merge(r, other, NOW, &err) != 0)
		fail_msg("%s", err.msg);
	report_free(other);
}

static void
strings_are(const struct str *v, size_t n, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%.*s", i == 0 ? "" : ",", STR_ARG(v[i]));
	assert_string_equal(buf_str(&b).p, want);
	buf_done(&b);
}

static void
lists_are_united(void **state)
{
	struct report *r = make("\"versions\":[\"z\",\"b\",\"c\"]",
	    "\"aliases\":[\"z\",\"b\",\"c\"],\"related\":[\"q\"],"
	    "\"references\":[{\"type\":\"WEB\",\"url\":\"https://a.test/1\"},"
	    "{\"type\":\"WEB\",\"url\":\"https://a.test/3\"}],",
	    NULL);

	(void)state;
	merged(r,
	    make("\"versions\":[\"b\",\"c\",\"d\"]",
		"\"aliases\":[\"b\",\"c\",\"d\"],\"related\":[\"q\",\"r\"],"
		"\"references\":[{\"type\":\"WEB\",\"url\":\"https://a.test/"
		"3\"},"
		"{\"type\":\"FIX\",\"url\":\"https://a.test/1\"}],",
		NULL));
	strings_are(r->d.affected[0].versions, r->d.affected[0].n_versions,
	    "z,b,c,d");
	strings_are(r->d.aliases, r->d.n_aliases, "z,b,c,d");
	strings_are(r->d.related, r->d.n_related, "q,r");
	assert_int_equal(r->d.n_references, 3);
	assert_true(str_is(r->d.references[2].type, "FIX"));
	report_free(r);
}

#define E(from, to) \
	"{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"" from \
	"\"},{\"fixed\":\"" to "\"}]}"
#define EA "{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"1.0.0\"}]}"
#define SA "{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"1.0.0\"}]}"

static void
equal_ranges_stand_once(void **state)
{
	struct report *r = make("\"ranges\":[" E("1.0.0",
				    "2.0.0") "," E("1.0.0", "3.0.0") "," SA "]",
	    "", NULL);

	(void)state;
	merged(r,
	    make("\"ranges\":[" SA "," E("1.0.0", "3.0.0") "," EA "]", "",
		NULL));
	assert_int_equal(r->d.affected[0].n_ranges, 4);
	assert_int_equal(r->d.affected[0].ranges[3].type, OSV_ECOSYSTEM);
	assert_int_equal(r->d.affected[0].ranges[3].n_events, 1);
	report_free(r);
}

static void
limits_count_and_a_star_is_none(void **state)
{
	struct report *r = make("\"ranges\":[{\"type\":\"SEMVER\",\"events\":["
				"{\"introduced\":\"0\"},{\"limit\":\"*\"}]}]",
	    "", NULL);

	(void)state;
	merged(r,
	    make("\"ranges\":[{\"type\":\"SEMVER\",\"events\":["
		 "{\"introduced\":\"0\"}]},{\"type\":\"SEMVER\",\"events\":["
		 "{\"introduced\":\"0\"},{\"limit\":\"2.0.0\"}]}]",
		"", NULL));
	assert_int_equal(r->d.affected[0].n_ranges, 2);
	report_free(r);
}

static void
severity_and_ecosystem_specific_go(void **state)
{
	struct report *r = make("\"versions\":[\"1\"],\"ecosystem_specific\":"
				"{\"a\":1}",
	    "\"severity\":[{\"type\":\"Ubuntu\",\"score\":"
	    "\"low\"}],",
	    NULL);

	(void)state;
	merged(r,
	    make("\"versions\":[\"1\"],\"ecosystem_specific\":{\"b\":1}",
		"\"severity\":[{\"type\":\"Ubuntu\",\"score\":\"high\"}],",
		NULL));
	assert_int_equal(r->d.n_severity, 0);
	assert_null(r->d.affected[0].ecosystem_specific);
	report_free(r);
}

static void
credits_are_united_by_name_and_type(void **state)
{
	struct report *r = make("\"versions\":[\"1\"]",
	    "\"credits\":[{\"name\":\"John\",\"type\":\"FINDER\"},{\"name\":"
	    "\"Jane\",\"type\":\"REPORTER\",\"contact\":[\"a\"]}],",
	    NULL);
	struct buf b;

	(void)state;
	merged(r,
	    make("\"versions\":[\"1\"]",
		"\"credits\":[{\"name\":\"Jane\",\"type\":\"REPORTER\","
		"\"contact\":[\"b\"]},{\"name\":\"Anonymous Coward\",\"type\":"
		"\"OTHER\"}],",
		NULL));
	buf_init(&b, MIB);
	report_write(r, &b);
	assert_int_equal(r->d.n_credits, 3);
	assert_true(str_is(r->d.credits[0].name, "Anonymous Coward"));
	assert_true(str_is(r->d.credits[1].name, "Jane"));
	strings_are(r->d.credits[1].contacts, r->d.credits[1].n_contacts,
	    "a,b");
	buf_done(&b);
	report_free(r);
}

static const char *
published(const char *a, const char *b)
{
	static char text[64];
	char ma[128], mb[128];
	struct report *r;

	(void)snprintf(ma, sizeof(ma), "%s%s%s",
	    a != NULL ? "\"published\":\"" : "", a != NULL ? a : "",
	    a != NULL ? "\"," : "");
	(void)snprintf(mb, sizeof(mb), "%s%s%s",
	    b != NULL ? "\"published\":\"" : "", b != NULL ? b : "",
	    b != NULL ? "\"," : "");
	r = make("\"versions\":[\"1\"]", ma, NULL);
	merged(r, make("\"versions\":[\"1\"]", mb, NULL));
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(r->d.published));
	report_free(r);
	return text;
}

static void
the_earliest_publication_counts(void **state)
{
	static const char t1[] = "2025-01-01T00:00:00Z";
	static const char t2[] = "2025-06-01T00:00:00Z";

	(void)state;
	assert_string_equal(published(t1, NULL), t1);
	assert_string_equal(published(NULL, t1), t1);
	assert_string_equal(published(t2, t1), t1);
	assert_string_equal(published(t1, t2), t1);
	assert_string_equal(published(NULL, NULL), "2026-09-01T00:00:00Z");
}

static void
merge_is_refused(void **state)
{
	static const char other_package[] =
	    HEAD "\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":"
		 "\"y\"},\"versions\":[\"1\"]}]}";
	struct report *r =
	    make("\"versions\":[\"1\"]", "\"details\":\"mine\",", "s");
	struct report *bad[5];
	struct error err = ERROR_INIT;

	(void)state;
	bad[0] = read_text(other_package);
	bad[1] = make("\"versions\":[\"1\"]", "\"id\":\"MAL-2026-7\",", NULL);
	bad[2] = make("\"versions\":[\"1\"]", "", "s"); /* the same origin */
	bad[3] = make("\"versions\":[\"1\"]", "\"details\":\"yours\",", "t");
	bad[4] = make("\"versions\":[\"1\"]",
	    "\"details\":\"_-= Per source details. Do not edit below this "
	    "line.=-_ stray\",",
	    "u");
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(report_merge(r, bad[i], NOW, &err), -EINVAL);
		report_free(bad[i]);
	}
	report_free(r);
}

static void
own_names_are_no_relations(void **state)
{
	struct report *r =
	    make("\"versions\":[\"1\"]", "\"id\":\"MAL-2026-1\",", NULL);

	(void)state;
	merged(r,
	    make("\"versions\":[\"1\"]",
		"\"aliases\":[\"MAL-2026-1\",\"GHSA-x\"],\"references\":[{"
		"\"type\":\"WEB\",\"url\":\"https://a.test/MAL-2026-1.json\"},{"
		"\"type\":\"WEB\",\"url\":\"https://a.test/"
		"MAL-2026-11.json\"}],",
		NULL));
	strings_are(r->d.aliases, r->d.n_aliases, "GHSA-x");
	assert_int_equal(r->d.n_references, 1);
	report_free(r);
}

static void
normalising_makes_it_ours(void **state)
{
	struct report *r = read_text(HEAD
	    "\"summary\":\"s\",\"details\":\"  please move\\nmy details  \","
	    "\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":"
	    "\"A__b\"},\"versions\":[\"1\"],\"database_specific\":{\"n\":1,"
	    "\"iocs\":{}}}],\"database_specific\":{\"url\":\"x\","
	    "\"malicious-packages-origins\":[{\"source\":\"test-origin\","
	    "\"sha256\":\"deadbeef\"}]}}");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(report_normalise(r, &err), 0);
	assert_true(str_is(r->d.summary, "Malicious code in a-b (PyPI)"));
	assert_true(str_is(r->d.affected[0].name, "a-b"));
	assert_true(str_is(r->d.details,
	    "\n---\n_-= Per source details. Do not edit below this line.=-_\n"
	    "\n## Source: test-origin (deadbeef)\nplease move\nmy details\n"));
	assert_null(r->d.database_specific);
	assert_non_null(r->d.affected[0].database_specific);
	assert_int_equal(report_normalise(r, &err), -EINVAL); /* has it now */
	report_free(r);
}

static void
what_is_not_normalised(void **state)
{
	static const char two[] =
	    HEAD "\"affected\":[{" PKG ",\"versions\":[\"1\"]}],"
		 "\"database_specific\":{\"malicious-packages-origins\":["
		 "{\"source\":\"a\",\"sha256\":\"1\"},"
		 "{\"source\":\"b\",\"sha256\":\"2\"}]}}";
	static const char repository[] = HEAD
	    "\"details\":\" words of a person \",\"affected\":[{\"ranges\":["
	    "{\"type\":\"GIT\",\"repo\":\"git@github.com:Org/Repo\","
	    "\"events\":[{\"introduced\":\"0\"}]}]}]}";
	struct error err = ERROR_INIT;
	struct report *r = read_text(two);

	(void)state;
	assert_int_equal(report_normalise(r, &err), -EINVAL);
	report_free(r);
	r = make("\"versions\":[\"1\"]", "\"id\":\"MAL-2026-1\",", NULL);
	assert_int_equal(report_normalise(r, &err), -EINVAL);
	report_free(r);
	/* No origin: the text of a contributor stays; the repository is
	 * written as everybody writes it. */
	r = read_text(repository);
	assert_int_equal(report_normalise(r, &err), 0);
	assert_true(str_is(r->d.details, " words of a person "));
	assert_true(str_is(r->d.affected[0].ranges[0].repo,
	    "https://github.com/org/repo.git"));
	assert_true(str_is(r->d.summary,
	    "Malicious code in github.com/org/repo (GIT)"));
	report_free(r);
}

/* Objects: first come, missing keys added. Arrays: united (the reference keeps
 * what stands twice). Scalars: dropped, at both levels. */
static void
free_form_members(void **state)
{
	struct report *r = read_text(
	    HEAD "\"affected\":[{" PKG ",\"versions\":[\"1\"],"
		 "\"database_specific\":{\"o\":{\"common\":\"bar\"},"
		 "\"l\":[\"a\",\"b\",\"c\"],\"n\":7}}],"
		 "\"database_specific\":{\"o\":{\"common\":\"bar\"},\"n\":1}}");
	struct report *other = read_text(HEAD
	    "\"affected\":[{" PKG ",\"versions\":[\"1\"],"
	    "\"database_specific\":{\"o\":{\"common\":\"baz\",\"float\":1.5},"
	    "\"l\":[\"b\",\"c\",\"d\"],\"s\":\"x\"}}],"
	    "\"database_specific\":{\"o\":{\"common\":\"baz\",\"float\":1.5},"
	    "\"l\":[1],\"s\":true}}");
	char *text;

	(void)state;
	merged(r, other);
	text = yyjson_val_write(r->d.affected[0].database_specific, 0, NULL);
	assert_string_equal(text,
	    "{\"o\":{\"common\":\"bar\",\"float\":1.5},"
	    "\"l\":[\"a\",\"b\",\"c\",\"d\"]}");
	free(text);
	text = yyjson_val_write(r->d.database_specific, 0, NULL);
	assert_string_equal(text,
	    "{\"o\":{\"common\":\"bar\",\"float\":1.5},\"l\":[1]}");
	free(text);
	report_free(r);
}

static struct report *
from_source(const char *sha, const char *details)
{
	struct buf b;
	struct report *r;
	struct error err = ERROR_INIT;

	buf_init(&b, MIB);
	buf_printf(&b,
	    HEAD "\"details\":\"%s\",\"affected\":[{" PKG
		 ",\"versions\":[\"1\"]}],\"database_specific\":{"
		 "\"malicious-packages-origins\":[{\"source\":\"test\","
		 "\"sha256\":\"%s\"}]}}",
	    details, sha);
	r = read_text(b.p);
	buf_done(&b);
	assert_int_equal(report_normalise(r, &err), 0);
	return r;
}

static void
the_longest_text_of_a_source_stays(void **state)
{
	struct report *r = from_source("aa", "test report 1");

	(void)state;
	merged(r, from_source("bb", "a longer test report 1"));
	assert_true(str_is(r->d.details,
	    "\n---\n_-= Per source details. Do not edit below this line.=-_\n"
	    "\n## Source: test (bb)\na longer test report 1\n"));
	assert_int_equal(r->origins.n, 2);
	assert_true(str_is(r->d.modified, "2026-09-01T00:00:00Z"));
	report_free(r);
}

static void
names_that_are_the_same(void **state)
{
	static const char form[] =
	    HEAD "\"affected\":[{\"package\":{\"ecosystem\":\"%s\",\"name\":"
		 "\"%s\"},\"versions\":[\"1.0\"]}]}";
	static const struct {
		const char *ecosystem[2], *name[2];
		int rc;
	} cases[] = {
		{ { "NuGet", "NuGet" }, { "My.Lib", "my.lib" }, 0 },
		{ { "npm", "npm" }, { "Lib", "lib" }, -EINVAL },
		{ { "npm", "PyPI" }, { "lib", "lib" }, -EINVAL },
		{ { "Debian:11", "Debian:12" }, { "lib", "lib" }, -EINVAL },
		{ { "PyPI", "PyPI" }, { "a_b", "A.B" }, 0 },
		{ { "crates.io", "crates.io" }, { "a_b", "A-B" }, 0 },
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report *r[2];
		char text[512];

		for (int k = 0; k < 2; k++) {
			(void)snprintf(text, sizeof(text), form,
			    cases[i].ecosystem[k], cases[i].name[k]);
			r[k] = read_text(text);
		}
		if (report_merge(r[0], r[1], NOW, &err) != cases[i].rc)
			fail_msg("%s %s %s", cases[i].ecosystem[0],
			    cases[i].name[0], cases[i].name[1]);
		report_free(r[0]);
		report_free(r[1]);
	}
}

static void
text_of(struct report *r, struct buf *b)
{
	(void)report_publish_versions(r);
	buf_reset(b);
	report_write(r, b);
}

/* Three sources, in all orders: the same bytes. */
static void
order_does_not_matter(void **state)
{
	static const char *const entries[] = {
		"\"versions\":[\"1.10.0\",\"1.9.0\"]",
		"\"versions\":[\"2.0.0\"]",
		"\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":"
		"\"0\"}]}]"
	};
	static const char *const sources[] = { "a", "b", "c" };
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	struct buf first, b;
	struct error err = ERROR_INIT;

	(void)state;
	buf_init(&first, MIB);
	buf_init(&b, MIB);
	for (size_t i = 0; i < 6; i++) {
		struct report *r[3];

		for (int k = 0; k < 3; k++) {
			r[k] = make(entries[orders[i][k]],
			    "\"details\":\"text\",\"published\":"
			    "\"2026-01-01T00:00:00Z\",",
			    sources[orders[i][k]]);
			assert_int_equal(report_normalise(r[k], &err), 0);
		}
		merged(r[0], r[1]);
		merged(r[0], r[2]);
		text_of(r[0], i == 0 ? &first : &b);
		if (i != 0)
			assert_string_equal(b.p, first.p);
		report_free(r[0]);
	}
	assert_null(strstr(first.p,
	    "        \"introduced\": \"0\"\n"
	    "            }\n          ]\n        }\n"
	    "      ],\n      \"versions\""));
	assert_true(strstr(first.p, "1.9.0") < strstr(first.p, "1.10.0"));
	buf_done(&first);
	buf_done(&b);
}

static void
exact_versions_are_not_swallowed(void **state)
{
	struct report *r = make("\"versions\":[\"1.0.0\"]", "", "exact");
	struct error err = ERROR_INIT;

	(void)state;
	merged(r,
	    make("\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{"
		 "\"introduced\":\"0\"}]}]",
		"", "broad"));
	assert_int_equal(report_publish_versions(r), 1);
	assert_int_equal(r->d.affected[0].n_ranges, 0);
	assert_int_equal(r->d.affected[0].n_versions, 1);
	/* The exact source takes its word back: the broad claim is left. */
	assert_int_equal(report_retract(r, STR_LIT("exact"), STR_NONE, &err),
	    0);
	assert_int_equal(r->d.affected[0].n_ranges, 1);
	assert_int_equal(r->d.affected[0].n_versions, 0);
	assert_int_equal(report_retract(r, STR_LIT("nobody"), STR_NONE, &err),
	    -ENOENT);
	assert_int_equal(report_retract(r, STR_LIT("broad"), STR_NONE, &err),
	    1);
	report_free(r);
}

static void
a_copy_is_the_same(void **state)
{
	struct report *r = make("\"versions\":[\"1.0.0\"]",
			  "\"details\":\"x\",", "s"),
		      *copy;
	struct buf a, b;

	(void)state;
	buf_init(&a, MIB);
	buf_init(&b, MIB);
	copy = report_copy(r);
	report_write(r, &a);
	report_free(r);
	report_write(copy, &b);
	assert_string_equal(a.p, b.p);
	report_free(copy);
	buf_done(&a);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_united),
		cmocka_unit_test(equal_ranges_stand_once),
		cmocka_unit_test(limits_count_and_a_star_is_none),
		cmocka_unit_test(severity_and_ecosystem_specific_go),
		cmocka_unit_test(credits_are_united_by_name_and_type),
		cmocka_unit_test(the_earliest_publication_counts),
		cmocka_unit_test(merge_is_refused),
		cmocka_unit_test(own_names_are_no_relations),
		cmocka_unit_test(normalising_makes_it_ours),
		cmocka_unit_test(what_is_not_normalised),
		cmocka_unit_test(free_form_members),
		cmocka_unit_test(the_longest_text_of_a_source_stays),
		cmocka_unit_test(names_that_are_the_same),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(exact_versions_are_not_swallowed),
		cmocka_unit_test(a_copy_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
