/* SPDX-License-Identifier: Apache-2.0 */
/* See differences.h; docs/recorder.md has the same list in words. */
#include "record/differences.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "record/facts.h"

/* What happens to a fact that matches. */
enum change {
	NOT_TOLD, /* the fact is not told */
	WITHOUT, /* the columns named are not told, or not the same */
};

#define AT_THE_END "known at the end of a call, which is not seen"
#define NOT_THERE  "the process had done nothing yet that stops it"
#define OWN_FILTER "a program's own filter answers first"

static struct row {
	enum record_means means;
	const char *name; /* of the case; NULL: any */
	const char *fact; /* words that it has */
	enum change change;
	const char *columns; /* WITHOUT */
	const char *reason;
	int used;
} rows[] = {
	{ RECORD_NOTIFY, NULL, "file_event op=write", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "file_event op=read", NOT_TOLD, NULL, AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=receive", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, "tcp", "socket_event op=send", NOT_TOLD, NULL,
	    "what a connected socket sends does not stop", 0 },
	{ RECORD_NOTIFY, "passed", "socket_event op=send", NOT_TOLD, NULL,
	    "what a connected socket sends does not stop", 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=accept", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=bind", WITHOUT, "local_port",
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event op=connect", WITHOUT,
	    "local_address", AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=pipe", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=socketpair", NOT_TOLD, NULL,
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "descriptor_event op=dup kind=file", NOT_TOLD,
	    NULL, AT_THE_END " (fcntl)", 0 },
	{ RECORD_NOTIFY, NULL, "file_event", WITHOUT, "result", AT_THE_END, 0 },
	{ RECORD_NOTIFY, NULL, "socket_event", WITHOUT, "result", AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "process_event", WITHOUT, "result", AT_THE_END,
	    0 },
	{ RECORD_NOTIFY, NULL, "process_event op=vm-read", WITHOUT, "argument",
	    AT_THE_END, 0 },
	{ RECORD_NOTIFY, "refused", "refused call=swapoff", NOT_TOLD, NULL,
	    NOT_THERE, 0 },
	{ RECORD_NOTIFY, "refused", "process exit_signal=31", NOT_TOLD, NULL,
	    NOT_THERE, 0 },
	{ RECORD_NOTIFY, "refused", "refused result~-", NOT_TOLD, NULL,
	    OWN_FILTER, 0 },
	{ RECORD_PTRACE, "refused", "refused result~-", NOT_TOLD, NULL,
	    OWN_FILTER, 0 },
	{ RECORD_NOTIFY, "foreign", "refused", WITHOUT, "result", AT_THE_END,
	    0 },
};

static bool
names_column(const char *columns, struct str word)
{
	ptrdiff_t end = str_chr(word, '=');
	struct str left = str_of(columns), name;

	while (left.p != NULL && str_cut(&left, ' ', &name))
		if (end > 0 && str_eq(name, str_sub(word, 0, (size_t)end)))
			return true;
	return false;
}

static void
drop_columns(const char *columns, struct buf *b)
{
	struct str left, word;
	char *copy = buf_steal(b);
	bool first = true;

	left = str_of(copy);
	while (left.p != NULL && str_cut(&left, ' ', &word)) {
		if (names_column(columns, word))
			continue;
		if (!first)
			buf_putc(b, ' ');
		buf_put_str(b, word);
		first = false;
	}
	free(copy);
}

bool
differences_apply(enum record_means means, const char *name, bool want,
    struct str wanted, struct buf *out)
{
	buf_reset(out);
	buf_put_str(out, wanted);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct row *r = &rows[i];
		size_t before = out->n;

		if (r->means != means || !want ||
		    (r->name != NULL && strcmp(r->name, name) != 0) ||
		    !facts_match(wanted, str_of(r->fact)))
			continue;
		if (r->change == NOT_TOLD) {
			r->used++;
			return false;
		}
		drop_columns(r->columns, out);
		r->used += out->n != before;
	}
	return true;
}

int
differences_unused(enum record_means means)
{
	int n = 0;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		if (rows[i].means != means || rows[i].used != 0)
			continue;
		(void)printf("# no longer a difference: %s (%s)\n",
		    rows[i].fact, rows[i].reason);
		n++;
	}
	return n;
}
