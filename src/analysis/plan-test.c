/* SPDX-License-Identifier: Apache-2.0 */
/* Which phases follow from which manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "analysis/plan.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "decoy/drivers.h"
#include "ecosystem/npm/manifest.h"

static void
add_entry(struct manifest *m, enum manifest_entry_kind kind,
    const char *specifier)
{
	struct manifest_entry *e = vec_add(&m->entries);

	e->kind = kind;
	e->specifier = str_of(specifier);
	e->exists = true;
}

static void
done(struct manifest *m, struct plan *p)
{
	vec_done(&m->entries);
	vec_done(&m->dependencies);
	plan_done(p);
}

static struct plan
make(struct arena *a, const struct manifest *m)
{
	const struct plan_options o = { STR_LIT("@s/p"), STR_LIT("1.2.3"), m,
		1000, 500 };
	struct plan p = { 0 };

	plan_make(a, &o, &p);
	return p;
}

static void
test_plain(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1u << 20);
	struct manifest m = { 0 };

	(void)state;
	add_entry(&m, MANIFEST_ENTRY_CJS, "@s/p");
	add_entry(&m, MANIFEST_ENTRY_ESM, "@s/p");
	add_entry(&m, MANIFEST_ENTRY_BIN, "tool");
	struct plan p = make(a, &m);
	assert_int_equal(p.steps.n, 4);
	assert_int_equal(p.steps.v[0].kind, PLAN_INSTALL);
	assert_string_equal(p.steps.v[0].argv[2], "@s/p@1.2.3");
	assert_int_equal(p.steps.v[1].kind, PLAN_INSTALL_QUIET);
	assert_string_equal(p.steps.v[2].argv[2],
	    "console.log(typeof require(\"@s/p\"))");
	assert_string_equal(p.steps.v[2].package, "node_modules/@s/p");
	assert_string_equal(p.steps.v[3].argv[1], "--input-type=module");
	assert_true(str_is(p.steps.v[3].subject, "import(\"@s/p\")"));
	assert_string_equal(p.left_out.v[0].trigger, "run");
	assert_true(str_is(p.left_out.v[0].subject, "tool"));
	done(&m, &p);
}

static void
test_dependencies_are_allowed_first(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1u << 20);
	struct manifest m = { 0 };
	struct manifest_dependency *d = vec_add(&m.dependencies);

	(void)state;
	d->kind = MANIFEST_DEV;
	struct plan p = make(a, &m);
	assert_int_equal(p.steps.v[0].kind, PLAN_INSTALL);
	plan_done(&p);
	d->kind = MANIFEST_OPTIONAL;
	p = make(a, &m);
	assert_int_equal(p.steps.v[0].kind, PLAN_ALLOW);
	assert_ptr_equal(p.steps.v[0].argv[2], driver_npm_allow);
	done(&m, &p);
}

/* What a package calls its entries is never code. */
static void
test_quotes(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1u << 20);
	struct manifest m = { 0 };

	(void)state;
	add_entry(&m, MANIFEST_ENTRY_CJS, "p/\");evil(\"%s\n");
	struct plan p = make(a, &m);
	assert_string_equal(p.steps.v[2].argv[2],
	    "console.log(typeof require(\"p/\\\");evil(\\\"%s\\n\"))");
	done(&m, &p);
}

static void
test_groups(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(4u << 20);
	struct manifest m = { 0 };
	size_t named = 0, n = 2 * PLAN_GROUP_SIZE + PLAN_ENTRIES_ALONE + 3;

	(void)state;
	for (size_t i = 0; i < n; i++)
		add_entry(&m, MANIFEST_ENTRY_CJS, arena_printf(a, "p/%zu", i));
	struct plan p = make(a, &m);
	assert_int_equal(p.steps.n, 2 + PLAN_ENTRIES_ALONE + 3);
	for (size_t i = 2 + PLAN_ENTRIES_ALONE; i < p.steps.n; i++) {
		const char *const *v = p.steps.v[i].argv;
		assert_string_equal(v[3], "require");
		for (size_t k = 4; v[k] != NULL; k++, named++) {
			char want[32];
			(void)snprintf(want, sizeof(want), "p/%zu",
			    PLAN_ENTRIES_ALONE + named);
			assert_string_equal(v[k], want);
		}
	}
	assert_int_equal(named, n - PLAN_ENTRIES_ALONE);
	done(&m, &p);
}

static void
test_unreadable(void **state)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(1u << 20);
	struct plan p = make(a, NULL);

	(void)state;
	assert_int_equal(p.steps.v[0].kind, PLAN_ALLOW);
	assert_int_equal(p.steps.n, 3);
	assert_string_equal(p.left_out.v[0].trigger, "import");
	plan_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_dependencies_are_allowed_first),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
