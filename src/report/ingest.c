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
#include "report/held.h"
#include "report/provenance.h"
#include "sys/sha256.h"

#define MESSAGE_RESULT 1
/* More are no aliases of one report. */
#define MAX_ALIASES_LOOKED_AT 50
/* Most reports are smaller: a buffer does not grow on the way. */
#define USUAL_BYTES 4000

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

/* Alias ids, a line each: the same in every report of a document, unless a
 * filter took some. */
static void
put_aliases(struct channel *c, const struct intake *in)
{
	struct buf b;

	buf_init(&b, 64 * KIB);
	for (size_t i = 0;
	     in->reports.n != 0 && i < in->reports.v[0]->d.n_aliases; i++)
		buf_printf(&b, "%s%.*s", i == 0 ? "" : "\n",
		    STR_ARG(in->reports.v[0]->d.aliases[i]));
	message_put_str(c, buf_str(&b));
	buf_done(&b);
}

static void
put_report(struct channel *c, struct report *r)
{
	struct buf b, key;

	buf_init(&b, 32 * (size_t)MIB);
	buf_init(&key, LIMIT_PATH_BYTES);
	(void)buf_reserve(&b, USUAL_BYTES);
	(void)report_folder(r, &b);
	message_put_str(c, buf_str(&b));
	report_key(r, buf_str(&b), &key);
	message_put_str(c, buf_str(&key));
	buf_done(&key);
	buf_reset(&b);
	report_write(r, &b);
	message_put_str(c, buf_str(&b));
	buf_reset(&b);
	provenance_of(r, &b);
	message_put_str(c, buf_str(&b));
	buf_done(&b);
}

/* id: of the document at its source; NULL where nobody knows. */
static int
send_refusal(struct channel *c, int64_t file, const char *why, const char *id,
    struct error *err)
{
	message_begin(c, MESSAGE_RESULT);
	message_put_int(c, file);
	message_put_str(c, str_of(why));
	message_put_str(c, str_of(id));
	return message_send(c, err);
}

int
ingest_work_failed(struct channel *c, int64_t file, const char *why,
    struct error *err)
{
	return send_refusal(c, file, why, NULL, err);
}

int
ingest_work(struct channel *c, int64_t file, struct str bytes,
    const struct intake_source *s, int64_t now_s, struct error *err)
{
	struct intake in = { .withdrawn = false };
	struct error refused = ERROR_INIT;
	int rc;

	rc = intake_document(bytes, s, now_s, &in, &refused);
	if (rc == 0 && in.reports.n > INGEST_MAX_PACKAGES)
		rc = error_set(&refused, -EINVAL, "is about too many packages");
	if (rc != 0) {
		rc = send_refusal(c, file, refused.msg, in.source_id, err);
		intake_done(&in);
		return rc;
	}
	message_begin(c, MESSAGE_RESULT);
	message_put_int(c, file);
	message_put_str(c, STR_NONE);
	put_notes(c, &in);
	message_put_str(c, str_n(in.raw_sha256, 32));
	message_put_str(c, str_n(in.canonical_sha256, 32));
	message_put_str(c, str_of(in.source_id));
	message_put_int(c, in.modified_s);
	message_put_int(c, in.withdrawn);
	message_put_int(c, in.ignored);
	message_put_int(c, in.lost);
	put_aliases(c, &in);
	message_put_int(c, (int64_t)in.reports.n);
	for (size_t i = 0; i < in.reports.n; i++) {
		put_report(c, in.reports.v[i]);
		message_put_str(c, str_of(in.holds.v[i]));
	}
	rc = message_send(c, err);
	if (rc == -EMSGSIZE)
		rc = send_refusal(c, file, "is too large", in.source_id, err);
	intake_done(&in);
	return rc;
}

void
ingest_refuse(struct ingest_result *ret, int64_t file, const char *why)
{
	ret->file = file;
	ret->refused = str_of(why);
	ret->source_id = STR_NONE;
	ret->n_reports = ret->ignored = ret->lost = 0;
	ret->why[0] = '\0';
}

/* Of a package in the folder. */
static bool
is_key(struct str key, struct str folder)
{
	return str_eq(key, folder) ||
	    (key.n > folder.n + 1 && key.p[folder.n] == '\n' &&
		str_eq(str_sub(key, 0, folder.n), folder));
}

int
ingest_receive(struct message *m, struct ingest_result *ret, struct error *err)
{
	ret->file = message_get_int(m);
	ret->refused = message_get_str(m);
	ret->n_reports = ret->ignored = ret->lost = 0;
	ret->why[0] = '\0';
	ret->source_id = STR_NONE;
	if (ret->refused.p != NULL) {
		ret->source_id = message_get_str(m);
		return message_end(m, err);
	}
	ret->notes = message_get_str(m);
	ret->raw = message_get_str(m);
	ret->canonical = message_get_str(m);
	ret->source_id = message_get_str(m);
	ret->modified_s = message_get_int(m);
	ret->withdrawn = message_get_int(m);
	ret->ignored = message_get_int(m);
	ret->lost = message_get_int(m);
	ret->aliases = message_get_str(m);
	ret->n_reports = message_get_int(m);
	if (m->bad || ret->raw.n != 32 || ret->canonical.n != 32 ||
	    ret->n_reports < 0 || ret->n_reports > INGEST_MAX_PACKAGES)
		return error_set(err, -EPROTO, "bad result of a worker");
	for (int64_t i = 0; i < ret->n_reports; i++) {
		ret->folders[i] = message_get_str(m);
		ret->keys[i] = message_get_str(m);
		ret->texts[i] = message_get_str(m);
		ret->items[i] = message_get_str(m);
		ret->holds[i] = message_get_str(m);
		if (!provenance_valid(ret->items[i]) ||
		    !is_key(ret->keys[i], ret->folders[i]))
			m->bad = true;
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
		.id = in->key,
		.path = path,
		.never = in->never };
	memcpy(s->raw, in->raw.p, 32);
	memcpy(s->canonical, in->canonical.p, 32);
}

/* "<folder>/MAL-0000-<source>-<first 16 hex digits>.json"; packages of one
 * document whose names differ in case alone share a folder, and are numbered.
 */
static void
file_path(char *ret, size_t size, struct str source,
    const struct ingest_result *in, int64_t i)
{
	char hex[SHA256_HEX_SIZE], more[24] = "";
	int before = 0;

	for (int64_t k = 0; k < i; k++)
		before += str_eq(in->folders[k], in->folders[i]);
	if (before != 0)
		(void)snprintf(more, sizeof(more), "-%d", before + 1);
	sha256_hex((const uint8_t *)in->raw.p, hex);
	(void)snprintf(ret, size, "%.*s/MAL-0000-%.*s-%.16s%s.json",
	    STR_ARG(in->folders[i]), STR_ARG(source), hex, more);
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

/* What the source said before in the file at path: taken back. 1: that cannot
 * be done now: who reads it dies, somebody edits it, it is a link. Where the
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
	if (rc == -EINVAL || rc == -EPIPE || rc == -ELOOP || rc == -ESTALE) {
		(void)fprintf(stderr, "%s: cannot be changed: %s\n", path,
		    why.msg);
		return 1;
	}
	if (rc == -ENOENT || rc >= 0)
		return 0;
	return error_set(err, rc, "%s", why.msg);
}

/* --- what a person should look at first ------------------------------------
 */

/* The first withdrawn report of a folder that the source did not take back
 * itself: it had no part in it, or its word still stands in it and a person
 * has withdrawn it all the same. */
struct others {
	struct repo *repo;
	struct str source;
	char *path; /* owned; NULL: none */
};

static int
look_for_others(void *data, const char *path)
{
	struct others *o = data;

	if (repo_seen_from(o->repo, path, o->source) &&
	    !repo_stands_withdrawn(o->repo, path, o->source))
		return 0;
	o->path = mem_strdup(path);
	return 1;
}

static char *
folder_name(const struct ingest_result *in, int64_t i)
{
	return mem_strndup(in->folders[i]);
}

/* A package whose report was withdrawn, and now a source says that it is
 * malicious. NULL when there is no such conflict. */
static char *
conflict_with_withdrawal(struct repo *r, struct str source,
    const struct ingest_result *in, int64_t i)
{
	struct others o = { .repo = r, .source = source };
	_cleanup_(freep) char *folder = folder_name(in, i);
	char *why = NULL;

	if (repo_walk(r, REPO_WITHDRAWN, folder, look_for_others, &o, NULL) ==
	    1)
		why = mem_printf("%s was withdrawn, and %.*s says that the "
				 "package is malicious",
		    o.path, STR_ARG(source));
	free(o.path);
	return why;
}

/* An alias that is another source's own id, of documents about other packages
 * alone. */
static char *
conflict_of_packages(struct repo *r, struct str source,
    const struct ingest_result *in)
{
	struct str rest = in->aliases, alias;
	char *why = NULL;

	for (int n = 0; why == NULL && n < MAX_ALIASES_LOOKED_AT &&
	     str_cut(&rest, '\n', &alias);
	     n++) {
		struct repo_paths theirs = { .n = 0 };
		bool ours = false;

		repo_seen_elsewhere(r, source, alias, &theirs);
		for (size_t i = 0; i < theirs.n; i++)
			ours = ours || in_folders(in, str_of(theirs.v[i]));
		if (theirs.n != 0 && !ours)
			why = mem_printf("%.*s is about another package for "
					 "its own source (%s)",
			    STR_ARG(alias), theirs.v[0]);
		repo_paths_done(&theirs);
	}
	return why;
}

/* Reasons beyond those of the worker; words: what they are kept in. */
static void
find_conflicts(struct repo *r, struct str source, struct ingest_result *in,
    const struct repo_paths *old, struct repo_paths *words)
{
	char *why = conflict_of_packages(r, source, in);
	bool decided = false;

	/* A live report of this source: somebody has looked already. */
	for (size_t i = 0; i < old->n; i++)
		decided = decided || repo_has(r, REPO_MALICIOUS, old->v[i]);
	if (why != NULL)
		vec_push(words, why);
	for (int64_t i = 0; i < in->n_reports; i++) {
		char *other = why != NULL || decided ?
		    NULL :
		    conflict_with_withdrawal(r, source, in, i);

		if (other != NULL)
			vec_push(words, other);
		if (in->holds[i].p == NULL && (why != NULL || other != NULL))
			in->holds[i] = str_of(why != NULL ? why : other);
	}
	for (int64_t i = 0; i < in->n_reports; i++)
		if (in->holds[i].p != NULL && in->why[0] == '\0')
			(void)snprintf(in->why, sizeof(in->why), "%.*s",
			    STR_ARG(in->holds[i]));
}

struct doubt {
	struct repo *repo;
	struct str source;
	struct repo_paths files; /* of a folder */
};

static int
collect_file(void *data, const char *path)
{
	vec_push(&((struct doubt *)data)->files, mem_strdup(path));
	return 0;
}

/* What others still say about a package of which a source takes its word
 * back: a person is asked; what has no id yet gets none until then. */
static int
doubt_others(struct repo *r, struct str source, struct str key,
    const char *folder, struct error *err)
{
	struct doubt d = { .repo = r, .source = source };
	char *why = mem_printf("%.*s took its report back, and others still "
			       "say that the package is malicious",
	    STR_ARG(source));
	int rc = repo_walk(r, REPO_MALICIOUS, folder, collect_file, &d, err);

	for (size_t i = 0; i < d.files.n && rc == 0; i++)
		/* The source itself says so elsewhere: no conflict. */
		if (!repo_seen_another(r, d.files.v[i], source, key))
			rc = held_ask(r, d.files.v[i], str_of(why), err);
	repo_paths_done(&d.files);
	free(why);
	return rc;
}

/* A source took back what it said. 1: that could not be done, and is tried
 * again when the source is read again. */
static int
follow_withdrawal(struct repo *r, struct str source, struct ingest_result *in,
    const struct repo_paths *old, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < old->n && rc == 0; i++)
		rc = take_back(r, source, in, old->v[i], err);
	if (rc == 1)
		in->refused = STR_LIT("is withdrawn, but what it said cannot "
				      "be taken back");
	for (int64_t i = 0; i < in->n_reports && rc == 0; i++) {
		_cleanup_(freep) char *folder = folder_name(in, i);

		rc = doubt_others(r, source, in->key, folder, err);
	}
	return rc == 0 ? remember(r, source, in, STR_LIT(""), err) : rc;
}

/* --- what lies in the way ---------------------------------------------------
 */

static int
check_folder(struct repo *r, struct str folder, struct error *err)
{
	static const enum repo_tree trees[] = { REPO_MALICIOUS, REPO_WITHDRAWN,
		REPO_HELD };
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(trees) && rc == 0; i++)
		rc = repo_check_folder(r, trees[i], folder, err);
	return rc;
}

/* Before anything is changed: one package's folder that cannot be written is
 * one report that is refused, not the end of all. */
static int
check_folders(struct repo *r, const struct ingest_result *in,
    const struct repo_paths *old, struct error *err)
{
	int rc = 0;

	for (int64_t i = 0; i < in->n_reports && rc == 0; i++)
		rc = check_folder(r, in->folders[i], err);
	for (size_t i = 0; i < old->n && rc == 0; i++) {
		struct str path = str_of(old->v[i]);
		ptrdiff_t slash = str_rchr(path, '/');

		if (slash > 0 && !in_folders(in, path))
			rc = check_folder(r, str_sub(path, 0, (size_t)slash),
			    err);
	}
	return rc;
}

/* --- what is no longer at its source ----------------------------------------
 */

/* The folders that the document's reports were in, each once. */
static void
fill_folders(struct ingest_result *in, const struct repo_paths *paths)
{
	for (size_t i = 0; i < paths->n && in->n_reports < INGEST_MAX_PACKAGES;
	     i++) {
		struct str path = str_of(paths->v[i]);
		ptrdiff_t slash = str_rchr(path, '/');

		if (slash > 0 && !in_folders(in, path))
			in->folders[in->n_reports++] =
			    str_sub(path, 0, (size_t)slash);
	}
}

/* The same as a withdrawal; its content is that there is none. */
int
ingest_deleted(struct repo *r, struct str source, struct str id,
    struct error *err)
{
	struct ingest_result *in = mem_alloc(sizeof(*in));
	struct repo_paths old = { .n = 0 };
	uint8_t digest[SHA256_BYTES];
	struct buf b;
	int rc;

	buf_init(&b, LIMIT_TEXT_BYTES);
	buf_printf(&b, "deleted\n%.*s\n%.*s", STR_ARG(source), STR_ARG(id));
	sha256_of(buf_str(&b), digest);
	buf_done(&b);
	in->raw = in->canonical = str_n(digest, sizeof(digest));
	in->source_id = in->key = id;
	in->withdrawn = 1;
	repo_seen_paths(r, source, id, &old);
	fill_folders(in, &old);
	rc = check_folders(r, in, &old, err) != 0 ? 1 : 0;
	if (rc == 0)
		rc = follow_withdrawal(r, source, in, &old, err);
	repo_paths_done(&old);
	free(in);
	return rc;
}

/* --- writing ---------------------------------------------------------------
 */

/* The reason first: a held report without one would be a riddle. */
static int
put_text(struct repo *r, const char *path, const struct ingest_result *in,
    int64_t i, struct error *err)
{
	bool held = in->holds[i].p != NULL;
	int rc = held ? held_ask(r, path, in->holds[i], err) : 0;

	return rc == 0 ? repo_put_new(r, held ? REPO_HELD : REPO_MALICIOUS,
			     path, in->texts[i], err) :
			 rc;
}

static int
write_report(struct repo *r, struct str source, const struct ingest_result *in,
    int64_t i, struct error *err)
{
	char path[LIMIT_PATH_BYTES], hex[SHA256_HEX_SIZE];
	struct repo_said said = { .source = source, .package = in->keys[i] };
	int rc = 0;

	file_path(path, sizeof(path), source, in, i);
	sha256_hex((const uint8_t *)in->raw.p, hex);
	said.sha256 = str_of(hex);
	if (!in->never)
		rc = repo_said_drop(r, &said, err);
	if (rc == 0)
		rc = repo_said_put(r, &said, in->items[i], err);
	if (rc == 0)
		rc = put_text(r, path, in, i, err);
	return rc < 0 ? rc : remember(r, source, in, str_of(path), err);
}

static int
write_reports(struct repo *r, struct str source, const struct ingest_result *in,
    struct error *err)
{
	int rc = 0;

	for (int64_t i = 0; i < in->n_reports && rc == 0; i++)
		rc = write_report(r, source, in, i, err);
	if (rc == 0 && in->n_reports == 0)
		rc = remember(r, source, in, STR_LIT(""), err);
	return rc;
}

/* The new version first, so that a death in between loses neither. What is
 * live stays so while its new version waits for a person. */
static int
replace_reports(struct repo *r, struct str source,
    const struct ingest_result *in, const struct repo_paths *old,
    struct error *err)
{
	char path[LIMIT_PATH_BYTES];
	int rc = write_reports(r, source, in, err);

	for (size_t i = 0; i < old->n && rc == 0; i++) {
		bool stays = in->why[0] != '\0' &&
		    repo_has(r, REPO_MALICIOUS, old->v[i]);

		for (int64_t k = 0; k < in->n_reports && !stays; k++) {
			file_path(path, sizeof(path), source, in, k);
			stays = strcmp(path, old->v[i]) == 0;
		}
		if (!stays)
			rc = take_back(r, source, in, old->v[i], err);
		/* The merge tries it again. */
		rc = rc == 1 ? 0 : rc;
	}
	return rc;
}

/* Our own report, come back by way of a source: known by its id, which lies in
 * the same folder here, or by the content of a draft of ours. */
static const char *
loop_of(struct repo *r, struct str source, const struct ingest_result *in)
{
	char path[LIMIT_PATH_BYTES];

	for (int64_t i = 0; i < in->n_reports && in->source_id.p != NULL; i++) {
		if (!str_starts(in->source_id, "MAL-") ||
		    str_starts(in->source_id, "MAL-0000-") ||
		    str_chr(in->source_id, '/') >= 0)
			break;
		(void)snprintf(path, sizeof(path), "%.*s/%.*s.json",
		    STR_ARG(in->folders[i]), STR_ARG(in->source_id));
		if (repo_has(r, REPO_MALICIOUS, path) ||
		    repo_has(r, REPO_WITHDRAWN, path))
			return "is a report of ours: the database has it under "
			       "this id";
	}
	if (!str_is(source, INGEST_DRAFTS) &&
	    repo_seen_content(r, STR_LIT(INGEST_DRAFTS),
		(const uint8_t *)in->canonical.p))
		return "is a report of ours: it has the content of a draft";
	return NULL;
}

static enum ingest_outcome
outcome_of(const struct ingest_result *in, size_t n_old)
{
	if (in->ignored)
		return INGEST_IGNORED;
	if (in->withdrawn)
		return n_old != 0 ? INGEST_WITHDRAWN : INGEST_UNCHANGED;
	if (in->why[0] != '\0')
		return INGEST_HELD;
	return n_old != 0 ? INGEST_UPDATED : INGEST_ADDED;
}

static int
apply(struct repo *r, struct str source, struct ingest_result *in,
    const struct repo_paths *old, struct error *err)
{
	if (in->ignored)
		return remember(r, source, in, STR_LIT(""), err);
	return in->withdrawn ? follow_withdrawal(r, source, in, old, err) :
			       replace_reports(r, source, in, old, err);
}

static int
apply_new(struct repo *r, struct str source, struct ingest_result *in,
    bool known, bool dry, enum ingest_outcome *ret, struct error *err)
{
	struct repo_paths old = { .n = 0 }, words = { .n = 0 };
	struct error why = ERROR_INIT;
	int rc = 0;

	if (known)
		repo_seen_paths(r, source, in->key, &old);
	if (check_folders(r, in, &old, &why) != 0) {
		(void)snprintf(in->why, sizeof(in->why), "%s", why.msg);
		in->refused = str_of(in->why);
		*ret = INGEST_REFUSED;
		repo_paths_done(&old);
		return 0;
	}
	if (!in->withdrawn)
		find_conflicts(r, source, in, &old, &words);
	*ret = outcome_of(in, old.n);
	if (!dry)
		rc = apply(r, source, in, &old, err);
	if (rc == 1) {
		*ret = INGEST_REFUSED;
		rc = 0;
	}
	repo_paths_done(&old);
	repo_paths_done(&words);
	return rc;
}

/* What is known of the document. Two documents of a source that have one id
 * and one time, and are about two packages, are no versions of one another:
 * the second is known by its package as well, from then on. */
static enum repo_known
look_up(struct repo *r, struct str source, struct ingest_result *in,
    struct buf *room)
{
	struct repo_seen s;
	enum repo_known known, other;
	bool elsewhere = false, later;

	in->key = in->source_id;
	fill_seen(&s, source, in, STR_LIT(""));
	if (in->n_reports != 0)
		elsewhere =
		    repo_heard_elsewhere(r, &s, in->folders[0], in->modified_s);
	later = repo_heard_later(r, &s, in->modified_s) && !elsewhere;
	known = repo_seen_before(r, &s);
	if (known != REPO_CHANGED || in->n_reports == 0)
		return later ? REPO_SAME : known;
	buf_put_str(room, in->source_id);
	buf_putc(room, '\n');
	buf_put_str(room, in->folders[0]);
	s.id = buf_str(room);
	other = repo_seen_before(r, &s);
	if (!elsewhere && other == REPO_NEVER)
		return later ? REPO_SAME : known;
	in->key = s.id;
	return repo_heard_later(r, &s, in->modified_s) ? REPO_SAME : other;
}

int
ingest_apply(struct repo *r, struct str source, struct ingest_result *in,
    bool dry, enum ingest_outcome *ret, struct error *err)
{
	enum repo_known known;
	const char *loop;
	struct buf room; /* of the key */
	int rc = 0;

	*ret = INGEST_REFUSED;
	if (in->refused.p != NULL)
		return 0;
	loop = loop_of(r, source, in);
	if (loop != NULL) {
		in->refused = str_of(loop);
		return 0;
	}
	buf_init(&room, LIMIT_TEXT_BYTES);
	known = look_up(r, source, in, &room);
	in->never = known == REPO_NEVER;
	if (known != REPO_SAME)
		rc = apply_new(r, source, in, known == REPO_CHANGED, dry, ret,
		    err);
	else
		*ret = in->ignored ? INGEST_IGNORED : INGEST_UNCHANGED;
	buf_done(&room);
	return rc;
}
