/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a check of a document writes to: findings, and the path of the member
 * that is being looked at. For the checks here and for further profiles
 * (struct osv_input, extra).
 */
#ifndef OSV_CHECKER_H
#define OSV_CHECKER_H

#include "base/buf.h"
#include "osv/osv.h"

struct checker {
	struct osv_findings *out;
	struct buf path; /* of the member being looked at */
	enum osv_profile profile;
	int64_t now_s;
};

/* path: a step is added and, with the length from before, taken back. */
size_t checker_key(struct checker *c, const char *key);
size_t checker_index(struct checker *c, size_t i);
void checker_back(struct checker *c, size_t length);
void checker_error(struct checker *c, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void checker_warn(struct checker *c, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool all_hex(struct str s, size_t n1, size_t n2); /* lower case, n1 or n2 */

#endif
