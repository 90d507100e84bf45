/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which source brought which item of a report: aliases, related ids,
 * references, credits, members of free-form maps. Kept beside the report as
 * short hashes, so that what only one source said goes when it takes it back,
 * and what a person wrote stays. (Versions and sections of the details are
 * kept with the origins themselves.)
 */
#ifndef REPORT_PROVENANCE_H
#define REPORT_PROVENANCE_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct report;

/* Bytes of one item: enough that nobody finds a second text for it. */
#define PROVENANCE_BYTES 12

/* The items of a report as one source sent it: sorted, each once. */
void provenance_of(struct report *r, struct buf *out);
/* Whether a list of items is well formed. */
bool provenance_valid(struct str items);
/* Takes away what is in gone and not in kept. */
void provenance_take_away(struct report *r, struct str gone, struct str kept);

#endif
