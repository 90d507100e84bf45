/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A report from a verdict: what a run file says about its culprit, as a
 * document that a person reads, corrects and takes in. The caller is confined:
 * the run file may be a stranger's.
 */
#ifndef REPORT_DRAFT_H
#define REPORT_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;
struct reader;

/* What of a run file is published. */
enum draft_text {
	DRAFT_DOMAIN,
	DRAFT_ADDRESS,
	DRAFT_URL,
	DRAFT_PATH,
	DRAFT_SENTENCE,
	DRAFT_TEXT__MAX
};

/* s without the secrets that the sandbox had planted; p NULL: nothing is left
 * that could be published. */
typedef struct str draft_redact_fn(void *arg, struct arena *a,
    enum draft_text what, struct str s);

struct draft_options {
	draft_redact_fn *redact;
	void *redact_arg;
	struct str source; /* of the origin: "lazaret" */
	struct str run_sha256; /* of the run file, in hex */
	struct str evidence_url; /* where the run file can be had; p NULL: none
				  */
	int64_t now_s; /* for a run that does not say when it ended */
};

/* 1: the verdict is not "malicious", nothing was written. */
int draft_write(struct reader *r, const struct draft_options *o,
    struct buf *out, struct error *err);

/* Whether the verdict rests on a proof, and not on a chain of likelihoods. */
int draft_is_proof(struct reader *r, bool *ret, struct error *err);

#endif
