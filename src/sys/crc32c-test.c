/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms of CRC-32C agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "sys/crc32c.h"
#include "sys/crc32c_priv.h"

static void
sums_agree(void **state)
{
	char bytes[100];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37 + 1);
	assert_int_equal(crc32c_plain(0, "123456789", 9), 0xe3069283u);
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(crc32c(7, bytes, n),
		    crc32c_plain(7, bytes, n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sums_agree) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
