/* SPDX-License-Identifier: Apache-2.0 */
/* Matching through a snapshot. Argument: match.test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "snapshot/make.h"
#include "snapshot/snapshot.h"

static const char *table_path;

static struct snapshot *
snapshot_of(const char *entry)
{
	struct make_input in = { .n = 1, .built_at_s = 1 };
	struct error err = ERROR_INIT;
	struct snapshot *s = NULL;
	struct str document;
	struct buf b;
	int fd;

	buf_init(&b, MIB);
	buf_printf(&b,
	    "{\"id\":\"MAL-2026-1\",\"modified\":\"2026-01-02T03:04:05Z\","
	    "\"affected\":[%s]}",
	    entry);
	document = buf_str(&b);
	in.documents = &document;
	if (snapshot_make(&in, &fd, &err) != 0 ||
	    snapshot_open(fd, &s, &err) != 0)
		fail_msg("%s: %s", entry, err.msg);
	(void)close(fd);
	buf_done(&b);
	return s;
}

static const char *
word(const struct snapshot_hit *h)
{
	static const char *const kinds[] = { [SNAPSHOT_LISTED] = "listed",
		[SNAPSHOT_RANGE] = "range",
		[SNAPSHOT_WHOLE] = "whole" };

	if (h->answer == OSV_AFFECTED)
		return kinds[h->kind];
	if (h->answer == OSV_NOT_AFFECTED)
		return "no";
	return h->kind == SNAPSHOT_WHOLE ? "unknown-whole" : "unknown";
}

static const char *
answer(struct snapshot *s, struct str ecosystem, struct str name,
    struct str version, struct arena *a)
{
	struct snapshot_hit hit = { .why = NULL };
	struct error err = ERROR_INIT;
	struct snapshot_cursor c;
	struct snapshot_row row;
	int rc = snapshot_find(s, ecosystem, name, SNAPSHOT_ANY_CASE, &c, &err);

	if (rc == 1)
		rc = snapshot_next(&c, &row, &err);
	if (rc == 0)
		return "none";
	if (rc != 1 || snapshot_match(&row, version, a, &hit, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(hit.why != NULL && hit.why[0] != '\0');
	assert_int_equal(snapshot_next(&c, &row, &err), 0);
	return word(&hit);
}

static void
check(const char *entry, struct str package, struct str pairs)
{
	struct snapshot *s = snapshot_of(entry);
	struct arena *a = arena_new(MIB);
	struct str ecosystem, pair, version;

	assert_true(str_cut(&package, '|', &ecosystem));
	if (str_is(ecosystem, "-"))
		ecosystem = STR_NONE;
	while (str_cut(&pairs, '|', &pair)) {
		const char *got;

		assert_true(str_cut(&pair, ' ', &version));
		got = answer(s, ecosystem, package, version, a);
		if (!str_is(pair, got))
			fail_msg("%s: %.*s: %s, not %.*s", entry,
			    STR_ARG(version), got, STR_ARG(pair));
	}
	arena_free(a);
	snapshot_close(s);
}

static void
the_table_holds(void **state)
{
	FILE *f = fopen(table_path, "r");
	char entry[2048], package[2048], pairs[2048];
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(entry, sizeof(entry), f) != NULL) {
		if (entry[0] != '{')
			continue;
		assert_non_null(fgets(package, sizeof(package), f));
		assert_non_null(fgets(pairs, sizeof(pairs), f));
		entry[strcspn(entry, "\n")] = '\0';
		check(entry, str_n(package, strcspn(package, "\n")),
		    str_n(pairs, strcspn(pairs, "\n")));
		n++;
	}
	(void)fclose(f);
	assert_true(n >= 25);
}

static void
case_counts_where_osv_counts_it(void **state)
{
	struct snapshot *s = snapshot_of(
	    "{\"package\":{\"ecosystem\":\"NuGet\",\"name\":\"Aa\"},"
	    "\"versions\":[\"1.0\"]}");
	struct error err = ERROR_INIT;
	struct snapshot_cursor c;
	struct snapshot_row row;

	(void)state;
	assert_int_equal(snapshot_find(s, STR_LIT("NuGet"), STR_LIT("aa"),
			     SNAPSHOT_EXACT_CASE, &c, &err),
	    1);
	assert_int_equal(snapshot_next(&c, &row, &err), 0);
	assert_int_equal(snapshot_find(s, STR_LIT("NuGet"), STR_LIT("Aa"),
			     SNAPSHOT_EXACT_CASE, &c, &err),
	    1);
	assert_int_equal(snapshot_next(&c, &row, &err), 1);
	assert_true(str_is(row.name, "Aa"));
	snapshot_close(s);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(case_counts_where_osv_counts_it),
	};

	assert_int_equal(argc, 2);
	table_path = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
