/* SPDX-License-Identifier: Apache-2.0 */
/* The rules pass: all rules, the verdict, and both as facts. */
#ifndef VERDICT_JUDGE_H
#define VERDICT_JUDGE_H

#include "runfile/fact.h"
#include "verdict/score.h"

struct judgement {
	struct findings findings;
	struct verdict verdict;
	VEC(struct str) broken; /* a sentence per rule that does not work */
};

struct rule_text {
	const char *file;
	struct str text;
};

/* r: prepared by nobody yet. Everything lives in the arena, the lists in the
 * judgement. */
int judge_rules(struct reader *r, struct arena *a,
    const struct rule_text *rules, size_t n_rules, struct judgement *ret,
    struct error *err);
int judge_emit(const struct judgement *j,
    int (*emit)(void *arg, enum fact_kind kind, const void *fact,
	struct error *err),
    void *arg, struct error *err);
void judgement_done(struct judgement *j); /* accepts a zeroed one */

#endif
