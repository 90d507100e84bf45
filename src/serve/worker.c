/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and telling workers. Runs in `lazaret serve`. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "serve/protocol.h"
#include "serve/supervisor_priv.h"
#include "sys/fd.h"

static int
send_now(struct worker *w, struct error *err)
{
	int rc = message_send(&w->channel, err);

	return rc == 0 ? channel_flush(&w->channel, err) : rc;
}

static int
expect(struct worker *w, enum expected e, struct error *err)
{
	if (w->n_expected == EXPECTED_MAX)
		return error_set(err, -EBUSY, "a worker does not answer");
	w->expected[w->n_expected++] = e;
	return send_now(w, err);
}

int
worker_send_snapshot(struct worker *w, int fd, enum expected e,
    struct error *err)
{
	message_begin(&w->channel, SERVE_SNAPSHOT);
	message_put_fd(&w->channel, fd);
	return expect(w, e, err);
}

int
worker_send_tls(struct worker *w, const struct supervisor_options *o,
    struct error *err)
{
	_cleanup_(closep) int certificate =
	    open(o->tls_certificate, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int key = open(o->tls_key, O_RDONLY | O_CLOEXEC);

	if (certificate < 0 || key < 0)
		return error_errno(err, "%s",
		    certificate < 0 ? o->tls_certificate : o->tls_key);
	message_begin(&w->channel, SERVE_TLS);
	message_put_fd(&w->channel, certificate);
	message_put_fd(&w->channel, key);
	return expect(w, EXPECT_TLS, err);
}

int
worker_send_drain(struct worker *w, struct error *err)
{
	message_begin(&w->channel, SERVE_DRAIN);
	return send_now(w, err);
}

static int
configure(struct supervisor *s, unsigned i, struct error *err)
{
	struct worker *w = &s->workers[i];
	struct server_options o = s->o->server;

	o.worker = i;
	o.bucket = s->bucket_fd >= 0;
	o.log = s->log_out >= 0;
	o.tls = s->o->tls_certificate != NULL;
	message_begin(&w->channel, SERVE_CONFIGURE);
	server_options_put(&o, &w->channel);
	return send_now(w, err);
}

static int
spawn(struct supervisor *s, struct worker *w, int fd, struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	const char *argv[] = { "listener", NULL };
	const int fds[] = { w->listen_fd, fd, s->shared_fd, s->log_pipe[1] };
	struct spawn p = SPAWN_INIT;
	int rc = spawn_libexec_path("listener", path, sizeof(path), err);

	p.path = path;
	p.argv = argv;
	p.fds = fds;
	p.n_fds = N_ELEMENTS(fds);
	p.die_with_parent = true;
	p.new_session = true; /* Ctrl-C is ours: it drains */
	return rc == 0 ? spawn_start(&p, &w->child, err) : rc;
}

int
worker_start(struct supervisor *s, unsigned i, struct error *err)
{
	struct worker *w = &s->workers[i];
	int pair[2], rc = fd_socketpair(pair, err);

	assert(!w->running);
	if (rc != 0)
		return rc;
	rc = spawn(s, w, pair[1], err);
	(void)close(pair[1]);
	if (rc != 0) {
		(void)close(pair[0]);
		return rc;
	}
	channel_init(&w->channel, pair[0]);
	w->running = true;
	w->n_expected = 0;
	rc = configure(s, i, err);
	if (rc == 0 && s->o->tls_certificate != NULL)
		rc = worker_send_tls(w, s->o, err);
	if (rc == 0 && s->snapshot_fd >= 0)
		return worker_send_snapshot(w, s->snapshot_fd, EXPECT_SNAPSHOT,
		    err);
	return rc == 0 ?
	    worker_send_snapshot(w, s->offered_fd, EXPECT_OFFERED, err) :
	    rc;
}

/* Below the folder, through no link, and a file: whatever the path says. */
static int
open_below(int dir, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
		    RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_(closep) int fd =
	    (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	return steal_fd(&fd);
}

int
worker_open(struct supervisor *s, struct worker *w, struct message *m,
    struct error *err)
{
	int64_t id = message_get_int(m);
	_cleanup_(freep) char *path = mem_strndup(message_get_str(m));
	_cleanup_(closep) int fd = -1;
	int rc = message_end(m, err);

	if (rc != 0)
		return rc;
	if (s->bucket_fd >= 0)
		fd = open_below(s->bucket_fd, path);
	message_begin(&w->channel, SERVE_FILE);
	message_put_int(&w->channel, id);
	if (fd >= 0)
		message_put_fd(&w->channel, fd);
	return send_now(w, err);
}
