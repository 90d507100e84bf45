/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each origin of a merged report said by itself. A merge chooses (of two
 * texts of one source the longer one, of two names one spelling) and leaves
 * things out (severities): so that what was not chosen comes back when the
 * other origin goes, the reports are kept in the index as they were before.
 * Runs in role edit.
 */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

#include <stdbool.h>

struct error;
struct repo;
struct report;
struct report_origin;

/* More origins are not made anew from their parts: every one that goes would
 * cost as much as all merges before it. */
#define PARTS_MAX 64

/* Keeps a report of one origin, before it is merged. One that is kept already,
 * has more origins, or of which nobody knows what a person wrote into it, is
 * left alone. */
int parts_keep(struct repo *r, const char *path, struct report *rep,
    struct error *err);

/* The report at path without the origin gone, which report_retract() has just
 * taken from its origins: what the others say, and what a person wrote.
 * update: the origin's source has said something else in its place; then the
 * report was still published when it was. Where what is needed is not known,
 * says on standard error what does not come back. What is kept of the origin
 * goes. */
void parts_take_back(struct repo *r, const char *path, struct report *rep,
    const struct report_origin *gone, bool update);
/* The last origin of a report is gone: so is what is kept of it. */
void parts_drop(struct repo *r, const char *path, struct report *rep,
    const struct report_origin *gone);

#endif
