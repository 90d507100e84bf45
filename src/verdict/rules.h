/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: SQL files over a run file (docs/HOWTO-add-a-rule.md). Parsing a rule
 * and running it; runs in judge and in `rules test`, both confined.
 */
#ifndef VERDICT_RULES_H
#define VERDICT_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct error;
struct reader;

enum severity {
	SEVERITY_PROOF,
	SEVERITY_HIGH,
	SEVERITY_MEDIUM,
	SEVERITY_NOTE,
	SEVERITY__MAX
};

struct rule {
	const char *file; /* as named by who loaded it */
	struct str id, title, class, ecosystems, technique, look_alikes;
	struct str references;
	enum severity severity; /* the most it may claim */
	const char *sql; /* NUL-terminated */
};

struct evidence {
	struct str table;
	int64_t row, phase, process; /* FACT_NONE: unknown */
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	struct str class, summary;
	int64_t phase, process, package; /* FACT_NONE: unknown */
	struct str package_path; /* absent: unknown */
	VEC(struct evidence) evidence;
	size_t more_evidence; /* rows that were not kept */
};

struct findings {
	VEC(struct finding) list;
	size_t left_out; /* findings over LIMIT_RULE_FINDINGS */
};

/* text: of the file; the rule's parts live in the arena. -EINVAL names the
 * file, the line and the fix. */
int rule_parse(struct arena *a, const char *file, struct str text,
    struct rule *ret, struct error *err);
/* Makes the tables and functions that rules may use. Once per reader, before
 * the first rule. */
int rules_prepare(struct reader *r, struct error *err);
/* Appends what the rule finds, in a stable order. An error says what is wrong
 * with the rule; what it found before is dropped. */
int rule_run(const struct rule *rule, struct reader *r, struct arena *a,
    struct findings *out, struct error *err);
void findings_done(struct findings *f); /* accepts a zeroed one */

extern const char *const severity_names[SEVERITY__MAX + 1];

#endif
