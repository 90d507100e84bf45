/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256. Runs in every process that hashes. */
#include "sys/sha256.h"

#include <openssl/evp.h>

#include "base/error.h"

struct sha256 *
sha256_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1)
		fatal("libcrypto has no SHA-256");
	return (struct sha256 *)c;
}

void
sha256_add(struct sha256 *h, const void *p, size_t n)
{
	if (EVP_DigestUpdate((EVP_MD_CTX *)h, p, n) != 1)
		fatal("SHA-256 failed");
}

void
sha256_final(struct sha256 *h, uint8_t ret[SHA256_BYTES])
{
	if (EVP_DigestFinal_ex((EVP_MD_CTX *)h, ret, NULL) != 1)
		fatal("SHA-256 failed");
	sha256_free(h);
}

void
sha256_free(struct sha256 *h)
{
	EVP_MD_CTX_free((EVP_MD_CTX *)h);
}

void
sha256_of(struct str s, uint8_t ret[SHA256_BYTES])
{
	struct sha256 *h = sha256_new();

	sha256_add(h, s.p, s.n);
	sha256_final(h, ret);
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
