/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C. Runs in every process. */
#include "sys/crc32c.h"

#include <endian.h>
#include <string.h>

/* Eight bytes a step: tables of the reflected polynomial. */
static uint32_t tables[8][256];

static void
make_tables(void)
{
	if (tables[0][1] != 0)
		return;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		tables[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^
			    tables[0][tables[t - 1][i] & 0xff];
}

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *s = p;
	uint64_t v;

	make_tables();
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
