/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces for who has no root: a process of a user namespace of its
 * own cannot come back into the host's network, so a child goes and sends the
 * descriptors. Runs in supervisors.
 */
#include <assert.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/net.h"
#include "sys/fd.h"
#include "sys/message.h"

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

static int
take_both(struct net *n, const struct sandbox_network_info *info, int fd,
    struct error *err)
{
	struct channel c;
	struct message m;
	struct str sentence;
	int code, rc;

	channel_init(&c, fd);
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
	return rc;
}

int
net_make_apart(struct net *n, const struct sandbox_network_info *info,
    struct error *err)
{
	int pair[2], rc = fd_socketpair(pair, err);
	pid_t pid;

	assert(n->home < 0 && n->inside < 0);
	if (rc != 0)
		return rc;
	pid = fork();
	if (pid == 0)
		make_and_send(info, pair[1]);
	(void)close(pair[1]);
	if (pid < 0) {
		(void)close(pair[0]);
		return error_errno(err, "fork");
	}
	rc = take_both(n, info, pair[0], err);
	(void)waitpid(pid, NULL, 0);
	return rc;
}
