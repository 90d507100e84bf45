/* SPDX-License-Identifier: Apache-2.0 */
/* Files of web servers. Runs in `lazaret report ingest`. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "pipeline/sources_priv.h"
#include "report/config.h"
#include "report/presence.h"
#include "report/repo.h"
#include "sys/sha256.h"

/* --- what is remembered ------------------------------------------------------
 */

static void
put_config_hash(const struct sources *s, struct buf *b)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(s->config, digest);
	buf_put_hex(b, digest, sizeof(digest));
	buf_putc(b, '\n');
}

void
sources_recall(struct sources *s, struct str key, struct buf *ret)
{
	struct buf stored, own;

	buf_init(&stored, 64 * KIB);
	buf_init(&own, KIB);
	repo_start_get(s->repo, key, &stored);
	put_config_hash(s, &own);
	if (str_starts(buf_str(&stored), own.p))
		buf_put_str(ret, str_sub(buf_str(&stored), own.n, stored.n));
	buf_done(&stored);
	buf_done(&own);
}

int
sources_remember(struct sources *s, struct str key, struct str value,
    struct error *err)
{
	struct buf b;
	int rc;

	if (s->dry_run)
		return 0;
	buf_init(&b, 64 * KIB);
	put_config_hash(s, &b);
	buf_put_str(&b, value);
	rc = repo_start_put(s->repo, key, buf_str(&b), err);
	buf_done(&b);
	return rc == 0 ? repo_commit(s->repo, err) : rc;
}

/* The object of a source that has only one. */
#define ONE_FILE STR_LIT("")

/* --- web files ---------------------------------------------------------------
 */

/* The last part of an address, without its query: what tells the format. */
static struct str
file_name(struct str url)
{
	ptrdiff_t end = str_chr(url, '?'), slash;

	if (end >= 0)
		url = str_sub(url, 0, (size_t)end);
	slash = str_rchr(url, '/');
	return str_sub(url, (size_t)(slash + 1), url.n);
}

static int
take_file(struct sources *s, const struct gather_got *got, struct error *err)
{
	struct str id = s->source->intake.id;
	size_t refused;
	struct buf b;
	int rc = 0;

	/* Copied: the answer's strings last until the next message. */
	buf_init(&b, 16 * KIB);
	buf_printf(&b, "%.*s\n%.*s", STR_ARG(got->etag),
	    STR_ARG(got->modified));
	presence_open(s->presence, ONE_FILE);
	rc = unfold_documents(s->unfold, got->fd, file_name(s->source->place),
	    s->fn, s->arg, &refused, err);
	if (rc == 0)
		presence_close(s->presence, true);
	/* What was refused is looked at again: the rules may have changed. */
	if (rc == 0 && refused == 0)
		rc = sources_remember(s, id, buf_str(&b), err);
	buf_done(&b);
	return rc;
}

static int
bring_file(struct sources *s, struct gather *g, struct error *err)
{
	struct gather_request r = { .url = s->source->place,
		.max_bytes = LIMIT_BUNDLE_BYTES };
	struct gather_got got = { .fd = -1 };
	struct buf known;
	int rc;

	buf_init(&known, 64 * KIB);
	sources_recall(s, s->source->intake.id, &known);
	if (presence_knows(s->presence, ONE_FILE)) {
		r.modified = buf_str(&known);
		(void)str_cut(&r.modified, '\n', &r.etag);
	}
	rc = gather_ask(g, &r, err);
	if (rc == 0)
		rc = gather_next(g, &got, err);
	buf_done(&known);
	if (rc == 0 && got.code != 0)
		rc = error_set(err, got.code, "%.*s", STR_ARG(got.sentence));
	if (rc == 0 && got.fd >= 0)
		rc = take_file(s, &got, err);
	else if (rc == 0)
		(void)presence_keep(s->presence, ONE_FILE);
	closep(&got.fd);
	return rc;
}

/* --- all of them
 * --------------------------------------------------------------------
 */

static void
set_credentials(const struct config_source *c, struct gather_options *o)
{
	if (c->credentials.p == NULL)
		o->credentials = GATHER_DEFAULT;
	else if (str_is(c->credentials, "anonymous"))
		o->credentials = GATHER_ANONYMOUS;
	else if (str_is(c->credentials, "environment"))
		o->credentials = GATHER_ENVIRONMENT;
	else
		o->credentials = GATHER_FILE;
	o->file = c->credentials;
	o->profile = c->profile;
}

int
sources_bring(struct sources *s, struct error *err)
{
	static int (*const bring[CONFIG_STORAGE__MAX])(struct sources * s,
	    struct gather * g, struct error * err) = {
		[CONFIG_HTTP] = bring_file,
		[CONFIG_S3] = bucket_bring,
		[CONFIG_PAGES] = pages_bring,
	};
	struct gather_options o = { .base = s->source->place };
	struct gather *g = NULL;
	int rc;

	set_credentials(s->source, &o);
	if (s->source->storage == CONFIG_S3)
		o.region = s->source->region;
	rc = gather_open(&o, &g, err);
	if (rc == 0)
		rc = bring[s->source->storage](s, g, err);
	gather_close(g);
	return rc;
}
