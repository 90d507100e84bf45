/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), as object stores give it. */
#ifndef SYS_CRC32C_H
#define SYS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Begins with 0; what it gave goes on with the next bytes. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
