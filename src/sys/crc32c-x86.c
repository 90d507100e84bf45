/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C by the processor's instruction (SSE 4.2) where it has it: a look-up
 * verifies some hundred bytes, which must not be what it costs. */
#include <nmmintrin.h>
#include <string.h>

#include "sys/crc32c.h"
#include "sys/crc32c_priv.h"

static uint32_t __attribute__((target("sse4.2")))
by_instruction(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t v, c = ~crc;

	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&v, s, 8);
		c = _mm_crc32_u64(c, v);
	}
	for (; n > 0; n--, s++)
		c = _mm_crc32_u8((uint32_t)c, *s);
	return ~(uint32_t)c;
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, p, n);
	return crc32c_plain(crc, p, n);
}
