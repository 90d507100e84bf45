/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli) in plain C: eight bytes a step. */
#include <endian.h>
#include <string.h>

#include "sys/crc32c.h"
#include "sys/crc32c_priv.h"

#define POLYNOMIAL 0x82f63b78u

static uint32_t tables[8][256];

/* Before main: threads of a library may be the first to ask. */
static void __attribute__((constructor)) make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		tables[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^
			    tables[0][tables[t - 1][i] & 0xff];
}

uint32_t
crc32c_plain(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t v;

	crc = ~crc;
	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&v, s, 8);
		v = le64toh(v) ^ crc;
		crc = 0;
		for (int t = 0; t < 8; t++)
			crc ^= tables[7 - t][v >> (8 * t) & 0xff];
	}
	for (; n > 0; n--, s++)
		crc = crc >> 8 ^ tables[0][(crc ^ *s) & 0xff];
	return ~crc;
}
