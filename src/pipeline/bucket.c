/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buckets of S3-compatible stores: listed page by page in the order of keys,
 * and what is new or changed is brought, several objects at once. Runs in
 * `lazaret report ingest`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "pipeline/sources_priv.h"
#include "report/config.h"
#include "report/listing.h"
#include "report/presence.h"
#include "report/repo.h"
#include "sys/sha256.h"

/* A store with a thousand million objects is not one of reports. */
#define MAX_PAGES 1000000
/* So many failures in a row: the store is down, or the rights are missing. */
#define MAX_FAILURES 8

struct object {
	char *key; /* owned */
	struct stat st; /* stands for size, etag and time */
};

/* One prefix of a bucket. */
struct walk {
	struct sources *s;
	struct gather *g;
	struct str prefix;
	char *start_name; /* owned; what the start key is remembered under */
	VEC(struct object) page;
	VEC(char *) ring; /* owned keys: look-back + 1, oldest first */
	char *last; /* owned; the last key listed; NULL: none yet */
	bool frozen; /* something was not taken: the start key stays */
	size_t failures; /* in a row */
};

/* --- addresses --------------------------------------------------------------
 */

static void
put_encoded(struct buf *b, struct str s, const char *also)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.~";

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0' &&
		    (strchr(plain, s.p[i]) != NULL ||
			strchr(also, s.p[i]) != NULL))
			buf_putc(b, s.p[i]);
		else
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
}

/* "https://end.point/bucket/": the bucket's own host where none is named. */
static void
put_base(struct buf *b, const struct config_source *c)
{
	buf_put_str(b, c->place);
	if (!str_ends(c->place, "/"))
		buf_putc(b, '/');
	if (c->bucket.p == NULL)
		return;
	put_encoded(b, c->bucket, "");
	buf_putc(b, '/');
}

/* Members in the order of their names, as the signature wants them. */
static void
put_list_url(struct buf *b, const struct walk *w)
{
	put_base(b, w->s->source);
	buf_puts(b, "?encoding-type=url&list-type=2&max-keys=1000&prefix=");
	put_encoded(b, w->prefix, "");
	if (w->last != NULL) {
		buf_puts(b, "&start-after=");
		put_encoded(b, str_of(w->last), "");
	}
}

/* --- the start key ----------------------------------------------------------
 */

/* Keys that are listed again; 0: all of them. */
static size_t
lookback(const struct walk *w)
{
	return w->s->presence != NULL ? 0 : (size_t)w->s->source->lookback;
}

static void
ring_push(struct walk *w, const char *key)
{
	if (w->ring.n == lookback(w) + 1) {
		free(w->ring.v[0]);
		memmove(w->ring.v, w->ring.v + 1,
		    (w->ring.n - 1) * sizeof(*w->ring.v));
		w->ring.n--;
	}
	vec_push(&w->ring, mem_strdup(key));
}

/* Behind the oldest of the ring the last N keys are listed again. Without a
 * look-back everything is, every time. */
static int
remember_start(struct walk *w, struct error *err)
{
	if (w->frozen || lookback(w) == 0 || w->ring.n < lookback(w) + 1)
		return 0;
	return sources_remember(w->s, str_of(w->start_name),
	    str_of(w->ring.v[0]), err);
}

static void
recall_start(struct walk *w)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	sources_recall(w->s, str_of(w->start_name), &b);
	if (b.n != 0 && lookback(w) != 0) {
		w->last = mem_strndup(buf_str(&b));
		ring_push(w, w->last);
	}
	buf_done(&b);
}

/* --- one page ---------------------------------------------------------------
 */

static void
on_object(void *arg, const struct unfold_object *o)
{
	struct walk *w = arg;
	struct object *to = vec_add(&w->page);
	uint8_t digest[SHA256_BYTES];
	uint64_t short_hash = 0;
	struct buf b;

	to->key = mem_strndup(o->key);
	to->st.st_size = o->size;
	/* In the place of an inode: another version is another file. */
	buf_init(&b, 64 * KIB);
	buf_printf(&b, "%.*s\n%.*s", STR_ARG(o->etag), STR_ARG(o->modified));
	sha256_of(buf_str(&b), digest);
	buf_done(&b);
	for (int i = 0; i < 7; i++)
		short_hash = short_hash << 8 | digest[i];
	to->st.st_ino = (ino_t)short_hash;
}

static void
page_clear(struct walk *w)
{
	for (size_t i = 0; i < w->page.n; i++)
		free(w->page.v[i].key);
	w->page.n = 0;
}

/* The object under the name that the index knows it by: a source that is
 * configured otherwise reads it again. */
static void
put_index_name(struct buf *b, const struct walk *w, const struct object *o)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(w->s->config, digest);
	buf_puts(b, "s3:");
	buf_put_hex(b, digest, 8);
	buf_putc(b, ':');
	put_base(b, w->s->source);
	buf_puts(b, o->key);
}

static bool
is_known(struct walk *w, const struct object *o)
{
	struct buf name;
	bool known;

	buf_init(&name, LIMIT_URL_BYTES);
	put_index_name(&name, w, o);
	known = repo_file_unchanged(w->s->repo, w->s->source->intake.id,
	    buf_str(&name), &o->st);
	buf_done(&name);
	return known;
}

static int
know(struct walk *w, const struct object *o, struct error *err)
{
	struct buf name;
	int rc;

	if (w->s->dry_run)
		return 0;
	buf_init(&name, LIMIT_URL_BYTES);
	put_index_name(&name, w, o);
	rc = repo_file_remember(w->s->repo, w->s->source->intake.id,
	    buf_str(&name), &o->st, err);
	buf_done(&name);
	return rc;
}

static int
ask_object(struct walk *w, size_t i, struct error *err)
{
	struct gather_request r = { .id = (int64_t)i,
		.max_bytes = w->s->source->format == BUNDLE_BY_NAME &&
			!bundle_name_known(str_of(w->page.v[i].key)) ?
		    LIMIT_BUNDLE_MEMBER_BYTES :
		    LIMIT_BUNDLE_BYTES };
	struct buf url;
	int rc;

	buf_init(&url, LIMIT_URL_BYTES);
	put_base(&url, w->s->source);
	put_encoded(&url, str_of(w->page.v[i].key), "/");
	r.url = buf_str(&url);
	rc = gather_ask(w->g, &r, err);
	buf_done(&url);
	return rc;
}

static int
object_failed(struct walk *w, const struct object *o,
    const struct gather_got *got, struct error *err)
{
	char sentence[400];

	(void)snprintf(sentence, sizeof(sentence), "%.*s",
	    STR_ARG(got->sentence));
	w->s->say(w->s->arg, str_of(o->key), sentence);
	w->s->failed++;
	w->frozen = true;
	presence_incomplete(w->s->presence);
	if (++w->failures < MAX_FAILURES)
		return 0;
	return error_set(err, got->code, "%zu objects in a row failed: %s",
	    w->failures, sentence);
}

static int
take_object(struct walk *w, struct gather_got *got, struct error *err)
{
	_cleanup_(closep) int fd = got->fd;
	const struct object *o;
	size_t refused = 0;
	int rc;

	if (got->id < 0 || (size_t)got->id >= w->page.n)
		return error_set(err, -EPROTO, "bad answer of role gather");
	o = &w->page.v[got->id];
	if (got->code != 0 || fd < 0)
		return object_failed(w, o, got, err);
	w->failures = 0;
	presence_open(w->s->presence, str_of(o->key));
	rc = unfold_documents(w->s->unfold, fd, str_of(o->key), w->s->fn,
	    w->s->arg, &refused, err);
	if (rc == 0)
		presence_close(w->s->presence, true);
	if (rc == 0 && refused == 0)
		rc = know(w, o, err);
	w->frozen = w->frozen || refused != 0;
	return rc;
}

static bool
wanted(struct walk *w, const struct object *o)
{
	if (str_ends(str_of(o->key), "/")) /* a folder's own mark */
		return false;
	if (!is_known(w, o) || !presence_keep(w->s->presence, str_of(o->key)))
		return true;
	w->s->unchanged++;
	return false;
}

static int
bring_objects(struct walk *w, struct error *err)
{
	size_t next = 0, asked = 0;
	struct gather_got got;
	int rc = 0;

	while (rc == 0 && (next < w->page.n || asked != 0)) {
		if (next < w->page.n && asked < GATHER_MAX_ASKED) {
			if (wanted(w, &w->page.v[next])) {
				rc = ask_object(w, next, err);
				asked++;
			}
			next++;
			continue;
		}
		rc = gather_next(w->g, &got, err);
		asked--;
		if (rc == 0)
			rc = take_object(w, &got, err);
	}
	return rc;
}

static int
list_page(struct walk *w, bool *ret_more, struct error *err)
{
	struct gather_request r = { .max_bytes = LISTING_MAX_BYTES };
	struct gather_got got = { .fd = -1 };
	struct buf url;
	int rc;

	buf_init(&url, LIMIT_URL_BYTES);
	put_list_url(&url, w);
	r.url = buf_str(&url);
	rc = gather_ask(w->g, &r, err);
	if (rc == 0)
		rc = gather_next(w->g, &got, err);
	buf_done(&url);
	if (rc == 0 && (got.code != 0 || got.fd < 0))
		rc = error_set(err, got.code != 0 ? got.code : -EPROTO,
		    "the bucket cannot be listed: %.*s", STR_ARG(got.sentence));
	if (rc == 0)
		rc = unfold_listing(w->s->unfold, got.fd, on_object, w,
		    ret_more, err);
	closep(&got.fd);
	return rc;
}

/* Keys that go on from where the last page ended: a store that goes round in
 * circles is not followed. */
static int
check_order(struct walk *w, struct error *err)
{
	const char *before = w->last;

	for (size_t i = 0; i < w->page.n; i++) {
		const char *key = w->page.v[i].key;

		if ((before != NULL && strcmp(before, key) >= 0) ||
		    !str_starts(str_of(key),
			w->prefix.n != 0 ? w->prefix.p : ""))
			return error_set(err, -EPROTO,
			    "the listing is not in the order of keys, or not "
			    "of the prefix (%.80s)",
			    key);
		before = key;
	}
	return 0;
}

static int
walk_page(struct walk *w, bool *ret_more, struct error *err)
{
	int rc;

	page_clear(w);
	rc = list_page(w, ret_more, err);
	if (rc == 0)
		rc = check_order(w, err);
	if (rc == 0 && w->page.n == 0)
		*ret_more = false;
	if (rc == 0)
		rc = bring_objects(w, err);
	if (rc != 0 || w->page.n == 0)
		return rc;
	for (size_t i = 0; i < w->page.n && !w->frozen; i++)
		ring_push(w, w->page.v[i].key);
	free(w->last);
	w->last = mem_strdup(w->page.v[w->page.n - 1].key);
	return remember_start(w, err);
}

static int
walk_prefix(struct walk *w, struct error *err)
{
	bool more = true;
	int rc = 0;

	w->start_name = mem_printf("%.*s\n%.*s",
	    STR_ARG(w->s->source->intake.id), STR_ARG(w->prefix));
	recall_start(w);
	for (int i = 0; rc == 0 && more; i++)
		rc = i == MAX_PAGES ?
		    error_set(err, -EPROTO, "the listing has no end") :
		    walk_page(w, &more, err);
	page_clear(w);
	vec_done(&w->page);
	for (size_t i = 0; i < w->ring.n; i++)
		free(w->ring.v[i]);
	vec_done(&w->ring);
	free(w->last);
	free(w->start_name);
	return rc;
}

int
bucket_bring(struct sources *s, struct gather *g, struct error *err)
{
	const struct config_source *c = s->source;
	size_t n = MAX_OF(c->n_prefixes, (size_t)1);
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct walk w = { .s = s,
			.g = g,
			.prefix =
			    c->n_prefixes != 0 ? c->prefixes[i] : STR_LIT("") };

		rc = walk_prefix(&w, err);
	}
	return rc;
}
