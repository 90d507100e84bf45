/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by a child, which sends their descriptors: the supervisor
 * has other work meanwhile, and without root, in a user namespace of its own,
 * it could not come back into the host's network. Runs in supervisors.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/net.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

static void __attribute__((noreturn))
make_and_send(const struct sandbox_network_info *info, int fd)
{
	struct error err = ERROR_INIT, ignored;
	struct net n = NET_INIT;
	struct channel c;
	int rc = net_make_here(&n, info, &err);

	channel_init(&c, fd);
	message_begin(&c, 1);
	message_put_int(&c, rc);
	message_put_str(&c, str_of(err.msg));
	if (rc == 0)
		message_put_fd(&c, n.inside);
	if (rc == 0 && info != NULL)
		message_put_fd(&c, n.sink);
	(void)message_send(&c, &ignored);
	(void)channel_flush(&c, &ignored);
	_exit(0);
}

int
net_begin(struct net *n, const struct sandbox_network_info *info,
    struct error *err)
{
	int pair[2], rc;

	assert(n->home < 0 && n->inside < 0 && n->answer < 0);
	n->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (n->home < 0)
		return error_errno(err, "/proc/self/ns/net");
	rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	n->maker = fork();
	if (n->maker == 0)
		make_and_send(info, pair[1]);
	(void)close(pair[1]);
	n->answer = pair[0];
	return n->maker > 0 ? 0 : error_errno(err, "fork");
}

int
net_wait(struct net *n, const struct sandbox_network_info *info,
    struct error *err)
{
	struct child maker = { n->maker, -1 };
	struct channel c;
	struct message m;
	struct str sentence;
	int code, rc;

	channel_init(&c, steal_fd(&n->answer));
	rc = channel_recv(&c, &m, err);
	if (rc != 1) {
		channel_done(&c);
		return error_set(err, -EIO, "network: the helper died");
	}
	code = (int)message_get_int(&m);
	sentence = message_get_str(&m);
	if (code == 0)
		n->inside = message_get_fd(&m);
	if (code == 0 && info != NULL)
		n->sink = message_get_fd(&m);
	rc = code != 0 ? error_set(err, code, "%.*s", STR_ARG(sentence)) :
			 message_end(&m, err);
	channel_done(&c);
	spawn_leave(&maker); /* it has nothing left to do but to end */
	n->maker = 0;
	return rc;
}
