/* SPDX-License-Identifier: Apache-2.0 */
/* The client's end of loader.h, for role record; and how requests are read,
 * in the door of role loader. */
#include "record/loader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/safeguard.h"
#include "record/programs-id.h"
#include "sys/clock.h"
#include "sys/message.h"

#define TEXT_OF(word) #word
#define TEXT(word)    TEXT_OF(word)
#define PROGRAMS_ID   TEXT(RECORD_PROGRAMS_WORD)

struct loader {
	struct channel c;
};

static int
connect_to(const char *path, int *ret, struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t n = sizeof(peer);
	_cleanup_(closep) int fd = -1;

	if (path == NULL || path[0] == '\0')
		return error_set(err, -ENOENT, "no socket is named");
	if (strlen(path) >= sizeof(a.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s is too long", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0)
		return error_errno(err, "%s", path);
	/* What it sends us is believed. */
	if (peer.uid != 0 && peer.uid != geteuid() && SAFEGUARD(owner))
		return error_set(err, -EPERM,
		    "%s belongs to user %u, who is not trusted", path,
		    (unsigned)peer.uid);
	*ret = steal_fd(&fd);
	return 0;
}

/* Waits for one answer, not for ever. */
static int
answer(struct loader *l, uint16_t type, struct message *ret, struct error *err)
{
	int64_t end = clock_ns() + LIMIT_LOADER_ANSWER_MS * NS_PER_MS;
	struct pollfd p = { .fd = l->c.fd, .events = POLLIN };
	int rc;

	while ((rc = channel_next(&l->c, ret, err)) == 0) {
		int64_t left = (end - clock_ns()) / NS_PER_MS;

		if (left <= 0)
			return error_set(err, -ETIMEDOUT,
			    "the recorder's loader does not answer");
		(void)poll(&p, 1, (int)left);
		rc = channel_fill(&l->c, err);
		if (rc == 1)
			return error_set(err, -EPIPE,
			    "the recorder's loader hung up");
		if (rc < 0 && rc != -EAGAIN)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (ret->type == CONTROL_FAILED) {
		int64_t code = message_get_int(ret);
		struct str sentence = message_get_str(ret);

		if (code >= 0 || code < -4095)
			code = -EPROTO;
		return error_set(err, (int)code, "the recorder's loader: %.*s",
		    STR_ARG(sentence));
	}
	if (ret->type != type)
		return error_set(err, -EPROTO,
		    "the recorder's loader: message %d", (int)ret->type);
	return 0;
}

static int
greet(struct loader *l, struct error *err)
{
	struct message m;
	int rc;

	message_begin(&l->c, LOADER_HELLO);
	message_put_str(&l->c, STR_LIT(PROGRAMS_ID));
	rc = message_send(&l->c, err);
	if (rc == 0)
		rc = channel_flush(&l->c, err);
	/* Who is refused at the door is told before he has spoken. */
	if (rc == 0 || rc == -EPIPE)
		rc = answer(l, LOADER_HERE, &m, err);
	return rc == 0 ? message_end(&m, err) : rc;
}

int
loader_open(const char *path, struct loader **ret, struct error *err)
{
	struct loader *l;
	int fd = -1, rc = connect_to(path, &fd, err);

	if (rc != 0) {
		closep(&fd);
		return rc;
	}
	l = mem_alloc(sizeof(*l));
	channel_init(&l->c, fd);
	rc = greet(l, err);
	if (rc != 0) {
		loader_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}

int
loader_watch(struct loader *l, int cgroup_fd, int ret_fds[3], struct error *err)
{
	int fds[3] = { -1, -1, -1 };
	struct message m;
	int rc;

	message_begin(&l->c, LOADER_WATCH);
	message_put_fd(&l->c, cgroup_fd);
	rc = message_send(&l->c, err);
	if (rc == 0)
		rc = answer(l, LOADER_WATCHED, &m, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		fds[i] = message_get_fd(&m);
	rc = message_end(&m, err);
	for (size_t i = 0; i < N_ELEMENTS(fds); i++)
		if (rc == 0)
			ret_fds[i] = fds[i];
		else
			closep(&fds[i]);
	return rc;
}

int
loader_fd(const struct loader *l)
{
	return l->c.fd;
}

void
loader_free(struct loader *l)
{
	if (l == NULL)
		return;
	channel_done(&l->c);
	free(l);
}

int
loader_parse(struct message *m, struct loader_request *ret, struct error *err)
{
	struct loader_request q = { m->type, false, -1 };
	int rc;

	if (m->type == LOADER_HELLO)
		q.fits = str_is(message_get_str(m), PROGRAMS_ID);
	else if (m->type == LOADER_WATCH)
		q.cgroup_fd = message_get_fd(m);
	rc = message_end(m, err);
	if (rc == 0 && m->type != LOADER_HELLO && m->type != LOADER_WATCH)
		rc = error_set(err, -EPROTO, "message %d", (int)m->type);
	if (rc != 0) {
		closep(&q.cgroup_fd);
		return rc;
	}
	*ret = q;
	return 0;
}
