/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warden: a process that outlives the supervisor and removes what it
 * left. Its descriptors: 3 the supervisor's end of a channel, 4 the
 * supervisor's pidfd, 5 the lock of the run folder; argv[1] is that folder.
 *
 *	warden     → CONTROL_READY
 *	supervisor → WARDEN_INIT + pidfd of init: kill that first
 *	supervisor → CONTROL_STOP: all is removed already; just end
 * End of file on 3 without CONTROL_STOP, or the end of the supervisor: kill
 * init, kill and remove the control groups, remove the folder, end.
 */
#ifndef SANDBOX_WARDEN_H
#define SANDBOX_WARDEN_H

struct channel;
struct child;
struct error;
struct rundir;

#define WARDEN_INIT 64

#define WARDEN_SUPERVISOR_FD 4
#define WARDEN_LOCK_FD       5

int warden_start(const struct rundir *r, struct child *ret,
    struct channel *ret_control, struct error *err);
int warden_watch(struct channel *control, int init_pidfd, struct error *err);
/* Waits for CONTROL_READY. */
int warden_ready(struct channel *control, struct error *err);
void warden_stop(struct child *warden, struct channel *control);

#endif
