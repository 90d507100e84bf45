/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of role unpack that the kernel keeps. */
#include <stddef.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "role/unpack_priv.h"

/* Longer is a loop or a bomb. */
#define CPU_SECONDS 100
/* The arena, the texts, and a decompressor's largest window. */
#define MEMORY_BYTES (3ull * 1024 * MIB)

void
unpack_limits(void)
{
	static const struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };
	static const struct rlimit memory = { MEMORY_BYTES, MEMORY_BYTES };

	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)setrlimit(RLIMIT_DATA, &memory);
}
