/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planted secrets in what a draft publishes: replaced, so that nobody learns
 * from a report what the sandbox plants, and what identifies an endpoint
 * stays. Looks through the encodings that role judge looks through, and for
 * pieces. Runs in the confined child of `lazaret report draft`.
 */
#ifndef CMD_REPORT_REDACT_H
#define CMD_REPORT_REDACT_H

#include "report/draft.h"

struct redact;

int redact_new(struct reader *r, struct redact **ret, struct error *err);
void redact_free(struct redact *r); /* accepts NULL */
/* draft_redact_fn; arg: a struct redact. */
struct str redact_say(void *arg, struct arena *a, enum draft_text what,
    struct str s);

#endif
