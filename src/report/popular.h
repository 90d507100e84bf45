/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages that so many people use that a broad claim about them is looked at
 * by a person first. Files of the user: lines of a package URL, or of an
 * ecosystem and a name, or of a name where the caller knows the ecosystem;
 * then, perhaps, how often it is downloaded. Between them are tabs, or commas
 * where the line has no tab; "#" begins a comment. Or what `scan --list --json`
 * says of the user's own projects.
 */
#ifndef REPORT_POPULAR_H
#define REPORT_POPULAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct error;
struct popular;

#define POPULAR_MAX 5000000

/* One file of the list; strings are borrowed. */
struct popular_file {
	struct str ecosystem; /* of all its lines; p NULL: they say it */
	struct str path; /* for the caller */
	uint64_t at_least; /* downloads; lines without a number count */
};

struct popular *popular_new(void);
/* Adds what the file holds. -EINVAL names the line. */
int popular_add(struct popular *p, const struct popular_file *f,
    struct str text, struct error *err);
void popular_free(struct popular *p); /* accepts NULL */
/* Names of OSV; false for p NULL. */
bool popular_has(const struct popular *p, struct str ecosystem,
    struct str name);

#endif
