/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's side of role gather. Runs in `lazaret report ingest`. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "fetch/gather_priv.h"
#include "sys/fd.h"
#include "sys/role.h"

#define END_TIMEOUT_MS 5000

struct gather {
	struct role role;
};

/* A message of the role: 1, or what it says went wrong. */
static int
receive(struct gather *g, struct message *m, struct error *err)
{
	struct str sentence;
	int64_t code;
	int rc = channel_recv(&g->role.channel, m, err);

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
	struct channel *c = &g->role.channel;
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

	g->role = (struct role)ROLE_INIT;
	rc = role_start("gather", NULL, 0, true, &g->role, err);
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
	if (g == NULL)
		return;
	role_stop(&g->role, END_TIMEOUT_MS);
	free(g);
}

int
gather_ask(struct gather *g, const struct gather_request *r, struct error *err)
{
	struct channel *c = &g->role.channel;
	int rc;

	message_begin(c, GATHER_GET);
	message_put_int(c, r->id);
	message_put_str(c, r->url);
	message_put_str(c, r->etag);
	message_put_str(c, r->modified);
	message_put_int(c, r->max_bytes);
	message_put_int(c, r->pages);
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
	got.next = message_get_str(&m);
	got.wait_s = message_get_int(&m);
	if (m.type != GATHER_GOT || code > 0 || code < -4095 || got.size < 0 ||
	    got.wait_s < 0)
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
