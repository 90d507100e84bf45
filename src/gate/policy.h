/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a team has decided about packages, from a YAML file:
 *
 *	allow:
 *	- package: pkg:npm/left-pad@1.3.0    # this version, or
 *	  versions: ">=1.2.0 <1.4.0"         # these (package without version)
 *	  id: MAL-2026-1                     # only what this report says
 *	  reason: our own fork, reviewed     # wanted
 *	  expires: 2026-12-31                # wanted; counts to the day's end
 *	deny:
 *	- package: pkg:npm/%40acme/old       # any version
 *	  reason: …                          # wanted
 *	  expires: 2027-06-30                # may be left out
 *	internal: ["@acme/…", npm=acme-…]    # names that no public registry has
 *
 * An allow entry names a version, versions or an id; what is allowed is still
 * told. An entry past its day is told and does not count.
 */
#ifndef GATE_POLICY_H
#define GATE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "sys/conf.h"

struct arena;
struct error;

enum policy_bound_kind {
	POLICY_EXACTLY,
	POLICY_BELOW,
	POLICY_AT_MOST,
	POLICY_ABOVE,
	POLICY_AT_LEAST,
	POLICY_BOUND__MAX
};

struct policy_bound {
	enum policy_bound_kind kind;
	struct str version;
};

struct policy_entry {
	bool deny;
	struct str purl; /* as written; p NULL: any package */
	struct str ecosystem, name; /* OSV's; p NULL: any package */
	struct policy_bound *bounds; /* all must hold; none: any version */
	size_t n_bounds;
	struct str id; /* p NULL: whatever is found */
	struct str reason;
	struct str expires; /* as written; p NULL: never */
	int64_t expires_s; /* first second when it no longer counts */
	struct str file; /* where it is written */
	uint32_t line;
};

/* Strings live in the arena given to policy_parse. */
struct policy {
	VEC(struct policy_entry) entries;
	struct conf_strings internal;
};

/* Adds what the file says; name is that of the file, for people. */
int policy_parse(struct arena *a, struct str name, struct str yaml,
    struct policy *p, struct error *err);
void policy_done(struct policy *p);

/* Does the entry speak of this package? version.p NULL: no entry with
 * versions does. The id is the caller's business. */
bool policy_covers(const struct policy_entry *e, struct str ecosystem,
    struct str name, struct str version);
bool policy_expired(const struct policy_entry *e, int64_t now_s);

#endif
