/* SPDX-License-Identifier: Apache-2.0 */
/* How much slower than usual the machine is that tests run on: every limit of
 * a wait is multiplied by it, none is loosened for all. */
#ifndef TESTS_SLOW_H
#define TESTS_SLOW_H

#include <stdlib.h>

/* LAZARET_TEST_SLOW, 1 where it is not set; tools/check-kernels sets it. */
static inline int
slow_factor(void)
{
	const char *text = getenv("LAZARET_TEST_SLOW");
	long n = text != NULL ? strtol(text, NULL, 10) : 1;

	return n >= 1 && n <= 100 ? (int)n : 1;
}

#endif
