/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of registries, as far as two of them mean the same: without
 * scheme (clients write git+https, sparse+https, http and https), credentials
 * and slashes at the end; host names have no letter case.
 */
#ifndef GATE_ADDRESS_H
#define GATE_ADDRESS_H

#include <stdbool.h>

#include "base/str.h"

/* Host and path. */
struct str address_bare(struct str url);
bool address_same(struct str a, struct str b);
/* The same, or b goes on below it. */
bool address_below(struct str a, struct str b);

#endif
