/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of the warden. */
#include "sandbox/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/control.h"
#include "sandbox/net.h"
#include "sandbox/rundir.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

/* It takes the processor from those that the command waits for: it becomes a
 * program when they have their work, or when we have ended. */
int
warden_start(const struct rundir *r, struct net *net, struct child *ret,
    struct channel *ret_control, int *ret_go, struct error *err)
{
	char path[PATH_MAX];
	const char *const argv[] = { "lazaret-warden", r->path, NULL };
	const char *const env[] = { NULL };
	_cleanup_(closep) int self = -1;
	_cleanup_(closep) int theirs = -1;
	_cleanup_(closep) int hear_go = -1;
	_cleanup_(closep) int go = -1;
	int pair[2], fds[3], after[2], rc;
	struct spawn s = SPAWN_INIT;

	rc = spawn_libexec_path("warden", path, sizeof(path), err);
	if (rc != 0)
		return rc;
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (self < 0)
		return error_errno(err, "pidfd_open");
	if (pipe2(pair, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	hear_go = pair[0];
	go = pair[1];
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
	after[0] = hear_go;
	after[1] = self; /* others may still have the end that we write to */
	s.after = after;
	s.n_after = N_ELEMENTS(after);
	rc = net_maker_becomes(net, &s, ret, err);
	if (rc == -ENOENT)
		rc = spawn_start(&s, ret, err);
	if (rc == 0)
		*ret_go = steal_fd(&go);
	return rc;
}

int
warden_go(int *go, struct error *err)
{
	int rc = *go >= 0 ? fd_write_all(*go, "g", 1, err) : 0;

	closep(go);
	return rc;
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

int
warden_hold(struct channel *control, const int *fds, size_t n_fds,
    struct error *err)
{
	int rc = 0;

	if (control->fd <= 0)
		return 0;
	for (size_t at = 0; at < n_fds && rc == 0;) {
		message_begin(control, WARDEN_HOLD);
		for (size_t n = 0; at < n_fds && n < LIMIT_MESSAGE_FDS; at++)
			if (fds[at] >= 0) {
				message_put_fd(control, fds[at]);
				n++;
			}
		rc = message_send(control, err);
	}
	return rc == 0 ? channel_flush(control, err) : rc;
}

int
warden_leave(struct child *warden, struct channel *control)
{
	struct pollfd ended = { warden->pidfd, POLLIN, 0 };
	int rc = warden->pid > 0 && poll(&ended, 1, 0) == 0 ? 0 : -ESRCH;

	channel_done(control);
	spawn_leave(warden);
	return rc;
}
