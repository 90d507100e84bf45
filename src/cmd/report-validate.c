/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report validate: looks at files in confined workers and prints what
 * they found in the order of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cmd/report_priv.h"
#include "osv/checker.h"
#include "osv/osv.h"
#include "report/malicious.h"
#include "sys/clock.h"
#include "sys/message.h"
#include "sys/opt.h"
#include "sys/term.h"

/* Rows shown at most; a database that is all wrong says so once. */
#define MAX_ROWS 100000

enum message_type {
	MESSAGE_FINDING = 1, /* {int file, int level, str path, rule, text} */
	MESSAGE_DONE, /* {}: all about one file */
};

static struct {
	const char *profile;
	bool json;
} options = { .profile = "osv" };

static const struct opt option_table[] = {
	{ "profile", 'p', OPT_STRING, &options.profile, "NAME",
	    "osv (default), or malicious: also the house rules" },
	{ "json", 0, OPT_FLAG, &options.json, NULL, "print one JSON object" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report validate",
	.operands = "FILE|DIR…",
	.summary = "Checks OSV documents: the schema, what a schema cannot "
		   "say, and with\n--profile malicious the rules for reports "
		   "about malicious packages. A folder\nmeans every *.json "
		   "below it. Exit 0 when no file has an error, 1 when one "
		   "has.",
	.options = option_table,
	.examples = "  lazaret report validate MAL-2026-1.json\n"
		    "  lazaret report validate --profile malicious "
		    "osv/malicious\n",
};

struct row {
	size_t file, order; /* order: of arrival */
	enum osv_level level;
	char *path, *rule, *message; /* owned */
};

struct job {
	VEC(char *) files; /* owned */
	VEC(struct row) rows;
	struct arena *arena; /* of the documents, in the workers */
	bool malicious;
	size_t looked_at, n_errors;
};

/* --- files --------------------------------------------------------------- */

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
is_document(const FTSENT *e)
{
	struct str name = str_of(e->fts_name);

	if (e->fts_info != FTS_F && e->fts_info != FTS_SL)
		return false;
	return e->fts_level == 0 || str_ends(name, ".json");
}

static int
find_files(struct job *j, char **operands)
{
	FTS *fts = fts_open(operands,
	    FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	FTSENT *e;
	int rc = 0;

	if (fts == NULL)
		return -errno;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR ||
		    e->fts_info == FTS_ERR) {
			(void)fprintf(stderr,
			    "lazaret report validate: %s: "
			    "%s\n",
			    e->fts_path, strerror(e->fts_errno));
			rc = -e->fts_errno;
		} else if (e->fts_level == 0 &&
		    (e->fts_info == FTS_DEFAULT || e->fts_info == FTS_SLNONE)) {
			/* Nothing looked at would be no error found. */
			(void)fprintf(stderr,
			    "lazaret report validate: %s: is neither a file "
			    "nor a folder\n",
			    e->fts_path);
			rc = -EINVAL;
		} else if (is_document(e)) {
			vec_push(&j->files, mem_strdup(e->fts_path));
		}
	}
	(void)fts_close(fts);
	return rc;
}

/* --- the worker ---------------------------------------------------------- */

static int
send_finding(struct channel *c, size_t file, enum osv_level level,
    const char *path, const char *rule, const char *text)
{
	message_begin(c, MESSAGE_FINDING);
	message_put_int(c, (int64_t)file);
	message_put_int(c, level);
	message_put_str(c, str_of(path));
	message_put_str(c, str_of(rule));
	message_put_str(c, str_of(text));
	return message_send(c, NULL);
}

/* The worker may read below what was named, and nowhere else. */
static const char *
why_unreadable(const char *path, const struct error *err)
{
	struct stat st;

	if (err->code == -EACCES && lstat(path, &st) == 0 &&
	    S_ISLNK(st.st_mode))
		return "is a link that leads out of what was named; name its "
		       "target";
	return err->msg;
}

static void
check_file(struct channel *c, const struct job *j, size_t i, struct buf *bytes)
{
	struct osv_input in = { .profile = OSV_PROFILE_OSV,
		.now_s = clock_wall_ns() / NS_PER_SEC };
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct error err = ERROR_INIT;
	_cleanup_(freep) char *full = NULL;

	if (report_crew_read(AT_FDCWD, j->files.v[i], 0, bytes, &err) != 0) {
		(void)send_finding(c, i, OSV_ERROR, "$",
		    err.code == -EFBIG ? "json-size" : "file-unreadable",
		    why_unreadable(j->files.v[i], &err));
		return;
	}
	if (j->malicious) {
		in.profile = OSV_PROFILE_MALICIOUS;
		in.extra = malicious_check;
	}
	in.bytes = buf_str(bytes);
	osv_findings_init(&f, j->arena);
	if (osv_validate(j->arena, &in, &f, &d, &json) == 0 && j->malicious) {
		struct checker k = { .out = &f,
			.profile = OSV_PROFILE_MALICIOUS };

		buf_init(&k.path, 4096);
		buf_putc(&k.path, '$');
		full = realpath(j->files.v[i], NULL);
		malicious_check_path(&k, &d,
		    str_of(full != NULL ? full : j->files.v[i]));
		buf_done(&k.path);
	}
	for (size_t k = 0; k < f.n; k++)
		(void)send_finding(c, i, f.v[k].level, f.v[k].path, f.v[k].rule,
		    f.v[k].message);
	osv_findings_done(&f);
	osv_json_free(json);
}

static int
work_on(struct channel *c, const void *job, size_t i, struct buf *bytes,
    struct error *err)
{
	const struct job *j = job;

	check_file(c, j, i, bytes);
	arena_reset(j->arena);
	message_begin(c, MESSAGE_DONE);
	return message_send(c, err);
}

/* --- collecting ---------------------------------------------------------- */

static void
take_finding(struct job *j, struct message *m)
{
	struct row r = { .order = j->rows.n };

	r.file = (size_t)message_get_int(m);
	r.level = message_get_int(m) == OSV_ERROR ? OSV_ERROR : OSV_WARNING;
	r.path = mem_strndup(message_get_str(m));
	r.rule = mem_strndup(message_get_str(m));
	r.message = mem_strndup(message_get_str(m));
	j->n_errors += r.level == OSV_ERROR;
	if (j->rows.n < MAX_ROWS && r.file < j->files.n) {
		vec_push(&j->rows, r);
		return;
	}
	free(r.path);
	free(r.rule);
	free(r.message);
}

static int
take(void *job, struct message *m, struct error *err)
{
	struct job *j = job;
	bool done = m->type == MESSAGE_DONE;
	int rc;

	if (!done)
		take_finding(j, m);
	j->looked_at += done;
	rc = message_end(m, err);
	return rc < 0 ? rc : done;
}

static int
lost(void *job, size_t i, const char *why, struct error *err)
{
	struct job *j = job;
	struct row r = { .file = i,
		.order = j->rows.n,
		.level = OSV_ERROR,
		.path = mem_strdup("$"),
		.rule = mem_strdup("file-deadly"),
		.message = mem_strdup(why) };

	(void)err;
	vec_push(&j->rows, r);
	j->n_errors++;
	j->looked_at++;
	return 0;
}

static int
look_at_all(struct job *j, char **operands, struct error *err)
{
	const struct report_crew crew = { .name = "report validate",
		.noun = "files",
		.n_files = j->files.n,
		.read_paths = (const char *const *)operands,
		.work = work_on,
		.take = take,
		.lost = lost,
		.job = j };
	_cleanup_(arena_freep) struct arena *a = arena_new(LIMIT_ARENA_BYTES);

	j->arena = a;
	return report_crew_run(&crew, err);
}

static int
by_file(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* --- printing ------------------------------------------------------------ */

static const char *
level_name(enum osv_level level)
{
	return level == OSV_ERROR ? "error" : "warning";
}

static void
print_json(const struct job *j)
{
	struct json w;
	struct buf b;

	buf_init(&b, 1024 * (size_t)MIB);
	json_init(&w, &b, 2);
	json_object_begin(&w);
	json_key(&w, "files");
	json_int(&w, (int64_t)j->looked_at);
	json_key(&w, "findings");
	json_array_begin(&w);
	for (size_t i = 0; i < j->rows.n; i++) {
		const struct row *r = &j->rows.v[i];

		json_object_begin(&w);
		json_key(&w, "file");
		json_strz(&w, j->files.v[r->file]);
		json_key(&w, "path");
		json_strz(&w, r->path);
		json_key(&w, "rule");
		json_strz(&w, r->rule);
		json_key(&w, "level");
		json_strz(&w, level_name(r->level));
		json_key(&w, "message");
		json_strz(&w, r->message);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	(void)puts(buf_str(&b).p);
	buf_done(&b);
}

static void
print_text(const struct job *j)
{
	size_t files_wrong = 0;

	for (size_t i = 0; i < j->rows.n; i++) {
		const struct row *r = &j->rows.v[i];
		bool error = r->level == OSV_ERROR;

		if (i == 0 || j->rows.v[i - 1].file != r->file)
			files_wrong++;
		term_print(stdout, str_of(j->files.v[r->file]), 4096);
		(void)printf(": %s%s%s: ",
		    term_style(stdout, error ? TERM_RED : TERM_YELLOW),
		    level_name(r->level), term_style(stdout, TERM_PLAIN));
		term_print(stdout, str_of(r->path), 500);
		(void)fputs(": ", stdout);
		term_print(stdout, str_of(r->message), 1000);
		(void)printf(" [%s]\n", r->rule);
	}
	(void)printf("%zu files, %zu errors, %zu files with findings\n",
	    j->looked_at, j->n_errors, files_wrong);
}

static void
job_done(struct job *j)
{
	for (size_t i = 0; i < j->files.n; i++)
		free(j->files.v[i]);
	for (size_t i = 0; i < j->rows.n; i++) {
		free(j->rows.v[i].path);
		free(j->rows.v[i].rule);
		free(j->rows.v[i].message);
	}
	vec_done(&j->files);
	vec_done(&j->rows);
}

int
report_validate_main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), status;
	struct job j = { .malicious = false };
	struct error err = ERROR_INIT;

	if (first >= argc)
		opt_usage_error(&command, "name a file or a folder");
	if (strcmp(options.profile, "malicious") == 0)
		j.malicious = true;
	else if (strcmp(options.profile, "osv") != 0)
		opt_usage_error(&command,
		    "--profile %s: there are osv and "
		    "malicious",
		    options.profile);
	if (find_files(&j, argv + first) != 0) {
		job_done(&j);
		return EXIT_TOOL_FAILED;
	}
	if (look_at_all(&j, argv + first, &err) != 0) {
		(void)fprintf(stderr, "lazaret report validate: %s\n", err.msg);
		job_done(&j);
		return EXIT_TOOL_FAILED;
	}
	if (j.rows.n > 1)
		qsort(j.rows.v, j.rows.n, sizeof(*j.rows.v), by_file);
	if (options.json)
		print_json(&j);
	else
		print_text(&j);
	status = j.n_errors != 0 ? EXIT_FOUND : EXIT_NOTHING_FOUND;
	job_done(&j);
	return fflush(stdout) == 0 ? status : EXIT_TOOL_FAILED;
}
