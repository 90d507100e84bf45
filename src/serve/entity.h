/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file as an object of a store: its sums in headers, conditions and ranges
 * (RFC 9110 §13, §14). Pure functions over bytes.
 */
#ifndef SERVE_ENTITY_H
#define SERVE_ENTITY_H

#include <stdint.h>

#include "base/str.h"

struct answer;
struct entity_sums;
struct http_request;

#define ENTITY_MD5_BYTES 16

struct entity {
	int64_t size, modified_ns;
	uint32_t crc32c;
	uint8_t md5[ENTITY_MD5_BYTES];
};

struct entity_sums *entity_sums_new(void);
void entity_sums_free(struct entity_sums *s); /* accepts NULL */
void entity_sums_add(struct entity_sums *s, struct str bytes);
void entity_sums_end(struct entity_sums *s, int64_t size, int64_t modified_ns,
    struct entity *ret);

/* Status and headers of the answer (200, 206, 304, 416), and which part of
 * the body it is: file_at and file_end; a body that is there is cut. */
void entity_answer(const struct entity *e, const struct http_request *r,
    struct answer *ret);

#endif
