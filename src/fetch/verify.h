/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of an archive, and whether it is the one that was promised. */
#ifndef FETCH_VERIFY_H
#define FETCH_VERIFY_H

#include <stdint.h>

#include "base/str.h"
#include "sys/sha256.h"

struct error;

/* "sha512-" and 88 characters of base64. */
#define INTEGRITY_SIZE 96
#define SHA1_HEX_SIZE  41

struct verified {
	char sha256[SHA256_HEX_SIZE];
	char integrity[INTEGRITY_SIZE]; /* computed: sha512-… */
	char shasum[SHA1_HEX_SIZE];
	int64_t size;
};

/* All of fd, from its beginning. integrity: one or more of sha512-, sha384-,
 * sha256-, sha1- with base64, spaces between; the strongest counts. shasum:
 * SHA-1 in hex, looked at only without integrity. Both may be absent: then
 * anything fits. -EBADMSG: another archive; nothing is returned then. */
int verify(int fd, struct str integrity, struct str shasum,
    struct verified *ret, struct error *err);

#endif
