/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
keeps_many_in_order(void **state)
{
	struct map *m = map_new(10000);
	struct str key;
	void *value;
	char name[16];
	size_t at = 0, seen = 0;

	(void)state;
	for (uintptr_t i = 1; i <= 5000; i++) {
		(void)snprintf(name, sizeof(name), "k%zu", (size_t)i);
		assert_int_equal(map_put(m, str_of(name), (void *)i), 0);
	}
	for (uintptr_t i = 1; i <= 5000; i += 2) {
		(void)snprintf(name, sizeof(name), "k%zu", (size_t)i);
		assert_ptr_equal(map_remove(m, str_of(name)), (void *)i);
	}
	assert_int_equal(map_count(m), 2500);
	while (map_next(m, &at, &key, &value))
		assert_int_equal((uintptr_t)value, 2 * ++seen);
	assert_int_equal(seen, 2500);
	map_free(m);
}

static void
replaces_and_refuses(void **state)
{
	struct map *m = map_new(1);
	int x, y;

	(void)state;
	assert_int_equal(map_put(m, STR_LIT("a"), &x), 0);
	assert_int_equal(map_put(m, STR_LIT("a"), &y), 1);
	assert_ptr_equal(map_get(m, STR_LIT("a")), &y);
	assert_int_equal(map_put(m, STR_LIT("b"), &x), -ENOSPC);
	assert_null(map_get(m, STR_LIT("b")));
	map_free(m);
}

static void
churn_does_not_grow_it(void **state)
{
	struct map *m = map_new(4);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(map_put(m, STR_LIT("k"), m), 0);
		assert_ptr_equal(map_remove(m, STR_LIT("k")), m);
	}
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_many_in_order),
		cmocka_unit_test(replaces_and_refuses),
		cmocka_unit_test(churn_does_not_grow_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
