/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b (RFC 7693) without a key, with any length of digest: libcrypto has
 * the longest one only. */
#ifndef REPORT_BLAKE2B_H
#define REPORT_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define BLAKE2B_MAX_BYTES 64

struct blake2b {
	uint64_t h[8], counted; /* bytes in h; 2^64 are enough for a file */
	uint8_t block[128];
	size_t n, digest_bytes;
};

void blake2b_init(struct blake2b *b, size_t digest_bytes);
void blake2b_add(struct blake2b *b, const void *p, size_t n);
void blake2b_final(struct blake2b *b, uint8_t *ret);

#endif
