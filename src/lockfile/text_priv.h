/* SPDX-License-Identifier: Apache-2.0 */
/* Formats made of lines. */
#ifndef LOCKFILE_TEXT_PRIV_H
#define LOCKFILE_TEXT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct lock_text {
	struct str rest;
	struct str text; /* this line, without its end */
	uint32_t line; /* its number, from 1 */
};

void lock_text_init(struct lock_text *t, struct str bytes);
/* false: there are no more lines. */
bool lock_text_next(struct lock_text *t);

/* The word at the front of s, up to white space, is cut off; empty when there
 * is none. */
struct str lock_word(struct str *s);
/* Blanks (space, tab) at the front of s. */
size_t lock_indent(struct str s);
/* s without the quotes around it, where both are there. */
struct str lock_unquote(struct str s, char quote);
/* s in front of the first c, or all of it. */
struct str lock_before(struct str s, char c);
/* s without this start, or as it is. */
struct str lock_after(struct str s, const char *prefix);

#endif
