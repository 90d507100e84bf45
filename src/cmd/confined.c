/* SPDX-License-Identifier: Apache-2.0 */
/* Children that look into files. Runs in `lazaret db` and `lazaret report`. */
#include "cmd/confined.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sys/fd.h"
#include "sys/lockdown.h"

#define MAX_FDS    8
#define ANSWER_BAD 2 /* {int code, str sentence} */

int
confined_map(int fd, struct str *ret, struct error *err)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return error_errno(err, "the file");
	*ret = STR_LIT("");
	if (st.st_size <= 0)
		return 0;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return error_errno(err, "mapping the file");
	*ret = str_n(p, (size_t)st.st_size);
	return 0;
}

void
confined_unmap(struct str *s)
{
	if (s->n != 0)
		(void)munmap((void *)(uintptr_t)s->p, s->n);
	*s = STR_NONE;
}

/* What the caller holds (locks, folders, an index) is not the work's. */
void
confined_keep_only(const int *fds, size_t n)
{
	unsigned from = 3, next;

	do {
		next = ~0u;
		for (size_t i = 0; i < n; i++)
			if (fds[i] >= 0 && (unsigned)fds[i] >= from)
				next = MIN_OF(next, (unsigned)fds[i]);
		if (next > from)
			(void)close_range(from, next == ~0u ? next : next - 1,
			    0);
		from = next + 1;
	} while (next != ~0u);
}

static void __attribute__((noreturn))
child(confined_fn work, const void *arg, const int *fds, size_t n_fds, int fd)
{
	int keep[MAX_FDS] = { fd };
	const struct lockdown l = { .rights = LOCKDOWN_PURE };
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < n_fds; i++)
		keep[i + 1] = fds[i];
	confined_keep_only(keep, n_fds + 1);
	channel_init(&c, fd);
	rc = lockdown(&l, &err);
	if (rc == 0)
		rc = work(arg, &c, &err);
	if (rc != 0) {
		message_begin(&c, ANSWER_BAD);
		message_put_int(&c, rc);
		message_put_str(&c, str_of(err.msg));
		(void)message_send(&c, NULL);
	}
	rc = channel_flush(&c, NULL);
	_exit(rc != 0);
}

/* The error that a child gave. */
static int
take_bad(struct message *m, struct error *err)
{
	int64_t code = message_get_int(m);
	struct str sentence = message_get_str(m);

	if (message_end(m, err) != 0)
		return err->code;
	return error_set(err, code < 0 && code > -4096 ? (int)code : -EBADMSG,
	    "%.*s", STR_ARG(sentence));
}

int
confined_run(confined_fn work, const void *arg, const int *fds, size_t n_fds,
    struct channel *c, struct message *m, struct error *err)
{
	int ends[2], rc, status;
	pid_t pid;

	assert(n_fds < MAX_FDS);
	(void)fflush(NULL);
	if (fd_socketpair(ends, err) != 0)
		return err->code;
	pid = fork();
	if (pid == 0)
		child(work, arg, fds, n_fds, ends[1]);
	(void)close(ends[1]);
	channel_init(c, ends[0]);
	if (pid < 0)
		return error_errno(err, "fork");
	rc = channel_recv(c, m, err);
	if (rc == 0)
		rc = error_set(err, -EPIPE,
		    "the process that looks at the file ended before its time");
	else if (rc == 1)
		rc = m->type == CONFINED_GOOD ? 0 : take_bad(m, err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc;
}
