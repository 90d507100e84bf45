/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazaret report draft: a report from a malicious verdict. A confined child
 * reads the run file; this process writes what it made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/report-redact.h"
#include "cmd/report_priv.h"
#include "report/config.h"
#include "report/draft.h"
#include "report/ingest.h"
#include "report/outfile.h"
#include "report/popular.h"
#include "report/unfold.h"
#include "runfile/reader.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/sha256.h"
#include "sys/term.h"

/* Of the child. */
#define STATUS_NOT_MALICIOUS 10
#define STATUS_NO_PROOF      11 /* a draft, of a verdict without a proof */

static struct {
	const char *output, *evidence, *db, *config;
	bool confirm, proof_unconfirmed;
} options;

static const struct opt option_table[] = {
	{ "output", 'o', OPT_STRING, &options.output, "FILE",
	    "write there instead of standard output" },
	{ "evidence", 0, OPT_STRING, &options.evidence, "URL",
	    "where the run file can be had; becomes a reference" },
	{ "db", 0, OPT_STRING, &options.db, "DIR",
	    "take the draft into this database; there it waits for a person" },
	{ "confirm", 0, OPT_FLAG, &options.confirm, NULL,
	    "with --db: a person has looked; it does not wait" },
	{ "proof-unconfirmed", 0, OPT_FLAG, &options.proof_unconfirmed, NULL,
	    "with --db: what rests on a proof does not wait" },
	{ "config", 0, OPT_STRING, &options.config, "FILE",
	    "with --db: of sources; its draft: and popular: count here" },
	OPT_END,
};

static const struct opt_command command = {
	.name = "report draft",
	.operands = "FILE.laz",
	.summary = "Makes a complete report about the culprit of a malicious "
		   "verdict. Read it, correct it,\nthen confirm it by taking "
		   "it in: lazaret report ingest --source lazaret. Exit 1 "
		   "when\nthe verdict is not malicious.",
	.options = option_table,
	.examples = "  lazaret report draft -o draft.json evil.laz\n"
		    "  lazaret report ingest --db reports --source lazaret "
		    "draft.json\n"
		    "  lazaret report draft --db reports --proof-unconfirmed "
		    "evil.laz\n",
};

static int
hash_file(int fd, char ret[SHA256_HEX_SIZE], struct error *err)
{
	static unsigned char chunk[256 * KIB];
	struct sha256 *h = sha256_new();
	uint8_t digest[SHA256_BYTES];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		sha256_add(h, chunk, (size_t)n);
		at += n;
	}
	sha256_final(h, digest);
	sha256_hex(digest, ret);
	return n < 0 ? error_errno(err, "read") : 0;
}

static void __attribute__((noreturn))
child(int fd, const char *name, int result)
{
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct draft_options o = { .source = STR_LIT("lazaret"),
		.now_s = clock_wall_ns() / NS_PER_SEC };
	char hex[SHA256_HEX_SIZE];
	struct error err = ERROR_INIT;
	struct redact *secrets = NULL;
	struct reader *r = NULL;
	bool proof = false;
	struct buf out;
	int rc = lockdown(&l, &err);

	if (options.evidence != NULL)
		o.evidence_url = str_of(options.evidence);
	buf_init(&out, 8 * MIB);
	if (rc == 0)
		rc = hash_file(fd, hex, &err);
	o.run_sha256 = str_of(hex);
	if (rc == 0)
		rc = reader_open(fd, name, &r, &err);
	if (rc == 0)
		rc = redact_new(r, &secrets, &err);
	o.redact = redact_say;
	o.redact_arg = secrets;
	if (rc == 0)
		rc = draft_write(r, &o, &out, &err);
	if (rc == 0)
		rc = draft_is_proof(r, &proof, &err);
	if (rc == 0)
		rc = fd_write_all(result, out.p, out.n, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report draft: %s: %s\n", name,
		    err.msg);
	redact_free(secrets);
	reader_free(r);
	buf_done(&out);
	if (rc == 0)
		_exit(proof ? 0 : STATUS_NO_PROOF);
	_exit(rc == 1 ? STATUS_NOT_MALICIOUS : EXIT_TOOL_FAILED);
}

static int
deliver(int result, struct error *err)
{
	struct buf b;
	int rc;

	buf_init(&b, 16 * MIB);
	rc = lseek(result, 0, SEEK_SET) < 0 ? error_errno(err, "draft") :
					      fd_read_all(result, &b, err);
	if (rc == 0 && options.output == NULL)
		rc = fd_write_all(STDOUT_FILENO, b.p, b.n, err);
	else if (rc == 0)
		rc = outfile_write(AT_FDCWD, options.output, buf_str(&b), err);
	buf_done(&b);
	return rc;
}

/* --- into the database ------------------------------------------------------
 */

struct filing {
	struct repo *repo;
	bool waits; /* for a person */
	enum ingest_outcome outcome;
	char sentence[400]; /* why it waits, or was refused */
};

static int
take(void *arg, struct str name, struct ingest_result *in, struct error *err)
{
	struct filing *f = arg;
	int rc;

	(void)name;
	for (int64_t i = 0; i < in->n_reports && f->waits; i++)
		if (in->holds[i].p == NULL)
			in->holds[i] = STR_LIT("a draft that no person has "
					       "confirmed yet");
	rc = ingest_apply(f->repo, STR_LIT(INGEST_DRAFTS), in, false,
	    &f->outcome, err);
	(void)snprintf(f->sentence, sizeof(f->sentence), "%.*s",
	    STR_ARG(in->refused.p != NULL ? in->refused : str_of(in->why)));
	return rc != 0 ? rc : f->outcome == INGEST_REFUSED;
}

static int
file_with(struct filing *f, int result, const char *name,
    struct config_source *s, struct error *err)
{
	struct report_worker w = { 0 };
	size_t refused;
	int rc = report_worker_start(s, &w, err);

	if (rc == 0)
		rc = repo_open(options.db, &f->repo, err);
	if (rc == 0)
		rc = unfold_documents(w.unfold, result, str_of(name), take, f,
		    &refused, err);
	if (rc == 0)
		rc = repo_commit(f->repo, err);
	repo_close(f->repo);
	report_worker_stop(&w);
	return rc;
}

static void
say_outcome(const char *name, const struct filing *f)
{
	static const char *const words[INGEST_OUTCOME__MAX] = {
		[INGEST_ADDED] = "a new report",
		[INGEST_UPDATED] = "a report, updated",
		[INGEST_UNCHANGED] = "taken in before",
		[INGEST_HELD] = "held for review",
		[INGEST_REFUSED] = "refused",
	};

	term_print(stdout, str_of(name), 4096);
	(void)printf(": %s",
	    words[f->outcome] != NULL ? words[f->outcome] : "nothing to do");
	if (f->sentence[0] != '\0') {
		(void)fputs(": ", stdout);
		term_print(stdout, str_of(f->sentence), 400);
	}
	(void)putchar('\n');
}

/* 1: the draft was refused. */
static int
file(int result, const char *name, bool proof, struct error *err)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(64 * MIB);
	struct config_source s = { .format = BUNDLE_JSON };
	struct config c = { 0 };
	struct popular *popular = NULL;
	struct filing f = { .repo = NULL };
	struct buf yaml;
	int rc = 0;

	s.intake.id = STR_LIT(INGEST_DRAFTS);
	buf_init(&yaml, LIMIT_CONFIG_BYTES);
	if (options.config != NULL)
		rc = report_config_read(options.config, a, &yaml, &c, err);
	if (rc == 0)
		rc = report_popular_read(NULL, &c, &popular, err);
	s.intake.popular = popular;
	f.waits = !options.confirm &&
	    !(proof && (options.proof_unconfirmed || c.draft_unconfirmed));
	if (rc == 0)
		rc = file_with(&f, result, name, &s, err);
	if (rc == 0)
		say_outcome(name, &f);
	popular_free(popular);
	config_done(&c);
	buf_done(&yaml);
	return rc != 0 ? rc : f.outcome == INGEST_REFUSED;
}

static void
check_usage(bool one_operand)
{
	bool of_db = options.confirm || options.proof_unconfirmed ||
	    options.config != NULL;

	if (!one_operand)
		opt_usage_error(&command, "name one run file");
	if (options.db == NULL && of_db)
		opt_usage_error(&command,
		    "--confirm, --proof-unconfirmed and --config belong to "
		    "--db");
	if (options.db != NULL && options.output != NULL)
		opt_usage_error(&command, "either --db or -o");
}

/* The child's exit status; -1: there is none. */
static int
draft(const char *name, int result)
{
	_cleanup_(closep) int fd =
	    open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int status = 0;
	pid_t pid;

	if (fd < 0 || result < 0) {
		(void)fprintf(stderr, "lazaret report draft: %s: %s\n", name,
		    strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child(fd, name, result);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int
report_draft_main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), status, rc;
	_cleanup_(closep) int result = memfd_create("draft", MFD_CLOEXEC);
	struct error err = ERROR_INIT;

	check_usage(first + 1 == argc);
	status = draft(argv[first], result);
	if (status == STATUS_NOT_MALICIOUS) {
		(void)fprintf(stderr,
		    "lazaret report draft: the verdict of %s is not "
		    "malicious: there is nothing to report\n",
		    argv[first]);
		return EXIT_FOUND;
	}
	if (status != 0 && status != STATUS_NO_PROOF)
		return EXIT_TOOL_FAILED;
	rc = options.db != NULL ? file(result, argv[first], status == 0, &err) :
				  deliver(result, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report draft: %s\n", err.msg);
	if (rc != 0)
		return rc < 0 ? EXIT_TOOL_FAILED : EXIT_INCOMPLETE;
	return EXIT_NOTHING_FOUND;
}
