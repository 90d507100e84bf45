/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of versions, per OSV ecosystem. Numbers are compared as digit
 * strings: there is no largest one.
 */
#ifndef ECOSYSTEM_VERSION_H
#define ECOSYSTEM_VERSION_H

#include <stdbool.h>

#include "base/str.h"

/* True with *ret < 0, 0 or > 0 as a sorts before, with or after b; false when
 * the two cannot be ordered by this ecosystem's rule. */
typedef bool version_compare(struct str a, struct str b, int *ret);

/* The rule of an ecosystem, OSV's spelling with or without a suffix
 * ("Debian:12"); NULL when it has none (GitHub Actions, Android, …). */
version_compare *version_rule(struct str ecosystem);

/* Whether OSV ranges of type SEMVER are allowed for the ecosystem. */
bool version_is_semver(struct str ecosystem);

/* SemVer 2.0.0, strict: three numbers without leading zeros or "v". */
bool version_semver_valid(struct str v);

#endif
