/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandbox and recorder brought together: eBPF is given the control group;
 * without it, the sandbox is made with a filter that stops processes at calls,
 * and the recorder holds them. Runs in supervisors.
 */
#ifndef ANALYSIS_ATTEND_H
#define ANALYSIS_ATTEND_H

#include "base/buf.h"
#include "record/record.h"
#include "sandbox/sandbox.h"

struct error;
struct sandbox;

/* What a spec needs for this recorder; program is the caller's to keep until
 * attend_start() and to free. Nothing for eBPF. */
void attend_spec(enum record_means means, struct buf *program,
    struct sandbox_spec *spec);
/* Between the start of the sandbox and its first command. Where this fails
 * and means is not eBPF, nothing can run in the sandbox. */
int attend_start(enum record_means means, struct record *r, struct sandbox *s,
    struct error *err);

/* What the run's row says of the recorder besides its name; NULL or "": there
 * is nothing to say. */
struct attend_host {
	const char *no_better; /* why there is no better recorder */
	const char *programs; /* eBPF: "shared", "own" */
	const char *why_own; /* there is a loader that did not do */
};

/* run.host: what the sandbox has, and this. Puts the text into out. */
void attend_host_json(const struct sandbox *s, const struct attend_host *h,
    struct buf *out);

#endif
