/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures in minisign's formats, over libcrypto's Ed25519. */
#include "report/minisign.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "report/blake2b.h"

/* The key file's second line, decoded. */
struct packed_key {
	uint8_t algorithm[2], kdf[2], checksum_kind[2];
	uint8_t salt[32], operations[8], memory[8];
	/* Encrypted as one, where kdf says so. */
	uint8_t number[8], secret[64], checksum[32];
};
static_assert(sizeof(struct packed_key) == 158, "minisign's format");

#define SECRET_AT    offsetof(struct packed_key, number)
#define SECRET_BYTES (sizeof(struct packed_key) - SECRET_AT)
/* What minisign itself asks for is 1 GiB. */
#define MAX_SCRYPT_BYTES (2048ull * MIB)

/* --- base64 ------------------------------------------------------------------
 */

static int
decode(struct str s, uint8_t *ret, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	int n_bits = 0;
	size_t at = 0;

	while (str_ends(s, "="))
		s.n--;
	if (s.n != (n * 8 + 5) / 6)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		const char *d = s.p[i] != '\0' ? strchr(digits, s.p[i]) : NULL;

		if (d == NULL)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(d - digits);
		n_bits += 6;
		if (n_bits >= 8 && at < n) {
			n_bits -= 8;
			ret[at++] = (uint8_t)(bits >> n_bits);
		}
	}
	return at == n ? 0 : -EINVAL;
}

static void
encode(struct buf *out, const uint8_t *p, size_t n)
{
	unsigned char text[256];
	int length;

	if (n > 180)
		fatal("too long for a line of base64");
	length = EVP_EncodeBlock(text, p, (int)n);
	buf_put(out, text, (size_t)length);
}

/* --- keys --------------------------------------------------------------------
 */

static uint64_t
number_of(const uint8_t v[8])
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--)
		n = n << 8 | v[i];
	return n;
}

struct scrypt {
	uint64_t n, r, p;
};

/* The cost that the two limits of a key stand for. */
static struct scrypt
scrypt_of(uint64_t operations, uint64_t memory)
{
	struct scrypt s = { .n = 2, .r = 8, .p = 1 };
	bool small;
	uint64_t max_n, rest;

	operations = MAX_OF(operations, (uint64_t)32768);
	small = operations < memory / 32;
	max_n = small ? operations / (s.r * 4) : memory / (s.r * 128);
	while (s.n <= max_n / 2 && s.n < (uint64_t)1 << 40)
		s.n *= 2;
	if (small)
		return s;
	rest = MIN_OF(operations / 4 / s.n, (uint64_t)0x3fffffff);
	s.p = MAX_OF(rest / s.r, (uint64_t)1);
	return s;
}

static int
decrypt(struct packed_key *k, struct str password, struct error *err)
{
	struct scrypt s =
	    scrypt_of(number_of(k->operations), number_of(k->memory));
	uint8_t stream[SECRET_BYTES];
	uint8_t *secret = (uint8_t *)k + SECRET_AT;

	if (password.p == NULL)
		return error_set(err, -EACCES,
		    "the key is encrypted: a file with its password is "
		    "needed");
	if (s.n * s.r * 128 > MAX_SCRYPT_BYTES || s.p > 64 ||
	    EVP_PBE_scrypt(password.p, password.n, k->salt, sizeof(k->salt),
		s.n, s.r, s.p, MAX_SCRYPT_BYTES + 64 * MIB, stream,
		sizeof(stream)) != 1)
		return error_set(err, -EINVAL,
		    "the key's password cannot be tried: its limits are too "
		    "high");
	for (size_t i = 0; i < SECRET_BYTES; i++)
		secret[i] ^= stream[i];
	explicit_bzero(stream, sizeof(stream));
	return 0;
}

static bool
checksum_holds(const struct packed_key *k)
{
	struct blake2b b;
	uint8_t sum[32];

	blake2b_init(&b, sizeof(sum));
	blake2b_add(&b, k->algorithm, sizeof(k->algorithm));
	blake2b_add(&b, k->number, sizeof(k->number));
	blake2b_add(&b, k->secret, sizeof(k->secret));
	blake2b_final(&b, sum);
	return memcmp(sum, k->checksum, sizeof(sum)) == 0;
}

/* Whether the public half is that of the secret one: signing with a wrong one
 * would give the secret away. */
static bool
halves_match(const struct packed_key *k)
{
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->secret, 32);
	uint8_t public[32];
	size_t n = sizeof(public);
	bool same = key != NULL &&
	    EVP_PKEY_get_raw_public_key(key, public, &n) == 1 &&
	    memcmp(public, k->secret + 32, sizeof(public)) == 0;

	EVP_PKEY_free(key);
	return same;
}

static int
unpack(struct packed_key *k, struct str password, struct minisign_key *ret,
    struct error *err)
{
	bool encrypted = memcmp(k->kdf, "Sc", 2) == 0;
	int rc = 0;

	if (memcmp(k->algorithm, "Ed", 2) != 0 ||
	    memcmp(k->checksum_kind, "B2", 2) != 0 ||
	    (!encrypted && memcmp(k->kdf, "\0", 2) != 0))
		return error_set(err, -EINVAL,
		    "is a key of a kind that is not known");
	if (encrypted)
		rc = decrypt(k, password, err);
	if (rc != 0)
		return rc;
	if (!checksum_holds(k))
		return encrypted ?
		    error_set(err, -EACCES, "the password is wrong") :
		    error_set(err, -EINVAL, "is damaged: its sum is wrong");
	if (!halves_match(k))
		return error_set(err, -EINVAL,
		    "is damaged: its halves do not belong together");
	memcpy(ret->number, k->number, sizeof(ret->number));
	memcpy(ret->seed, k->secret, sizeof(ret->seed));
	memcpy(ret->public, k->secret + 32, sizeof(ret->public));
	return 0;
}

int
minisign_key_read(struct str text, struct str password,
    struct minisign_key *ret, struct error *err)
{
	struct packed_key k;
	struct str line;
	int rc;

	if (!str_cut(&text, '\n', &line) ||
	    !str_starts(line, "untrusted comment:") ||
	    !str_cut(&text, '\n', &line) ||
	    decode(str_trim(line), (uint8_t *)&k, sizeof(k)) != 0)
		return error_set(err, -EINVAL,
		    "is no secret key of minisign (a comment, and a line of "
		    "base64)");
	rc = unpack(&k, password, ret, err);
	explicit_bzero(&k, sizeof(k));
	return rc;
}

void
minisign_key_wipe(struct minisign_key *k)
{
	explicit_bzero(k, sizeof(*k));
}

/* --- signatures
 * ---------------------------------------------------------------
 */

static int
sign(const struct minisign_key *k, struct str bytes, uint8_t ret[64],
    struct error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	    k->seed, sizeof(k->seed));
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = 64;
	bool done = key != NULL && c != NULL &&
	    EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(c, ret, &n, (const unsigned char *)bytes.p,
		bytes.n) == 1 &&
	    n == 64;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(key);
	return done ? 0 : error_set(err, -EIO, "libcrypto cannot sign");
}

int
minisign_sign(const struct minisign_key *k, struct str bytes,
    struct str comment, bool legacy, struct buf *out, struct error *err)
{
	/* Kind, number of the key, signature: the file's second line. */
	uint8_t line[74], over[64], hash[64];
	struct blake2b b;
	struct buf covered;
	int rc;

	memcpy(line, legacy ? "Ed" : "ED", 2);
	memcpy(line + 2, k->number, sizeof(k->number));
	if (!legacy) {
		blake2b_init(&b, sizeof(hash));
		blake2b_add(&b, bytes.p, bytes.n);
		blake2b_final(&b, hash);
		bytes = str_n(hash, sizeof(hash));
	}
	rc = sign(k, bytes, line + 10, err);
	if (rc != 0)
		return rc;
	buf_init(&covered, 64 * KIB);
	buf_put(&covered, line + 10, 64);
	buf_put_str(&covered, comment);
	rc = sign(k, buf_str(&covered), over, err);
	buf_done(&covered);
	if (rc != 0)
		return rc;
	buf_puts(out, "untrusted comment: signature from lazaret\n");
	encode(out, line, sizeof(line));
	buf_printf(out, "\ntrusted comment: %.*s\n", STR_ARG(comment));
	encode(out, over, sizeof(over));
	buf_putc(out, '\n');
	return 0;
}
