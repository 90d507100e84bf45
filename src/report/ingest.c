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

/* A source took back what it said. Before it was merged the file goes; later
 * the origin is retracted when the packages are merged (merge-tree.c). */
static int
follow_withdrawal(struct repo *r, struct str source,
    const struct ingest_result *in, bool dry, enum ingest_outcome *ret,
    struct error *err)
{
	_cleanup_(freep) char *path = NULL;
	struct str name;
	ptrdiff_t slash;
	int rc = 0;

	*ret = INGEST_UNCHANGED;
	if (repo_seen_by_id(r, source, in->source_id, &path) == 0)
		return dry ? 0 : remember(r, source, in, STR_LIT(""), err);
	*ret = INGEST_WITHDRAWN;
	if (dry)
		return 0;
	slash = str_rchr(str_of(path), '/');
	name = str_of(path + slash + 1);
	if (str_starts(name, "MAL-0000-"))
		rc = repo_remove(r, REPO_MALICIOUS, path, err);
	else
		rc = repo_retract_origin(r, path, source, in->source_id, err);
	if (rc == -ENOENT)
		rc = 0;
	return rc == 0 ? remember(r, source, in, str_of(path), err) : rc;
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

/* The earlier version, where nobody has merged it yet. */
static int
replace_unmerged(struct repo *r, const char *old, struct error *err)
{
	const char *slash = strrchr(old, '/');
	int rc;

	if (slash == NULL || !str_starts(str_of(slash + 1), "MAL-0000-"))
		return 0;
	rc = repo_remove(r, REPO_MALICIOUS, old, err);
	return rc == -ENOENT ? 0 : rc;
}

int
ingest_apply(struct repo *r, struct str source, const struct ingest_result *in,
    bool dry, enum ingest_outcome *ret, struct error *err)
{
	_cleanup_(freep) char *old = NULL;
	struct repo_seen s;
	int rc = 0;

	if (in->refused.p != NULL) {
		*ret = INGEST_REFUSED;
		return 0;
	}
	fill_seen(&s, source, in, STR_LIT(""));
	if (repo_seen_before(r, &s)) {
		*ret = INGEST_UNCHANGED;
		return 0;
	}
	if (in->withdrawn)
		return follow_withdrawal(r, source, in, dry, ret, err);
	*ret = in->hold ? INGEST_HELD : INGEST_ADDED;
	if (repo_seen_by_id(r, source, in->source_id, &old) != 0)
		*ret = in->hold ? INGEST_HELD : INGEST_UPDATED;
	if (dry)
		return 0;
	if (old != NULL)
		rc = replace_unmerged(r, old, err);
	if (rc == 0)
		rc = write_reports(r, source, in,
		    in->hold ? REPO_UNMERGABLE : REPO_MALICIOUS, err);
	return rc;
}
