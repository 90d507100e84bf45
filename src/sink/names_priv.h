/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which address a name has in this run, and which name an address has: drawn
 * from the run's seed, one address for each name, for the whole run.
 */
#ifndef SINK_NAMES_PRIV_H
#define SINK_NAMES_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "sink/endpoint_priv.h"

struct names;

struct names *names_new(int64_t seed);
void names_free(struct names *n); /* accepts NULL */
/* The address of a name (without the last dot); case does not matter. When
 * there are LIMIT_SINK_NAMES already, one address stands for all others. */
void names_address(struct names *n, struct str name, bool v6,
    struct endpoint *ret);
/* What the address was resolved from; absent when nobody asked. */
struct str names_of(const struct names *n, const struct endpoint *e);

#endif
