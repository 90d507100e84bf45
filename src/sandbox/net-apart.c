/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by a child, which sends their descriptors: the supervisor
 * has other work meanwhile, and without root, in a user namespace of its own,
 * it could not come back into the host's network. Runs in supervisors.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/net.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/rootless.h"
#include "sys/spawn.h"

/* To the child, with the descriptors of a struct spawn. */
#define BECOME 2

#define MAX_WORDS 8

/* Back in the network of the host, and another program from now on. */
static void __attribute__((noreturn)) become(struct message *m, int home)
{
	const char *argv[MAX_WORDS + 1] = { NULL };
	const char *const env[] = { NULL };
	struct spawn s = SPAWN_INIT;
	struct str path = message_get_str(m), words = message_get_str(m), word;
	int fds[LIMIT_MESSAGE_FDS];
	struct error err = ERROR_INIT;

	s.new_session = message_get_int(m) != 0;
	s.n_fds = (size_t)message_get_int(m);
	s.n_after = m->n_fds - s.n_fds;
	for (size_t i = 0; i < N_ELEMENTS(fds) && i < m->n_fds; i++)
		fds[i] = message_get_fd(m);
	for (size_t i = 0; i < MAX_WORDS && words.n != 0; i++)
		if (str_cut(&words, '\0', &word))
			argv[i] = mem_strndup(word);
	if (message_end(m, &err) != 0 || setns(home, CLONE_NEWNET) != 0)
		_exit(1);
	s.path = mem_strndup(path);
	s.argv = argv;
	s.env = env;
	s.fds = fds;
	s.after = fds + s.n_fds;
	spawn_become(&s);
}

static void __attribute__((noreturn))
make_and_send(const struct sandbox_network_info *info, int home, int fd)
{
	struct error err = ERROR_INIT, ignored;
	struct net n = NET_INIT;
	struct channel c;
	struct message m;
	sigset_t all;
	int rc;

	/* What it may become outlives a Ctrl-C of the terminal. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	rc = net_make_here(&n, info, &err);
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
	if (channel_recv(&c, &m, &ignored) == 1 && m.type == BECOME)
		become(&m, home);
	_exit(0);
}

int
net_maker_becomes(struct net *n, const struct spawn *s, struct child *ret,
    struct error *err)
{
	struct channel c;
	struct buf words;
	int rc;

	/* Without root it cannot come back from there. */
	if (n->maker <= 0 || n->answer < 0 || rootless_is())
		return error_set(err, -ENOENT, "nobody makes a network");
	buf_init(&words, 16 * KIB);
	for (size_t i = 0; s->argv[i] != NULL; i++)
		buf_printf(&words, "%s%c", s->argv[i], '\0');
	channel_init(&c, n->answer);
	message_begin(&c, BECOME);
	message_put_str(&c, str_of(s->path));
	message_put_str(&c, buf_str(&words));
	message_put_int(&c, s->new_session);
	message_put_int(&c, (int64_t)s->n_fds);
	for (size_t i = 0; i < s->n_fds; i++)
		message_put_fd(&c, s->fds[i]);
	for (size_t i = 0; i < s->n_after; i++)
		message_put_fd(&c, s->after[i]);
	rc = message_send(&c, err);
	c.fd = -1; /* still heard by net_wait() */
	channel_done(&c);
	buf_done(&words);
	if (rc != 0)
		return rc;
	*ret = (struct child){ n->maker,
		(int)syscall(SYS_pidfd_open, n->maker, 0) };
	n->maker = 0;
	return ret->pidfd >= 0 ? 0 : error_errno(err, "pidfd_open");
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
	if (n->maker == 0) {
		(void)close(pair[0]); /* or it would never hear our end */
		make_and_send(info, n->home, pair[1]);
	}
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
	spawn_leave(&maker); /* nothing left to do but to end, or a program */
	n->maker = 0;
	return rc;
}
