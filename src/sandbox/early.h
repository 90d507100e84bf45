/* SPDX-License-Identifier: Apache-2.0 */
/* How a plan comes to what was begun before it. Runs in supervisors. */
#ifndef SANDBOX_EARLY_H
#define SANDBOX_EARLY_H

#include <stdbool.h>

#include "sandbox/net.h"
#include "sandbox/sandbox.h"

/* Those that the namespaces of e are given; otherwise new ones. e: or NULL. */
void early_addresses(const struct sandbox_early *e,
    struct sandbox_network_info *ret);
/* The caller's from now on; false: there are none. */
bool early_take(struct sandbox_early *e, struct net *ret);

#endif
