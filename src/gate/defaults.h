/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Origins that name an ecosystem's default registry become "registry": what a
 * client writes down of its own default says no more than saying nothing.
 */
#ifndef GATE_DEFAULTS_H
#define GATE_DEFAULTS_H

#include "base/str.h"

struct lock_list;

/* json: registries.json (ecosystem/registries.h); empty: nothing is known,
 * and every address stays. */
void defaults_apply(struct str json, struct lock_list *l);

#endif
