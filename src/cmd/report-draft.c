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

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "cmd/report_priv.h"
#include "report/draft.h"
#include "report/outfile.h"
#include "runfile/reader.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/opt.h"
#include "sys/sha256.h"

#define STATUS_NOT_MALICIOUS 10 /* of the child */

static struct {
	const char *output, *evidence;
} options;

static const struct opt option_table[] = {
	{ "output", 'o', OPT_STRING, &options.output, "FILE",
	    "write there instead of standard output" },
	{ "evidence", 0, OPT_STRING, &options.evidence, "URL",
	    "where the run file can be had; becomes a reference" },
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
		    "draft.json\n",
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
	struct reader *r = NULL;
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
		rc = draft_write(r, &o, &out, &err);
	if (rc == 0)
		rc = fd_write_all(result, out.p, out.n, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report draft: %s: %s\n", name,
		    err.msg);
	reader_free(r);
	buf_done(&out);
	_exit(rc == 1 ? STATUS_NOT_MALICIOUS : rc < 0 ? EXIT_TOOL_FAILED : 0);
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

int
report_draft_main(int argc, char **argv)
{
	int first = opt_parse(&command, argc, argv), status = 0;
	_cleanup_(closep) int fd = -1;
	_cleanup_(closep) int result = -1;
	struct error err = ERROR_INIT;
	pid_t pid;

	if (first + 1 != argc)
		opt_usage_error(&command, "name one run file");
	fd = open(argv[first], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	result = memfd_create("draft", MFD_CLOEXEC);
	if (fd < 0 || result < 0) {
		(void)fprintf(stderr, "lazaret report draft: %s: %s\n",
		    argv[first], strerror(errno));
		return EXIT_TOOL_FAILED;
	}
	pid = fork();
	if (pid == 0)
		child(fd, argv[first], result);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return EXIT_TOOL_FAILED;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_MALICIOUS) {
		(void)fprintf(stderr,
		    "lazaret report draft: the verdict of %s is not "
		    "malicious: there is nothing to report\n",
		    argv[first]);
		return EXIT_FOUND;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return EXIT_TOOL_FAILED;
	if (deliver(result, &err) != 0) {
		(void)fprintf(stderr, "lazaret report draft: %s\n", err.msg);
		return EXIT_TOOL_FAILED;
	}
	return EXIT_NOTHING_FOUND;
}
