/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of role gather. Runs in `lazaret report ingest`. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "fetch/gather_priv.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define END_TIMEOUT_MS 5000

struct gather {
	struct channel control;
	struct child child;
};

static int
start(struct gather *g, struct error *err)
{
	struct spawn s = SPAWN_INIT;
	const char *argv[] = { "gather", NULL };
	char path[LIMIT_PATH_BYTES];
	int ends[2] = { -1, -1 };
	int rc = spawn_libexec_path("gather", path, sizeof(path), err);

	if (rc == 0)
		rc = fd_socketpair(ends, err);
	if (rc != 0)
		return rc;
	s.path = path;
	s.argv = argv;
	s.fds = &ends[1];
	s.n_fds = 1;
	s.die_with_parent = true;
	s.new_session = true;
	rc = spawn_start(&s, &g->child, err);
	closep(&ends[1]);
	if (rc == 0)
		channel_init(&g->control, steal_fd(&ends[0]));
	closep(&ends[0]);
	return rc;
}

/* A message of the role: 1, or what it says went wrong. */
static int
receive(struct gather *g, struct message *m, struct error *err)
{
	struct str sentence;
	int64_t code;
	int rc = channel_recv(&g->control, m, err);

	if (rc == 0)
		return error_set(err, -EPIPE, "the process that fetches died");
	if (rc < 0 || m->type != CONTROL_FAILED)
		return rc;
	code = message_get_int(m);
	sentence = message_get_str(m);
	(void)error_set(err, code < 0 && code >= -4095 ? (int)code : -EPROTO,
	    "%.*s", STR_ARG(sentence));
	rc = err->code;
	(void)message_end(m, NULL);
	return rc;
}

static int
configure(struct gather *g, const struct gather_options *o, struct error *err)
{
	struct channel *c = &g->control;
	struct message m;
	int rc;

	message_begin(c, GATHER_CONFIG);
	message_put_str(c, o->base);
	message_put_str(c, o->region);
	message_put_int(c, o->credentials);
	message_put_str(c, o->file);
	message_put_str(c, o->profile);
	message_put_int(c, o->timeout_ms);
	rc = message_send(c, err);
	if (rc == 0)
		rc = channel_flush(c, err);
	if (rc == 0)
		rc = receive(g, &m, err);
	if (rc < 0)
		return rc;
	if (m.type != CONTROL_READY)
		m.bad = true;
	return message_end(&m, err);
}

int
gather_open(const struct gather_options *o, struct gather **ret,
    struct error *err)
{
	struct gather *g = mem_alloc(sizeof(*g));
	int rc;

	g->control.fd = -1;
	g->child = (struct child)CHILD_INIT;
	rc = start(g, err);
	if (rc == 0)
		rc = configure(g, o, err);
	if (rc != 0) {
		gather_close(g);
		return rc;
	}
	*ret = g;
	return 0;
}

void
gather_close(struct gather *g)
{
	int status;

	if (g == NULL)
		return;
	if (g->control.fd >= 0)
		channel_done(&g->control); /* end of file: it stops */
	if (g->child.pid != 0)
		(void)spawn_wait(&g->child, END_TIMEOUT_MS, &status, NULL);
	spawn_kill(&g->child);
	free(g);
}

int
gather_ask(struct gather *g, const struct gather_request *r, struct error *err)
{
	struct channel *c = &g->control;
	int rc;

	message_begin(c, GATHER_GET);
	message_put_int(c, r->id);
	message_put_str(c, r->url);
	message_put_str(c, r->etag);
	message_put_str(c, r->modified);
	message_put_int(c, r->max_bytes);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

int
gather_next(struct gather *g, struct gather_got *ret, struct error *err)
{
	struct gather_got got = { .fd = -1 };
	struct message m;
	int64_t code;
	int rc = receive(g, &m, err);

	if (rc < 0)
		return rc;
	got.id = message_get_int(&m);
	code = message_get_int(&m);
	got.sentence = message_get_str(&m);
	got.unchanged = message_get_int(&m) != 0;
	got.size = message_get_int(&m);
	got.etag = message_get_str(&m);
	got.modified = message_get_str(&m);
	if (m.type != GATHER_GOT || code > 0 || code < -4095 || got.size < 0)
		m.bad = true;
	got.code = (int)code;
	if (!m.bad && code == 0 && !got.unchanged)
		got.fd = message_get_fd(&m);
	rc = message_end(&m, err);
	if (rc != 0) {
		closep(&got.fd);
		return error_wrap(err, "role gather");
	}
	*ret = got;
	return 0;
}
