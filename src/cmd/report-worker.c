/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The confined process that reads a source's files: forked, because filters,
 * mappings and lists are in memory already; locked down before it gets the
 * first byte.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "cmd/confined.h"
#include "cmd/report_priv.h"
#include "report/unfold.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lockdown.h"

/* Credentials are role gather's alone. */
static void
wipe_secrets(void)
{
	static const char *const names[] = { "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID" };

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		char *v = getenv(names[i]);

		if (v != NULL)
			explicit_bzero(v, strlen(v));
	}
}

static void __attribute__((noreturn))
child(const struct config_source *s, int fd)
{
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	int64_t now_s = clock_wall_ns() / NS_PER_SEC;
	struct error err = ERROR_INIT;
	int rc;

	wipe_secrets();
	confined_keep_only(&fd, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = unfold_serve(fd, s, now_s, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report: reading: %s\n", err.msg);
	_exit(rc != 0);
}

int
report_worker_start(const struct config_source *s, struct report_worker *ret,
    struct error *err)
{
	int pair[2];

	if (fd_socketpair(pair, err) != 0)
		return err->code;
	(void)fflush(NULL);
	ret->pid = fork();
	if (ret->pid == 0) {
		(void)close(pair[0]);
		child(s, pair[1]);
	}
	(void)close(pair[1]);
	if (ret->pid < 0) {
		(void)close(pair[0]);
		return error_errno(err, "fork");
	}
	ret->unfold = unfold_new(pair[0]);
	return 0;
}

void
report_worker_stop(struct report_worker *w)
{
	if (w->pid <= 0)
		return;
	unfold_free(w->unfold); /* end of file: it stops */
	(void)kill(w->pid, SIGKILL);
	(void)waitpid(w->pid, NULL, 0);
	w->pid = 0;
	w->unfold = NULL;
}
