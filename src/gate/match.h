/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages against reports: version-exact, withdrawn never, aware of where a
 * package came from, one finding per entry of a file.
 */
#ifndef GATE_MATCH_H
#define GATE_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct ages;
struct arena;
struct error;
struct gate_result;
struct policy;
struct pattern;
struct snapshot;

struct match_snapshot {
	struct str path; /* as shown */
	const struct snapshot *s;
};

/* Everything is borrowed for as long as the result. */
struct match_input {
	const struct match_snapshot *snapshots;
	size_t n_snapshots;
	const struct policy *policy; /* NULL: none */
	const struct pattern *internal; /* names that no public registry has */
	size_t n_internal;
	const struct str *registries; /* public ones: "ECOSYSTEM=URL" */
	size_t n_registries;
	const struct ages *ages; /* what else is known of dates; NULL: none */
	int64_t min_age_s; /* 0: any age will do */
	int64_t now_s; /* for ages and expiry */
};

/* Fills in a result whose files are set. A negative code: a snapshot is
 * damaged, or the input makes no sense; the result is then worth nothing. */
int match_run(const struct match_input *in, struct gate_result *r,
    struct error *err);

#endif
