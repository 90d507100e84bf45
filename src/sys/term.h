/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for people. What comes from packages is made safe for the terminal:
 * control characters, escapes and bidirectional overrides are shown, not
 * sent. Colour on a terminal only (NO_COLOR, TERM=dumb respected).
 */
#ifndef SYS_TERM_H
#define SYS_TERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct buf;

enum term_style {
	TERM_PLAIN,
	TERM_BOLD,
	TERM_DIM,
	TERM_RED,
	TERM_YELLOW,
	TERM_GREEN,
	TERM__MAX
};

bool term_colour(FILE *f);
int term_columns(FILE *f); /* 80 where unknown */
/* The escape sequence, or "" when f has no colour. */
const char *term_style(FILE *f, enum term_style s);
/* Appends s so that nothing in it acts on a terminal: \xNN for bytes that are
 * not UTF-8, \u{N} for control, bidi and zero-width characters. */
void term_safe(struct buf *out, struct str s);
/* The same, printed; at most max_bytes of s are shown, then "…". */
void term_print(FILE *f, struct str s, size_t max_bytes);
/* The code point that s begins with, when it acts on a terminal or hides
 * others (NUL apart); otherwise 0. *ret_n: its bytes, 0 when s is not UTF-8. */
uint32_t term_acts(struct str s, size_t *ret_n);

/* A line of progress on standard error: overwritten at most ten times a
 * second on a terminal; elsewhere a plain line at most every ten seconds.
 * Nothing for work that ends within a second. */
struct progress {
	int64_t begun_at, said_at, shown_at; /* ns */
	char last[160]; /* what was said */
	bool tty, shown;
	bool printed; /* last, on what is no terminal */
};

void progress_begin(struct progress *p);
void progress_say(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Nothing new, but time has passed: shows what was said last, and since when.
 */
void progress_turn(struct progress *p);
void progress_end(struct progress *p); /* clears the line */

#endif
