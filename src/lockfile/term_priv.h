/* SPDX-License-Identifier: Apache-2.0 */
/* Terms of Elixir and Erlang as lockfiles have them: tuples, lists, maps of
 * strings, atoms and numbers. Nothing is evaluated. */
#ifndef LOCKFILE_TERM_PRIV_H
#define LOCKFILE_TERM_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct lock_list;

enum term_kind {
	TERM_WORD, /* atom or number, without the colon */
	TERM_STRING, /* decoded */
	TERM_TUPLE,
	TERM_LIST,
	TERM_MAP,
};

enum term_dialect {
	TERM_ELIXIR,
	TERM_ERLANG
};

struct term {
	struct str label; /* "label: term" and "label => term"; p NULL: none */
	struct str text; /* of a word or string; p NULL: neither */
	const struct term *first, *next;
	uint32_t line; /* of the label, or of the term */
	enum term_kind kind;
	bool whole; /* closed in the file */
};

/* A list of all terms of the file; what is wrong goes to the list of errors,
 * and the terms end there. */
const struct term *term_read(struct lock_list *l, struct str bytes,
    enum term_dialect dialect);
/* Element n of a tuple, list or map; NULL: there is none. */
const struct term *term_at(const struct term *t, unsigned n);
/* Text of element n; p NULL: not a word or string. */
struct str term_text(const struct term *t, unsigned n);
/* Element n is this word. */
bool term_is(const struct term *t, unsigned n, const char *word);

#endif
