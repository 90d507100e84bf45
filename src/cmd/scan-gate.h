/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret scan, the part that judges: what the user has configured, the
 * snapshots, the result. The opener reads and opens all of it before it makes
 * the reader, which then judges and prints without opening anything.
 */
#ifndef CMD_SCAN_GATE_H
#define CMD_SCAN_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/opt.h"

struct arena;
struct gate_file;
struct gate_run;

struct gate_options {
	struct opt_list snapshots, registries, internal, policies;
	const char *ages, *format, *output, *now, *state;
	int64_t max_db_age_ms, min_age_ms; /* -1: not said */
	bool json;
};

#define GATE_OPTIONS_INIT \
	{ \
		.max_db_age_ms = -1, .min_age_ms = -1 \
	}

/* clang-format off */
#define GATE_OPTION_ROWS(o) \
	{ "snapshot", 's', OPT_LIST, &(o).snapshots, "FILE", \
	    "check against this snapshot (repeatable; default: those in " \
	    "the state folder)" }, \
	{ "format", 'f', OPT_STRING, &(o).format, "FORMAT", \
	    "table (default), json, sarif, cyclonedx, github, junit" }, \
	{ "json", 0, OPT_FLAG, &(o).json, NULL, "the same as --format json" }, \
	{ "output", 'o', OPT_STRING, &(o).output, "FILE", \
	    "write the result there, one line to standard error" }, \
	{ "max-db-age", 0, OPT_DURATION, &(o).max_db_age_ms, "TIME", \
	    "fail when a snapshot is older (default: 7d)" }, \
	{ "min-age", 0, OPT_DURATION, &(o).min_age_ms, "TIME", \
	    "versions published less than this ago are findings" }, \
	{ "ages", 0, OPT_STRING, &(o).ages, "FILE", \
	    "dates of publication: a JSON object of purls and times" }, \
	{ "policy", 0, OPT_LIST, &(o).policies, "FILE", \
	    "what is allowed and denied, with reasons (repeatable)" }, \
	{ "internal", 0, OPT_LIST, &(o).internal, "PATTERN", \
	    "names that no public registry has: [ECOSYSTEM=]NAME with *" }, \
	{ "public-registry", 0, OPT_LIST, &(o).registries, "ECOSYSTEM=URL", \
	    "its packages are those that reports speak of (repeatable)" }, \
	{ "state", 0, OPT_STRING, &(o).state, "DIR", "state folder" }, \
	{ "now", 0, OPT_STRING, &(o).now, "TIME", \
	    "judge ages and expiry as of this time (default: the clock)" }
/* clang-format on */

/* Reads configuration, policy and snapshots. A status other than 0 is to be
 * exited with; it has been explained. command: for usage errors. */
int gate_open(const struct opt_command *command, const struct gate_options *o,
    struct gate_run **ret);
/* Matches and prints; needs to open nothing. The exit status. */
int gate_judge(struct gate_run *g, const struct gate_file *files,
    size_t n_files);
/* What was printed takes its place, unless status says that it is not whole:
 * the status to exit with. */
int gate_close(struct gate_run *g, int status);
void gate_options_done(struct gate_options *o);

#endif
