/* SPDX-License-Identifier: Apache-2.0 */
/* The plain form, for tests and for processors without the instruction. */
#ifndef SYS_CRC32C_PRIV_H
#define SYS_CRC32C_PRIV_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c_plain(uint32_t crc, const void *p, size_t n);

#endif
