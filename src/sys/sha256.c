/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256. Runs in every process that hashes. These functions of libcrypto are
 * linked statically: a few objects, where the shared library and its providers
 * would take three milliseconds of each process's start.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/sha256.h"

#include <assert.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct sha256 {
	SHA256_CTX context;
};

struct sha256 *
sha256_new(void)
{
	struct sha256 *h = mem_alloc(sizeof(*h));

	(void)SHA256_Init(&h->context);
	return h;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	(void)SHA256_Update(&h->context, p, n);
}

void
sha256_final(struct sha256 *h, uint8_t ret[SHA256_BYTES])
{
	(void)SHA256_Final(ret, &h->context);
	sha256_free(h);
}

void
sha256_free(struct sha256 *h)
{
	free(h);
}

static_assert(sizeof(SHA256_CTX) <= SHA256_STATE_BYTES, "room for a state");

void
sha256_save(const struct sha256 *h, uint8_t ret[SHA256_STATE_BYTES])
{
	memset(ret, 0, SHA256_STATE_BYTES);
	memcpy(ret, &h->context, sizeof(h->context));
}

int
sha256_restore(struct sha256 *h, const uint8_t state[SHA256_STATE_BYTES])
{
	SHA256_CTX c;

	memcpy(&c, state, sizeof(c));
	if (c.num >= SHA256_CBLOCK || c.md_len != SHA256_DIGEST_LENGTH)
		return -EINVAL;
	h->context = c;
	return 0;
}

void
sha256_of(struct str s, uint8_t ret[SHA256_BYTES])
{
	struct sha256 h;

	(void)SHA256_Init(&h.context);
	(void)SHA256_Update(&h.context, s.p, s.n);
	(void)SHA256_Final(ret, &h.context);
}

void
sha256_hex(const uint8_t digest[SHA256_BYTES], char ret[SHA256_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[2 * (size_t)SHA256_BYTES] = '\0';
}
