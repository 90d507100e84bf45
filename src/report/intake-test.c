/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and allowed ecosystems of a source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/intake.h"

#define NOW 1782000000ll

static const char text[] =
    "{\"id\":\"S-1\",\"modified\":\"2026-01-01T00:00:00Z\","
    "\"aliases\":[\"A-1\",\"A-2\",\"B-1\",\"C-99\"],"
    "\"related\":[\"A-2023-123\",\"A-2024-123\",\"B-2024-456\","
    "\"C-2025-789\"],"
    "\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"},"
    "\"versions\":[\"1.0.0\"]},"
    "{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"y\"},"
    "\"versions\":[\"1.0\"]}]}";

static void
filters(void **state)
{
	static const struct intake_filter rules[] = {
		{ false, { "^A-", 3 } },
		{ false, { "-99$", 4 } },
		{ true, { "-2024-", 6 } },
	};
	const struct intake_source s = { .id = STR_LIT("src"),
		.split = true,
		.filters = rules,
		.n_filters = N_ELEMENTS(rules) };
	struct error err = ERROR_INIT;
	struct intake in;
	const struct osv_document *d;

	(void)state;
	assert_int_equal(intake_document(str_of(text), &s, NOW, &in, &err), 0);
	assert_int_equal(in.reports.n, 2);
	for (size_t i = 0; i < 2; i++) {
		d = &in.reports.v[i]->d;
		assert_int_equal(d->n_aliases, 1);
		assert_true(str_is(d->aliases[0], "B-1"));
		assert_int_equal(d->n_related, 2);
		assert_true(str_is(d->related[0], "A-2023-123"));
		assert_true(str_is(d->related[1], "C-2025-789"));
	}
	intake_done(&in);
}

static void
bad_filter(void **state)
{
	static const struct intake_filter rules[] = { { false, { "(", 1 } } };
	const struct intake_source s = { .id = STR_LIT("src"),
		.split = true,
		.filters = rules,
		.n_filters = 1 };
	struct error err = ERROR_INIT;
	struct intake in;

	(void)state;
	assert_true(intake_document(str_of(text), &s, NOW, &in, &err) < 0);
	assert_true(err.msg[0] != '\0');
	/* Which document that was is known all the same. */
	assert_string_equal(in.source_id, "S-1");
	intake_done(&in);
}

static void
ecosystems(void **state)
{
	static const struct str allowed[] = { { "PyPI", 4 } };
	const struct intake_source s = { .id = STR_LIT("src"),
		.split = true,
		.ecosystems = allowed,
		.n_ecosystems = 1 };
	struct error err = ERROR_INIT;
	struct intake in;

	(void)state;
	assert_int_equal(intake_document(str_of(text), &s, NOW, &in, &err), 0);
	assert_int_equal(in.reports.n, 1);
	assert_true(str_is(in.reports.v[0]->d.affected[0].name, "y"));
	assert_true(in.notes.n >= 1);
	intake_done(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),
		cmocka_unit_test(bad_filter),
		cmocka_unit_test(ecosystems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
