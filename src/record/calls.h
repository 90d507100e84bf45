/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls the recorder tells, and how each is read. One table for
 * both sides: the loader hands it to record.bpf.c, the decoder names calls
 * and turns them into facts by it. */
#ifndef RECORD_CALLS_H
#define RECORD_CALLS_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "record/event.h"

/* What the end of a call becomes (facts.c has a function for each). */
enum calls_fact {
	CALLS_NONE, /* refusals only */
	CALLS_OPEN,
	CALLS_FILE, /* file_event, op from the row */
	CALLS_MMAP,
	CALLS_EXEC,
	CALLS_SOCKET, /* socket_event, op from the row */
	CALLS_BYTES, /* counted; facts come from RECORD_IO */
	CALLS_PAIR,
	CALLS_DUP,
	CALLS_REACH, /* process_event: target pid is an argument */
	CALLS_MEMFD,
	CALLS_FACT__MAX
};

struct calls_row {
	unsigned number;
	const char *name;
	enum calls_fact fact;
	const char *op; /* of the fact; NULL: CALLS_NONE */
	/* Arguments, from 1; 0: none. CALLS_REACH: flags_arg is the target's
	 * pid. */
	uint8_t flags_arg, mode_arg, value_arg, n_args;
	struct record_call call;
};

/* NULL for a call that is not in the table. */
const struct calls_row *calls_get(unsigned number);
/* All rows, for the loader and the tests. */
extern const struct calls_row calls_rows[];
extern const size_t calls_n_rows;
/* What to tell of calls from CALLS_NEWER on, which have no row: the filter
 * refuses what is newer than its list (sandbox/filter.c). */
#define CALLS_NEWER 467
extern const struct record_call calls_newer;
/* The table as the kernel side reads it: by number. */
void calls_fill(struct record_call *ret, size_t n);

#endif
