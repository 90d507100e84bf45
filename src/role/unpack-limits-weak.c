/* SPDX-License-Identifier: Apache-2.0 */
/* Sanitizers map terabytes of shadow memory: time only. */
#include <sys/resource.h>

#include "role/unpack_priv.h"

#define CPU_SECONDS 300

void
unpack_limits(void)
{
	static const struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };

	(void)setrlimit(RLIMIT_CPU, &cpu);
}
