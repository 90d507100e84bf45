/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long lists that servers give page by page: the Link header of one names the
 * next. After each page its successor is remembered, so that a run that ends
 * early goes on there; after the last one, up to which time everything was
 * seen, where the list is in the order of changes. Runs in `lazaret report
 * ingest`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "pipeline/sources_priv.h"
#include "report/config.h"
#include "report/ingest.h"

#define PAGE_ATTEMPTS 3 /* of one page, where the server asks to wait */

struct pages {
	struct sources *s;
	struct gather *g;
	struct map *visited; /* addresses of this run */
	struct buf url; /* of the page that is due */
	size_t n; /* pages of this run */
	int64_t waited_s;
	bool resumed; /* the page is where the last run ended */
	bool ordered; /* oldest change first, and the server keeps to it */
	/* Durable: all changes up to then were taken (Unix time; 0: none);
	 * on this way through the list: the newest taken, and whether
	 * something was refused, beyond which nothing is passed. */
	int64_t since, newest;
	bool frozen;
};

/* --- the first page ---------------------------------------------------------
 */

static bool
has_member(struct str url, const char *name)
{
	ptrdiff_t mark = str_chr(url, '?');
	struct str rest, pair, key;

	if (mark < 0)
		return false;
	rest = str_sub(url, (size_t)mark + 1, url.n);
	while (str_cut(&rest, '&', &pair))
		if (str_cut(&pair, '=', &key) && str_is(key, name))
			return true;
	return false;
}

static void
put_member(struct buf *b, const char *name, const char *value)
{
	if (has_member(buf_str(b), name))
		return;
	buf_printf(b, "%s%s=%s", str_chr(buf_str(b), '?') < 0 ? "?" : "&", name,
	    value);
}

/* What GitHub's interface wants to hear, unless the address says otherwise;
 * an order of its own has no position. */
static void
first_page(struct pages *p)
{
	const struct config_source *c = p->s->source;
	char since[64];
	struct tm tm;
	time_t t = (time_t)p->since;

	buf_reset(&p->url);
	buf_put_str(&p->url, c->place);
	p->ordered = false;
	if (c->intake.kind != INTAKE_GHSA)
		return;
	p->ordered = !has_member(c->place, "sort") &&
	    !has_member(c->place, "direction") &&
	    !has_member(c->place, "updated");
	put_member(&p->url, "type", "malware");
	put_member(&p->url, "per_page", "100");
	put_member(&p->url, "sort", "updated");
	put_member(&p->url, "direction", "asc");
	if (!p->ordered || p->since == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(since, sizeof(since), "%%3E%%3D%Y-%m-%dT%H:%M:%SZ", &tm) ==
		0)
		return;
	put_member(&p->url, "updated", since);
}

/* --- what is remembered ------------------------------------------------------
 */

/* "since newest frozen ordered\nnext page, or nothing". */
static int
remember(struct pages *p, struct str next, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_URL_BYTES + KIB);
	buf_printf(&b, "%lld %lld %d %d\n%.*s", (long long)p->since,
	    (long long)p->newest, p->frozen, p->ordered, STR_ARG(next));
	rc = sources_remember(p->s, p->s->source->intake.id, buf_str(&b), err);
	buf_done(&b);
	return rc;
}

static int64_t
take_number(struct str *rest)
{
	struct str word = STR_NONE;
	uint64_t v;

	if (!str_cut(rest, ' ', &word) || str_to_u64(word, &v) != 0 ||
	    v > INT64_MAX)
		return 0;
	return (int64_t)v;
}

static void
recall(struct pages *p)
{
	struct str next, line = STR_NONE;
	struct buf b;

	buf_init(&b, 64 * KIB);
	sources_recall(p->s, p->s->source->intake.id, &b);
	next = buf_str(&b);
	(void)str_cut(&next, '\n', &line);
	p->since = take_number(&line);
	first_page(p);
	if (next.n != 0) {
		p->newest = take_number(&line);
		p->frozen = take_number(&line) != 0;
		p->ordered = take_number(&line) != 0;
		p->resumed = true;
		buf_reset(&p->url);
		buf_put_str(&p->url, next);
	}
	buf_done(&b);
}

/* --- one page ---------------------------------------------------------------
 */

static int
take(void *arg, struct str name, struct ingest_result *in, struct error *err)
{
	struct pages *p = arg;
	int64_t modified_s = in->refused.p == NULL ? in->modified_s : 0;
	int rc = p->s->fn(p->s->arg, name, in, err);

	if (rc != 0)
		p->frozen = true;
	if (p->frozen || modified_s <= 0)
		return rc;
	if (modified_s < p->newest)
		p->ordered = false;
	p->newest = MAX_OF(p->newest, modified_s);
	return rc;
}

static void
say(struct pages *p, const char *sentence)
{
	p->s->say(p->s->arg, p->s->source->intake.id, sentence);
}

/* 1: waited, ask again; otherwise the error that the answer is. */
static int
wait_for_limit(struct pages *p, const struct gather_got *got, int attempt,
    struct error *err)
{
	struct timespec t = { .tv_sec = (time_t)got->wait_s };
	char sentence[400];

	if (got->code != -EAGAIN || got->wait_s <= 0)
		return error_set(err, got->code, "%.*s",
		    STR_ARG(got->sentence));
	if (attempt == PAGE_ATTEMPTS ||
	    got->wait_s > LIMIT_PAGES_WAIT_S - p->waited_s)
		return error_set(err, -EAGAIN,
		    "%.*s; what came is kept, and the next run goes on there",
		    STR_ARG(got->sentence));
	(void)snprintf(sentence, sizeof(sentence), "%.*s: waiting",
	    STR_ARG(got->sentence));
	say(p, sentence);
	p->waited_s += got->wait_s;
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		continue;
	return 1;
}

static int
bring_page(struct pages *p, struct gather_got *got, struct error *err)
{
	const struct gather_request r = { .url = buf_str(&p->url),
		.max_bytes = LIMIT_BUNDLE_LIST_BYTES,
		.pages = true };
	int rc = 1;

	for (int attempt = 1; rc == 1; attempt++) {
		rc = gather_ask(p->g, &r, err);
		if (rc == 0)
			rc = gather_next(p->g, got, err);
		if (rc == 0 && got->code != 0)
			rc = wait_for_limit(p, got, attempt, err);
	}
	return rc == 0 && got->fd < 0 ?
	    error_set(err, -EPROTO, "bad answer of role gather") :
	    rc;
}

/* Credentials go to one origin, and so do we. */
static bool
same_origin(struct str a, struct str b)
{
	struct str all[2] = { a, b };

	for (int i = 0; i < 2; i++) {
		ptrdiff_t host = str_find(all[i], STR_LIT("://")), end;

		if (host < 0)
			return false;
		end = str_chr(str_sub(all[i], (size_t)host + 3, all[i].n), '/');
		if (end < 0)
			end =
			    str_chr(str_sub(all[i], (size_t)host + 3, all[i].n),
				'?');
		if (end >= 0)
			all[i] = str_sub(all[i], 0, (size_t)(host + 3 + end));
	}
	return str_eq_nocase(all[0], all[1]);
}

/* The page is taken; the next one is due, or url is empty. */
static int
go_on(struct pages *p, struct str next, struct error *err)
{
	char shown[100];

	(void)snprintf(shown, sizeof(shown), "%.*s", STR_ARG(next));
	if (next.n == 0) {
		buf_reset(&p->url);
		return 0;
	}
	if (!same_origin(p->s->source->place, next))
		return error_set(err, -EPERM,
		    "the next page is on another server: %s", shown);
	if (map_has(p->visited, next))
		return error_set(err, -ELOOP, "pages go in circles: %s", shown);
	buf_reset(&p->url);
	buf_put_str(&p->url, next);
	return remember(p, next, err);
}

static int
take_page(struct pages *p, struct error *err)
{
	struct gather_got got = { .fd = -1 };
	struct buf next;
	char name[64];
	size_t refused = 0;
	int rc;

	(void)map_put(p->visited, buf_str(&p->url), p);
	rc = bring_page(p, &got, err);
	if (rc != 0)
		return rc;
	/* Copied: the answer's strings last until the next message. */
	buf_init(&next, LIMIT_URL_BYTES);
	buf_put_str(&next, got.next);
	(void)snprintf(name, sizeof(name), "page %zu", p->n);
	rc = unfold_documents(p->s->unfold, got.fd, str_of(name), take, p,
	    &refused, err);
	closep(&got.fd);
	if (refused != 0)
		p->frozen = true;
	if (rc == 0)
		rc = go_on(p, buf_str(&next), err);
	buf_done(&next);
	return rc;
}

/* Where the last run ended may be no place any more: from the beginning then.
 */
static bool
is_stale(const struct pages *p, int rc)
{
	return p->resumed && p->n == 1 && rc != -EAGAIN && rc != -EACCES &&
	    rc != -EPIPE;
}

static int
walk(struct pages *p, struct error *err)
{
	struct error why;
	int rc = 0;

	while (rc == 0 && p->url.n != 0) {
		if (p->n++ == LIMIT_PAGES)
			return error_set(err, -EFBIG,
			    "more than %d pages: the next run goes on there",
			    LIMIT_PAGES);
		why = (struct error)ERROR_INIT;
		rc = take_page(p, &why);
		if (rc != 0 && is_stale(p, rc)) {
			say(p,
			    "where it was left there is no page now: from "
			    "the beginning");
			p->resumed = p->frozen = false;
			p->newest = 0;
			map_free(p->visited);
			p->visited = map_new(LIMIT_PAGES + 1);
			first_page(p);
			rc = 0;
		} else if (rc != 0) {
			return error_set(err, rc, "%s", why.msg);
		}
	}
	return rc;
}

/* (Times to come were refused by intake.) */
static int
remember_end(struct pages *p, struct error *err)
{
	int64_t seen = p->newest - LIMIT_PAGES_OVERLAP_S;

	if (p->ordered && seen > p->since)
		p->since = seen;
	p->newest = 0;
	p->frozen = false;
	return remember(p, STR_LIT(""), err);
}

int
pages_bring(struct sources *s, struct gather *g, struct error *err)
{
	struct pages p = { .s = s, .g = g };
	int rc;

	p.visited = map_new(LIMIT_PAGES + 1);
	buf_init(&p.url, LIMIT_URL_BYTES);
	recall(&p);
	rc = walk(&p, err);
	if (rc == 0)
		rc = remember_end(&p, err);
	buf_done(&p.url);
	map_free(p.visited);
	return rc;
}
