/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of netlink. Runs in supervisors. */
#include "sandbox/netlink.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Before the bytes of an attribute; the kernel's word for it has a sign. */
#define HEAD_BYTES sizeof(struct nlattr)
/* Room for any of our requests, which are below 200 bytes. */
#define REQUEST_BYTES 512

int
netlink_open(struct netlink *l, struct error *err)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	*l = (struct netlink){ .fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				   NETLINK_ROUTE) };
	if (l->fd < 0 ||
	    bind(l->fd, (const struct sockaddr *)&any, sizeof(any)) != 0)
		return error_errno(err, "netlink socket");
	return 0;
}

void
netlink_close(struct netlink *l)
{
	closep(&l->fd);
}

struct nlmsghdr *
netlink_begin(struct netlink *l, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = (void *)(l->buf + l->used);

	assert(l->used + REQUEST_BYTES < sizeof(l->buf));
	*h = (struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN,
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
		.nlmsg_seq = ++l->n };
	return h;
}

/* n zeroed bytes at the end, which stays aligned. */
static void *
extend(struct nlmsghdr *h, size_t n)
{
	char *at = (char *)h + h->nlmsg_len;

	n = NLMSG_ALIGN(n);
	assert(h->nlmsg_len + n <= REQUEST_BYTES);
	memset(at, 0, n);
	h->nlmsg_len += (uint32_t)n;
	return at;
}

void *
netlink_put_header(struct nlmsghdr *h, size_t size)
{
	return extend(h, size);
}

void
netlink_put(struct nlmsghdr *h, uint16_t type, size_t n, const void *p)
{
	struct nlattr *a = extend(h, HEAD_BYTES + n);

	a->nla_type = type;
	a->nla_len = (uint16_t)(HEAD_BYTES + n);
	memcpy((char *)a + HEAD_BYTES, p, n);
}

void
netlink_put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	netlink_put(h, type, sizeof(v), &v);
}

void
netlink_put_strz(struct nlmsghdr *h, uint16_t type, const char *z)
{
	netlink_put(h, type, strlen(z) + 1, z);
}

struct nlattr *
netlink_nest(struct nlmsghdr *h, uint16_t type)
{
	struct nlattr *a = extend(h, HEAD_BYTES);

	a->nla_type = NLA_F_NESTED | type;
	return a;
}

void
netlink_nest_end(struct nlmsghdr *h, struct nlattr *nest)
{
	nest->nla_len =
	    (uint16_t)((char *)h + h->nlmsg_len - (const char *)nest);
}

void
netlink_end(struct netlink *l, const struct nlmsghdr *h)
{
	l->used += NLMSG_ALIGN(h->nlmsg_len);
}

/* One datagram of answers: how many, or what was refused. */
static int
hear(const char *answers, size_t n, const char *where, struct error *err)
{
	const struct nlmsgerr *e;
	struct nlmsghdr h;
	int done = 0;

	for (size_t at = 0; n - at >= sizeof(h);
	     at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, answers + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > n - at)
			break;
		if (h.nlmsg_type != NLMSG_ERROR ||
		    h.nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
			continue;
		e = (const void *)(answers + at + NLMSG_HDRLEN);
		done++;
		if (e->error != 0)
			return error_set(err, e->error,
			    "cannot set up the network %s (request %u): %s",
			    where, h.nlmsg_seq, strerror(-e->error));
		if (NLMSG_ALIGN(h.nlmsg_len) > n - at)
			break;
	}
	return done;
}

/* The answers come in the order of the requests, one each. */
int
netlink_run(struct netlink *l, const char *where, struct error *err)
{
	_Alignas(8) char answers[NETLINK_BYTES];
	unsigned done = 0;
	ssize_t got;
	int rc;

	if (send(l->fd, l->buf, l->used, 0) < 0)
		return error_errno(err, "netlink");
	while (done < l->n) {
		got = recv(l->fd, answers, sizeof(answers), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_errno(err, "netlink");
		rc = hear(answers, (size_t)got, where, err);
		if (rc < 0)
			return rc;
		done += (unsigned)rc;
	}
	l->used = 0;
	l->n = 0;
	return 0;
}
