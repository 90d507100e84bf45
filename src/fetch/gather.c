/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of role gather: credentials first, then requests and transfers
 * until the supervisor is gone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "ecosystem/npm/npmrc.h"
#include "fetch/gather_priv.h"
#include "fetch/http.h"
#include "fetch/link.h"
#include "sys/fd.h"
#include "sys/message.h"

struct gathering {
	struct channel control;
	struct arena *arena;
	struct npmrc *npmrc; /* of the environment alone: proxies */
	struct npmrc_trust trust;
	struct http *http;
	struct http_sign sign;
	struct str base;
	const char *files[3];
	size_t n_asked;
	bool stop;
};

struct asked {
	struct gathering *g;
	int64_t id;
	struct buf url; /* of a page; otherwise empty */
};

/* --- credentials -----------------------------------------------------------
 */

static struct str
from_environment(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && v[0] != '\0' ? str_of(v) : STR_NONE;
}

static int
read_environment(struct gathering *g, bool must, struct error *err)
{
	g->sign.key_id = from_environment("AWS_ACCESS_KEY_ID");
	g->sign.secret = from_environment("AWS_SECRET_ACCESS_KEY");
	g->sign.token = from_environment("AWS_SESSION_TOKEN");
	if (g->sign.key_id.n != 0 && g->sign.secret.n != 0)
		return 0;
	if (must)
		return error_set(err, -ENOENT,
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set "
		    "(for a public bucket say credentials: anonymous)");
	g->sign.scope = STR_NONE;
	return 0;
}

/* A file as the AWS tools write it: sections of key = value. */
static int
take_profile(struct gathering *g, struct str text, struct str profile,
    struct error *err)
{
	const struct {
		const char *name;
		struct str *to;
	} keys[] = { { "aws_access_key_id", &g->sign.key_id },
		{ "aws_secret_access_key", &g->sign.secret },
		{ "aws_session_token", &g->sign.token } };
	struct str line, key;
	bool ours = false;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (str_starts(line, "[")) {
			ours = str_eq(str_trim(str_sub(line, 1, line.n - 1)),
			    profile);
			continue;
		}
		if (!ours || !str_cut(&line, '=', &key))
			continue;
		for (size_t i = 0; i < N_ELEMENTS(keys); i++)
			if (str_is(str_trim(key), keys[i].name))
				*keys[i].to = str_trim(line);
	}
	if (g->sign.key_id.n == 0 || g->sign.secret.n == 0)
		return error_set(err, -ENOENT,
		    "has no aws_access_key_id and aws_secret_access_key in "
		    "[%.*s]",
		    STR_ARG(profile));
	return 0;
}

/* For an object store a profile, otherwise the header's value. */
static int
read_credentials_file(struct gathering *g, struct str file, struct str profile,
    struct error *err)
{
	char *path = arena_strz(g->arena, file);
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct str text;
	struct buf b;
	int rc = 0;

	if (fd < 0)
		return error_errno(err, "%s", path);
	buf_init(&b, MIB);
	rc = fd_read_all(fd, &b, err);
	text = arena_str(g->arena, buf_str(&b));
	if (b.n != 0)
		explicit_bzero(b.p, b.n);
	buf_done(&b);
	if (rc == 0 && g->sign.scope.n == 0)
		g->sign.authorization = str_trim(text);
	else if (rc == 0)
		rc = take_profile(g, text,
		    profile.n != 0 ? profile : STR_LIT("default"), err);
	return rc == 0 ? 0 : error_wrap(err, "%s", path);
}

static int
read_credentials(struct gathering *g, enum gather_credentials from,
    struct str file, struct str profile, struct error *err)
{
	switch (from) {
	case GATHER_FILE:
		return read_credentials_file(g, file, profile, err);
	case GATHER_ENVIRONMENT:
	case GATHER_DEFAULT:
		if (g->sign.scope.n == 0)
			return 0;
		return read_environment(g, from == GATHER_ENVIRONMENT, err);
	case GATHER_ANONYMOUS:
	case GATHER_CREDENTIALS__MAX:
		break;
	}
	g->sign.scope = STR_NONE;
	return 0;
}

static int
read_config(struct gathering *g, int *ret_timeout_ms, struct error *err)
{
	struct str region, file, profile;
	struct message m;
	int64_t timeout_ms, from;
	int rc = channel_recv(&g->control, &m, err);

	if (rc == 0)
		return error_set(err, -ECANCELED, "stopped before the start");
	if (rc < 0)
		return rc;
	if (m.type != GATHER_CONFIG)
		m.bad = true;
	g->base = arena_str(g->arena, message_get_str(&m));
	region = arena_str(g->arena, message_get_str(&m));
	from = message_get_int(&m);
	file = arena_str(g->arena, message_get_str(&m));
	profile = arena_str(g->arena, message_get_str(&m));
	timeout_ms = message_get_int(&m);
	if (from < 0 || from >= GATHER_CREDENTIALS__MAX)
		m.bad = true;
	rc = message_end(&m, err);
	if (rc != 0)
		return rc;
	*ret_timeout_ms = (int)MIN_OF(timeout_ms, (int64_t)600000);
	if (region.n != 0)
		g->sign.scope = str_of(
		    arena_printf(g->arena, "aws:amz:%.*s:s3", STR_ARG(region)));
	return read_credentials(g, (enum gather_credentials)from, file, profile,
	    err);
}

static void
set_files(struct gathering *g)
{
	const char *env = getenv("SSL_CERT_FILE");
	size_t n = 0;

	if (g->trust.cafile.n != 0)
		g->files[n++] = arena_strz(g->arena, g->trust.cafile);
	if (env != NULL && env[0] != '\0')
		g->files[n++] = env;
	g->files[n] = NULL;
}

static void
tell_failure(struct gathering *g, int code, const struct error *err)
{
	message_begin(&g->control, CONTROL_FAILED);
	message_put_int(&g->control, code);
	message_put_str(&g->control, str_of(err->msg));
	if (message_send(&g->control, NULL) == 0)
		(void)channel_flush(&g->control, NULL);
}

int
gathering_new(int control_fd, struct gathering **ret, struct error *err)
{
	struct gathering *g = mem_alloc(sizeof(*g));
	struct http_options o = { 0 };
	int rc;

	channel_init(&g->control, control_fd);
	g->arena = arena_new(16 * MIB);
	rc = read_config(g, &o.timeout_ms, err);
	if (rc != 0) {
		tell_failure(g, rc, err);
		gathering_free(g);
		return rc;
	}
	g->npmrc = npmrc_new(g->arena);
	npmrc_add_env(g->npmrc, (const char *const *)environ);
	npmrc_trust(g->npmrc, &g->trust);
	set_files(g);
	o.npmrc = g->npmrc;
	o.trust = g->trust;
	g->http = http_new(&o);
	*ret = g;
	return 0;
}

void
gathering_free(struct gathering *g)
{
	if (g == NULL)
		return;
	http_free(g->http);
	channel_done(&g->control);
	arena_free(g->arena);
	free(g);
}

const char *const *
gathering_files(struct gathering *g)
{
	return g->files;
}

/* --- requests ---------------------------------------------------------------
 */

static void
put_next(struct channel *c, const struct asked *q, const struct http_answer *a)
{
	struct buf next;

	buf_init(&next, LIMIT_URL_BYTES);
	if (q->url.n != 0 && a->code == 0)
		link_next(buf_str(&q->url), a->link, &next);
	message_put_str(c, buf_str(&next));
	message_put_int(c, a->code == -EAGAIN ? a->wait_s : 0);
	buf_done(&next);
}

static void
on_answer(void *arg, const struct http_answer *a)
{
	struct asked *q = arg;
	struct channel *c = &q->g->control;

	message_begin(c, GATHER_GOT);
	message_put_int(c, q->id);
	message_put_int(c, a->code);
	message_put_str(c, a->code == 0 ? STR_LIT("") : str_of(a->sentence));
	message_put_int(c, a->code == 0 && a->status == 304);
	message_put_int(c, a->size);
	message_put_str(c, a->etag);
	message_put_str(c, a->modified);
	put_next(c, q, a);
	if (a->fd >= 0)
		message_put_fd(c, a->fd);
	/* Whoever asked is gone: so are we. */
	if (message_send(c, NULL) != 0 || channel_flush(c, NULL) != 0)
		q->g->stop = true;
	if (a->fd >= 0)
		(void)close(a->fd);
	q->g->n_asked--;
	buf_done(&q->url);
	free(q);
}

static int
take_request(struct gathering *g, struct message *m, struct error *err)
{
	struct http_request r = { .registry = g->base,
		.sign = &g->sign,
		.what = "not fetched" };
	struct asked *q = mem_alloc(sizeof(*q));
	int rc;

	q->g = g;
	q->id = message_get_int(m);
	r.url = message_get_str(m);
	r.etag = message_get_str(m);
	r.modified = message_get_str(m);
	r.max_bytes = message_get_int(m);
	r.tell_limits = message_get_int(m) != 0;
	buf_init(&q->url, LIMIT_URL_BYTES);
	if (r.tell_limits)
		buf_put_str(&q->url, r.url);
	if (m->type != GATHER_GET || g->n_asked == GATHER_MAX_ASKED)
		m->bad = true;
	rc = message_end(m, err);
	if (rc != 0) {
		buf_done(&q->url);
		free(q);
		return rc;
	}
	g->n_asked++;
	http_get(g->http, &r, on_answer, q);
	return 0;
}

static int
drain(struct gathering *g, struct error *err)
{
	struct message m;
	int rc;

	while ((rc = channel_next(&g->control, &m, err)) == 1)
		if (take_request(g, &m, err) != 0)
			return err->code;
	return rc;
}

int
gathering_run(struct gathering *g, struct error *err)
{
	int rc, end;

	message_begin(&g->control, CONTROL_READY);
	rc = message_send(&g->control, err);
	if (rc == 0)
		rc = channel_flush(&g->control, err);
	if (rc == 0)
		rc = drain(g, err);
	while (rc == 0 && !g->stop) {
		struct pollfd fd = { .fd = g->control.fd, .events = POLLIN };

		rc = http_wait(g->http, &fd, 1, -1, err);
		if (rc != 0 || fd.revents == 0)
			continue;
		end = channel_fill(&g->control, err);
		if (end < 0 && end != -EAGAIN)
			return end;
		rc = drain(g, err);
		g->stop = g->stop || end == 1;
	}
	if (rc != 0)
		tell_failure(g, rc, err);
	return rc;
}
