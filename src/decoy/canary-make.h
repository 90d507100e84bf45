/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted secrets in the formats of their issuers, with check digits where
 * there are some: what takes them apart finds them whole. Results live in the
 * arena.
 */
#ifndef DECOY_CANARY_MAKE_H
#define DECOY_CANARY_MAKE_H

#include "base/str.h"

struct arena;
struct draw;
struct error;

/* PREFIX, 30 characters, and their CRC-32 in base 62: the format of tokens
 * that begin with npm_, ghp_, gho_. */
struct str canary_checked_token(struct arena *a, struct draw *d,
    const char *prefix);
struct str canary_aws_key_id(struct arena *a, struct draw *d);
struct str canary_aws_secret(struct arena *a, struct draw *d);
/* PREFIX and n characters of base 62. */
struct str canary_token(struct arena *a, struct draw *d, const char *prefix,
    size_t n);
struct str canary_hex(struct arena *a, struct draw *d, size_t n);
struct str canary_uuid(struct arena *a, struct draw *d);
/* Words and digits, as people choose them, and hard to guess all the same. */
struct str canary_password(struct arena *a, struct draw *d);

struct canary_key {
	struct str secret_file; /* PEM of OpenSSH */
	struct str public_file;
	struct str secret; /* the line of the PEM that holds the secret half */
};
int canary_ssh_key(struct arena *a, struct draw *d, struct str comment,
    struct canary_key *ret, struct error *err);
/* A wallet as its command line client keeps it: a JSON array of 64 bytes.
 * ret_secret: the secret half as it stands there. */
int canary_wallet(struct arena *a, struct draw *d, struct str *ret_file,
    struct str *ret_secret, struct error *err);

#endif
