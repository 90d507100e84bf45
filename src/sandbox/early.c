/* SPDX-License-Identifier: Apache-2.0 */
/* What a start can begin with before there is a plan. Runs in supervisors. */
#include "sandbox/early.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

struct sandbox_early {
	struct sandbox_network_info info;
	struct net net;
	bool taken;
};

int
sandbox_early_new(enum sandbox_network network, struct sandbox_early **ret,
    struct error *err)
{
	struct sandbox_early *e = mem_alloc(sizeof(*e));
	bool sink = network == SANDBOX_NETWORK_SINK;
	int rc;

	e->net = (struct net)NET_INIT;
	if (sink)
		net_draw(&e->info);
	rc = net_begin(&e->net, sink ? &e->info : NULL, err);
	if (rc == 0)
		*ret = e;
	else
		sandbox_early_free(e);
	return rc;
}

void
sandbox_early_free(struct sandbox_early *e)
{
	if (e == NULL)
		return;
	net_done(&e->net);
	free(e);
}

void
sandbox_early_freep(struct sandbox_early **e)
{
	sandbox_early_free(*e);
	*e = NULL;
}

void
early_addresses(const struct sandbox_early *e, struct sandbox_network_info *ret)
{
	if (e != NULL && !e->taken)
		*ret = e->info;
	else
		net_draw(ret);
}

bool
early_take(struct sandbox_early *e, struct net *ret)
{
	if (e == NULL || e->taken)
		return false;
	*ret = e->net;
	e->net = (struct net)NET_INIT;
	e->taken = true;
	return true;
}
