/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and the channels to them. Runs in every supervisor. */
#include "sys/role.h"

#include <assert.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/fd.h"

#define MAX_FDS 8

int
role_start(const char *name, const int *fds, size_t n_fds, bool own_session,
    struct role *ret, struct error *err)
{
	const char *const argv[] = { name, NULL };
	struct spawn s = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int all[MAX_FDS], ends[2] = { -1, -1 };
	int rc = spawn_libexec_path(name, path, sizeof(path), err);

	assert(n_fds < MAX_FDS);
	if (rc == 0)
		rc = fd_socketpair(ends, err);
	if (rc != 0)
		return rc;
	all[0] = ends[1];
	for (size_t i = 0; i < n_fds; i++)
		all[i + 1] = fds[i];
	s.path = path;
	s.argv = argv;
	s.fds = all;
	s.n_fds = n_fds + 1;
	s.die_with_parent = true;
	s.new_session = own_session;
	rc = spawn_start(&s, &ret->child, err);
	closep(&ends[1]);
	if (rc == 0)
		channel_init(&ret->channel, steal_fd(&ends[0]));
	closep(&ends[0]);
	return rc;
}

void
role_stop(struct role *r, int grace_ms)
{
	int status;

	if (r->channel.fd >= 0)
		channel_done(&r->channel);
	r->channel.fd = -1;
	if (r->child.pid != 0 && grace_ms > 0)
		(void)spawn_wait(&r->child, grace_ms, &status, NULL);
	spawn_kill(&r->child);
}
