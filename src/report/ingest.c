/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of ingesting one document. */
#include "report/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "sys/sha256.h"

#define MESSAGE_RESULT 1

static void
put_notes(struct channel *c, const struct intake *in)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	for (size_t i = 0; i < in->notes.n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : "\n", in->notes.v[i]);
	message_put_str(c, buf_str(&b));
	buf_done(&b);
}

static void
put_report(struct channel *c, struct report *r)
{
	struct buf b;

	buf_init(&b, 32 * (size_t)MIB);
	(void)report_folder(r, &b);
	message_put_str(c, buf_str(&b));
	buf_reset(&b);
	report_write(r, &b);
	message_put_str(c, buf_str(&b));
	buf_done(&b);
}

int
ingest_work_failed(struct channel *c, int64_t file, const char *why,
    struct error *err)
{
	message_begin(c, MESSAGE_RESULT);
	message_put_int(c, file);
	message_put_str(c, str_of(why));
	return message_send(c, err);
}

int
ingest_work(struct channel *c, int64_t file, struct str bytes,
    const struct intake_source *s, int64_t now_s, struct error *err)
{
	struct intake in = { .hold = false };
	struct error refused = ERROR_INIT;
	int rc;

	if (intake_document(bytes, s, now_s, &in, &refused) != 0)
		return ingest_work_failed(c, file, refused.msg, err);
	if (in.reports.n > INGEST_MAX_PACKAGES) {
		intake_done(&in);
		return ingest_work_failed(c, file, "is about too many packages",
		    err);
	}
	message_begin(c, MESSAGE_RESULT);
	message_put_int(c, file);
	message_put_str(c, STR_NONE);
	put_notes(c, &in);
	message_put_str(c, str_n(in.raw_sha256, 32));
	message_put_str(c, str_n(in.canonical_sha256, 32));
	message_put_str(c, str_of(in.source_id));
	message_put_int(c, in.withdrawn);
	message_put_int(c, in.hold);
	message_put_int(c, (int64_t)in.reports.n);
	for (size_t i = 0; i < in.reports.n; i++)
		put_report(c, in.reports.v[i]);
	rc = message_send(c, err);
	intake_done(&in);
	if (rc == -EMSGSIZE)
		return ingest_work_failed(c, file, "is too large", err);
	return rc;
}

int
ingest_receive(struct message *m, struct ingest_result *ret, struct error *err)
{
	ret->file = message_get_int(m);
	ret->refused = message_get_str(m);
	ret->n_reports = 0;
	if (ret->refused.p != NULL)
		return message_end(m, err);
	ret->notes = message_get_str(m);
	ret->raw = message_get_str(m);
	ret->canonical = message_get_str(m);
	ret->source_id = message_get_str(m);
	ret->withdrawn = message_get_int(m);
	ret->hold = message_get_int(m);
	ret->n_reports = message_get_int(m);
	if (m->bad || ret->raw.n != 32 || ret->canonical.n != 32 ||
	    ret->n_reports < 0 || ret->n_reports > INGEST_MAX_PACKAGES)
		return error_set(err, -EPROTO, "bad result of a worker");
	for (int64_t i = 0; i < ret->n_reports; i++) {
		ret->folders[i] = message_get_str(m);
		ret->texts[i] = message_get_str(m);
	}
	return message_end(m, err);
}

/* --- the writer ------------------------------------------------------------
 */

static void
fill_seen(struct repo_seen *s, struct str source,
    const struct ingest_result *in, struct str path)
{
	*s = (struct repo_seen){ .source = source,
		.id = in->source_id,
		.path = path };
	memcpy(s->raw, in->raw.p, 32);
	memcpy(s->canonical, in->canonical.p, 32);
}

/* "<folder>/MAL-0000-<source>-<first 16 hex digits>.json" */
static void
file_path(char *ret, size_t size, struct str folder, struct str source,
    const struct ingest_result *in)
{
	char hex[SHA256_HEX_SIZE];

	sha256_hex((const uint8_t *)in->raw.p, hex);
	(void)snprintf(ret, size, "%.*s/MAL-0000-%.*s-%.16s.json",
	    STR_ARG(folder), STR_ARG(source), hex);
}

static int
remember(struct repo *r, struct str source, const struct ingest_result *in,
    struct str path, struct error *err)
{
	struct repo_seen s;

	fill_seen(&s, source, in, path);
	return repo_remember(r, &s, err);
}

static bool
in_folders(const struct ingest_result *in, struct str path)
{
	ptrdiff_t slash = str_rchr(path, '/');

	for (int64_t i = 0; i < in->n_reports && slash > 0; i++)
		if (str_eq(in->folders[i], str_sub(path, 0, (size_t)slash)))
			return true;
	return false;
}

/* What the source said before in the file at path: taken back. Where the
 * source now says something else about the same package, a file that holds
 * others' words too stays for the merge, which knows both. */
static int
take_back(struct repo *r, struct str source, const struct ingest_result *in,
    const char *path, struct error *err)
{
	const char *name = strrchr(path, '/');
	char own[128];
	struct error why = ERROR_INIT;
	int rc;

	(void)snprintf(own, sizeof(own), "/MAL-0000-%.*s-", STR_ARG(source));
	if (!in->withdrawn && in_folders(in, str_of(path)) &&
	    (name == NULL || !str_starts(str_of(name), own)))
		return 0;
	rc = repo_retract_origin(r, path, source, in->source_id, &why);
	if (rc == -EINVAL)
		(void)fprintf(stderr, "%s: cannot be changed: %s\n", path,
		    why.msg);
	return rc == -ENOENT || rc == -EINVAL ? 0 :
	    rc < 0 ? error_set(err, rc, "%s", why.msg) :
		     0;
}

/* A source took back what it said. */
static int
follow_withdrawal(struct repo *r, struct str source,
    const struct ingest_result *in, const struct repo_paths *old,
    struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < old->n && rc == 0; i++)
		rc = take_back(r, source, in, old->v[i], err);
	return rc == 0 ? remember(r, source, in, STR_LIT(""), err) : rc;
}

static int
write_reports(struct repo *r, struct str source, const struct ingest_result *in,
    enum repo_tree tree, struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	int rc = 0;

	for (int64_t i = 0; i < in->n_reports && rc >= 0; i++) {
		file_path(path, sizeof(path), in->folders[i], source, in);
		rc = repo_put(r, tree, path, in->texts[i], err);
		if (rc >= 0)
			rc = remember(r, source, in, str_of(path), err);
	}
	if (rc == 0 && in->n_reports == 0)
		rc = remember(r, source, in, STR_LIT(""), err);
	return rc < 0 ? rc : 0;
}

/* The new version first, so that a death in between loses neither. */
static int
replace_reports(struct repo *r, struct str source,
    const struct ingest_result *in, const struct repo_paths *old,
    struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	int rc = write_reports(r, source, in,
	    in->hold ? REPO_UNMERGABLE : REPO_MALICIOUS, err);

	for (size_t i = 0; i < old->n && rc == 0; i++) {
		bool written = false;

		for (int64_t k = 0; k < in->n_reports && !written; k++) {
			file_path(path, sizeof(path), in->folders[k], source,
			    in);
			written = strcmp(path, old->v[i]) == 0;
		}
		if (!written)
			rc = take_back(r, source, in, old->v[i], err);
	}
	return rc;
}

int
ingest_apply(struct repo *r, struct str source, const struct ingest_result *in,
    bool dry, enum ingest_outcome *ret, struct error *err)
{
	struct repo_paths old = { .n = 0 };
	struct repo_seen s;
	enum repo_known known;
	int rc = 0;

	*ret = INGEST_REFUSED;
	if (in->refused.p != NULL)
		return 0;
	fill_seen(&s, source, in, STR_LIT(""));
	*ret = INGEST_UNCHANGED;
	known = repo_seen_before(r, &s);
	if (known == REPO_SAME)
		return 0;
	if (known == REPO_CHANGED)
		repo_seen_paths(r, source, in->source_id, &old);
	if (in->withdrawn) {
		*ret = old.n != 0 ? INGEST_WITHDRAWN : INGEST_UNCHANGED;
		if (!dry)
			rc = follow_withdrawal(r, source, in, &old, err);
	} else {
		*ret = in->hold ? INGEST_HELD :
		    old.n != 0  ? INGEST_UPDATED :
				  INGEST_ADDED;
		if (!dry)
			rc = replace_reports(r, source, in, &old, err);
	}
	repo_paths_done(&old);
	return rc;
}
