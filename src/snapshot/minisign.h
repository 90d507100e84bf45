/* SPDX-License-Identifier: Apache-2.0 */
/* Checking signatures in minisign's format (Ed25519, plain or over BLAKE2b).
 * Everything but the key is taken for hostile. */
#ifndef SNAPSHOT_MINISIGN_H
#define SNAPSHOT_MINISIGN_H

#include <stdint.h>

#include "base/str.h"

struct error;

#define MINISIGN_KEY_BYTES 32
#define MINISIGN_ID_BYTES  8
/* A signature file: four lines, two of them comments. */
#define MINISIGN_MAX_BYTES 8192

struct minisign_key {
	uint8_t id[MINISIGN_ID_BYTES], key[MINISIGN_KEY_BYTES];
};

/* The key's line, or the bytes of its file (a comment, then the line). */
int minisign_key_parse(struct str s, struct minisign_key *ret,
    struct error *err);
/* -EBADMSG: the signature is not one, of another key, or wrong. */
int minisign_verify(const struct minisign_key *key, struct str signature,
    struct str file, struct error *err);

#endif
