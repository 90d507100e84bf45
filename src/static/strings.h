/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in text: URLs and IPv4 addresses. Pure; runs in role unpack. */
#ifndef STATIC_STRINGS_H
#define STATIC_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* kind: "url" or "ip". false ends the search. */
typedef bool (*strings_found_fn)(void *arg, const char *kind, struct str value,
    int64_t line);

void strings_find(struct str text, strings_found_fn fn, void *arg);

#endif
