/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML file of a report database's sources. */
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct config c = { 0 };
	struct error err = ERROR_INIT;

	if (config_parse(a, str_n(data, size), STR_LIT("/srv"), &c, &err) == 0)
		config_done(&c);
	arena_free(a);
	return 0;
}
