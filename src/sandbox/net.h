/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two network namespaces and the veth between them, by rtnetlink, without
 * forks. Both belong to the user namespace of the supervisor, never to that of
 * the sandbox: root in there owns nothing of them. Neither has a route to the
 * host. Runs in supervisors.
 */
#ifndef SANDBOX_NET_H
#define SANDBOX_NET_H

#include <stdint.h>
#include <sys/types.h>

struct child;
struct error;
struct sandbox_network_info;
struct spawn;

struct net {
	int home; /* namespace of the host, owned; -1 */
	int inside, sink; /* owned; -1 */
	int answer; /* of the child that makes them, owned; -1: none */
	pid_t maker; /* that child */
};

#define NET_INIT \
	{ \
		-1, -1, -1, -1, 0 \
	}

/* Draws a private IPv4 and a unique local IPv6 network. */
void net_draw(struct sandbox_network_info *ret);
/* Loopback alone inside, or with info: the veth pair too. */
int net_make(struct net *n, const struct sandbox_network_info *info,
    struct error *err);
/* The same, by a child: it takes the kernel most of a millisecond, in which
 * there is other work; and who has no root cannot come back from there. */
int net_begin(struct net *n, const struct sandbox_network_info *info,
    struct error *err);
int net_wait(struct net *n, const struct sandbox_network_info *info,
    struct error *err);
/* What that child does afterwards, before net_wait(): instead of to end, it
 * becomes a program, without environment. A fork less. -ENOENT: there is no
 * such child, or no root. */
int net_maker_becomes(struct net *n, const struct spawn *s, struct child *ret,
    struct error *err);
/* The same, and the process stays in the last one: of net-apart.c. */
int net_make_here(struct net *n, const struct sandbox_network_info *info,
    struct error *err);
/* The calling process goes inside, and back. Not to come back is fatal. */
int net_enter(const struct net *n, struct error *err);
void net_leave(const struct net *n);
void net_done(struct net *n);

#endif
