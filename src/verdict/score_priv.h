/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by score.c and incomplete.c. */
#ifndef VERDICT_SCORE_PRIV_H
#define VERDICT_SCORE_PRIV_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct error;
struct reader;
struct verdict;

/* What a finding's place says, beside the finding. */
struct context {
	struct str trigger; /* of its phase */
	struct str root; /* process that the package's doings hang from */
	bool chained; /* with another one */
};

/* Adds what could not be seen as reasons, and makes `clean` `incomplete`. */
int incomplete_find(struct reader *r, struct arena *a, const struct str *broken,
    size_t n_broken, struct verdict *v, struct error *err);
void verdict_reason(struct verdict *v, struct str text);

#endif
