/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as minisign makes them: its secret keys (encrypted or not), its
 * signature files, of either kind (over the file, or over its BLAKE2b hash).
 * Runs in role sign alone.
 */
#ifndef REPORT_MINISIGN_H
#define REPORT_MINISIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct buf;
struct error;

#define MINISIGN_KEY_NUMBER_BYTES 8

struct minisign_key {
	uint8_t number[MINISIGN_KEY_NUMBER_BYTES];
	uint8_t seed[32], public[32];
};

/* From the file's text. password p NULL: none. -EINVAL: is no secret key, or
 * damaged, or its halves do not belong together; -EACCES: the password is
 * missing or wrong. */
int minisign_key_read(struct str text, struct str password,
    struct minisign_key *ret, struct error *err);
void minisign_key_wipe(struct minisign_key *k);

/* The signature file. comment: one line, which the signature covers. */
int minisign_sign(const struct minisign_key *k, struct str bytes,
    struct str comment, bool legacy, struct buf *out, struct error *err);

/* Messages of role sign, over its descriptor 3. It reads the files that
 * SIGN_REQUEST names, then gives up everything, signs, answers, and ends. */
enum sign_message {
	SIGN_REQUEST = 64, /* {str key file, str password file or absent,
			      str bytes, str comment, int legacy} */
	SIGN_DONE, /* {str signature} */
	SIGN_FAILED, /* {int code, str sentence} */
};

#endif
