/* SPDX-License-Identifier: Apache-2.0 */
/* Starting one of our roles with a channel to it, and its end. */
#ifndef SYS_ROLE_H
#define SYS_ROLE_H

#include "sys/message.h"
#include "sys/spawn.h"

struct role {
	struct child child;
	struct channel channel;
};

#define ROLE_INIT \
	{ \
		.child = CHILD_INIT, .channel = {.fd = -1 } \
	}

/* The role dies with us. Its descriptor 3 is its end of the channel; fds
 * (borrowed) follow from 4 on. own_session: not reached by the terminal's
 * Ctrl-C. ret: ROLE_INIT, which it stays on failure. */
int role_start(const char *name, const int *fds, size_t n_fds, bool own_session,
    struct role *ret, struct error *err);
/* Ends the channel, which tells the role to stop, waits at most grace_ms and
 * kills. Accepts ROLE_INIT, which it leaves. */
void role_stop(struct role *r, int grace_ms);

#endif
