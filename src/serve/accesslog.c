/* SPDX-License-Identifier: Apache-2.0 */
/* The access log: from the workers' pipe to a file. Runs in `lazaret serve`.
 * A reader of standard error that is stuck makes lines wait, then get lost and
 * counted; it never makes a request wait. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "serve/supervisor_priv.h"
#include "sys/fd.h"

/* Lines of a second at full load. */
#define PIPE_BYTES (1024 * 1024)

static int
open_file(const struct supervisor *s, int *ret, struct error *err)
{
	const char *path = s->o->access_log;
	int fd;

	if (path[0] == '-' && path[1] == '\0')
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd < 0)
		return error_errno(err, "%s", path);
	*ret = fd;
	return 0;
}

/* At the start, and again when the log was moved away. */
int
accesslog_open(struct supervisor *s, struct error *err)
{
	int fd = -1, rc;

	if (s->log_pipe[0] < 0) {
		if (pipe2(s->log_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
			return error_errno(err, "pipe");
		(void)fcntl(s->log_pipe[1], F_SETPIPE_SZ, PIPE_BYTES);
	}
	if (s->o->access_log == NULL)
		return 0;
	rc = open_file(s, &fd, err);
	if (rc != 0)
		return rc;
	closep(&s->log_out);
	s->log_out = fd;
	return 0;
}

void
accesslog_copy(struct supervisor *s)
{
	struct pollfd p = { .fd = s->log_out, .events = POLLOUT };
	char piece[PIPE_BUF];
	ssize_t n;

	/* A pipe or terminal that is ready takes a piece without waiting. */
	s->log_waits = poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0;
	if (s->log_waits)
		return;
	n = read(s->log_pipe[0], piece, sizeof(piece));
	if (n > 0)
		(void)fd_write_all(s->log_out, piece, (size_t)n, NULL);
}
