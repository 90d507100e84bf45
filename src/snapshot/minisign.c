/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in minisign's format. Runs in `lazaret db`. */
#include "snapshot/minisign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"

#define SIGNATURE_BYTES 64
#define BLAKE2B_BYTES   64
/* Algorithm and key id stand before key and signature. */
#define HEAD_BYTES  (2 + MINISIGN_ID_BYTES)
#define MAX_COMMENT 4096

/* Base64 with padding, of exactly n bytes. */
static bool
decode(struct str s, uint8_t *ret, size_t n)
{
	uint8_t room[128];
	int got;

	s = str_trim(s);
	if (s.n != (n + 2) / 3 * 4 || s.n / 4 * 3 > sizeof(room))
		return false;
	got = EVP_DecodeBlock(room, (const unsigned char *)s.p, (int)s.n);
	if (got < 0 || (size_t)got < n || (size_t)got > n + 2)
		return false;
	memcpy(ret, room, n);
	return true;
}

int
minisign_key_parse(struct str s, struct minisign_key *ret, struct error *err)
{
	uint8_t bytes[HEAD_BYTES + MINISIGN_KEY_BYTES];
	struct str line = STR_NONE, rest = str_trim(s);

	if (str_starts(rest, "untrusted comment:"))
		(void)str_cut(&rest, '\n', &line);
	if (rest.p == NULL || !str_cut(&rest, '\n', &line) ||
	    !decode(line, bytes, sizeof(bytes)) || memcmp(bytes, "Ed", 2) != 0)
		return error_set(err, -EINVAL,
		    "not a public key of minisign (RW…, 56 characters)");
	memcpy(ret->id, bytes + 2, MINISIGN_ID_BYTES);
	memcpy(ret->key, bytes + HEAD_BYTES, MINISIGN_KEY_BYTES);
	return 0;
}

static bool
good(const struct minisign_key *key, const uint8_t *signature, const void *p,
    size_t n)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    key->key, MINISIGN_KEY_BYTES);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = k != NULL && c != NULL &&
	    EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestVerify(c, signature, SIGNATURE_BYTES, p, n) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return ok;
}

/* The lines of a signature file. */
struct lines {
	uint8_t head[HEAD_BYTES + SIGNATURE_BYTES], all[SIGNATURE_BYTES];
	struct str comment; /* trusted: signed as well */
};

static bool
read_lines(struct str s, struct lines *ret)
{
	static const char trusted[] = "trusted comment: ";
	struct str line[4];

	if (s.n > MINISIGN_MAX_BYTES)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (s.p == NULL || !str_cut(&s, '\n', &line[i]))
			return false;
		if (str_ends(line[i], "\r"))
			line[i].n--;
	}
	if (!str_starts(line[0], "untrusted comment: ") ||
	    !str_starts(line[2], trusted))
		return false;
	ret->comment = str_sub(line[2], sizeof(trusted) - 1, line[2].n);
	return ret->comment.n <= MAX_COMMENT &&
	    decode(line[1], ret->head, sizeof(ret->head)) &&
	    decode(line[3], ret->all, sizeof(ret->all));
}

static bool
file_is_signed(const struct minisign_key *key, const struct lines *l,
    struct str file)
{
	uint8_t digest[BLAKE2B_BYTES];
	unsigned n = 0;

	if (memcmp(l->head, "Ed", 2) == 0)
		return good(key, l->head + HEAD_BYTES, file.p, file.n);
	return memcmp(l->head, "ED", 2) == 0 &&
	    EVP_Digest(file.p, file.n, digest, &n, EVP_blake2b512(), NULL) ==
	    1 &&
	    n == sizeof(digest) &&
	    good(key, l->head + HEAD_BYTES, digest, sizeof(digest));
}

int
minisign_verify(const struct minisign_key *key, struct str signature,
    struct str file, struct error *err)
{
	uint8_t all[SIGNATURE_BYTES + MAX_COMMENT];
	struct lines l;

	if (!read_lines(signature, &l))
		return error_set(err, -EBADMSG,
		    "the signature is not one in minisign's format");
	if (memcmp(l.head + 2, key->id, MINISIGN_ID_BYTES) != 0)
		return error_set(err, -EBADMSG,
		    "the signature is of another key");
	memcpy(all, l.head + HEAD_BYTES, SIGNATURE_BYTES);
	memcpy(all + SIGNATURE_BYTES, l.comment.p, l.comment.n);
	if (!file_is_signed(key, &l, file) ||
	    !good(key, l.all, all, SIGNATURE_BYTES + l.comment.n))
		return error_set(err, -EBADMSG,
		    "the signature does not belong to this file");
	return 0;
}
