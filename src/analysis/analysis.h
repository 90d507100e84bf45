/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One analysis, from a name or a file to a run file with a verdict. Runs in
 * the supervisor, which starts everything and parses nothing foreign:
 *
 *	resolve ── fetch            image, recorder, scribe: meanwhile
 *	prepare ── persona, sandbox, sink, recorder on; the archive's facts
 *	exercise ─ phases of plan.h, each followed by a watch for children
 *	judge ──── baseline, rules, suspects imported alone, verdict
 *	keep ───── the run file gets its name
 *
 * Until the sandbox runs, Ctrl-C ends the process, and there is nothing to
 * keep; from then on it ends the phase, and what was recorded is kept.
 */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "record/record.h"

struct error;
struct progress;

struct analysis_options {
	const char *state; /* value of --state; NULL: the default */
	const char *output; /* copy of the run file; NULL: none */
	int64_t install_ms, import_ms; /* 0: the defaults of base/limits.h */
	int64_t memory_bytes; /* 0: the default */
	bool offline; /* registry documents and archives from the cache */
	bool trace; /* times of the steps on standard error */
	struct progress *progress; /* may be NULL */
	enum record_means recorder; /* never RECORD_AUTO */
	const char *recorder_why; /* why it is not a better one; NULL */
	/* For this folder alone: the empty package is recorded as such, to this
	 * path, without a verdict. NULL: an analysis. */
	const char *baseline_path;
};

/* What is analysed: a package, or a file or folder of the user. */
struct analysis_subject {
	struct str name; /* p NULL: local */
	struct str version; /* exact, range or tag; p NULL: the default */
	struct str registry; /* p NULL: as configured */
	const char *path; /* local */
};

struct analysis_result {
	char run_path[4096]; /* the kept run file; "" : none */
	int run_fd; /* the same, for reading; owned; -1: none */
	char label[16]; /* of the verdict */
	bool interrupted;
	/* It failed because the recorder could not be started, before anything
	 * was run: with another it may do. */
	bool recorder_failed;
};

int analysis_run(const struct analysis_options *o,
    const struct analysis_subject *subject, struct analysis_result *ret,
    struct error *err);
void analysis_result_done(struct analysis_result *r);

#endif
