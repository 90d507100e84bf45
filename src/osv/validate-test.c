/* SPDX-License-Identifier: Apache-2.0 */
/* Argument: validate.test, groups of three lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "osv/osv.h"

#define NOW 1790000000 /* 2026-09-21 */

static const char *table_path;

static void
rules_of(struct str bytes, struct buf *out)
{
	struct arena *a = arena_new(64 * (size_t)MIB);
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct osv_input in = { .bytes = bytes, .now_s = NOW };

	osv_findings_init(&f, a);
	(void)osv_validate(a, &in, &f, &d, &json);
	for (size_t i = 0; i < f.n; i++) {
		buf_printf(out, "%s%s%s", i == 0 ? "" : " ",
		    f.v[i].level == OSV_WARNING ? "?" : "", f.v[i].rule);
		assert_true(f.v[i].path[0] == '$');
		assert_true(strlen(f.v[i].message) > 5);
	}
	if (f.n == 0)
		buf_puts(out, "ok");
	osv_findings_done(&f);
	osv_json_free(json);
	arena_free(a);
}

static void
check(const char *name, const char *text, const char *want)
{
	static const char base[] =
	    "{\"id\":\"MAL-2026-1\",\"modified\":\"2026-01-02T03:04:05Z\",";
	struct buf doc, got;

	buf_init(&doc, MIB);
	buf_init(&got, MIB);
	if (text[0] == '+')
		buf_printf(&doc, "%s%s}", base, text + 1);
	else if (text[0] == '@')
		buf_printf(&doc, "%s\"affected\":[%s]}", base, text + 1);
	else
		buf_puts(&doc, text);
	rules_of(buf_str(&doc), &got);
	if (!str_is(buf_str(&got), want))
		fail_msg("%s: found %s, expected %s", name, got.p, want);
	buf_done(&doc);
	buf_done(&got);
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char line[3][4096];
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line[0], sizeof(line[0]), f) != NULL) {
		if (line[0][0] == '#' || line[0][0] == '\n')
			continue;
		for (int k = 1; k < 3; k++)
			assert_non_null(fgets(line[k], sizeof(line[k]), f));
		for (int k = 0; k < 3; k++)
			line[k][strcspn(line[k], "\n")] = '\0';
		check(line[0], line[1], line[2]);
		n++;
	}
	(void)fclose(f);
	assert_true(n > 60);
}

/* Every word of the closed lists is taken, as the list spells it. */
static void
closed_lists(void **state)
{
	static const struct {
		const char *form;
		const char *words[12];
	} lists[] = {
		{ "+\"references\":[{\"type\":\"%s\",\"url\":\"https://"
		  "a.test\"}"
		  "],\"withdrawn\":\"2026-01-02T03:04:05Z\"",
		    { "ADVISORY", "ARTICLE", "DETECTION", "DISCUSSION",
			"REPORT", "FIX", "INTRODUCED", "GIT", "PACKAGE",
			"EVIDENCE", "WEB" } },
		{ "+\"credits\":[{\"type\":\"%s\",\"name\":\"A\"}],"
		  "\"withdrawn\":\"2026-01-02T03:04:05Z\"",
		    { "FINDER", "REPORTER", "ANALYST", "COORDINATOR",
			"REMEDIATION_DEVELOPER", "REMEDIATION_REVIEWER",
			"REMEDIATION_VERIFIER", "TOOL", "SPONSOR", "OTHER" } },
		{ "@{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"},"
		  "\"ranges\":[{\"type\":\"%s\",\"events\":[{\"introduced\":"
		  "\"0\"}]}]}",
		    { "SEMVER", "ECOSYSTEM" } },
	};
	char text[512], other[512];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t k = 0; lists[i].words[k] != NULL; k++) {
			char lower[64];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(text, sizeof(text), lists[i].form,
			    lists[i].words[k]);
			(void)snprintf(lower, sizeof(lower), "%s",
			    lists[i].words[k]);
			lower[0] = (char)(lower[0] | 32);
			(void)snprintf(other, sizeof(other), lists[i].form,
			    lower);
#pragma GCC diagnostic pop
			check(lists[i].words[k], text, "ok");
			check(lower, other, "schema-enum");
		}
	for (; osv_ecosystems[n] != NULL; n++) {
		(void)snprintf(text, sizeof(text),
		    "@{\"package\":{\"ecosystem\":\"%s\",\"name\":\"a\"},"
		    "\"versions\":[\"1\"]}",
		    osv_ecosystems[n]);
		check(osv_ecosystems[n], text, "ok");
	}
	assert_int_equal(n, 48);
}

static void
counts_are_limited(void **state)
{
	static const char item[] =
	    "{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"1\"}]},";
	struct buf doc, got;

	(void)state;
	buf_init(&doc, 16 * (size_t)MIB);
	buf_init(&got, MIB);
	for (int events = 0; events < 2; events++) {
		buf_reset(&doc);
		buf_reset(&got);
		buf_puts(&doc,
		    "{\"id\":\"MAL-2026-1\",\"modified\":"
		    "\"2026-01-02T03:04:05Z\",\"affected\":[{\"package\":{"
		    "\"ecosystem\":\"PyPI\",\"name\":\"x\"},\"ranges\":[");
		if (events)
			buf_puts(&doc, "{\"type\":\"ECOSYSTEM\",\"events\":[");
		for (int i = 0; i < 10001; i++)
			buf_puts(&doc,
			    events ? "{\"introduced\":\"1\"}," : item);
		doc.n--;
		buf_puts(&doc, events ? "]}]}]}" : "]}]}");
		rules_of(buf_str(&doc), &got);
		assert_string_equal(got.p,
		    events ? "events-count" : "ranges-count");
	}
	buf_done(&doc);
	buf_done(&got);
}

static void
bytes_that_are_no_text(void **state)
{
	struct buf got;

	(void)state;
	buf_init(&got, MIB);
	rules_of(STR_LIT("{\"id\":\"\xff\"}"), &got);
	assert_string_equal(got.p, "json-syntax");
	buf_done(&got);
}

static void
nesting_is_limited(void **state)
{
	struct buf doc, got;

	(void)state;
	buf_init(&doc, 4 * (size_t)MIB);
	buf_init(&got, MIB);
	for (int i = 0; i < 1000000; i++)
		buf_putc(&doc, '[');
	for (int i = 0; i < 1000000; i++)
		buf_putc(&doc, ']');
	rules_of(buf_str(&doc), &got);
	assert_string_equal(got.p, "json-depth");
	buf_done(&doc);
	buf_done(&got);
}

static void
sizes_are_limited(void **state)
{
	struct buf got;
	size_t n = 20 * (size_t)MIB;
	char *big = calloc(1, n);

	(void)state;
	assert_non_null(big);
	buf_init(&got, MIB);
	rules_of(str_n(big, n), &got);
	assert_string_equal(got.p, "json-size");
	buf_done(&got);
	free(big);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(closed_lists),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(nesting_is_limited),
		cmocka_unit_test(sizes_are_limited),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
