/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is answered with, before it is bytes; one, used again. */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include <stdint.h>

#include "base/buf.h"

/* Codes of gRPC in the bodies of errors. */
enum answer_code {
	ANSWER_INVALID_ARGUMENT = 3,
	ANSWER_NOT_FOUND = 5,
	ANSWER_RESOURCE_EXHAUSTED = 8,
	ANSWER_INTERNAL = 13,
	ANSWER_UNAVAILABLE = 14,
};

struct answer {
	int status;
	const char *media_type; /* static */
	struct buf headers; /* further lines, each ended by CRLF */
	struct buf body;
	/* A part of a file instead of body. */
	int file; /* owned; -1: none */
	int64_t file_at, file_end; /* bytes of it */
};

void answer_init(struct answer *a);
void answer_done(struct answer *a); /* accepts a zeroed one */
void answer_reset(struct answer *a); /* 200, JSON, empty */
/* {"code":3,"message":"…"}; whatever stood there is dropped. code: of gRPC,
 * or the status itself, as the gateway before the API has it. */
void answer_error(struct answer *a, int status, int code, struct str message);
/* -EINVAL: 400 with the sentence; anything else: our data is damaged, 500. */
void answer_refuse(struct answer *a, int rc, const char *message);

#endif
