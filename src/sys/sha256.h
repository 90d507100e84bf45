/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of libcrypto; one struct per stream. */
#ifndef SYS_SHA256_H
#define SYS_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SHA256_BYTES    32
#define SHA256_HEX_SIZE 65 /* with the NUL */

struct sha256; /* owned by who called sha256_new */

struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, const void *p, size_t n);
/* Ends the stream and frees it. */
void sha256_final(struct sha256 *h, uint8_t ret[SHA256_BYTES]);
void sha256_free(struct sha256 *h); /* without a result; accepts NULL */
void sha256_of(struct str s, uint8_t ret[SHA256_BYTES]);
/* The state in the middle of a stream, to go on from in another process of the
 * same machine. -EINVAL: it is none. */
#define SHA256_STATE_BYTES 128
void sha256_save(const struct sha256 *h, uint8_t ret[SHA256_STATE_BYTES]);
int sha256_restore(struct sha256 *h, const uint8_t state[SHA256_STATE_BYTES]);
void sha256_hex(const uint8_t digest[SHA256_BYTES], char ret[SHA256_HEX_SIZE]);

#endif
