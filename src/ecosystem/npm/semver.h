/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions and ranges as npm reads them (semver 2.0 and the range grammar of
 * its client). Pure functions; versions borrow from their input.
 */
#ifndef ECOSYSTEM_NPM_SEMVER_H
#define ECOSYSTEM_NPM_SEMVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;

struct semver {
	uint64_t major, minor, patch; /* each at most 2^53 - 1 */
	struct str prerelease; /* "rc.1"; n 0: none */
	struct str build; /* "sha.5"; n 0: none; not compared */
};

/* Strict, but for white space and one "v" or "=" in front. 0 or -EINVAL. */
int semver_parse(struct str s, struct semver *ret);
/* Precedence: < 0, 0, > 0. */
int semver_compare(const struct semver *a, const struct semver *b);
void semver_write(const struct semver *v, struct buf *out); /* no build */

struct semver_range; /* alternatives of comparators, in an arena */

/* "^1.2", "1 - 2", ">=1 <2 || ~3.1", "*", "". -EINVAL when it is no range
 * (then it may be a tag). */
int semver_range_parse(struct arena *a, struct str s, struct semver_range **ret,
    struct error *err);
/* include_prerelease: npm's option of that name (engines use it). */
bool semver_range_has(const struct semver_range *r, const struct semver *v,
    bool include_prerelease);

#endif
