/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of packages with `*` for any run of characters: "@acme" and all below,
 * "acme-*". Compared as the ecosystem compares names.
 */
#ifndef GATE_PATTERN_H
#define GATE_PATTERN_H

#include <stdbool.h>

#include "base/str.h"

struct error;

struct pattern {
	struct str ecosystem; /* p NULL: any */
	struct str name;
};

/* "[ECOSYSTEM=]NAME"; borrows s. -EINVAL for an unknown ecosystem, or a name
 * that would match everything. */
int pattern_parse(struct str s, struct pattern *ret, struct error *err);
bool pattern_match(const struct pattern *p, struct str ecosystem,
    struct str name);

#endif
