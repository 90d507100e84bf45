/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by semver.c and range.c. */
#ifndef ECOSYSTEM_NPM_SEMVER_PRIV_H
#define ECOSYSTEM_NPM_SEMVER_PRIV_H

#include <stdint.h>

#include "base/str.h"

/* A number without leading zeros, at most 2^53 - 1. */
int semver_number(struct str s, uint64_t *ret);
/* Takes "-pre" and "+build" off the end of *s. */
int semver_split_tail(struct str *s, struct str *ret_prerelease,
    struct str *ret_build);

#endif
