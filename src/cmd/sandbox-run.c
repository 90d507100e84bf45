/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command in a sandbox, from its start to its status. What it reads and
 * writes goes through pipes of ours: no descriptor of the host is inside, and
 * output has a limit.
 */
#include "cmd/sandbox-run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cmd/sandbox-views.h"
#include "sandbox/image.h"
#include "sys/clock.h"
#include "sys/fd.h"

/* From one descriptor to another, up to a limit. */
struct pump {
	int from, to; /* owned; -1: over */
	char held[64 * KIB]; /* read, not yet written */
	size_t n, at;
	int64_t left; /* bytes that may still pass */
};

enum {
	IN,
	OUT,
	ERR,
	PUMPS
};

#define WALL_TIME "wall time"

struct run {
	const struct sandbox_options *o;
	struct sandbox *sandbox; /* owned */
	struct views views;
	struct pump pumps[PUMPS];
	int signals; /* signalfd, owned */
	const char *program; /* of the command, as it was given */
	int64_t command, deadline_at; /* id; ns, 0: none */
	int64_t held_ns; /* of record_held(), in deadline_at already */
	int status; /* what we exit with */
	int wait_status; /* as of waitpid(2); -1: not executed */
	bool exited, empty, killed;
	const char *stopped; /* which limit or signal ended it; NULL */
};

/* --- root file system --- */

/* Never built here: that takes minutes and asks for the network. */
static int
image_layers(const struct sandbox_options *o, struct image *image,
    struct sandbox_layer *ret, size_t *ret_n, struct error *err)
{
	const struct image_request q = { .ecosystem = o->image,
		.state = o->state };
	int rc = image_open(&q, image, err);

	if (rc == -ENOENT)
		return error_set(err, -ENOENT,
		    "there is no image '%s': run lazaret image build %s",
		    o->image, o->image);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < image->n_layers; i++)
		ret[i] = (struct sandbox_layer){ image->layers[i], -1 };
	*ret_n = image->n_layers;
	return 0;
}

int
sandbox_run_layers(const struct sandbox_options *o, struct image *image,
    struct sandbox_layer *ret, size_t *ret_n, struct error *err)
{
	char real[PATH_MAX];

	if (strchr(o->image, '/') == NULL)
		return image_layers(o, image, ret, ret_n, err);
	if (realpath(o->image, real) == NULL)
		return error_errno(err, "%s", o->image);
	ret[0] =
	    (struct sandbox_layer){ arena_strz(o->arena, str_of(real)), -1 };
	*ret_n = 1;
	return 0;
}

/* --- pumps --- */

static void
pump_end(struct pump *p)
{
	closep(&p->from);
	closep(&p->to);
}

static bool
pump_open(const struct pump *p)
{
	return p->from >= 0 && p->to >= 0;
}

/* What to wait for: room when bytes are held, bytes otherwise. */
static struct pollfd
pump_wait(const struct pump *p)
{
	if (!pump_open(p))
		return (struct pollfd){ .fd = -1 };
	if (p->at < p->n)
		return (struct pollfd){ p->to, POLLOUT, 0 };
	return (struct pollfd){ p->from, POLLIN, 0 };
}

/* False: the limit is reached. */
static bool
pump_move(struct pump *p)
{
	ssize_t n;

	if (p->at == p->n) {
		n = read(p->from, p->held, sizeof(p->held));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			return true;
		if (n <= 0) {
			pump_end(p);
			return true;
		}
		p->at = 0;
		p->n = (size_t)MIN_OF((int64_t)n, p->left);
		p->left -= n;
	}
	n = write(p->to, p->held + p->at, p->n - p->at);
	if (n > 0)
		p->at += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		pump_end(p); /* nobody reads any more */
	return p->left >= 0;
}

/* What is still in the pipe when everything has ended. */
static void
pump_drain(struct pump *p)
{
	struct pollfd w;

	while (pump_open(p)) {
		w = pump_wait(p);
		if (w.events == POLLIN && poll(&w, 1, 0) <= 0)
			break;
		if (w.events == POLLOUT)
			(void)poll(&w, 1, -1);
		if (!pump_move(p))
			break;
	}
	pump_end(p);
}

/* Ours and theirs of one standard descriptor. */
static int
pump_make(struct pump *p, int standard, int *ret_theirs, struct error *err)
{
	int ends[2], own = fcntl(standard, F_DUPFD_CLOEXEC, 3);
	bool in = standard == STDIN_FILENO;

	*ret_theirs = -1;
	p->from = p->to = -1;
	if (own < 0)
		return 0; /* closed here: /dev/null there */
	if (pipe2(ends, O_CLOEXEC) != 0) {
		(void)close(own);
		return error_errno(err, "pipe");
	}
	p->from = in ? own : ends[0];
	p->to = in ? ends[1] : own;
	*ret_theirs = in ? ends[0] : ends[1];
	return fd_set_nonblock(in ? ends[1] : ends[0], true, err);
}

/* --- the command --- */

static const char **
environment(const struct sandbox_options *o, const struct sandbox_spec *spec)
{
	VEC(const char *) v = { 0 };
	const char *user = spec->user != NULL ? spec->user : "user";
	const char *term = getenv("TERM");

	vec_push(&v, arena_printf(o->arena, "HOME=/home/%s", user));
	vec_push(&v, arena_printf(o->arena, "USER=%s", user));
	vec_push(&v, arena_printf(o->arena, "LOGNAME=%s", user));
	vec_push(&v,
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
	    "/bin");
	vec_push(&v, "LANG=C.UTF-8");
	if (term != NULL)
		vec_push(&v, arena_printf(o->arena, "TERM=%s", term));
	for (size_t i = 0; i < o->env.n; i++)
		vec_push(&v, o->env.v[i]);
	vec_push(&v, NULL);
	return v.v;
}

static int
start(struct run *r, const struct sandbox_spec *spec, char **argv,
    struct error *err)
{
	struct sandbox_command c = SANDBOX_COMMAND_INIT;
	int theirs[PUMPS] = { -1, -1, -1 }, rc = 0;
	const char **env = environment(r->o, spec);

	for (int i = 0; i < PUMPS && rc == 0; i++) {
		r->pumps[i].left = i == IN ? INT64_MAX : r->o->output_bytes;
		rc = pump_make(&r->pumps[i], i, &theirs[i], err);
	}
	c.argv = (const char *const *)argv;
	r->program = argv[0];
	c.env = env;
	c.cwd = r->o->cwd;
	c.uid = c.gid = (uint32_t)r->o->uid;
	c.in_fd = theirs[IN];
	c.out_fd = theirs[OUT];
	c.err_fd = theirs[ERR];
	if (rc == 0)
		rc = sandbox_exec(r->sandbox, &c, &r->command, err);
	for (int i = 0; i < PUMPS; i++)
		closep(&theirs[i]);
	free(env);
	if (r->o->time_ms > 0)
		r->deadline_at = clock_ns() + r->o->time_ms * NS_PER_MS;
	return rc;
}

/* --- events --- */

static int
stop(struct run *r, const char *why, struct error *err)
{
	if (r->stopped == NULL)
		r->stopped = why;
	return sandbox_kill_all(r->sandbox, err);
}

static int
on_exit_of_command(struct run *r, const struct sandbox_event *e)
{
	if (e->id != r->command)
		return 0;
	r->exited = true;
	r->wait_status = e->status;
	/* A signal to us counts, not that we then killed the command. */
	if (r->status == 0)
		r->status = WIFSIGNALED(e->status) ? 128 + WTERMSIG(e->status) :
						     WEXITSTATUS(e->status);
	return 0;
}

static int
on_event(struct run *r, const struct sandbox_event *e, struct error *err)
{
	switch (e->kind) {
	case SANDBOX_EXITED:
		return on_exit_of_command(r, e);
	case SANDBOX_EXEC_FAILED:
		r->exited = r->empty = true;
		r->status = e->status == ENOENT ? 127 : 126;
		fprintf(stderr, "lazaret sandbox: cannot run %s: %s\n",
		    r->program, strerror(e->status));
		return 0;
	case SANDBOX_EMPTY:
		r->empty = r->exited;
		return 0;
	case SANDBOX_LIMIT:
		if (e->limit == SANDBOX_LIMIT_CPU ||
		    e->limit == SANDBOX_LIMIT_MEMORY)
			r->stopped = sandbox_limit_word(e->limit);
		return 0;
	case SANDBOX_DIED:
		return error_set(err, -EIO,
		    "process 1 of the sandbox was killed");
	case SANDBOX_STARTED:
	case SANDBOX_EVENT__MAX:
		break;
	}
	return 0;
}

static int
timeout_ms(const struct run *r)
{
	int64_t left = (r->deadline_at - clock_ns()) / NS_PER_MS + 1;

	if (r->deadline_at == 0)
		return -1;
	return left < 0 ? 0 : (int)MIN_OF(left, INT32_MAX);
}

/* Time in which a flood was held back does not count. */
static bool
time_is_up(struct run *r)
{
	struct error ignored = ERROR_INIT;
	int64_t held;

	if (r->deadline_at == 0 || clock_ns() < r->deadline_at)
		return false;
	if (r->views.record == NULL ||
	    record_held(r->views.record, &held, &ignored) < 0)
		return true;
	r->deadline_at += held - r->held_ns;
	r->held_ns = held;
	return clock_ns() >= r->deadline_at;
}

static int
on_signal(struct run *r, struct error *err)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	r->status = 128 + (int)info.ssi_signo;
	return stop(r, "a signal", err);
}

static int
move_bytes(struct run *r, const struct pollfd *fds, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < PUMPS && rc == 0; i++) {
		if (fds[i].fd < 0 || fds[i].revents == 0)
			continue;
		if (!pump_move(&r->pumps[i])) {
			pump_end(&r->pumps[i]);
			rc = stop(r, "output", err);
		}
	}
	return rc;
}

/* One round; 1: over. */
static int
turn(struct run *r, struct error *err)
{
	struct pollfd fds[PUMPS + 2];
	struct sandbox_event e;
	int rc;

	for (int i = 0; i < PUMPS; i++)
		fds[i] = pump_wait(&r->pumps[i]);
	fds[PUMPS] = (struct pollfd){ sandbox_fd(r->sandbox), POLLIN, 0 };
	fds[PUMPS + 1] = (struct pollfd){ r->signals, POLLIN, 0 };
	rc = poll(fds, N_ELEMENTS(fds), timeout_ms(r));
	if (rc < 0)
		return errno == EINTR ? 0 : error_errno(err, "poll");
	rc = move_bytes(r, fds, err);
	if (rc == 0 && fds[PUMPS + 1].revents != 0)
		rc = on_signal(r, err);
	if (rc == 0 && time_is_up(r)) {
		r->deadline_at = 0;
		rc = stop(r, WALL_TIME, err);
	}
	while (rc == 0 && (rc = sandbox_next(r->sandbox, &e, err)) == 1)
		rc = on_event(r, &e, err);
	if (rc != 0 || !r->exited)
		return rc;
	if (r->empty)
		return 1;
	if (r->killed)
		return 0;
	/* Children that stayed behind end with it. */
	r->killed = true;
	return sandbox_kill_all(r->sandbox, err);
}

/* Which word of the phase's row says how it ended. */
static const char *
end_word(const struct run *r, enum sandbox_limit hit)
{
	if (r->stopped != NULL)
		return strcmp(r->stopped, WALL_TIME) == 0 ? "timeout" : "limit";
	if (hit != SANDBOX_LIMIT_NONE)
		return "limit";
	if (r->wait_status < 0)
		return "skipped";
	return r->status == 0 ? "completed" : "failed";
}

static int
account(struct run *r, struct error *err)
{
	enum sandbox_limit hit = sandbox_limit_hit(r->sandbox);
	const char *limit =
	    hit != SANDBOX_LIMIT_NONE ? sandbox_limit_word(hit) : NULL;
	struct views_end e = { r->wait_status, end_word(r, hit),
		r->stopped != NULL ? r->stopped : limit };
	int rc = views_end(&r->views, r->sandbox, &e, err);

	/* Nothing of it runs or lies around while people read. */
	sandbox_stop(r->sandbox);
	if (r->stopped != NULL)
		fprintf(stderr, "lazaret sandbox: stopped by: %s\n",
		    r->stopped);
	else if (limit != NULL)
		fprintf(stderr, "lazaret sandbox: limit reached: %s\n", limit);
	return rc == 0 ? views_account(&r->views, err) : rc;
}

static int
block_signals(struct run *r, struct error *err)
{
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	r->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals >= 0 ? 0 : error_errno(err, "signalfd");
}

/* Everything up to the command, as the views have chosen. */
static int
make(struct run *r, const struct sandbox_spec *spec, const struct image *image,
    char **argv, struct error *err)
{
	_cleanup_(sandbox_plan_freep) struct sandbox_plan *plan = NULL;
	int rc = sandbox_plan(spec, &plan, err);

	if (rc == 0)
		rc = views_open(&r->views, r->o, err);
	if (rc == 0)
		rc = sandbox_begin(plan, &r->sandbox, err);
	/* Who watches does not see how init makes and looks at itself. */
	if (rc == 0 && r->views.scribe != NULL)
		rc = sandbox_ready(r->sandbox, err);
	if (rc == 0)
		rc = views_begin(&r->views, r->sandbox, image, argv, err);
	return rc;
}

int
sandbox_run(const struct sandbox_options *o, struct sandbox_spec *spec,
    const struct image *image, char **argv, int *ret_status, struct error *err)
{
	struct run *r = mem_alloc(sizeof(*r));
	int rc;

	r->o = o;
	r->signals = r->wait_status = r->views.run_fd = -1;
	for (int i = 0; i < PUMPS; i++)
		r->pumps[i].from = r->pumps[i].to = -1;
	rc = block_signals(r, err);
	if (rc == 0)
		rc = views_choose(&r->views, o, spec, err);
	if (rc == 0)
		rc = make(r, spec, image, argv, err);
	while (rc < 0 && views_choose_again(&r->views, spec, err) == 1) {
		sandbox_freep(&r->sandbox);
		rc = make(r, spec, image, argv, err);
	}
	if (rc == 0)
		rc = start(r, spec, argv, err);
	while (rc == 0)
		rc = turn(r, err);
	pump_end(&r->pumps[IN]);
	pump_drain(&r->pumps[OUT]);
	pump_drain(&r->pumps[ERR]);
	if (rc == 1) {
		*ret_status = r->status;
		rc = account(r, err);
	}
	sandbox_free(r->sandbox);
	views_done(&r->views);
	closep(&r->signals);
	free(r);
	return rc;
}
