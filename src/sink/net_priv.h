/* SPDX-License-Identifier: Apache-2.0 */
/* The sink's sockets and the routing that brings everything to them. */
#ifndef SINK_NET_PRIV_H
#define SINK_NET_PRIV_H

#include <stdint.h>

struct error;

enum net_socket {
	NET_TCP4,
	NET_TCP6,
	NET_UDP4,
	NET_UDP6,
	NET__MAX
};

struct net {
	int fds[NET__MAX]; /* owned; transparent, all on one port */
	int raw4, raw6; /* owned; for datagrams from any address */
	uint16_t port;
};

#define NET_INIT \
	{ \
		{ -1, -1, -1, -1 }, -1, -1, 0 \
	}

/* Joins the namespace for good. */
int net_join(int netns_fd, const char *interface, struct error *err);
int net_open(struct net *n, struct error *err);
/* Every TCP and UDP packet that comes in by the interface goes to port. */
int net_take_all(const char *interface, uint16_t port, struct error *err);
void net_close(struct net *n); /* accepts NET_INIT */

#endif
