/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of the warden. */
#include "sandbox/warden.h"

#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runfile/control.h"
#include "sandbox/rundir.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define STOP_WAIT_MS 1000

int
warden_start(const struct rundir *r, struct child *ret,
    struct channel *ret_control, struct error *err)
{
	char path[PATH_MAX];
	const char *const argv[] = { "lazaret-warden", r->path, NULL };
	const char *const env[] = { NULL };
	_cleanup_(closep) int self = -1;
	_cleanup_(closep) int theirs = -1;
	int pair[2], fds[3], rc;
	struct spawn s = SPAWN_INIT;

	rc = spawn_libexec_path("warden", path, sizeof(path), err);
	if (rc != 0)
		return rc;
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (self < 0)
		return error_errno(err, "pidfd_open");
	rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	channel_init(ret_control, pair[0]);
	theirs = pair[1];
	fds[0] = theirs;
	fds[1] = self;
	fds[2] = r->lock;
	s.path = path;
	s.argv = argv;
	s.env = env;
	s.fds = fds;
	s.n_fds = N_ELEMENTS(fds);
	/* It must not go down with us, nor with a Ctrl-C of the terminal. */
	s.new_session = true;
	return spawn_start(&s, ret, err);
}

int
warden_watch(struct channel *control, int init_pidfd, struct error *err)
{
	if (control->fd <= 0)
		return 0; /* a test left it out */
	message_begin(control, WARDEN_INIT);
	message_put_fd(control, init_pidfd);
	return message_send(control, err);
}

int
warden_ready(struct channel *control, struct error *err)
{
	struct message m;
	int rc;

	if (control->fd <= 0)
		return 0;
	rc = channel_recv(control, &m, err);
	if (rc == 0)
		return error_set(err, -EIO, "the warden died");
	if (rc < 0)
		return rc;
	if (m.type != CONTROL_READY)
		return error_set(err, -EPROTO, "warden: unexpected message");
	return message_end(&m, err);
}

void
warden_stop(struct child *warden, struct channel *control)
{
	struct error ignored;
	int status;

	if (warden->pid <= 0)
		return;
	message_begin(control, CONTROL_STOP);
	(void)message_send(control, &ignored);
	(void)channel_flush(control, &ignored);
	if (spawn_wait(warden, STOP_WAIT_MS, &status, &ignored) != 0)
		spawn_kill(warden);
}
