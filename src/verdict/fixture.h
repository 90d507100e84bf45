/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixtures of rules: facts as text, one JSON object per line
 * (docs/HOWTO-add-a-rule.md). Runs in `rules test`, confined.
 */
#ifndef VERDICT_FIXTURE_H
#define VERDICT_FIXTURE_H

#include <stdbool.h>

#include "base/str.h"
#include "runfile/fact.h"

struct arena;
struct error;
struct judgement;
struct reader;
struct rule_text;

struct fixture {
	/* What the lines {"expect": …} say; absent: not said. */
	struct str severity, label, culprit, class;
};

/* Each fact, defaults first, to emit; what it returns, when not 0, is an
 * error. */
int fixture_load(struct arena *a, const char *file, struct str text,
    struct fixture *ret,
    int (*emit)(void *arg, enum fact_kind kind, const void *fact,
	struct error *err),
    void *arg, struct error *err);
/* Facts into a database in memory, as scribe would write them. */
int fixture_read(struct arena *a, const char *file, struct str text,
    struct fixture *ret, struct reader **ret_reader, struct error *err);
/* 0 when the judgement is what a positive (or a twin) of this rule must give;
 * -ENOMSG with a sentence that says what differs. */
int fixture_check(const struct fixture *f, const char *rule_id, bool positive,
    const struct judgement *j, struct error *err);

#endif
