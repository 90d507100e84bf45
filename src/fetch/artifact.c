/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives, each brought once per run and compared with what the registry's
 * document promised, also when it comes from the store. Runs in role fetch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "ecosystem/npm/name.h"
#include "fetch/address.h"
#include "fetch/http.h"
#include "fetch/session_priv.h"

static struct artifact *
new_artifact(struct session *s, struct str name, struct str version)
{
	struct artifact *a = mem_alloc(sizeof(*a));

	a->session = s;
	a->fd = -1;
	a->name = mem_strndup(name);
	a->version = mem_strndup(version);
	a->what = mem_printf("%s@%s", a->name, a->version);
	if (map_put(s->artifacts, str_of(a->what), a) < 0)
		fatal("too many archives in one run");
	return a;
}

/* What tells archives apart in the store: their content where it is known,
 * so that a version that was changed in place is another archive. */
static char *
key_of(const struct artifact_source *src)
{
	const struct index_row *r = &src->row;

	if (r->integrity.n != 0)
		return mem_printf("integrity %.*s", STR_ARG(r->integrity));
	if (r->shasum.n != 0)
		return mem_printf("sha1 %.*s", STR_ARG(r->shasum));
	return mem_printf("%.*s %.*s@%.*s", STR_ARG(src->base),
	    STR_ARG(src->name), STR_ARG(src->version));
}

struct artifact *
artifact_get(struct session *s, const struct artifact_source *src)
{
	char *what =
	    mem_printf("%.*s@%.*s", STR_ARG(src->name), STR_ARG(src->version));
	struct artifact *a = map_get(s->artifacts, str_of(what));

	free(what);
	if (a != NULL)
		return a;
	a = new_artifact(s, src->name, src->version);
	a->integrity = mem_strndup(src->row.integrity);
	a->shasum = mem_strndup(src->row.shasum);
	a->key = key_of(src);
	return a;
}

struct artifact *
artifact_set(struct session *s, struct str name, struct str version, int fd,
    const struct verified *v)
{
	struct artifact_source src = { .name = name, .version = version };
	struct artifact *a = artifact_get(s, &src);

	closep(&a->fd);
	a->fd = fd;
	a->verified = *v;
	a->progress = PROGRESS_DONE;
	return a;
}

void
artifact_free(struct artifact *a)
{
	closep(&a->fd);
	vec_done(&a->waiters);
	free(a->name);
	free(a->version);
	free(a->key);
	free(a->what);
	free(a->integrity);
	free(a->shasum);
	free(a);
}

static void
wake(struct artifact *a)
{
	struct artifact_waiter w;

	while (a->waiters.n != 0) {
		w = a->waiters.v[--a->waiters.n];
		w.fn(w.arg, a);
	}
}

static void
failed(struct artifact *a, int code, const char *sentence)
{
	a->progress = PROGRESS_FAILED;
	a->code = code;
	(void)snprintf(a->sentence, sizeof(a->sentence), "%s", sentence);
	wake(a);
}

static void
arrived(struct artifact *a, int fd, const struct verified *v)
{
	a->fd = fd;
	a->verified = *v;
	a->progress = PROGRESS_DONE;
	wake(a);
}

static void
on_answer(void *arg, const struct http_answer *answer)
{
	struct artifact *a = arg;
	struct error err = ERROR_INIT;
	struct verified v;
	char words[300];
	int fd = answer->fd;

	if (answer->code == -ENOENT) {
		(void)snprintf(words, sizeof(words),
		    "the registry lists %s but has no archive of it", a->what);
		failed(a, answer->code, words);
		return;
	}
	if (answer->code != 0 || fd < 0) {
		failed(a, answer->code != 0 ? answer->code : -EIO,
		    answer->sentence);
		return;
	}
	if (verify(fd, str_of(a->integrity), str_of(a->shasum), &v, &err) !=
	    0) {
		(void)snprintf(words, sizeof(words), "%s: %s", a->what,
		    err.msg);
		closep(&fd);
		failed(a, err.code, words);
		return;
	}
	keep_tell(a->session, KEEP_ARCHIVE, str_of(a->key), str_of(v.sha256),
	    fd);
	arrived(a, fd, &v);
}

/* The address in the document when it lies where the registry lies; otherwise
 * the usual place in the registry: no document sends us to other hosts. */
static void
write_url(const struct artifact_source *src, struct buf *out)
{
	struct buf room[2];
	struct origin o[2];

	buf_init(&room[0], LIMIT_URL_BYTES);
	buf_init(&room[1], LIMIT_URL_BYTES);
	if (src->row.tarball.n != 0 &&
	    origin_parse(src->row.tarball, &room[0], &o[0], NULL) == 0 &&
	    origin_parse(src->base, &room[1], &o[1], NULL) == 0 &&
	    origin_eq(&o[0], &o[1]))
		buf_put_str(out, src->row.tarball);
	else
		npm_name_archive_url(src->base, src->name, src->version, out);
	buf_done(&room[0]);
	buf_done(&room[1]);
}

static void
request(struct artifact *a, const struct artifact_source *src)
{
	struct http_request q = { .registry = src->base,
		.accept = STR_LIT("application/octet-stream, */*"),
		.max_bytes = LIMIT_ARCHIVE_BYTES,
		.what = a->what };
	struct buf url;

	buf_init(&url, LIMIT_URL_BYTES);
	write_url(src, &url);
	q.url = buf_str(&url);
	http_get(a->session->http, &q, on_answer, a);
	buf_done(&url);
}

/* A blob that was changed on disk is not used, and brought anew. */
static bool
from_store(struct artifact *a)
{
	struct keep_found f;
	struct verified v;

	if (!keep_ask(a->session, KEEP_ARCHIVE, str_of(a->key), &f))
		return false;
	if (verify(f.fd, str_of(a->integrity), str_of(a->shasum), &v, NULL) !=
		0 ||
	    !str_is(str_of(f.tag), v.sha256)) {
		closep(&f.fd);
		return false;
	}
	arrived(a, f.fd, &v);
	return true;
}

void
artifact_want(struct artifact *a, const struct artifact_source *src,
    artifact_fn fn, void *arg)
{
	struct artifact_waiter w = { fn, arg };
	char words[300];

	vec_push(&a->waiters, w);
	if (a->progress == PROGRESS_DONE || a->progress == PROGRESS_FAILED) {
		wake(a);
		return;
	}
	if (a->progress == PROGRESS_UNDER_WAY)
		return;
	a->progress = PROGRESS_UNDER_WAY;
	if (from_store(a))
		return;
	if (!a->session->offline) {
		request(a, src);
		return;
	}
	(void)snprintf(words, sizeof(words),
	    "%s is not in the store, and --offline was given", a->what);
	failed(a, -EHOSTDOWN, words);
}
