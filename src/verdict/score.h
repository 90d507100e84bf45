/* SPDX-License-Identifier: Apache-2.0 */
/* From findings to a verdict (DESIGN §1, §6). Pure: same facts, same verdict.
 */
#ifndef VERDICT_SCORE_H
#define VERDICT_SCORE_H

#include "base/str.h"
#include "base/vec.h"
#include "verdict/rules.h"

struct arena;
struct error;
struct reader;

enum label {
	LABEL_MALICIOUS,
	LABEL_SUSPICIOUS,
	LABEL_INCOMPLETE,
	LABEL_CLEAN,
	LABEL__MAX
};

/* A phase that was skipped because there was nothing to do has a reason that
 * begins like this; it does not make a verdict incomplete. */
#define PHASE_NOTHING_TO "nothing to "

struct reason {
	struct str text;
	int64_t finding; /* index in findings; -1: none */
};

struct verdict {
	enum label label;
	struct str class, culprit; /* absent where there is none */
	int64_t score; /* 0 … 100 */
	VEC(struct reason) reasons;
};

/* Sorts the findings, strongest first. broken: sentences about rules that
 * could not run; each makes a clean verdict incomplete. */
int verdict_decide(struct reader *r, struct arena *a, struct findings *f,
    const struct str *broken, size_t n_broken, struct verdict *ret,
    struct error *err);
void verdict_done(struct verdict *v);

extern const char *const label_names[LABEL__MAX + 1];

#endif
