/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of popular packages. */
#include <stdint.h>

#include "base/error.h"
#include "report/popular.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct popular *p = NULL;
	struct error err = ERROR_INIT;

	if (popular_parse(str_n(data, size), &p, &err) == 0) {
		(void)popular_has(p, STR_LIT("npm"), STR_LIT("x"));
		popular_free(p);
	}
	return 0;
}
