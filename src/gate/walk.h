/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opener of a scan: finds files that have a format below the operands.
 * Symbolic links are followed only to files, and only where they stay below
 * the operand; nothing but regular files is opened. Of installed trees only
 * what package managers put down is given out.
 */
#ifndef GATE_WALK_H
#define GATE_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct channel;
struct error;
struct walk;

struct walk_operand {
	const char *path; /* a folder or a file */
	const char *format; /* name of the format; NULL: by the file's name */
};

/* Opens the operands; both are borrowed. -EINVAL: a file that no format
 * belongs to. */
int walk_new(const struct walk_operand *operands, size_t n, struct walk **ret,
    struct error *err);
void walk_free(struct walk *w); /* accepts NULL */
/* Answers the reader until it hangs up. */
int walk_serve(struct walk *w, struct channel *c, struct error *err);

#endif
