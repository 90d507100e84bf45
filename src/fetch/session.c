/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of role fetch: configuration first, then messages of the supervisor
 * and of sinks, answers of reply, and transfers, until told to stop.
 */
#include "fetch/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/registries.h"
#include "fetch/http.h"
#include "fetch/session_priv.h"

/* Names in one run: the largest real trees have a few thousand, but a
 * document lists the dependencies of all its versions. */
#define MAX_ALLOWED   1000000
#define MAX_DOCUMENTS 65536

static struct str
with_slash(struct session *s, struct str url)
{
	if (url.n == 0 || str_ends(url, "/"))
		return arena_str(s->arena, url);
	return str_of(arena_printf(s->arena, "%.*s/", STR_ARG(url)));
}

/* The public base: as told, else what the client has built in, else the
 * registry itself. */
static void
set_bases(struct session *s, struct str data_dir, struct str public_base)
{
	char *dir = arena_strz(s->arena, data_dir);

	if (registries_default(s->arena, dir, ECOSYSTEM_NPM,
		&s->fallback_registry, NULL) != 0)
		s->fallback_registry = STR_NONE;
	s->public_base = with_slash(s, public_base);
	if (s->public_base.n == 0)
		s->public_base = s->fallback_registry;
	if (s->public_base.n == 0)
		s->public_base = document_base(s, STR_LIT("package"), NULL);
}

static void
set_files(struct session *s)
{
	const char *env = getenv("SSL_CERT_FILE");
	size_t n = 0;

	if (s->trust.cafile.n != 0)
		s->files[n++] = arena_strz(s->arena, s->trust.cafile);
	if (env != NULL && env[0] != '\0')
		s->files[n++] = env;
	s->files[n++] = "/etc/ssl/certs";
	s->files[n] = NULL;
}

static int
read_config(struct session *s, struct error *err)
{
	struct str registry, public_base, data_dir, cwd;
	struct message m;
	int64_t timeout_ms;
	int rc = channel_recv(&s->control, &m, err);

	if (rc == 0)
		return error_set(err, -ECANCELED, "stopped before the start");
	if (rc < 0)
		return rc;
	if (m.type != FETCH_CONFIG)
		m.bad = true;
	s->offline = message_get_int(&m) != 0;
	timeout_ms = message_get_int(&m);
	s->timeout_ms = (int)MIN_OF(timeout_ms, (int64_t)600000);
	registry = message_get_str(&m);
	public_base = message_get_str(&m);
	data_dir = message_get_str(&m);
	cwd = arena_str(s->arena, message_get_str(&m));
	s->node_version = arena_str(s->arena, message_get_str(&m));
	registry = with_slash(s, registry);
	public_base = arena_str(s->arena, public_base);
	data_dir = arena_str(s->arena, data_dir);
	rc = message_end(&m, err);
	if (rc != 0)
		return rc;
	s->registry = registry;
	rc = npmrc_load(s->npmrc, cwd.n != 0 ? arena_strz(s->arena, cwd) : ".",
	    (const char *const *)environ, err);
	if (rc != 0)
		return rc;
	npmrc_trust(s->npmrc, &s->trust);
	set_bases(s, data_dir, public_base);
	set_files(s);
	return 0;
}

int
session_new(int control_fd, int reply_fd, int keep_fd, struct session **ret,
    struct error *err)
{
	struct session *s = mem_alloc(sizeof(*s));
	struct http_options o = { 0 };
	int rc;

	channel_init(&s->control, control_fd);
	channel_init(&s->reply, reply_fd);
	channel_init(&s->keep, keep_fd);
	s->arena = arena_new(LIMIT_ARENA_BYTES);
	s->npmrc = npmrc_new(s->arena);
	s->documents = map_new(MAX_DOCUMENTS);
	s->artifacts = map_new(MAX_DOCUMENTS);
	s->roots = map_new(MAX_DOCUMENTS);
	s->allowed = map_new(MAX_ALLOWED);
	rc = read_config(s, err);
	if (rc != 0) {
		message_begin(&s->control, CONTROL_FAILED);
		message_put_int(&s->control, rc);
		message_put_str(&s->control, str_of(err->msg));
		if (message_send(&s->control, NULL) == 0)
			(void)channel_flush(&s->control, NULL);
		session_free(s);
		return rc;
	}
	o.npmrc = s->npmrc;
	o.trust = s->trust;
	o.timeout_ms = s->timeout_ms;
	s->http = http_new(&o);
	*ret = s;
	return 0;
}

static void
free_all(struct map *m, void (*free_one)(void *))
{
	size_t at = 0;
	struct str key;
	void *value;

	while (m != NULL && map_next(m, &at, &key, &value))
		free_one(value);
	map_free(m);
}

static void
free_document(void *d)
{
	document_free(d);
}

static void
free_artifact(void *a)
{
	artifact_free(a);
}

void
session_free(struct session *s)
{
	struct relay **r;

	if (s == NULL)
		return;
	http_free(s->http);
	vec_foreach(r, &s->relays)
		relay_free(*r);
	vec_done(&s->relays);
	vec_done(&s->questions);
	free_all(s->documents, free_document);
	free_all(s->artifacts, free_artifact);
	map_free(s->roots);
	map_free(s->allowed);
	channel_done(&s->control);
	channel_done(&s->reply);
	channel_done(&s->keep);
	arena_free(s->arena);
	free(s);
}

const char *const *
session_files(struct session *s)
{
	return s->files;
}

/* ---- messages of the supervisor */

static int
stop(struct session *s, struct message *m, struct error *err)
{
	s->stop = true;
	return message_end(m, err);
}

static const struct {
	uint16_t type;
	int (*handle)(struct session *, struct message *, struct error *);
} handlers[] = {
	{ CONTROL_STOP, stop },
	{ FETCH_RESOLVE, resolve_begin },
	{ FETCH_LOCAL, resolve_local },
	{ FETCH_RELAY, relay_add },
	{ FETCH_SERVED, resolve_served },
};

static int
handle(struct session *s, struct message *m, struct error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(handlers); i++)
		if (handlers[i].type == m->type)
			return handlers[i].handle(s, m, err);
	m->bad = true;
	return message_end(m, err);
}

/* What has arrived already, which no poll will tell. */
static int
control_drain(struct session *s, struct error *err)
{
	struct message m;
	int rc;

	while ((rc = channel_next(&s->control, &m, err)) == 1) {
		rc = handle(s, &m, err);
		if (rc != 0)
			return rc;
	}
	return rc;
}

static int
control_dispatch(struct session *s, struct error *err)
{
	int rc, end = channel_fill(&s->control, err);

	if (end < 0 && end != -EAGAIN)
		return end;
	rc = control_drain(s, err);
	if (end == 1)
		s->stop = true;
	return rc;
}

/* ---- the loop */

#define FIXED_FDS 2

static int
turn(struct session *s, struct error *err)
{
	struct pollfd fds[FIXED_FDS + 32] = { { .fd = s->control.fd },
		{ .fd = s->reply.fd } };
	size_t n = FIXED_FDS, n_relays = s->relays.n;
	int rc;

	for (size_t i = 0; i < n_relays; i++)
		fds[n++].fd =
		    s->relays.v[i]->closed ? -1 : s->relays.v[i]->channel.fd;
	for (size_t i = 0; i < n; i++)
		fds[i].events = POLLIN;
	rc = http_wait(s->http, fds, n, -1, err);
	if (rc == 0 && fds[1].revents != 0) {
		rc = ask_dispatch(s, err);
		if (rc == 1)
			rc = error_set(err, -EPIPE,
			    "the process that reads the registry's answers "
			    "died; the last one may be malicious");
	}
	if (rc == 0 && fds[0].revents != 0)
		rc = control_dispatch(s, err);
	for (size_t i = 0; i < n_relays && rc == 0; i++)
		if (fds[FIXED_FDS + i].revents != 0)
			relay_dispatch(s->relays.v[i]);
	return rc;
}

int
session_run(struct session *s, struct error *err)
{
	int rc = ask_config(s, err);

	message_begin(&s->control, CONTROL_READY);
	if (rc == 0)
		rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	/* Messages may have come together with the configuration. */
	if (rc == 0)
		rc = control_drain(s, err);
	while (rc == 0 && !s->stop)
		rc = turn(s, err);
	if (rc == 0)
		return 0;
	if (rc == -EPIPE && str_starts(str_of(err->msg), "write:"))
		(void)error_set(err, rc,
		    "the process that reads the registry's answers, or the one "
		    "that keeps its files, died");
	message_begin(&s->control, CONTROL_FAILED);
	message_put_int(&s->control, rc);
	message_put_str(&s->control, str_of(err->msg));
	if (message_send(&s->control, NULL) == 0)
		(void)channel_flush(&s->control, NULL);
	return rc;
}
