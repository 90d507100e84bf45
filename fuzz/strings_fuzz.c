/* SPDX-License-Identifier: Apache-2.0 */
/* Text of packages: addresses and gyp commands. */
#include <stdint.h>

#include "static/gyp.h"
#include "static/strings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
found(void *arg, const char *kind, struct str value, int64_t line)
{
	*(uint64_t *)arg +=
	    str_hash(value) + (uint64_t)line + (uint64_t)kind[0];
	return true;
}

static void
command(void *arg, struct str value, int64_t line)
{
	(void)found(arg, "gyp", value, line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t sum = 0;

	strings_find(str_n(data, size), found, &sum);
	gyp_commands(str_n(data, size), command, &sum);
	return 0;
}
