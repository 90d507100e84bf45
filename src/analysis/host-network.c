/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: the wire to the sink, and everything brought to it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "analysis/host_priv.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/net.h"
#include "sandbox/sandbox.h"
#include "sink/sink.h"

int
host_try_veth(char *detail, size_t size)
{
	struct sandbox_network_info info;
	struct error err = ERROR_INIT;
	struct net n = NET_INIT;
	int rc;

	/* net_make() wants to come back; here there is nothing to come back
	 * for.
	 */
	if (unshare(CLONE_NEWNET) != 0)
		return -errno;
	net_draw(&info);
	rc = net_make(&n, &info, &err);
	if (rc != 0)
		(void)snprintf(detail, size, "%s", err.msg);
	net_done(&n);
	return rc;
}

/* In a network namespace of its own. */
static int
try_apart(int (*what)(struct error *err), char *detail, size_t size)
{
	struct error err = ERROR_INIT;
	int rc;

	if (unshare(CLONE_NEWNET) != 0)
		return -errno;
	rc = what(&err);
	if (rc != 0)
		(void)snprintf(detail, size, "%s", err.msg);
	return rc;
}

int
host_try_tproxy(char *detail, size_t size)
{
	return try_apart(sink_host_has_tproxy, detail, size);
}

int
host_try_sk_lookup(char *detail, size_t size)
{
	return try_apart(sink_host_has_lookup, detail, size);
}

int
host_try_every_address(char *detail, size_t size)
{
	static const struct {
		const char *name;
		int (*what)(struct error *err);
	} means[] = { { "tproxy", sink_host_has_tproxy },
		{ "sk_lookup", sink_host_has_lookup } };
	int rc = -ENOENT;

	for (size_t i = 0; rc != 0 && i < N_ELEMENTS(means); i++) {
		rc = try_apart(means[i].what, detail, size);
		if (rc == 0)
			(void)snprintf(detail, size, "by %s", means[i].name);
	}
	return rc;
}
