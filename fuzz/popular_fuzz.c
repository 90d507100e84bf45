/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of popular packages. */
#include <stdint.h>

#include "base/error.h"
#include "report/popular.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct popular_file files[] = {
		{ .at_least = 10 },
		{ .ecosystem = { "npm", 3 }, .at_least = 10 },
	};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < 2; i++) {
		struct popular *p = popular_new();

		(void)popular_add(p, &files[i], str_n(data, size), &err);
		(void)popular_has(p, STR_LIT("npm"), STR_LIT("x"));
		popular_free(p);
	}
	return 0;
}
