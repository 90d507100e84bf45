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
	int lookup; /* owned; while it is open, sk_lookup is in force; -1 */
	uint16_t port;
};

#define NET_INIT \
	{ \
		{ -1, -1, -1, -1 }, -1, -1, -1, 0 \
	}

/* Joins the namespace for good. */
int net_join(int netns_fd, const char *interface, struct error *err);
int net_open(struct net *n, struct error *err);
/* Every TCP and UDP packet that comes in by the interface goes to the sockets:
 * by TPROXY, or by sk_lookup where that is not there. */
int net_take_all(const char *interface, struct net *n, struct error *err);
/* lookup.c */
int net_look_up(struct net *n, struct error *err);
void net_close(struct net *n); /* accepts NET_INIT */

#endif
