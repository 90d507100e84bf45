/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for the planted secrets of a run file in everything that left or
 * would have left: DNS names, URLs, headers, payloads, arguments, files
 * outside the home. Runs in judge, as its first pass.
 */
#ifndef DECOY_CANARY_SEARCH_H
#define DECOY_CANARY_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct fact_canary_hit;
struct reader;

struct canary_search_result {
	int64_t hits;
	bool cut; /* the budget ended before the bytes did */
};

/* emit is called for each hit; what it returns, when not 0, ends the search. */
int canary_search(struct reader *r,
    int (
	*emit)(void *arg, const struct fact_canary_hit *hit, struct error *err),
    void *arg, struct canary_search_result *ret, struct error *err);

#endif
