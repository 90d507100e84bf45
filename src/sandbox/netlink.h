/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to rtnetlink, many in one write. What libmnl does as well; but a
 * shared library is found and mapped at every start of a sandbox, and there is
 * no static one. Runs in supervisors.
 */
#ifndef SANDBOX_NETLINK_H
#define SANDBOX_NETLINK_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct nlattr;
struct nlmsghdr;

#define NETLINK_BYTES 4096

struct netlink {
	int fd; /* owned; -1 */
	size_t used;
	unsigned n; /* requests in buf */
	_Alignas(8) char buf[NETLINK_BYTES];
};

int netlink_open(struct netlink *l, struct error *err);
void netlink_close(struct netlink *l);

/* One request: begin, its fixed part (zeroed), attributes, end. */
struct nlmsghdr *netlink_begin(struct netlink *l, uint16_t type,
    uint16_t flags);
void *netlink_put_header(struct nlmsghdr *h, size_t size);
void netlink_put(struct nlmsghdr *h, uint16_t type, size_t n, const void *p);
void netlink_put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v);
void netlink_put_strz(struct nlmsghdr *h, uint16_t type, const char *z);
struct nlattr *netlink_nest(struct nlmsghdr *h, uint16_t type);
void netlink_nest_end(struct nlmsghdr *h, struct nlattr *nest);
void netlink_end(struct netlink *l, const struct nlmsghdr *h);

/* Sends all; the first refusal is an error that says where. */
int netlink_run(struct netlink *l, const char *where, struct error *err);

#endif
