/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON writer (RFC 8259) into a buf. The caller keeps the order
 * right (asserted); commas and indentation are the writer's. Text that is not
 * UTF-8 is written with U+FFFD for each byte that does not belong.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define JSON_MAX_DEPTH 80 /* more than any JSON that is read may have */

struct json {
	struct buf *out; /* borrowed */
	int indent; /* spaces per level; 0: one line */
	int depth;
	bool first[JSON_MAX_DEPTH], array[JSON_MAX_DEPTH];
	bool after_key;
};

void json_init(struct json *j, struct buf *out, int indent);
void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);
void json_key_str(struct json *j, struct str key);
/* Inline: the length of a literal is known when it is compiled. */
static inline void
json_key(struct json *j, const char *key)
{
	json_key_str(j, str_of(key));
}
void json_str(struct json *j, struct str s); /* absent (p NULL): null */
void json_strz(struct json *j, const char *z); /* NULL: null */
void json_int(struct json *j, int64_t v);
void json_double(struct json *j, double v); /* not finite: null */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* Already valid JSON text, written as it is. */
void json_raw(struct json *j, struct str s);

/* The quoted, escaped form of s alone. */
void json_quote(struct buf *out, struct str s);

#endif
