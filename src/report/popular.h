/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages that so many people use that a broad claim about them is looked at
 * by a person first. A file of the user: one package URL a line, or lines
 * "ecosystem,name" (further columns are not read); "#" begins a comment.
 */
#ifndef REPORT_POPULAR_H
#define REPORT_POPULAR_H

#include <stdbool.h>

#include "base/str.h"

struct error;
struct popular;

#define POPULAR_MAX 5000000

/* -EINVAL names the line. */
int popular_parse(struct str text, struct popular **ret, struct error *err);
void popular_free(struct popular *p); /* accepts NULL */
/* Names of OSV; false for p NULL. */
bool popular_has(const struct popular *p, struct str ecosystem,
    struct str name);

#endif
