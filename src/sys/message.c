/* SPDX-License-Identifier: Apache-2.0 */
/* Framing, batching and descriptor passing. Runs in every process. */
#include "sys/message.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/safeguard.h"
#include "sys/fd.h"

#define FRAME_HEADER_BYTES 8
#define ABSENT             UINT32_MAX
/* Room to receive into before a buffer grows. */
#define ROOM_BYTES (4 * KIB)

void
channel_init(struct channel *c, int fd)
{
	*c = (struct channel){ .fd = fd };
	buf_init(&c->in, 2 * (size_t)LIMIT_MESSAGE_BYTES);
	buf_init(&c->out, 2 * (size_t)LIMIT_MESSAGE_BYTES);
}

void
channel_done(struct channel *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		(void)close(c->fds[i]);
	c->n_fds = 0;
	if (c->in.max != 0)
		closep(&c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
}

void
message_begin(struct channel *c, uint16_t type)
{
	char header[FRAME_HEADER_BYTES] = { 0 };
	uint16_t t = htole16(type);

	assert(!c->writing);
	c->writing = true;
	c->frame_at = c->out.n;
	c->n_out_fds = 0;
	memcpy(header + 4, &t, sizeof(t));
	header[6] = MESSAGE_VERSION;
	buf_put(&c->out, header, sizeof(header));
}

void
message_put_int(struct channel *c, int64_t v)
{
	uint64_t u = htole64((uint64_t)v);

	assert(c->writing);
	buf_put(&c->out, &u, sizeof(u));
}

void
message_put_str(struct channel *c, struct str s)
{
	uint32_t n = htole32(s.p == NULL ? ABSENT : (uint32_t)s.n);

	assert(c->writing && s.n < ABSENT);
	buf_put(&c->out, &n, sizeof(n));
	buf_put_str(&c->out, s);
}

void
message_put_fd(struct channel *c, int fd)
{
	assert(c->writing && c->n_out_fds < LIMIT_MESSAGE_FDS);
	c->out_fds[c->n_out_fds++] = fd;
}

/* The frame's bytes with its descriptors; the first byte carries them. */
static int
send_with_fds(struct channel *c, struct error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * LIMIT_MESSAGE_FDS)];
	} control = { 0 };
	struct iovec iov = { c->out.p, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t n = c->n_out_fds * sizeof(int);
	struct cmsghdr *cm;
	ssize_t w;

	mh.msg_control = control.bytes;
	mh.msg_controllen = CMSG_SPACE(n);
	cm = &control.align; /* the first header; CMSG_FIRSTHDR may be NULL */
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(cm), c->out_fds, n);
	do
		w = sendmsg(c->fd, &mh, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w != 1)
		return error_errno(err, "sending descriptors");
	buf_consume(&c->out, 1);
	return channel_flush(c, err);
}

int
message_send(struct channel *c, struct error *err)
{
	size_t length = c->out.n - c->frame_at - FRAME_HEADER_BYTES;
	uint32_t n;
	int rc;

	assert(c->writing);
	c->writing = false;
	if (c->out.full || length > LIMIT_MESSAGE_BYTES) {
		c->out.n = c->frame_at;
		c->out.full = false;
		return error_set(err, -EMSGSIZE,
		    "message of %zu bytes (at most %u)", length,
		    LIMIT_MESSAGE_BYTES);
	}
	n = htole32((uint32_t)length);
	memcpy(c->out.p + c->frame_at, &n, sizeof(n));
	c->out.p[c->frame_at + 7] = (char)c->n_out_fds;
	if (c->n_out_fds != 0) {
		size_t frame_bytes = c->out.n - c->frame_at;

		/* Everything before this frame goes first. */
		rc = fd_send_all(c->fd, c->out.p, c->frame_at, err);
		if (rc != 0)
			return rc;
		buf_consume(&c->out, c->frame_at);
		assert(c->out.n == frame_bytes);
		return send_with_fds(c, err);
	}
	if (c->out.n >= LIMIT_MESSAGE_BATCH_BYTES)
		return channel_flush(c, err);
	return 0;
}

int
channel_flush(struct channel *c, struct error *err)
{
	int rc;

	assert(!c->writing);
	if (c->out.n == 0)
		return 0;
	rc = fd_send_all(c->fd, c->out.p, c->out.n, err);
	buf_reset(&c->out);
	return rc;
}

/* Descriptors that came with the bytes; too many is bad framing. */
static int
take_fds(struct channel *c, struct msghdr *mh, struct error *err)
{
	const struct cmsghdr *cm;
	bool lost = (mh->msg_flags & MSG_CTRUNC) != 0;
	size_t n;
	int fd;

	for (cm = CMSG_FIRSTHDR(mh); cm != NULL;
	     cm = CMSG_NXTHDR(mh, (struct cmsghdr *)(uintptr_t)cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			    sizeof(fd));
			if (c->n_fds < N_ELEMENTS(c->fds)) {
				c->fds[c->n_fds++] = fd;
				continue;
			}
			if (!SAFEGUARD(descriptors))
				continue;
			(void)close(fd);
			lost = true;
		}
	}
	if (lost)
		return error_set(err, -EPROTO, "too many descriptors sent");
	return 0;
}

int
channel_fill(struct channel *c, struct error *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * LIMIT_MESSAGE_FDS)];
	} control;
	struct iovec iov = { .iov_len = LIMIT_MESSAGE_BATCH_BYTES };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t r;

	if (c->in_at == c->in.n) {
		buf_reset(&c->in);
		c->in_at = 0;
	} else if (c->in_at > LIMIT_MESSAGE_BATCH_BYTES) {
		buf_consume(&c->in, c->in_at);
		c->in_at = 0;
	}
	/* What follows the first byte, which comes alone where descriptors do,
	 * mostly has room: to grow is to copy, page by page. */
	if (c->in.size > c->in.n + ROOM_BYTES)
		iov.iov_len = MIN_OF(iov.iov_len, c->in.size - c->in.n - 1);
	iov.iov_base = buf_reserve(&c->in, iov.iov_len);
	if (iov.iov_base == NULL)
		return error_set(err, -EPROTO, "frame larger than allowed");
	do
		r = recvmsg(c->fd, &mh, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (r < 0 && errno != ECONNRESET)
		return error_errno(err, "receiving a message");
	if (r <= 0) {
		c->eof = true;
		return 1;
	}
	buf_added(&c->in, (size_t)r);
	return take_fds(c, &mh, err);
}

/* Shifts the descriptors of this frame out of the channel. */
static void
give_fds(struct channel *c, struct message *m, size_t n)
{
	memcpy(m->fds, c->fds, n * sizeof(int));
	m->n_fds = n;
	c->n_fds -= n;
	memmove(c->fds, c->fds + n, c->n_fds * sizeof(int));
}

int
channel_next(struct channel *c, struct message *ret, struct error *err)
{
	const char *p = c->in.p != NULL ? c->in.p + c->in_at : "";
	size_t have = c->in.n - c->in_at;
	uint32_t length;
	uint16_t type;
	uint8_t n_fds;

	if (have < FRAME_HEADER_BYTES)
		return 0;
	memcpy(&length, p, sizeof(length));
	memcpy(&type, p + 4, sizeof(type));
	length = le32toh(length);
	n_fds = (uint8_t)p[7];
	if ((uint8_t)p[6] != MESSAGE_VERSION || length > LIMIT_MESSAGE_BYTES ||
	    n_fds > LIMIT_MESSAGE_FDS)
		return error_set(err, -EPROTO,
		    "bad frame (version %u, %u bytes, %u descriptors)",
		    (unsigned)(uint8_t)p[6], length, n_fds);
	if (have - FRAME_HEADER_BYTES < length)
		return 0;
	if (n_fds > c->n_fds)
		return error_set(err, -EPROTO, "descriptors are missing");
	*ret = (struct message){ .type = le16toh(type) };
	ret->payload = str_n(p + FRAME_HEADER_BYTES, length);
	give_fds(c, ret, n_fds);
	c->in_at += FRAME_HEADER_BYTES + length;
	return 1;
}

int
channel_recv(struct channel *c, struct message *ret, struct error *err)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int rc;

	for (;;) {
		rc = channel_next(c, ret, err);
		if (rc != 0)
			return rc;
		rc = channel_fill(c, err);
		if (rc == 1)
			return c->in.n == c->in_at ?
			    0 :
			    error_set(err, -EPROTO, "connection cut short");
		if (rc == -EAGAIN)
			(void)poll(&pfd, 1, -1);
		else if (rc != 0)
			return rc;
	}
}

int
channel_end(struct channel *c, int timeout_ms, struct error *err)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	struct message m;
	int rc = channel_next(c, &m, err);

	if (rc == 0 && poll(&pfd, 1, timeout_ms) != 1)
		return error_set(err, -ETIMEDOUT, "it does not end");
	if (rc == 0)
		rc = channel_fill(c, err);
	/* Reset: it closed before it had read all that was sent. */
	if (rc == 1 && c->in.n == c->in_at)
		return 0;
	if (rc == -ECONNRESET)
		return 0;
	return rc < 0 ? rc : error_set(err, -EPROTO, "it says more");
}

int64_t
message_get_int(struct message *m)
{
	uint64_t u;

	if (m->bad || m->payload.n - m->at < sizeof(u)) {
		m->bad = true;
		return 0;
	}
	memcpy(&u, m->payload.p + m->at, sizeof(u));
	m->at += sizeof(u);
	return (int64_t)le64toh(u);
}

struct str
message_get_str(struct message *m)
{
	uint32_t n;
	struct str s;

	if (m->bad || m->payload.n - m->at < sizeof(n)) {
		m->bad = true;
		return STR_NONE;
	}
	memcpy(&n, m->payload.p + m->at, sizeof(n));
	n = le32toh(n);
	m->at += sizeof(n);
	if (n == ABSENT)
		return STR_NONE;
	if (m->payload.n - m->at < n) {
		m->bad = true;
		return STR_NONE;
	}
	s = str_n(m->payload.p + m->at, n);
	m->at += n;
	return s;
}

int
message_get_fd(struct message *m)
{
	if (m->bad || m->fds_taken >= m->n_fds) {
		m->bad = true;
		return -1;
	}
	return steal_fd(&m->fds[m->fds_taken++]);
}

int
message_end(struct message *m, struct error *err)
{
	bool left = m->at != m->payload.n || m->fds_taken != m->n_fds;

	for (size_t i = 0; i < m->n_fds; i++)
		closep(&m->fds[i]);
	m->n_fds = 0;
	if (m->bad || left)
		return error_set(err, -EPROTO, "message of type %u is %s",
		    m->type, m->bad ? "too short" : "too long");
	return 0;
}
