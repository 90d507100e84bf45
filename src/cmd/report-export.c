/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report export: the database as a folder that can be served. Two
 * confined workers parse and compress what changed; this process writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "base/vec.h"
#include "cmd/report_priv.h"
#include "report/export.h"
#include "report/repo.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "sys/opt.h"
#include "sys/term.h"

#define N_WORKERS 2

static struct {
	const char *db, *output, *url;
	struct report_sign sign;
	bool fresh;
} options;

static const struct opt option_table[] = {
	{ "db", 0, OPT_STRING, &options.db, "DIR", "the report database" },
	{ "output", 'o', OPT_STRING, &options.output, "DIR",
	    "the export; what is unchanged there stays" },
	{ "url", 0, OPT_STRING, &options.url, "URL",
	    "where the export will be served, for links in feeds" },
	{ "sign", 0, OPT_STRING, &options.sign.key, "KEYFILE",
	    "sign SHA256SUMS with this secret key of minisign" },
	{ "sign-password", 0, OPT_STRING, &options.sign.password, "FILE",
	    "the password of an encrypted key" },
	{ "sign-legacy", 0, OPT_FLAG, &options.sign.legacy, NULL,
	    "sign the sums themselves, not their hash, for old verifiers" },
	{ "fresh", 0, OPT_FLAG, &options.fresh, NULL, "write everything anew" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report export",
	.operands = "",
	.summary = "Publishes the reports that have an id, withdrawn ones "
		   "included, as a folder for a web\nserver or an object "
		   "store: single documents, archives for each ecosystem, "
		   "lists, feeds\nand sums. Only what changed is written.",
	.options = option_table,
	.examples = "  lazaret report export --db reports -o public\n",
};

struct file {
	char *path; /* owned; "malicious/…" */
	struct stat st;
};

struct job {
	struct repo *repo;
	enum repo_tree tree; /* of the walk */
	struct exporter *exporter;
	VEC(struct file) files; /* to be worked on */
	size_t refused;
};

/* --- files ---------------------------------------------------------------- */

static int
visit(void *data, const char *path)
{
	struct job *j = data;
	const char *slash = strrchr(path, '/');
	struct file f;

	if (str_starts(str_of(slash != NULL ? slash + 1 : path), "MAL-0000-"))
		return 0;
	if (fstatat(repo_tree_fd(j->repo, j->tree), path, &f.st,
		AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(f.st.st_mode))
		return 0;
	f.path = mem_printf("%s/%s", repo_tree_name(j->tree), path);
	if (export_known(j->exporter, str_of(f.path), &f.st))
		free(f.path);
	else
		vec_push(&j->files, f);
	return 0;
}

static int
find_files(struct job *j, struct error *err)
{
	static const enum repo_tree trees[] = { REPO_MALICIOUS,
		REPO_WITHDRAWN };
	int rc = 0;

	for (size_t i = 0; i < N_ELEMENTS(trees) && rc == 0; i++) {
		j->tree = trees[i];
		rc = repo_walk(j->repo, j->tree, NULL, visit, j, err);
	}
	return rc;
}

/* --- workers ---------------------------------------------------------------
 */

static int
work_on(struct channel *c, const struct job *j, int osv, size_t i,
    struct buf *bytes, struct error *err)
{
	const struct file *f = &j->files.v[i];
	_cleanup_(closep) int fd = -1;
	struct error why = ERROR_INIT;

	buf_reset(bytes);
	fd = openat(osv, f->path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		(void)error_errno(&why, "cannot be opened");
	if (fd < 0 || fd_read_all(fd, bytes, &why) != 0)
		return export_work_failed(c, (int64_t)i, why.msg, err);
	return export_work(c, (int64_t)i, str_of(f->path), buf_str(bytes), err);
}

static void __attribute__((noreturn))
worker(const struct job *j, size_t which, int fd)
{
	const char *const paths[] = { options.db, NULL };
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = paths };
	char *osv_path = mem_printf("%s/osv", options.db);
	int osv = open(osv_path, O_PATH | O_DIRECTORY | O_CLOEXEC), rc;
	struct error err = ERROR_INIT;
	struct channel c;
	struct buf bytes;

	channel_init(&c, fd);
	buf_init(&bytes, 17 * (size_t)MIB);
	rc = lockdown(&l, &err);
	for (size_t i = which; i < j->files.n && rc == 0; i += N_WORKERS)
		rc = work_on(&c, j, osv, i, &bytes, &err);
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

static int
start_workers(const struct job *j, int fds[N_WORKERS], pid_t pids[N_WORKERS],
    struct error *err)
{
	int pair[2];

	(void)fflush(stdout);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (fd_socketpair(pair, err) != 0)
			return err->code;
		pids[i] = fork();
		if (pids[i] < 0)
			return error_errno(err, "fork");
		if (pids[i] == 0)
			worker(j, i, pair[1]);
		(void)close(pair[1]);
		fds[i] = pair[0];
	}
	return 0;
}

/* --- results ---------------------------------------------------------------
 */

static int
take(struct job *j, struct message *m, struct error *err)
{
	struct str why;
	int64_t i;
	int rc;

	if (export_file_of(m, &i) != 0 || i < 0 || (size_t)i >= j->files.n)
		return error_set(err, -EPROTO, "bad result of a worker");
	rc = export_take(j->exporter, m, str_of(j->files.v[i].path),
	    &j->files.v[i].st, &why, err);
	if (rc != 1)
		return rc;
	j->refused++;
	term_print(stderr, str_of(j->files.v[i].path), 4096);
	(void)fputs(": left out: ", stderr);
	term_print(stderr, why, 1000);
	(void)fputc('\n', stderr);
	return 0;
}

static int
drain(struct job *j, struct channel *c, struct progress *p, size_t *done,
    struct error *err)
{
	struct message m;
	int rc = channel_fill(c, err), end = rc == 1;

	while (rc >= 0 && (rc = channel_next(c, &m, err)) == 1) {
		rc = take(j, &m, err);
		progress_say(p, "%zu of %zu reports", ++*done, j->files.n);
	}
	return rc < 0 ? rc : end;
}

static int
collect(struct job *j, int fds[N_WORKERS], struct progress *p,
    struct error *err)
{
	struct channel c[N_WORKERS];
	struct pollfd pfds[N_WORKERS];
	size_t open_ends = N_WORKERS, done = 0;
	int rc = 0;

	for (size_t i = 0; i < N_WORKERS; i++) {
		channel_init(&c[i], fds[i]);
		pfds[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	}
	while (rc >= 0 && open_ends != 0) {
		if (poll(pfds, N_WORKERS, -1) < 0 && errno != EINTR)
			rc = error_errno(err, "poll");
		for (size_t i = 0; i < N_WORKERS && rc >= 0; i++) {
			if (pfds[i].fd < 0 || pfds[i].revents == 0)
				continue;
			rc = drain(j, &c[i], p, &done, err);
			if (rc != 1)
				continue;
			pfds[i].fd = -1;
			open_ends--;
		}
	}
	for (size_t i = 0; i < N_WORKERS; i++)
		channel_done(&c[i]);
	if (rc >= 0 && done != j->files.n)
		rc = error_set(err, -EPIPE, "a worker ended before its time");
	return rc < 0 ? rc : 0;
}

static int
work(struct job *j, struct error *err)
{
	int fds[N_WORKERS], rc;
	pid_t pids[N_WORKERS] = { 0 };
	struct progress p;

	if (j->files.n == 0)
		return 0;
	progress_begin(&p);
	rc = start_workers(j, fds, pids, err);
	if (rc == 0)
		rc = collect(j, fds, &p, err);
	for (size_t i = 0; i < N_WORKERS; i++) {
		if (pids[i] <= 0)
			continue;
		if (rc != 0)
			(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	progress_end(&p);
	return rc;
}

int
report_export_main(int argc, char **argv)
{
	int rc = opt_parse(&command, argc, argv);
	struct export_counts counts;
	struct error err = ERROR_INIT;
	struct job j = { .refused = 0 };

	if (rc != argc || options.db == NULL || options.output == NULL)
		opt_usage_error(&command,
		    "say --db DIR and -o DIR, and no operands");
	rc = repo_open_read(options.db, &j.repo, &err);
	if (rc == 0)
		rc = export_open(options.output, options.fresh, &j.exporter,
		    &err);
	if (rc == 0)
		rc = find_files(&j, &err);
	if (rc == 0)
		rc = work(&j, &err);
	if (rc == 0)
		rc = export_finish(j.exporter, options.url, &counts, &err);
	if (rc == 0 && options.sign.key != NULL &&
	    report_sign(options.output, &options.sign, &err) != 0)
		rc = error_wrap(&err, "the export is whole, but not signed");
	export_free(j.exporter);
	repo_close(j.repo);
	for (size_t i = 0; i < j.files.n; i++)
		free(j.files.v[i].path);
	vec_done(&j.files);
	if (rc != 0) {
		(void)fprintf(stderr, "lazaret report export: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	if (counts.unordered != 0)
		(void)fprintf(stderr,
		    "lazaret report export: %llu changed reports claim "
		    "every version where no order of versions is known; some "
		    "offline readers cannot read that\n",
		    (unsigned long long)counts.unordered);
	(void)printf("%llu reports, %llu changed, %llu documents removed, "
		     "%llu files written, %zu left out\n",
	    (unsigned long long)counts.reports,
	    (unsigned long long)counts.changed,
	    (unsigned long long)counts.removed,
	    (unsigned long long)counts.files, j.refused);
	return j.refused != 0 ? EXIT_INCOMPLETE : EXIT_NOTHING_FOUND;
}
