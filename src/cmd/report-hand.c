/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that writes the documents of a large ingest (report/hand.h):
 * forked, as the trees and the lock are open already. It may write below the
 * database and nothing else.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cmd/confined.h"
#include "cmd/report_priv.h"
#include "report/hand.h"
#include "sys/fd.h"
#include "sys/lockdown.h"

static void __attribute__((noreturn))
child(struct repo *r, const char *db, pid_t parent, int fd)
{
	const char *const paths[] = { db, NULL };
	const struct lockdown l = { .rights = LOCKDOWN_WRITE_FILES,
		.write_paths = paths };
	struct error err = ERROR_INIT;
	int keep[HAND_FDS + 1];
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	hand_fds(r, keep);
	keep[HAND_FDS] = fd;
	confined_keep_only(keep, N_ELEMENTS(keep));
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = hand_serve(r, fd, &err);
	if (rc != 0)
		(void)fprintf(stderr, "lazaret report: writing: %s\n", err.msg);
	_exit(rc != 0);
}

int
report_hand_start(struct repo *r, pid_t *ret, struct error *err)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	/* There, moving a file to its folder would be refused. */
	if (!lockdown_can_move())
		return 0;
	if (fd_socketpair(ends, err) != 0)
		return err->code;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(r, repo_dir(r), parent, ends[1]);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return error_errno(err, "fork");
	}
	hand_use(r, ends[0]);
	*ret = pid;
	return 0;
}

int
report_hand_end(struct repo *r, pid_t pid, struct error *err)
{
	int rc = hand_end(r, err);

	if (rc != 0)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return rc;
}
