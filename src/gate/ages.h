/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When versions were published, from a file that the user brings: one JSON
 * object of purls with a version and times, {"pkg:npm/x@1.0.0":
 * "2026-01-31T10:00:00Z"}. What a lockfile says of itself counts before it.
 */
#ifndef GATE_AGES_H
#define GATE_AGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct ages;
struct arena;
struct error;
struct lock_package;

/* Lives until ages_free; strings in the arena. */
int ages_parse(struct arena *a, struct str json, struct ages **ret,
    struct error *err);
void ages_free(struct ages *a); /* accepts NULL */
void ages_freep(struct ages **a);

/* Unix time of publication; ages may be NULL. false: nobody says. */
bool ages_of(const struct ages *a, struct arena *scratch,
    const struct lock_package *p, int64_t *ret_s);

#endif
