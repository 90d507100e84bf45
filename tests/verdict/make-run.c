/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make-run FACTS OUT.laz [RULES]: a run file from facts as text, through a
 * real scribe; with a folder of rules also through a real judge.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "runfile/fact.h"
#include "runfile/scribe-client.h"
#include "sys/fd.h"
#include "verdict/fixture.h"
#include "verdict/judge-client.h"

static int
send_fact(void *arg, enum fact_kind kind, const void *fact, struct error *err)
{
	return fact_send(arg, kind, fact, err);
}

static int
judge(struct scribe *s, int fd, const char *rules, struct error *err)
{
	const char *const dirs[] = { rules, NULL };
	struct judge_result r;
	int rc = judge_client_run(s, fd, dirs, &r, err);

	if (rc == 0)
		(void)printf("%lld hits, %lld findings, %s%s%s\n",
		    (long long)r.hits, (long long)r.findings, r.label,
		    r.n_broken != 0 ? ", broken: " : "", r.broken);
	return rc;
}

static int
make(int argc, char **argv, struct str text, struct error *err)
{
	_cleanup_(arena_freep) struct arena *a = arena_new(LIMIT_ARENA_BYTES);
	_cleanup_(scribe_freep) struct scribe *s = NULL;
	_cleanup_(closep) int fd = -1;
	struct scribe_synced synced;
	struct fixture f;
	int rc;

	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "%s", argv[2]);
	rc = scribe_start(fd, &s, err);
	if (rc == 0)
		rc = fixture_load(a, argv[1], text, &f, send_fact,
		    scribe_facts(s), err);
	if (rc == 0)
		rc = scribe_sync(s, &synced, err);
	if (rc == 0 && synced.refused != 0)
		(void)printf("refused: %s\n", synced.refusal);
	if (rc == 0 && argc > 3)
		rc = judge(s, fd, argv[3], err);
	return rc == 0 ? scribe_close(steal(&s), err) : rc;
}

int
main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct buf b;
	int fd, rc = -1;

	if (argc < 3)
		return 2;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	buf_init(&b, 16 * MIB);
	if (fd >= 0)
		rc = fd_read_all(fd, &b, &err);
	if (rc == 0)
		rc = make(argc, argv, buf_str(&b), &err);
	if (fd >= 0)
		(void)close(fd);
	buf_done(&b);
	if (rc != 0)
		(void)fprintf(stderr, "make-run: %s\n", err.msg);
	return rc != 0;
}
