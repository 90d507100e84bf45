/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden: a process that outlives the supervisor and removes what it
 * left. Its descriptors: 3 the supervisor's end of a channel, 4 the
 * supervisor's pidfd, 5 the lock of the run folder; argv[1] is that folder.
 *
 *	warden     → CONTROL_READY
 *	supervisor → WARDEN_INIT + pidfd of init: kill that first
 *	supervisor → WARDEN_HOLD + descriptors: keep them open to your end
 * End of file on 3, or the end of the supervisor: kill init, wait for it, kill
 * and remove the control groups, remove the folder, end. So nobody waits for
 * what takes the kernel long: to let go of the last descriptor of a mount
 * waits for all processors, and to empty a tmpfs takes as long as it is large.
 */
#ifndef SANDBOX_WARDEN_H
#define SANDBOX_WARDEN_H

#include <stddef.h>

struct channel;
struct child;
struct error;
struct net;
struct rundir;

#define WARDEN_INIT 64
#define WARDEN_HOLD 65

#define WARDEN_SUPERVISOR_FD 4
#define WARDEN_LOCK_FD       5

/* From now on there is one, but it begins with warden_go(), or when we end.
 * net: whose child becomes it; without such: one of its own. */
int warden_start(const struct rundir *r, struct net *net, struct child *ret,
    struct channel *ret_control, int *ret_go, struct error *err);
/* Closes it. */
int warden_go(int *go, struct error *err);
int warden_watch(struct channel *control, int init_pidfd, struct error *err);
/* Waits for CONTROL_READY. */
int warden_ready(struct channel *control, struct error *err);
/* It opens the descriptors (negative ones aside) too: those of the caller are
 * not the last ones any more. */
int warden_hold(struct channel *control, const int *fds, size_t n_fds,
    struct error *err);
/* Leaves the removal to it and does not wait. -ESRCH: there is no warden. */
int warden_leave(struct child *warden, struct channel *control);

#endif
