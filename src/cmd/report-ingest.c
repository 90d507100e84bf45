/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report ingest: documents of a source become reports. Confined
 * workers read and check; this process decides and writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cmd/report_priv.h"
#include "pipeline/sources.h"
#include "report/config.h"
#include "report/hand.h"
#include "report/ingest.h"
#include "report/popular.h"
#include "report/presence.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/opt.h"
#include "sys/paths.h"
#include "sys/term.h"

#define COMMIT_EVERY 100000

static struct {
	const char *db, *source, *config, *kind, *popular;
	struct opt_list own_names;
	bool alias_id, split, dry_run, verbose, allow_deleted;
} options;

static const struct opt option_table[] = {
	{ "db", 0, OPT_STRING, &options.db, "DIR",
	    "the report database; made when absent" },
	{ "source", 's', OPT_STRING, &options.source, "NAME",
	    "name of the source: a-z, 0-9 and -" },
	{ "config", 'c', OPT_STRING, &options.config, "FILE",
	    "the sources, in YAML; --source then names one of them" },
	{ "alias-id", 0, OPT_FLAG, &options.alias_id, NULL,
	    "the source's ids become aliases" },
	{ "split", 0, OPT_FLAG, &options.split, NULL,
	    "documents may be about several packages: one report each" },
	{ "kind", 0, OPT_STRING, &options.kind, "KIND",
	    "what the documents are: osv, or ghsa (advisories of GitHub, of "
	    "which malware is taken)" },
	{ "popular", 0, OPT_STRING, &options.popular, "FILE",
	    "packages about which a broad claim is held for review" },
	{ "own-name", 0, OPT_LIST, &options.own_names, "NAME",
	    "what is credited to NAME is a report of ours (repeatable)" },
	{ "allow-deleted", 0, OPT_FLAG, &options.allow_deleted, NULL,
	    "withdraw what is gone from a source, however much it is" },
	{ "dry-run", 'n', OPT_FLAG, &options.dry_run, NULL,
	    "say what would change, change nothing" },
	{ "verbose", 'v', OPT_FLAG, &options.verbose, NULL,
	    "name all that was repaired or dropped" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report ingest",
	.operands = "PATH…",
	.summary = "Takes OSV documents of a source into the report database, "
		   "as reports without an\nid. A folder means every *.json "
		   "below it; a file may also hold many: .zip, .ndjson,\n"
		   ".jsonl, .json.gz, .ndjson.gz. What was taken in before "
		   "changes nothing. Exit 0 when\nall were taken, 3 when some "
		   "were refused (each named).",
	.options = option_table,
	.examples = "  lazaret report ingest --db reports --source partner "
		    "feed/\n"
		    "  lazaret report ingest --db reports --source partner "
		    "all.ndjson.gz\n"
		    "  lazaret report ingest --db reports --config "
		    "sources.yaml\n",
};

struct file {
	char *path; /* owned */
	struct stat st;
};

struct files {
	struct file *v; /* owned */
	size_t n, size;
};

struct job {
	struct files files; /* to be looked at */
	/* Named on the command line, with many documents each. */
	struct files bundles;
	struct config_source named; /* what the options say */
	struct repo *repo;
	struct intake_source source;
	const struct config_source *configured; /* whole; NULL: not read */
	struct popular *popular; /* owned */
	struct presence *presence; /* of the source; NULL: it does not matter */
	const struct str *prefixes; /* of paths below the folder; n 0: all */
	size_t n_prefixes, root_bytes; /* root: the folder and "/" */
	int64_t now_s;
	bool files_known; /* some were taken in before */
	size_t unchanged; /* by their times and size */
	size_t since_commit;
	size_t counts[INGEST_OUTCOME__MAX];
	struct ingest_result result; /* large: kept out of the stack */
};

/* --- files -----------------------------------------------------------------
 */

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
has_prefix(const struct job *j, const char *path)
{
	for (size_t i = 0; i < j->n_prefixes; i++)
		if (strlen(path) > j->root_bytes &&
		    str_starts(str_of(path + j->root_bytes), j->prefixes[i].p))
			return true;
	return j->n_prefixes == 0;
}

/* Whether it is named on the command line and holds many documents. */
static bool
is_bundle(const struct job *j, const FTSENT *e)
{
	return j->configured == &j->named && e->fts_level == 0 &&
	    bundle_name_is_bundle(str_of(e->fts_name));
}

/* The file's name at its source. */
static struct str
object_of(const struct job *j, const char *path)
{
	size_t n = strlen(path);

	return str_of(path + MIN_OF(j->root_bytes, n));
}

static void
add_file(struct job *j, const FTSENT *e)
{
	struct file f = { .st = *e->fts_statp };

	if (!has_prefix(j, e->fts_path))
		return;
	if (j->files_known &&
	    repo_file_unchanged(j->repo, j->source.id, str_of(e->fts_path),
		&f.st) &&
	    presence_keep(j->presence, object_of(j, e->fts_path))) {
		j->unchanged++;
		return;
	}
	f.path = mem_strdup(e->fts_path);
	if (is_bundle(j, e))
		vec_push(&j->bundles, f);
	else
		vec_push(&j->files, f);
}

/* Whether files of the source hold many documents, or other things than JSON,
 * so that they are unfolded (unfold.h). */
static bool
is_unfolded(const struct job *j)
{
	const struct config_source *s = j->configured;

	return s != NULL &&
	    (s->format != BUNDLE_BY_NAME || s->intake.kind == INTAKE_MAP);
}

static bool
wanted_name(const struct job *j, struct str name)
{
	if (!is_unfolded(j))
		return str_ends(name, ".json");
	return j->configured->format != BUNDLE_BY_NAME ||
	    bundle_name_known(name);
}

static int
find_files(struct job *j, char **operands)
{
	FTS *fts = fts_open(operands, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *e;
	int rc = 0;

	if (fts == NULL)
		return -errno;
	j->files_known = repo_file_any(j->repo, j->source.id);
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR ||
		    e->fts_info == FTS_ERR) {
			(void)fprintf(stderr, "lazaret report ingest: %s: %s\n",
			    e->fts_path, strerror(e->fts_errno));
			rc = -e->fts_errno;
		} else if (e->fts_info == FTS_F &&
		    (e->fts_level == 0 ||
			wanted_name(j, str_of(e->fts_name)))) {
			add_file(j, e);
		} else if (e->fts_level == 0 && e->fts_info != FTS_F &&
		    e->fts_info != FTS_D && e->fts_info != FTS_DP) {
			j->counts[INGEST_REFUSED]++;
			term_print(stderr, str_of(e->fts_path), 4096);
			(void)fputs(": refused: no file and no folder (links "
				    "are not followed)\n",
			    stderr);
		}
	}
	(void)fts_close(fts);
	return rc;
}

/* --- workers ----------------------------------------------------------------
 */

static int
work_on(struct channel *c, const void *job, size_t i, struct buf *bytes,
    struct error *err)
{
	const struct job *j = job;
	struct error why = ERROR_INIT;

	if (report_crew_read(AT_FDCWD, j->files.v[i].path, O_NOFOLLOW, bytes,
		&why) != 0)
		return ingest_work_failed(c, (int64_t)i, why.msg, err);
	return ingest_work(c, (int64_t)i, buf_str(bytes), &j->source, j->now_s,
	    err);
}

/* --- results ----------------------------------------------------------------
 */

static void
say_notes(struct str notes)
{
	const char *before = ": ";
	struct str note;

	while (notes.n != 0 && str_cut(&notes, '\n', &note)) {
		(void)fputs(before, stderr);
		term_print(stderr, note, 1000);
		before = "; ";
	}
}

static void
say(struct str name, const struct ingest_result *in,
    enum ingest_outcome outcome)
{
	static const char *const words[INGEST_OUTCOME__MAX] = {
		[INGEST_ADDED] = "new",
		[INGEST_UPDATED] = "update",
		[INGEST_UNCHANGED] = "unchanged",
		[INGEST_WITHDRAWN] = "withdrawn by its source",
		[INGEST_HELD] = "held for review",
		[INGEST_IGNORED] = "not about malware",
		[INGEST_REFUSED] = "refused",
	};
	bool loud = outcome == INGEST_REFUSED || outcome == INGEST_HELD ||
	    (in->lost != 0 && outcome != INGEST_UNCHANGED) || options.verbose ||
	    (options.dry_run && outcome != INGEST_UNCHANGED);

	if (!loud)
		return;
	term_print(stderr, name, 4096);
	(void)fprintf(stderr, ": %s", words[outcome]);
	if (in->refused.p != NULL) {
		(void)fputs(": ", stderr);
		term_print(stderr, in->refused, 1000);
	} else if (outcome == INGEST_HELD) {
		(void)fputs(": ", stderr);
		term_print(stderr, str_of(in->why), 1000);
	} else {
		say_notes(in->notes);
	}
	(void)fputc('\n', stderr);
}

/* What becomes of one document; 1: refused. */
static int
take_document(void *arg, struct str name, struct ingest_result *in,
    struct error *err)
{
	struct job *j = arg;
	enum ingest_outcome outcome;
	int rc = ingest_apply(j->repo, j->source.id, in, options.dry_run,
	    &outcome, err);

	if (rc != 0)
		return error_wrap(err, "%.*s", (int)MIN_OF(name.n, 100u),
		    name.p != NULL ? name.p : "");
	j->counts[outcome]++;
	presence_document(j->presence, in->source_id,
	    outcome == INGEST_REFUSED);
	say(name, in, outcome);
	/* After a death, this much is read again. */
	if (++j->since_commit == COMMIT_EVERY) {
		j->since_commit = 0;
		rc = repo_commit(j->repo, err);
	}
	return rc != 0 ? rc : outcome == INGEST_REFUSED;
}

static int
take_file(struct job *j, struct error *err)
{
	const struct file *f = &j->files.v[j->result.file];
	int rc;

	presence_open(j->presence, object_of(j, f->path));
	rc = take_document(j, str_of(f->path), &j->result, err);
	if (rc >= 0)
		presence_close(j->presence, true);
	/* What was refused is looked at again: the rules may have changed. */
	if (rc < 0 || rc == 1 || options.dry_run)
		return rc < 0 ? rc : 1;
	rc = repo_file_remember(j->repo, j->source.id, str_of(f->path), &f->st,
	    err);
	return rc < 0 ? rc : 1;
}

static int
take_result(void *job, struct message *m, struct error *err)
{
	struct job *j = job;
	int rc = ingest_receive(m, &j->result, err);

	if (rc != 0)
		return rc;
	if (j->result.file < 0 || (size_t)j->result.file >= j->files.n)
		return error_set(err, -EPROTO, "bad result of a worker");
	return take_file(j, err);
}

static int
lost_file(void *job, size_t i, const char *why, struct error *err)
{
	struct job *j = job;
	int rc;

	ingest_refuse(&j->result, (int64_t)i, why);
	rc = take_file(j, err);
	return rc < 0 ? rc : 0;
}

static int
run(struct job *j, char **operands, struct error *err)
{
	const struct report_crew crew = { .name = "report ingest",
		.noun = "files",
		.n_files = j->files.n,
		.read_paths = (const char *const *)operands,
		.work = work_on,
		.take = take_result,
		.lost = lost_file,
		.job = j };
	pid_t hand = 0;
	int rc = 0;

	j->now_s = clock_wall_ns() / NS_PER_SEC;
	if (j->files.n >= HAND_MIN_FILES && !options.dry_run)
		rc = report_hand_start(j->repo, &hand, err);
	if (rc == 0)
		rc = report_crew_run(&crew, err);
	if (hand != 0 &&
	    report_hand_end(j->repo, hand, rc == 0 ? err : NULL) != 0 &&
	    rc == 0)
		rc = err->code;
	return rc == 0 ? repo_commit(j->repo, err) : rc;
}

static void
print_counts(const struct job *j)
{
	(void)printf("%zu new, %zu updated, %zu unchanged, %zu withdrawn, "
		     "%zu held, %zu refused",
	    j->counts[INGEST_ADDED], j->counts[INGEST_UPDATED],
	    j->counts[INGEST_UNCHANGED] + j->unchanged,
	    j->counts[INGEST_WITHDRAWN], j->counts[INGEST_HELD],
	    j->counts[INGEST_REFUSED]);
	if (j->counts[INGEST_IGNORED] != 0)
		(void)printf(", %zu not about malware",
		    j->counts[INGEST_IGNORED]);
	(void)printf("%s\n", options.dry_run ? " (nothing was written)" : "");
}

static bool
source_valid(const char *s)
{
	return s != NULL && s[0] != '\0' &&
	    s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0' &&
	    strlen(s) <= 64;
}

static void
forget_files(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].path);
	f->n = 0;
}

/* --- files of many documents, and what comes over the network ---------------
 */

static int
unfold_file(struct job *j, struct unfold *u, const struct file *f,
    struct error *err)
{
	_cleanup_(closep) int fd =
	    open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	size_t refused;
	int rc;

	if (fd < 0)
		return error_errno(err, "%s", f->path);
	presence_open(j->presence, object_of(j, f->path));
	rc = unfold_documents(u, fd, str_of(f->path), take_document, j,
	    &refused, err);
	if (rc == 0)
		presence_close(j->presence, true);
	if (rc != 0 || refused != 0 || options.dry_run)
		return rc;
	return repo_file_remember(j->repo, j->source.id, str_of(f->path),
	    &f->st, err);
}

static int
unfold_files(struct job *j, const struct files *files, struct error *err)
{
	struct report_worker w = { 0 };
	struct progress p;
	int rc;

	if (files->n == 0)
		return 0;
	progress_begin(&p);
	rc = report_worker_start(j->configured, &w, err);
	for (size_t i = 0; i < files->n && rc == 0; i++) {
		progress_say(&p, "%zu of %zu files", i + 1, files->n);
		rc = unfold_file(j, w.unfold, &files->v[i], err);
	}
	report_worker_stop(&w);
	progress_end(&p);
	return rc == 0 ? repo_commit(j->repo, err) : rc;
}

static void
say_sentence(void *arg, struct str name, const char *sentence)
{
	(void)arg;
	term_print(stderr, name, 4096);
	(void)fputs(": ", stderr);
	term_print(stderr, str_of(sentence), 1000);
	(void)fputc('\n', stderr);
}

static int
ingest_network(struct job *j, struct str yaml, struct error *err)
{
	struct report_worker w = { 0 };
	struct sources s = { .repo = j->repo,
		.source = j->configured,
		.config = yaml,
		.fn = take_document,
		.arg = j,
		.presence = j->presence,
		.dry_run = options.dry_run,
		.say = say_sentence };
	int rc = report_worker_start(j->configured, &w, err);

	s.unfold = w.unfold;
	if (rc == 0)
		rc = sources_bring(&s, err);
	report_worker_stop(&w);
	j->unchanged += s.unchanged;
	j->counts[INGEST_REFUSED] += s.failed;
	/* What was taken before a failure stays taken. */
	if (repo_commit(j->repo, rc == 0 ? err : NULL) != 0 && rc == 0)
		rc = err->code;
	return rc;
}

static int
ingest_paths(struct job *j, char **operands, struct error *err)
{
	int rc = 0;

	if (find_files(j, operands) != 0)
		rc = error_set(err, -ENOENT, "not everything can be read");
	if (rc == 0)
		rc = is_unfolded(j) ? unfold_files(j, &j->files, err) :
				      run(j, operands, err);
	if (rc == 0)
		rc = unfold_files(j, &j->bundles, err);
	forget_files(&j->files);
	forget_files(&j->bundles);
	return rc;
}

/* --- configured sources ------------------------------------------------------
 */

static void
say_gone(void *arg, struct str id, const char *refused)
{
	struct job *j = arg;

	j->counts[refused != NULL ? INGEST_REFUSED : INGEST_WITHDRAWN]++;
	if (!options.verbose && !options.dry_run && refused == NULL)
		return;
	term_print(stderr, id, 512);
	(void)fputs(": gone from its source: ", stderr);
	term_print(stderr,
	    refused != NULL ? str_of(refused) : STR_LIT("withdrawn"), 1000);
	(void)fputc('\n', stderr);
}

/* After a complete reading. 1: too much is gone, the sentence says so. */
static int
follow_deletions(struct job *j, const struct config_source *s,
    struct error *err)
{
	const struct presence_rule rule = { .at_most_percent =
						s->deleted_at_most,
		.allow = options.allow_deleted,
		.dry = options.dry_run,
		.gone = say_gone,
		.arg = j };
	int rc = presence_end(j->presence, &rule, err);

	return rc == 0 ? repo_commit(j->repo, err) : rc;
}

/* Which part of the world the source's objects are. */
static struct presence *
begin_presence(struct job *j, const struct config_source *s)
{
	_cleanup_(freep) char *real =
	    s->storage == CONFIG_DIRECTORY ? realpath(s->place.p, NULL) : NULL;
	struct presence *p;
	struct buf b;

	if (!s->withdraw_deleted)
		return NULL;
	buf_init(&b, LIMIT_CONFIG_BYTES);
	buf_printf(&b, "%u %u %u\n%s\n%.*s\n%.*s\n", s->storage, s->format,
	    s->intake.kind, real != NULL ? real : s->place.p,
	    STR_ARG(s->bucket), STR_ARG(s->branch));
	for (size_t i = 0; i < s->n_prefixes; i++)
		buf_printf(&b, "%.*s\n", STR_ARG(s->prefixes[i]));
	p = presence_begin(j->repo, s->intake.id, buf_str(&b));
	buf_done(&b);
	return p;
}

static int
ingest_git(struct job *j, const struct config_source *s, struct str yaml,
    struct error *err)
{
	char *parent = mem_printf("%s/.lazaret/git", options.db);
	char *dir = mem_printf("%s/%s", parent, s->intake.id.p);
	char *operands[] = { dir, NULL };
	size_t refused = j->counts[INGEST_REFUSED];
	struct buf key;
	int rc = paths_make(parent, 0755, err);

	buf_init(&key, 64 * KIB);
	if (rc == 0)
		rc = report_checkout_update(s, dir, err);
	if (rc == 0)
		rc = report_checkout_key(dir, yaml, &key, err);
	if (rc == 0 && !repo_start_is(j->repo, s->intake.id, buf_str(&key))) {
		j->root_bytes = strlen(dir) + 1;
		rc = ingest_paths(j, operands, err);
		if (rc == 0)
			rc = follow_deletions(j, s, err);
		/* What was refused is looked at again next time. */
		if (rc == 0 && !options.dry_run &&
		    refused == j->counts[INGEST_REFUSED])
			rc = repo_start_put(j->repo, s->intake.id,
			    buf_str(&key), err);
	}
	buf_done(&key);
	free(dir);
	free(parent);
	return rc;
}

static int
ingest_source(struct job *j, const struct config_source *s, struct str yaml,
    struct error *err)
{
	char *path = mem_strndup(s->place);
	char *operands[] = { path, NULL };
	int rc;

	j->source = s->intake;
	j->configured = s;
	j->prefixes = s->prefixes;
	j->n_prefixes = s->n_prefixes;
	j->presence = begin_presence(j, s);
	if (config_is_network(s)) {
		rc = ingest_network(j, yaml, err);
	} else if (s->storage == CONFIG_GIT) {
		rc = ingest_git(j, s, yaml, err);
	} else {
		j->root_bytes = s->place.n + 1;
		rc = ingest_paths(j, operands, err);
	}
	/* A repository's commit may be known, and then is not looked at. */
	if (rc == 0 && s->storage != CONFIG_GIT)
		rc = follow_deletions(j, s, err);
	presence_free(j->presence);
	j->presence = NULL;
	free(path);
	return rc;
}

/* One source's failure does not stop the others; 1: some failed. */
static int
ingest_configured(struct job *j, struct error *err)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(MIB * 64);
	struct config c = { 0 };
	struct error why;
	struct buf yaml;
	size_t wanted = 0;
	int rc, failed = 0;

	buf_init(&yaml, LIMIT_CONFIG_BYTES);
	rc = report_config_read(options.config, a, &yaml, &c, err);
	if (rc == 0)
		rc = report_popular_read(options.popular, &c, &j->popular, err);
	for (size_t i = 0; i < c.sources.n && rc == 0; i++) {
		struct config_source *s = c.sources.v[i];

		s->intake.popular = j->popular;

		if (options.source != NULL &&
		    !str_is(s->intake.id, options.source))
			continue;
		wanted++;
		if (s->disabled.p != NULL) {
			(void)fprintf(stderr, "%s: disabled: %s\n",
			    s->intake.id.p, s->disabled.p);
			continue;
		}
		why = (struct error)ERROR_INIT;
		if (ingest_source(j, s, buf_str(&yaml), &why) == 0)
			continue;
		(void)fprintf(stderr, "lazaret report ingest: %s: %s\n",
		    s->intake.id.p, why.msg);
		failed = 1;
	}
	if (rc == 0 && wanted == 0 && options.source != NULL)
		rc = error_set(err, -ENOENT, "%s has no source %s",
		    options.config, options.source);
	config_done(&c);
	buf_done(&yaml);
	return rc != 0 ? rc : failed;
}

static int
ingest_named(struct job *j, char **operands, struct error *err)
{
	struct str *own = mem_array(options.own_names.n, sizeof(*own));
	int rc = report_popular_read(options.popular, NULL, &j->popular, err);

	for (size_t i = 0; i < options.own_names.n; i++)
		own[i] = str_of(options.own_names.v[i]);
	j->source = (struct intake_source){ .id = str_of(options.source),
		.alias_id = options.alias_id,
		.split = options.split,
		.kind =
		    options.kind != NULL && strcmp(options.kind, "ghsa") == 0 ?
		    INTAKE_GHSA :
		    INTAKE_OSV,
		.popular = j->popular,
		.own_names = options.own_names.n != 0 ? own : NULL,
		.n_own_names = options.own_names.n };
	j->named.intake = j->source;
	j->configured = &j->named;
	if (rc == 0)
		rc = ingest_paths(j, operands, err);
	free(own);
	return rc;
}

static void
check_usage(bool operands)
{
	if (options.db == NULL)
		opt_usage_error(&command, "say --db DIR");
	if (options.config != NULL && operands)
		opt_usage_error(&command,
		    "--config says where the files are: no operands");
	if (options.config == NULL && !source_valid(options.source))
		opt_usage_error(&command,
		    "--source needs a name of a-z, 0-9 and - (or say "
		    "--config FILE)");
	if (options.kind != NULL && strcmp(options.kind, "osv") != 0 &&
	    strcmp(options.kind, "ghsa") != 0)
		opt_usage_error(&command,
		    "--kind is osv or ghsa (map needs a configuration file)");
	if (options.config == NULL && !operands)
		opt_usage_error(&command, "name a file or a folder");
}

int
report_ingest_main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), rc;
	struct job *j = mem_alloc(sizeof(*j));
	struct error err = ERROR_INIT;
	bool unmake;

	check_usage(first < argc);
	unmake = options.dry_run && access(options.db, F_OK) != 0;
	rc = repo_open(options.db, &j->repo, &err);
	if (rc == 0 && options.dry_run)
		repo_dry(j->repo);
	if (rc == 0)
		rc = options.config != NULL ?
		    ingest_configured(j, &err) :
		    ingest_named(j, argv + first, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report ingest: %s\n", err.msg);
	else
		print_counts(j);
	repo_close(j->repo);
	if (unmake)
		repo_unmake(options.db);
	if (rc == 0)
		rc = j->counts[INGEST_REFUSED] != 0 ? EXIT_INCOMPLETE :
						      EXIT_NOTHING_FOUND;
	else
		rc = rc < 0 ? EXIT_TOOL_FAILED : EXIT_INCOMPLETE;
	vec_done(&j->files);
	vec_done(&j->bundles);
	popular_free(j->popular);
	free(j);
	return rc;
}
