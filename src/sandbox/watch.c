/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts init, and with it every command to come, under a recorder that stops
 * them at calls. Runs in supervisors, between the start and the first command.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "sandbox/sandbox_priv.h"

#define ANSWER_MS (10 * 1000)

struct str
sandbox_filter(const struct sandbox *s, size_t i)
{
	if (i >= FILTER_PROGRAMS || s->filters[i].n == 0)
		return STR_NONE;
	return buf_str(&s->filters[i]);
}

static int
hear(struct sandbox *s, struct message *ret, struct error *err)
{
	struct pollfd fd = { s->control.fd, POLLIN, 0 };
	int rc;

	while ((rc = channel_next(&s->control, ret, err)) == 0) {
		if (poll(&fd, 1, ANSWER_MS) != 1)
			return error_set(err, -ETIMEDOUT,
			    "init does not answer");
		rc = channel_fill(&s->control, err);
		if (rc == 1)
			return error_set(err, -EPIPE, "init has died");
		if (rc != 0 && rc != -EAGAIN)
			return rc;
	}
	if (rc == 1 && ret->type != INIT_WATCHED)
		return error_set(err, -EPROTO, "init: unexpected message");
	return rc == 1 ? 0 : rc;
}

int
sandbox_watch(struct sandbox *s, int *ret_listener, struct error *err)
{
	struct message m;
	struct buf program;
	int64_t number = -1;
	int rc;

	assert(s->magic == SANDBOX_MAGIC && s->watch_program.p != NULL);
	buf_init(&program, 256 * KIB);
	filter_watched(s->filters, s->watch_program, s->watch_action, &program);
	message_begin(&s->control, INIT_WATCH);
	message_put_str(&s->control, buf_str(&program));
	message_put_int(&s->control, ret_listener != NULL);
	rc = message_send(&s->control, err);
	buf_done(&program);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	if (rc == 0)
		rc = hear(s, &m, err);
	if (rc == 0) {
		number = message_get_int(&m);
		rc = message_end(&m, err);
	}
	if (rc == 0 && number < 0)
		rc = error_set(err, (int)number, "the recorder's filter: %s",
		    strerror((int)-number));
	if (rc != 0 || ret_listener == NULL)
		return rc;
	*ret_listener =
	    (int)syscall(SYS_pidfd_getfd, s->init.pidfd, (int)number, 0);
	return *ret_listener >= 0 ? 0 : error_errno(err, "pidfd_getfd");
}
