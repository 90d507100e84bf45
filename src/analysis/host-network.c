/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: the wire to the sink, and everything brought to it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>

#include "analysis/host_priv.h"
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

int
host_try_tproxy(char *detail, size_t size)
{
	struct error err = ERROR_INIT;
	int rc;

	if (unshare(CLONE_NEWNET) != 0)
		return -errno;
	rc = sink_host_takes_all(&err);
	if (rc != 0)
		(void)snprintf(detail, size, "%s", err.msg);
	return rc;
}
