/* SPDX-License-Identifier: Apache-2.0 */
/* Answers. Runs in role listener. */
#include "serve/answer.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"

/* An answer that grew beyond this gives its memory back. */
#define KEPT_BYTES (1 * MIB)

void
answer_init(struct answer *a)
{
	*a = (struct answer){ .file = -1 };
	buf_init(&a->headers, LIMIT_TEXT_BYTES);
	buf_init(&a->body, LIMIT_SERVE_ANSWER_BYTES);
	answer_reset(a);
}

void
answer_done(struct answer *a)
{
	buf_done(&a->headers);
	buf_done(&a->body);
	if (a->file > 0)
		closep(&a->file);
}

void
answer_reset(struct answer *a)
{
	a->status = 200;
	a->media_type = "application/json";
	buf_reset(&a->headers);
	if (a->body.size > KEPT_BYTES) {
		buf_done(&a->body);
		buf_init(&a->body, LIMIT_SERVE_ANSWER_BYTES);
	}
	buf_reset(&a->body);
	closep(&a->file);
}

void
answer_error(struct answer *a, int status, int code, struct str message)
{
	struct json j;

	answer_reset(a);
	a->status = status;
	json_init(&j, &a->body, 0);
	json_object_begin(&j);
	json_key(&j, "code");
	json_int(&j, code);
	json_key(&j, "message");
	json_str(&j, message);
	json_object_end(&j);
}

void
answer_refuse(struct answer *a, int rc, const char *message)
{
	if (rc == -EINVAL)
		answer_error(a, 400, ANSWER_INVALID_ARGUMENT, str_of(message));
	else
		answer_error(a, 500, ANSWER_INTERNAL, str_of(message));
}
