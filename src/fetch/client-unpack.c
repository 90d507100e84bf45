/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of role unpack: one process per archive. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ecosystem/npm/manifest.h"
#include "fetch/client.h"
#include "fetch/protocol.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

struct unpack {
	struct channel control;
	struct child child;
};

static int
start(struct unpack *u, int archive_fd, int facts_fd, int theirs,
    struct error *err)
{
	static const char *const argv[] = { "unpack", NULL };
	_cleanup_(closep) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[] = { theirs, facts_fd >= 0 ? facts_fd : nothing,
		archive_fd };
	struct spawn s = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int rc = spawn_libexec_path("unpack", path, sizeof(path), err);

	s.path = path;
	s.argv = argv;
	s.fds = fds;
	s.n_fds = N_ELEMENTS(fds);
	s.die_with_parent = true;
	s.new_session = true;
	return rc == 0 ? spawn_start(&s, &u->child, err) : rc;
}

int
unpack_start(int archive_fd, int facts_fd, struct unpack **ret,
    struct error *err)
{
	struct unpack *u = mem_alloc(sizeof(*u));
	int pair[2], rc = fd_socketpair(pair, err);

	u->child = (struct child)CHILD_INIT;
	if (rc == 0) {
		channel_init(&u->control, pair[0]);
		rc = start(u, archive_fd, facts_fd, pair[1], err);
		(void)close(pair[1]);
	}
	if (rc != 0) {
		unpack_cancel(u);
		return rc;
	}
	*ret = u;
	return 0;
}

void
unpack_cancel(struct unpack *u)
{
	if (u == NULL)
		return;
	spawn_kill(&u->child);
	channel_done(&u->control);
	free(u);
}

static int
failed(struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	if (message_end(m, err) != 0)
		return -EPROTO;
	return error_set(err, code < 0 && code > -4096 ? (int)code : -EIO,
	    "%.*s", STR_ARG(sentence));
}

struct result {
	struct manifest manifest;
	bool has_manifest, done;
};

static int
take(struct message *m, struct arena *a, struct result *r, struct error *err)
{
	if (m->type == CONTROL_FAILED)
		return failed(m, err);
	if (m->type == UNPACK_MANIFEST && !r->has_manifest) {
		int rc = manifest_get(a, m, &r->manifest, err);

		r->has_manifest = rc == 0;
		return rc;
	}
	if (m->type == UNPACK_DONE) {
		r->done = true;
		(void)message_get_int(m);
		(void)message_get_int(m);
		(void)message_get_str(m);
	} else if (m->type != CONTROL_READY) {
		m->bad = true;
	}
	return message_end(m, err);
}

/* Waits for more from the role: 0, 1 at its end, -ETIMEDOUT. */
static int
more(struct unpack *u, int64_t until_ns, struct error *err)
{
	struct pollfd pfd = { .fd = u->control.fd, .events = POLLIN };
	int64_t left = (until_ns - clock_ns()) / NS_PER_MS;
	int rc;

	if (left <= 0 || poll(&pfd, 1, (int)MIN_OF(left, 3600000)) == 0)
		return error_set(err, -ETIMEDOUT,
		    "reading the archive takes too long");
	rc = channel_fill(&u->control, err);
	return rc == -EAGAIN ? 0 : rc;
}

static int
follow(struct unpack *u, int64_t until_ns, struct arena *a, struct result *r,
    struct error *err)
{
	struct message m;
	int rc;

	while (!r->done) {
		rc = channel_next(&u->control, &m, err);
		if (rc == 1)
			rc = take(&m, a, r, err);
		else if (rc == 0)
			rc = more(u, until_ns, err);
		if (rc == 1)
			return error_set(err, -EIO,
			    "the process that reads the archive died; the "
			    "archive may be made to do that");
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
unpack_finish(struct unpack *u, int timeout_ms, struct arena *a,
    struct manifest *ret, struct error *err)
{
	struct result r = { 0 };
	int rc = follow(u, clock_ns() + timeout_ms * NS_PER_MS, a, &r, err);

	unpack_cancel(u);
	if (rc == 0 && !r.has_manifest)
		return 1;
	if (rc == 0)
		*ret = r.manifest;
	else
		manifest_done(&r.manifest);
	return rc;
}
