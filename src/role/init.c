/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process 1 of a sandbox: a static program that sets up what is inside, then
 * starts commands, reaps, and reports. It takes orders from descriptor 3
 * alone; when that closes, it ends, and with it all that it contains.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/vec.h"
#include "sandbox/init.h"
#include "sys/fd.h"
#include "sys/message.h"

#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct command {
	int64_t id;
	pid_t pid;
};

struct init {
	struct channel channel;
	struct inside inside;
	VEC(struct command) commands; /* running */
	bool empty; /* said so since the last command */
	int listener; /* -1; open until the supervisor has a copy */
};

/* One INIT_EXEC, taken apart. */
struct request {
	int64_t id;
	uint32_t uid, gid;
	char *cwd, *argv_bytes, *env_bytes; /* owned */
	char **argv, **env; /* owned arrays into the bytes */
	struct str rlimits; /* borrowed from the message */
	int fds[3];
};

/* --- set-up --- */

static int
take_order(struct init *in, struct message *m, struct error *err)
{
	struct init_order o = { .fd = -1 };
	int64_t kind = message_get_int(m);
	int rc;

	o.a = message_get_str(m);
	o.b = message_get_str(m);
	o.n = message_get_int(m);
	o.m = message_get_int(m);
	if (m->n_fds != 0)
		o.fd = message_get_fd(m);
	rc = message_end(m, err);
	if (rc == 0 && (kind < 0 || kind >= INIT_OP__MAX))
		rc = error_set(err, -EPROTO, "unknown operation");
	o.kind = (enum init_op)kind;
	if (rc == 0)
		rc = inside_apply(&in->inside, &o, err);
	closep(&o.fd);
	return rc;
}

/* Applies orders until INIT_END; positive: the supervisor is gone. */
static int
set_up(struct init *in, struct error *err)
{
	struct message m;
	int rc;

	for (;;) {
		rc = channel_recv(&in->channel, &m, err);
		if (rc == 0)
			return 1;
		if (rc < 0)
			return rc;
		if (m.type == INIT_END)
			return message_end(&m, err);
		if (m.type != INIT_OP)
			return error_set(err, -EPROTO, "unexpected message");
		rc = take_order(in, &m, err);
		if (rc != 0)
			return rc;
	}
}

/* --- commands --- */

/* An array of the NUL-terminated strings in bytes, NULL at its end. */
static char **
split(char *bytes, size_t n)
{
	VEC(char *) v = { 0 };

	for (size_t i = 0; i < n; i += strlen(bytes + i) + 1)
		vec_push(&v, bytes + i);
	vec_push(&v, NULL);
	return v.v;
}

static void
request_done(struct request *r)
{
	free(r->cwd);
	free(r->argv);
	free(r->env);
	free(r->argv_bytes);
	free(r->env_bytes);
	for (int i = 0; i < 3; i++)
		closep(&r->fds[i]);
}

static int
request_read(struct message *m, struct request *r, struct error *err)
{
	struct str cwd, argv, env;
	int64_t mask;

	*r = (struct request){ .id = message_get_int(m),
		.uid = (uint32_t)message_get_int(m),
		.gid = (uint32_t)message_get_int(m),
		.fds = { -1, -1, -1 } };
	cwd = message_get_str(m);
	argv = message_get_str(m);
	env = message_get_str(m);
	r->rlimits = message_get_str(m);
	mask = message_get_int(m);
	for (int i = 0; i < 3; i++)
		if ((mask & 1 << i) != 0)
			r->fds[i] = message_get_fd(m);
	if (message_end(m, err) != 0)
		return -EPROTO;
	r->cwd = mem_strndup(cwd);
	r->argv_bytes = mem_strndup(argv);
	r->env_bytes = mem_strndup(env);
	r->argv = split(r->argv_bytes, argv.n);
	r->env = split(r->env_bytes, env.n);
	if (r->argv[0] == NULL)
		return error_set(err, -EPROTO, "a command without words");
	return 0;
}

static int
set_rlimits(struct str s)
{
	for (; s.n >= 16; s = str_sub(s, 16, s.n)) {
		uint64_t pair[2];
		struct rlimit l;

		memcpy(pair, s.p, sizeof(pair));
		l.rlim_cur = l.rlim_max = (rlim_t)pair[1];
		if (setrlimit((__rlimit_resource_t)pair[0], &l) != 0)
			return -errno;
	}
	return 0;
}

static const char *
path_of(char *const *env)
{
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return DEFAULT_PATH;
}

/* As execvpe(3), with the PATH of the new environment. */
static int
execute(const struct request *r)
{
	char file[4096];
	int found = ENOENT;

	if (strchr(r->argv[0], '/') != NULL) {
		(void)execve(r->argv[0], r->argv, r->env);
		return errno;
	}
	for (const char *p = path_of(r->env); *p != '\0';) {
		size_t n = strcspn(p, ":");

		(void)snprintf(file, sizeof(file), "%.*s/%s", (int)n, p,
		    r->argv[0]);
		(void)execve(file, r->argv, r->env);
		if (errno != ENOENT && errno != ENOTDIR)
			found = errno;
		p += n + (p[n] == ':');
	}
	return found;
}

static int
become_command(const struct init *in, const struct request *r, int report)
{
	sigset_t none;
	int rc;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	for (int i = 0; i < 3; i++)
		if (r->fds[i] >= 0 && dup2(r->fds[i], i) != i)
			return errno;
	rc = -set_rlimits(r->rlimits);
	if (rc == 0)
		rc = -inside_become(&in->inside, r->uid, r->gid);
	if (rc == 0 && dup2(report, 3) != 3)
		rc = errno;
	if (rc == 0 &&
	    (close_range(4, ~0u, 0) != 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0))
		rc = errno;
	if (rc == 0 && chdir(r->cwd) != 0)
		rc = errno;
	return rc;
}

static void __attribute__((noreturn))
run_command(const struct init *in, const struct request *r, int report)
{
	int rc = become_command(in, r, report);

	if (rc == 0) {
		rc = execute(r);
		report = 3;
	}
	_exit(write(report, &rc, sizeof(rc)) == sizeof(rc) ? 127 : 126);
}

static int
report_start(struct init *in, int64_t id, pid_t pid, int failure,
    struct error *err)
{
	_cleanup_(closep) int pidfd = -1;
	int rc;

	if (failure == 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (failure == 0 && pidfd < 0)
		failure = errno;
	message_begin(&in->channel,
	    failure == 0 ? INIT_STARTED : INIT_EXEC_FAILED);
	message_put_int(&in->channel, id);
	if (failure == 0)
		message_put_fd(&in->channel, pidfd);
	else
		message_put_int(&in->channel, failure);
	rc = message_send(&in->channel, err);
	return rc == 0 ? channel_flush(&in->channel, err) : rc;
}

static int
start(struct init *in, struct message *m, struct error *err)
{
	_cleanup_(request_done) struct request r = { .fds = { -1, -1, -1 } };
	struct command *c;
	int report[2], failure = 0, rc;
	pid_t pid;

	rc = request_read(m, &r, err);
	if (rc != 0)
		return rc;
	if (pipe2(report, O_CLOEXEC) != 0)
		return error_errno(err, "pipe");
	in->empty = false; /* also when it fails: emptiness is said again */
	/* It writes nothing that we read, and nobody reaches our memory through
	 * it: that is not dumpable, whoever the child has become. */
	pid = vfork();
	if (pid == 0)
		run_command(in, &r, report[1]);
	if (pid < 0)
		failure = errno;
	(void)close(report[1]);
	/* Ends with the exec, or tells why there was none. */
	if (pid > 0 && read(report[0], &failure, sizeof(failure)) > 0)
		(void)waitpid(pid, NULL, 0);
	(void)close(report[0]);
	if (failure == 0) {
		c = vec_add(&in->commands);
		c->id = r.id;
		c->pid = pid;
	}
	return report_start(in, r.id, pid, failure, err);
}

/* --- the end of processes --- */

static int
report_exit(struct init *in, int64_t id, int status, const struct rusage *u,
    struct error *err)
{
	struct channel *c = &in->channel;

	message_begin(c, INIT_EXITED);
	message_put_int(c, id);
	message_put_int(c, status);
	message_put_int(c, u->ru_utime.tv_sec * 1000000 + u->ru_utime.tv_usec);
	message_put_int(c, u->ru_stime.tv_sec * 1000000 + u->ru_stime.tv_usec);
	message_put_int(c, u->ru_maxrss);
	return message_send(c, err);
}

/* Orphans are reaped without a word. */
static int
reap(struct init *in, struct error *err)
{
	struct rusage usage;
	int status, rc = 0;
	pid_t pid;

	while (rc == 0 && (pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		for (size_t i = 0; i < in->commands.n; i++) {
			struct command c = in->commands.v[i];

			if (c.pid != pid)
				continue;
			in->commands.v[i] = in->commands.v[--in->commands.n];
			rc = report_exit(in, c.id, status, &usage, err);
			break;
		}
	}
	/* All that is left in the namespace are children of init. */
	if (rc == 0 && pid < 0 && errno == ECHILD && !in->empty) {
		in->empty = true;
		message_begin(&in->channel, INIT_EMPTY);
		rc = message_send(&in->channel, err);
	}
	return rc == 0 ? channel_flush(&in->channel, err) : rc;
}

/* The answer goes out by a call that no listener is told of. */
static int
watch(struct init *in, struct message *m, struct error *err)
{
	struct str program = message_get_str(m);
	int64_t listen = message_get_int(m);
	int number, rc;

	number = inside_filter(program,
	    listen != 0 ? SECCOMP_FILTER_FLAG_NEW_LISTENER |
		    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV :
			  0u);
	rc = message_end(m, err);
	if (listen != 0 && number >= 0)
		in->listener = number;
	if (rc != 0)
		return rc;
	message_begin(&in->channel, INIT_WATCHED);
	message_put_int(&in->channel, number);
	rc = message_send(&in->channel, err);
	return rc == 0 ? channel_flush(&in->channel, err) : rc;
}

static int
dispatch(struct init *in, struct message *m, struct error *err)
{
	int rc;

	/* Whoever speaks again has taken it. */
	closep(&in->listener);
	switch (m->type) {
	case INIT_WATCH:
		return watch(in, m, err);
	case INIT_EXEC:
		return start(in, m, err);
	case INIT_KILL:
		rc = message_end(m, err);
		(void)kill(-1, SIGKILL);
		in->empty = false; /* say so in any case */
		return rc == 0 ? reap(in, err) : rc;
	default:
		return error_set(err, -EPROTO, "unexpected message");
	}
}

/* Positive: the supervisor is gone. */
static int
serve(struct init *in, int signals, struct error *err)
{
	struct pollfd fds[] = { { signals, POLLIN, 0 },
		{ in->channel.fd, POLLIN, 0 } };
	struct signalfd_siginfo info;
	struct message m;
	int rc;

	if (poll(fds, N_ELEMENTS(fds), -1) < 0)
		return errno == EINTR ? 0 : error_errno(err, "poll");
	if (fds[0].revents != 0) {
		if (read(signals, &info, sizeof(info)) < 0 && errno != EAGAIN)
			return error_errno(err, "signalfd");
		rc = reap(in, err);
		if (rc != 0)
			return rc;
	}
	if (fds[1].revents == 0)
		return 0;
	rc = channel_fill(&in->channel, err);
	while (rc == 0 && (rc = channel_next(&in->channel, &m, err)) == 1)
		rc = dispatch(in, &m, err);
	return rc;
}

static int
say_ready(struct init *in, int failure, struct error *err)
{
	struct error ignored;

	message_begin(&in->channel, failure == 0 ? INIT_READY : INIT_FAILED);
	if (failure == 0) {
		message_put_str(&in->channel, str_of(in->inside.left_out));
	} else {
		message_put_int(&in->channel, failure);
		message_put_str(&in->channel, str_of(err->msg));
	}
	if (message_send(&in->channel, &ignored) != 0 ||
	    channel_flush(&in->channel, &ignored) != 0)
		return 1;
	return failure;
}

int
main(void)
{
	struct init in = { .inside = { .landlock = -1, .root = -1 },
		.empty = true,
		.listener = -1 };
	struct error err = ERROR_INIT;
	sigset_t mask;
	int signals, rc;

	if (getpid() != 1)
		return 4; /* not for people */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "init", 0, 0, 0);
	(void)umask(022);
	(void)sigfillset(&mask);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGCHLD);
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	channel_init(&in.channel, INIT_FD);
	(void)fcntl(INIT_FD, F_SETFD, FD_CLOEXEC);
	rc = signals < 0 ? error_errno(&err, "signalfd") : set_up(&in, &err);
	if (rc <= 0)
		rc = say_ready(&in, rc, &err);
	while (rc == 0)
		rc = serve(&in, signals, &err);
	return rc > 0 ? 0 : 4;
}
