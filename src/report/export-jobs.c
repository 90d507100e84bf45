/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to write when everything is in order, by two processes: summing
 * and copying are most of the work. Runs in `lazaret report export`. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "report/export_priv.h"
#include "sys/fd.h"
#include "sys/message.h"

#define MESSAGE_SUMS 1

static int
write_index(struct exporter *x, const char *url, struct error *err)
{
	(void)url;
	return export_cache_is_sparse(x) ? 0 : export_cache_write(x, err);
}

/* The dearest first: whoever is free takes the next. */
static int (*const jobs[])(struct exporter *, const char *url,
    struct error *) = { export_zips_write, export_whole_zip_write,
	export_renovate_write, export_ndjson_write, export_news_write,
	write_index };

static int
do_jobs(struct exporter *x, const char *url, unsigned *next, struct error *err)
{
	int rc = 0;

	while (rc == 0) {
		unsigned i = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);

		if (i >= N_ELEMENTS(jobs))
			break;
		rc = jobs[i](x, url, err);
	}
	return rc;
}

static void __attribute__((noreturn))
jobs_child(struct exporter *x, const char *url, unsigned *next, int fd)
{
	struct error err = ERROR_INIT;
	struct channel c;
	int rc;

	for (size_t i = 0; i < x->sums.n; i++)
		x->sums.v[i].written = false;
	rc = do_jobs(x, url, next, &err);
	channel_init(&c, fd);
	for (size_t i = 0; i <= x->sums.n && rc == 0; i++) {
		bool end = i == x->sums.n; /* a death says less than this */
		struct export_sum s = { .name = STR_NONE };

		if (!end)
			s = x->sums.v[i];
		if (!end && !s.written)
			continue;
		message_begin(&c, MESSAGE_SUMS);
		message_put_str(&c, s.name);
		message_put_str(&c, str_n(&s, sizeof(s)));
		message_put_str(&c,
		    str_n(s.sums.states,
			s.sums.n_states * sizeof(*s.sums.states)));
		message_put_str(&c,
		    str_n(s.gaps.v, s.gaps.n * sizeof(*s.gaps.v)));
		rc = message_send(&c, &err);
	}
	if (rc == 0)
		rc = channel_flush(&c, &err);
	if (rc != 0)
		fatal("report export: %s", err.msg);
	_exit(0);
}

/* The child is this program at this place: its structs are ours. 1: that was
 * the end. */
static int
take_sum(struct exporter *x, struct message *m, struct error *err)
{
	struct str name = message_get_str(m), whole = message_get_str(m);
	struct str states = message_get_str(m), gaps = message_get_str(m);
	struct export_sum s;

	if (message_end(m, err) != 0)
		return err->code;
	if (name.p == NULL)
		return 1;
	if (whole.n != sizeof(s))
		return error_set(err, -EPROTO, "bad sums of archives");
	memcpy(&s, whole.p, sizeof(s));
	if (states.n != s.sums.n_states * sizeof(*s.sums.states) ||
	    gaps.n != s.gaps.n * sizeof(*s.gaps.v))
		return error_set(err, -EPROTO, "bad sums of archives");
	s.sums.states = (void *)mem_strndup(states);
	s.gaps.v = (void *)mem_strndup(gaps);
	export_sums_add(x, name, &s.sums);
	export_sums_set_gaps(x, name, &s.gaps);
	return 0;
}

static int
take_sums(struct exporter *x, int fd, struct error *err)
{
	struct channel c;
	struct message m;
	int rc, ended = 0;

	channel_init(&c, fd);
	while (ended == 0 && (rc = channel_recv(&c, &m, err)) == 1)
		ended = take_sum(x, &m, err);
	channel_done(&c);
	if (rc == 0 && ended == 0)
		rc = error_set(err, -EPIPE,
		    "half of the archives could not be written");
	return rc < 0 ? rc : ended < 0 ? ended : 0;
}

int
export_jobs_run(struct exporter *x, const char *url, struct error *err)
{
	unsigned *next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pair[2], rc, rc_other;
	pid_t pid;

	if (next == MAP_FAILED)
		return error_errno(err, "memory for two processes");
	if (fd_socketpair(pair, err) != 0)
		return err->code;
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		return error_errno(err, "fork");
	if (pid == 0) {
		(void)close(pair[0]);
		jobs_child(x, url, next, pair[1]);
	}
	(void)close(pair[1]);
	rc = do_jobs(x, url, next, err);
	rc_other = take_sums(x, pair[0], rc == 0 ? err : NULL);
	(void)waitpid(pid, NULL, 0);
	(void)munmap(next, sizeof(*next));
	return rc != 0 ? rc : rc_other;
}
