/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role upper: what a sandbox left in the upper layer of its overlay, as
 * facts; and npm's hidden lockfile there. Never opens anything but regular
 * files and folders below its descriptors, never writes, never connects.
 * Descriptors: 3 control, 4 facts, 5 the upper layer, from 6 on the roots of
 * the lower layers, uppermost first. With the argument "watch", the merged root
 * after them: what fanotify sees of it is told too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "record/record.h"
#include "record/seen.h"
#include "record/upper.h"
#include "runfile/control.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

struct role {
	struct channel control, facts;
	struct upper_walker *walker;
	struct seen *seen; /* NULL: no fanotify here */
	struct error *err;
};

static int
reply(struct role *r)
{
	int rc = message_send(&r->control, r->err);

	return rc != 0 ? rc : channel_flush(&r->control, r->err);
}

static int
on_rule(struct role *r, struct message *m)
{
	int64_t keep = message_get_int(m);
	struct str prefix = message_get_str(m);
	int rc = message_end(m, r->err);

	if (rc != 0)
		return rc;
	if (keep < 0 || keep >= UPPER_KEEP__MAX)
		return error_set(r->err, -EPROTO, "upper: bad rule");
	upper_walker_rule(r->walker, prefix, (enum upper_keep)keep);
	return 0;
}

static int
on_walk(struct role *r, struct message *m)
{
	int64_t phase = message_get_int(m);
	struct upper_result result;
	int64_t seen = 0, lost = 0;
	int rc = message_end(m, r->err);

	if (rc == 0)
		rc = upper_walker_walk(r->walker, phase, &result, r->err);
	if (rc == 0 && r->seen != NULL)
		rc = seen_tell(r->seen, phase, &r->facts, &seen, &lost, r->err);
	if (rc == 0)
		rc = channel_flush(&r->facts, r->err);
	if (rc != 0)
		return rc;
	message_begin(&r->control, UPPER_WALKED);
	message_put_int(&r->control, result.files);
	message_put_int(&r->control, result.bytes);
	message_put_int(&r->control, result.kept_bytes);
	message_put_int(&r->control, result.incomplete);
	message_put_int(&r->control, r->seen != NULL);
	message_put_int(&r->control, seen);
	message_put_int(&r->control, lost);
	return reply(r);
}

/* A lockfile that is missing or broken gives no facts, but is no failure:
 * the sandbox may have removed it. */
static int64_t
tell_lock(struct role *r, struct str path)
{
	_cleanup_(buf_done) struct buf json = { 0 };
	_cleanup_(closep) int fd = upper_open_file(UPPER_FD, path);
	struct error ignored = ERROR_INIT;
	int64_t n = 0;

	buf_init(&json, LIMIT_LOCKFILE_BYTES);
	if (fd < 0 || fd_read_all(fd, &json, &ignored) != 0)
		return 0;
	if (upper_tell_lock(buf_str(&json), &r->facts, &n, &ignored) != 0)
		return 0;
	return n;
}

static int
on_lock(struct role *r, struct message *m)
{
	struct str path = message_get_str(m);
	int64_t n = tell_lock(r, path);
	int rc = message_end(m, r->err);

	if (rc == 0)
		rc = channel_flush(&r->facts, r->err);
	if (rc != 0)
		return rc;
	message_begin(&r->control, UPPER_LOCKED);
	message_put_int(&r->control, n);
	return reply(r);
}

static const struct {
	uint16_t type;
	int (*handle)(struct role *r, struct message *m);
} handlers[] = {
	{ UPPER_RULE, on_rule },
	{ UPPER_WALK, on_walk },
	{ UPPER_LOCK, on_lock },
};

static int
dispatch(struct role *r, struct message *m)
{
	for (size_t i = 0; i < N_ELEMENTS(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(r, m);
	return error_set(r->err, -EPROTO, "upper: message %d", (int)m->type);
}

/*
 * fanotify's queue is finite (16384 events) and wakes us for each event, which
 * costs the sandbox more than the event: so after some have come, a few
 * milliseconds pass before the next look, while nobody waits for the queue.
 * Many in one look: no pause, the queue may fill within it. Before 5.17 longer
 * pauses would miss names of folders that are gone by then (seen.c).
 */
#define PAUSE_MS 5
#define MANY     2048

static int
wait(struct role *r)
{
	struct pollfd fds[] = { { r->control.fd, POLLIN, 0 },
		{ r->seen != NULL ? seen_fd(r->seen) : -1, POLLIN, 0 } };
	int64_t n = 0;

	while (fds[0].revents == 0) {
		bool pause = n > 0 && n < MANY;

		if (poll(fds, pause ? 1 : N_ELEMENTS(fds),
			pause ? PAUSE_MS : -1) < 0 &&
		    errno != EINTR)
			return error_errno(r->err, "poll");
		if (r->seen != NULL)
			n = seen_take(r->seen);
	}
	return channel_fill(&r->control, r->err);
}

/* 1: the end. */
static int
serve(struct role *r)
{
	struct message m;
	int rc;

	message_begin(&r->control, CONTROL_READY);
	rc = reply(r);
	while (rc == 0) {
		rc = channel_next(&r->control, &m, r->err);
		if (rc == 0)
			rc = wait(r);
		else if (rc == 1 && m.type != CONTROL_STOP)
			rc = dispatch(r, &m);
	}
	return rc == 1 ? 0 : rc;
}

/* Reading `trusted.` attributes (is a folder opaque?) takes CAP_SYS_ADMIN;
 * files of the sandbox's own ids CAP_DAC_READ_SEARCH. With the filter of
 * calls there is nothing else to do with either. */
static int
lock_down(size_t n_lower, struct error *err)
{
	static const char *const fds[1 + UPPER_MAX_LOWER] = { "/proc/self/fd/5",
		"/proc/self/fd/6", "/proc/self/fd/7", "/proc/self/fd/8",
		"/proc/self/fd/9" };
	const char *read_paths[N_ELEMENTS(fds) + 1] = { NULL };
	struct lockdown rights = {
		.rights = LOCKDOWN_READ_FILES | LOCKDOWN_HANDLES,
		.read_paths = read_paths,
		.keep_caps =
		    1ull << CAP_SYS_ADMIN | 1ull << CAP_DAC_READ_SEARCH,
	};

	for (size_t i = 0; i <= n_lower; i++)
		read_paths[i] = fds[i];
	return lockdown(&rights, err);
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	struct role r = { .err = &err };
	int lower[UPPER_MAX_LOWER + 1], rc, root = -1;
	size_t n = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	while (n < N_ELEMENTS(lower) &&
	    fcntl(UPPER_LOWER_FD + (int)n, F_GETFD) >= 0) {
		lower[n] = UPPER_LOWER_FD + (int)n;
		n++;
	}
	/* The last one is no layer. Without fanotify there is one view less. */
	if (argc > 1 && strcmp(argv[1], "watch") == 0 && n > 0)
		root = lower[--n];
	if (root >= 0)
		(void)seen_new(root, &r.seen, &ignored);
	channel_init(&r.control, CONTROL_FD);
	channel_init(&r.facts, FACTS_FD);
	r.walker = upper_walker_new(UPPER_FD, lower, n, &r.facts);
	rc = lock_down(n, &err);
	if (rc == 0)
		rc = serve(&r);
	if (rc < 0) {
		message_begin(&r.control, CONTROL_FAILED);
		message_put_int(&r.control, rc);
		message_put_str(&r.control, str_of(err.msg));
		(void)reply(&r);
	}
	/* Hangs up first: the rest is the kernel's, and takes it long. */
	(void)channel_flush(&r.facts, &ignored);
	channel_done(&r.facts);
	channel_done(&r.control);
	upper_walker_free(r.walker);
	seen_free(r.seen);
	return rc < 0 ? EXIT_TOOL_FAILED : EXIT_NOTHING_FOUND;
}
