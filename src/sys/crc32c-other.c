/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C where no instruction of the processor is used. */
#include "sys/crc32c.h"
#include "sys/crc32c_priv.h"

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
	return crc32c_plain(crc, p, n);
}
