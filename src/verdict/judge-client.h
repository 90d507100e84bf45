/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of role judge: the canary pass, then the rules, over
 * a run file that scribe holds; findings and verdict go back to scribe.
 *
 * Messages on descriptor 3 (4: facts to scribe, 5: the run file, read-only):
 *	supervisor → JUDGE_RULE {str file, str text}; any number
 *	supervisor → JUDGE_CANARIES {}
 *	judge      → JUDGE_DONE {int hits, str ""}
 *	supervisor → JUDGE_RULES {}
 *	judge      → JUDGE_BROKEN {str sentence} per rule that does not work
 *	judge      → JUDGE_DONE {int findings, str label}
 */
#ifndef VERDICT_JUDGE_CLIENT_H
#define VERDICT_JUDGE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "runfile/control.h"

struct error;
struct scribe;

enum judge_message {
	JUDGE_RULE = CONTROL_ROLE,
	JUDGE_CANARIES,
	JUDGE_RULES,
	JUDGE_DONE,
	JUDGE_BROKEN,
};

#define JUDGE_RUN_FD 5

struct judge_result {
	int64_t hits, findings;
	char label[16]; /* of fact_labels */
	size_t n_broken; /* rules that could not be applied */
	char broken[240]; /* the first one's sentence */
};

/* Judges what scribe has; syncs before, between and after, so that the run
 * file is whole when this returns. run_fd: the run file; borrowed. rule_dirs:
 * NULL-terminated folders of *.sql; in the order of their names, a later
 * folder's file replacing an earlier one's of the same name. A folder that is
 * not there is no error. */
int judge_client_run(struct scribe *s, int run_fd, const char *const *rule_dirs,
    struct judge_result *ret, struct error *err);
/* share/lazaret/rules, /etc/lazaret/rules and the user's own folder
 * ($XDG_CONFIG_HOME/lazaret/rules), for rule_dirs. */
#define JUDGE_RULE_DIRS 4
int judge_rule_dirs(char room[JUDGE_RULE_DIRS][4096],
    const char *ret[JUDGE_RULE_DIRS], struct error *err);

/* Reads the rule files of folders, sorted by name; calls take for each. */
struct str;
int judge_read_rules(const char *const *rule_dirs,
    int (
	*take)(void *arg, const char *file, struct str text, struct error *err),
    void *arg, struct error *err);

#endif
