/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report validate: looks at files in two confined workers (one per
 * core of a small machine) and prints what they found in the order of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/opt.h"
#include "sys/term.h"

#define N_WORKERS 2
/* Rows shown at most; a database that is all wrong says so once. */
#define MAX_ROWS 100000

enum message_type {
	MESSAGE_FINDING = 1, /* {int file, int level, str path, rule, text} */
	MESSAGE_DONE, /* {int files} */
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
	FTS *fts = fts_open(operands, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
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

static void
check_file(struct channel *c, const struct job *j, size_t i, struct arena *a,
    struct buf *bytes)
{
	struct osv_input in = { .profile = OSV_PROFILE_OSV,
		.now_s = clock_wall_ns() / NS_PER_SEC };
	_cleanup_(closep) int fd = -1;
	struct osv_findings f;
	struct osv_document d;
	struct yyjson_doc *json = NULL;
	struct error err = ERROR_INIT;
	_cleanup_(freep) char *full = NULL;

	fd = open(j->files.v[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		(void)error_errno(&err, "cannot be opened");
	if (fd < 0 || fd_read_all(fd, bytes, &err) != 0) {
		(void)send_finding(c, i, OSV_ERROR, "$", "file-unreadable",
		    err.msg);
		return;
	}
	if (j->malicious) {
		in.profile = OSV_PROFILE_MALICIOUS;
		in.extra = malicious_check;
	}
	in.bytes = buf_str(bytes);
	osv_findings_init(&f, a);
	if (osv_validate(a, &in, &f, &d, &json) == 0 && j->malicious) {
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

static void __attribute__((noreturn))
worker(struct job *j, char **operands, size_t which, int fd)
{
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = (const char *const *)operands };
	struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	struct error err = ERROR_INIT;
	struct channel c;
	struct buf bytes;
	size_t n = 0;

	channel_init(&c, fd);
	/* One byte more than a document may have, so that it is refused. */
	buf_init(&bytes, 17 * (size_t)MIB);
	if (lockdown(&l, &err) != 0)
		fatal("report validate: %s", err.msg);
	for (size_t i = which; i < j->files.n; i += N_WORKERS, n++) {
		check_file(&c, j, i, a, &bytes);
		buf_reset(&bytes);
		arena_reset(a);
	}
	message_begin(&c, MESSAGE_DONE);
	message_put_int(&c, (int64_t)n);
	if (message_send(&c, &err) != 0 || channel_flush(&c, &err) != 0)
		fatal("report validate: %s", err.msg);
	_exit(0);
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
collect(struct job *j, int fd, struct error *err)
{
	struct channel c;
	struct message m;
	bool done = false;
	int rc;

	channel_init(&c, fd);
	while ((rc = channel_recv(&c, &m, err)) == 1) {
		done = m.type == MESSAGE_DONE;
		if (done)
			j->looked_at += (size_t)message_get_int(&m);
		else
			take_finding(j, &m);
		rc = message_end(&m, err);
		if (rc != 0)
			break;
	}
	channel_done(&c);
	if (rc == 0 && !done)
		rc = error_set(err, -EPIPE, "a worker ended before its time");
	return rc;
}

static int
run_workers(struct job *j, char **operands, struct error *err)
{
	int fds[N_WORKERS][2], rc = 0, one;
	pid_t pids[N_WORKERS];

	(void)fflush(stdout);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (fd_socketpair(fds[i], err) != 0)
			return err->code;
		pids[i] = fork();
		if (pids[i] < 0)
			return error_errno(err, "fork");
		if (pids[i] == 0)
			worker(j, operands, i, fds[i][1]);
		(void)close(fds[i][1]);
	}
	for (size_t i = 0; i < N_WORKERS; i++) {
		one = collect(j, fds[i][0], err);
		rc = rc != 0 ? rc : one;
		if (one != 0)
			(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	return rc;
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
	if (run_workers(&j, argv + first, &err) != 0) {
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
