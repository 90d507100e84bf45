/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents about packages, each asked for once per run: from the cache when
 * the registry confirmed it a moment ago (or with --offline), else from the
 * registry, else from the cache with a note. Runs in role fetch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/npm/name.h"
#include "fetch/http.h"
#include "fetch/session_priv.h"
#include "sys/clock.h"
#include "sys/fd.h"

/* As long as registries themselves let a document be cached. */
#define FRESH_MS (5 * 60 * 1000)
/* A version line and some dependency lines per version. */
#define INDEX_MAX_BYTES (64 * MIB)

static const char accept_full[] = "application/json";
static const char accept_short[] =
    "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

struct str
document_base(struct session *s, struct str name, struct error *err)
{
	struct str base = s->registry;

	if (base.n == 0)
		base = npmrc_registry(s->npmrc, name);
	if (base.n == 0)
		base = s->fallback_registry;
	if (base.n == 0)
		(void)error_set(err, -ENOENT,
		    "no registry is configured: set registry= in .npmrc, or "
		    "run the set-up again for registries.json");
	return base;
}

struct document *
document_get(struct session *s, struct str base, struct str name, bool full)
{
	char *key = mem_printf("%.*s\n%s\n%.*s", STR_ARG(base),
	    full ? "full" : "short", STR_ARG(name));
	struct document *d = map_get(s->documents, str_of(key));

	if (d != NULL) {
		free(key);
		return d;
	}
	d = mem_alloc(sizeof(*d));
	d->session = s;
	d->name = mem_strndup(name);
	d->base = mem_strndup(base);
	d->key = key;
	d->what = mem_printf("%.*s", STR_ARG(name));
	d->full = full;
	d->fd = d->served_fd = d->cached.fd = -1;
	buf_init(&d->index, INDEX_MAX_BYTES);
	if (map_put(s->documents, str_of(key), d) < 0)
		fatal("too many documents in one run");
	return d;
}

void
document_free(struct document *d)
{
	closep(&d->fd);
	closep(&d->served_fd);
	closep(&d->cached.fd);
	buf_done(&d->index);
	vec_done(&d->waiters);
	free(d->name);
	free(d->base);
	free(d->key);
	free(d->what);
	free(d);
}

/* Whoever can be told now is told; functions may add waiters. */
static void
wake(struct document *d)
{
	struct document_waiter w;

	for (size_t i = 0; i < d->waiters.n;) {
		w = d->waiters.v[i];
		if (d->raw != PROGRESS_FAILED && d->served != PROGRESS_FAILED &&
		    (w.served ? d->served : d->raw) != PROGRESS_DONE) {
			i++;
			continue;
		}
		d->waiters.v[i] = d->waiters.v[--d->waiters.n];
		w.fn(w.arg, d);
		i = 0;
	}
}

static void
failed(struct document *d, int code, const char *sentence)
{
	d->raw = PROGRESS_FAILED;
	d->code = code;
	(void)snprintf(d->sentence, sizeof(d->sentence), "%s", sentence);
	wake(d);
}

static void serve(struct document *d);

static void
arrived(struct document *d, int fd, int64_t offset, int64_t size)
{
	bool wanted = false;
	const struct document_waiter *w;

	d->fd = fd;
	d->offset = offset;
	d->size = size;
	d->raw = PROGRESS_DONE;
	vec_foreach(w, &d->waiters)
		wanted = wanted || w->served;
	if (wanted)
		serve(d);
	wake(d);
}

static void
arrived_from_cache(struct document *d)
{
	arrived(d, steal_fd(&d->cached.fd), d->cached.offset, d->cached.size);
}

/* The copy that is at hand, and why it is used. */
static void
fall_back(struct document *d, const char *why)
{
	char date[CLOCK_RFC3339_SIZE];

	clock_rfc3339(clock_wall_ns() - d->cached.age_ms * NS_PER_MS, date);
	(void)snprintf(d->note, sizeof(d->note),
	    "%s; what the registry said at %s is used instead", why, date);
	arrived_from_cache(d);
}

static void
on_answer(void *arg, const struct http_answer *a)
{
	struct document *d = arg;
	struct session *s = d->session;
	char words[300];

	if (a->code == 0 && a->status == 304 && d->cached.fd >= 0) {
		keep_tell(s, KEEP_PACKAGE_DOCUMENT, str_of(d->key), STR_NONE,
		    -1);
		arrived_from_cache(d);
		return;
	}
	if (a->code == 0 && a->fd >= 0) {
		keep_tell(s, KEEP_PACKAGE_DOCUMENT, str_of(d->key), a->etag,
		    a->fd);
		arrived(d, a->fd, 0, a->size);
		return;
	}
	if (a->code == -EHOSTDOWN && d->cached.fd >= 0) {
		fall_back(d, a->sentence);
		return;
	}
	if (a->code == -ENOENT) {
		(void)snprintf(words, sizeof(words),
		    "the registry has no package %s", d->name);
		failed(d, a->code, words);
		return;
	}
	failed(d, a->code != 0 ? a->code : -EIO, a->sentence);
}

static void
request(struct document *d)
{
	struct http_request q = { .registry = str_of(d->base),
		.max_bytes = LIMIT_PACKUMENT_BYTES,
		.what = d->what };
	struct buf url;

	buf_init(&url, LIMIT_URL_BYTES);
	npm_name_document_url(str_of(d->base), str_of(d->name), &url);
	q.url = buf_str(&url);
	q.accept = str_of(d->full ? accept_full : accept_short);
	if (d->cached.fd >= 0)
		q.etag = str_of(d->cached.tag);
	q.has_fallback = d->cached.fd >= 0;
	http_get(d->session->http, &q, on_answer, d);
	buf_done(&url);
}

static void
start(struct document *d)
{
	struct session *s = d->session;
	char words[300];

	d->raw = PROGRESS_UNDER_WAY;
	if (!keep_ask(s, KEEP_PACKAGE_DOCUMENT, str_of(d->key), &d->cached))
		d->cached.fd = -1;
	if (d->cached.fd >= 0 &&
	    (s->offline ||
		(d->cached.age_ms >= 0 && d->cached.age_ms < FRESH_MS))) {
		arrived_from_cache(d);
		return;
	}
	if (!s->offline) {
		request(d);
		return;
	}
	(void)snprintf(words, sizeof(words),
	    "%s is not in the cache, and --offline was given", d->name);
	failed(d, -EHOSTDOWN, words);
}

/* ---- as the relay serves it */

void
document_set_served(struct document *d, struct answer *a)
{
	struct error err = ERROR_INIT;

	d->served_fd = steal_fd(&a->document_fd);
	if (d->served_fd < 0 || lseek(a->index_fd, 0, SEEK_SET) != 0 ||
	    fd_read_all(a->index_fd, &d->index, &err) != 0) {
		d->served = PROGRESS_FAILED;
		d->code = -EIO;
		(void)snprintf(d->sentence, sizeof(d->sentence),
		    "%s: no index of its document", d->name);
		return;
	}
	d->raw = d->served = PROGRESS_DONE;
}

static void
on_served(void *arg, struct answer *a)
{
	struct document *d = arg;

	if (a->code == 0) {
		document_set_served(d, a);
	} else {
		d->served = PROGRESS_FAILED;
		d->code = a->code;
		(void)snprintf(d->sentence, sizeof(d->sentence), "%.*s",
		    STR_ARG(a->sentence));
	}
	wake(d);
}

static void
serve(struct document *d)
{
	struct error err = ERROR_INIT;

	d->served = PROGRESS_UNDER_WAY;
	if (ask_document(d->session, d, REPLY_SERVE, STR_NONE, on_served, d,
		&err) != 0) {
		d->served = PROGRESS_FAILED;
		d->code = err.code;
		(void)snprintf(d->sentence, sizeof(d->sentence), "%s", err.msg);
	}
}

void
document_want(struct document *d, bool served, document_fn fn, void *arg)
{
	struct document_waiter w = { served, fn, arg };

	vec_push(&d->waiters, w);
	if (d->raw == PROGRESS_NEW)
		start(d); /* wakes */
	else if (served && d->raw == PROGRESS_DONE && d->served == PROGRESS_NEW)
		serve(d);
	wake(d);
}

/* ---- the index */

bool
document_find(const struct document *d, struct str version,
    struct index_row *ret)
{
	struct str rest = buf_str(&d->index), line, member[5];

	while (str_cut(&rest, '\n', &line)) {
		size_t n = 0;

		if (!str_starts(line, "v\t"))
			continue;
		while (
		    n < N_ELEMENTS(member) && str_cut(&line, '\t', &member[n]))
			n++;
		if (n != N_ELEMENTS(member) || !str_eq(member[1], version))
			continue;
		*ret = (struct index_row){ member[2], member[3], member[4] };
		return true;
	}
	return false;
}

void
document_allow_names(struct document *d)
{
	struct str rest = buf_str(&d->index), line, name;

	while (str_cut(&rest, '\n', &line)) {
		if (!str_starts(line, "d\t"))
			continue;
		name = str_sub(line, 2, line.n);
		if (npm_name_valid(name))
			(void)map_put(d->session->allowed, name, d->session);
	}
}
