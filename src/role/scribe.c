/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role scribe: the only writer of the run file. One per run; confined to its
 * descriptors before the first fact. 3: control; 4: the run file; facts
 * channels come with SCRIBE_ATTACH, each with what its producer may say. With
 * the argument "scratch" the file is not synced: nobody keeps it.
 *
 * A bad fact is counted and named, never fatal: a producer that was taken
 * over can spoil its own rows, not the file.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "runfile/blank.h"
#include "runfile/control.h"
#include "runfile/database.h"
#include "runfile/fact.h"
#include "runfile/writer.h"
#include "sys/fd.h"
#include "sys/lockdown.h"
#include "sys/message.h"

#define RUN_FD        4
#define MAX_PRODUCERS 64 /* some per sandbox of a run */

#define BIT(kind) (1u << (kind))
#define PLAIN_EVENTS \
	(BIT(FACT_PROCESS) | BIT(FACT_EXEC_EVENT) | BIT(FACT_FILE_EVENT) | \
	    BIT(FACT_SOCKET_EVENT) | BIT(FACT_DESCRIPTOR_EVENT) | \
	    BIT(FACT_PROCESS_EVENT) | BIT(FACT_REFUSED))

/* Which facts each producer may send. The recorder gives no verdict. */
static const uint32_t permitted[PRODUCER__MAX] = {
	[PRODUCER_SUPERVISOR] = ~0u,
	[PRODUCER_RECORD] = PLAIN_EVENTS | BIT(FACT_PHASE_VIEW) |
	    BIT(FACT_WRITTEN_FILE) | BIT(FACT_FILE_SEEN) |
	    BIT(FACT_DEPENDENCY) | BIT(FACT_BLOB),
	[PRODUCER_SINK] = BIT(FACT_PHASE_VIEW) | BIT(FACT_CONNECTION) |
	    BIT(FACT_DNS_QUERY) | BIT(FACT_HTTP_EXCHANGE) | BIT(FACT_PAYLOAD) |
	    BIT(FACT_BLOB),
	[PRODUCER_UNPACK] = BIT(FACT_ARTIFACT_FILE) | BIT(FACT_STATIC_FACT) |
	    BIT(FACT_DEPENDENCY) | BIT(FACT_METADATA) | BIT(FACT_BLOB),
	[PRODUCER_REPLY] = BIT(FACT_METADATA) | BIT(FACT_DEPENDENCY),
	[PRODUCER_JUDGE] = BIT(FACT_CANARY_HIT) | BIT(FACT_BASELINE) |
	    BIT(FACT_FEATURE) | BIT(FACT_FINDING) | BIT(FACT_EVIDENCE) |
	    BIT(FACT_VERDICT) | BIT(FACT_REASON) | BIT(FACT_METADATA) |
	    BIT(FACT_NOT_EXERCISED),
};
_Static_assert(FACT__MAX <= 32, "a bit per kind");

struct producer_channel {
	struct channel channel;
	enum producer who;
	bool open;
};

struct state {
	struct writer *writer;
	struct channel control;
	struct producer_channel producers[MAX_PRODUCERS];
	size_t n_producers;
	bool stop, scratch;
};

static int
take_fact(struct state *s, struct producer_channel *p, struct message *m,
    struct error *err)
{
	struct error bad = ERROR_INIT;
	enum fact_kind kind;
	union fact f;

	if (fact_receive(m, &kind, &f, &bad) != 0) {
		writer_refuse(s->writer, bad.msg);
		return 0;
	}
	if ((permitted[p->who] & BIT(kind)) == 0) {
		(void)error_set(&bad, -EPERM, "fact %s: not from producer %d",
		    fact_table(kind)->name, (int)p->who);
		writer_refuse(s->writer, bad.msg);
		return 0;
	}
	return writer_add(s->writer, kind, &f, err);
}

/* All whole frames that were read. Bad framing ends the channel. */
static int
take_frames(struct state *s, struct producer_channel *p, struct error *err)
{
	struct error bad = ERROR_INIT;
	struct message m;
	int rc, got;

	while ((got = channel_next(&p->channel, &m, &bad)) == 1) {
		rc = take_fact(s, p, &m, err);
		(void)message_end(&m, &bad);
		if (rc < 0)
			return rc;
	}
	if (got < 0) {
		writer_refuse(s->writer, bad.msg);
		p->open = false;
	}
	return 0;
}

/* Until there is nothing to read. */
static int
drain(struct state *s, struct producer_channel *p, struct error *err)
{
	struct error bad = ERROR_INIT;
	int rc, got;

	while (p->open) {
		got = channel_fill(&p->channel, &bad);
		if (got == -EAGAIN)
			return 0;
		if (got < 0)
			writer_refuse(s->writer, bad.msg);
		if (got != 0)
			p->open = false;
		rc = take_frames(s, p, err);
		if (rc < 0)
			return rc;
	}
	channel_done(&p->channel);
	p->channel = (struct channel){ .fd = -1 };
	return 0;
}

static int
drain_all(struct state *s, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_producers && rc == 0; i++)
		if (s->producers[i].open)
			rc = drain(s, &s->producers[i], err);
	return rc;
}

static int
attach(struct state *s, struct message *m, struct error *err)
{
	_cleanup_(closep) int fd = -1;
	struct producer_channel *p = NULL;
	int64_t who = message_get_int(m);
	int rc;

	fd = message_get_fd(m);
	rc = message_end(m, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < MAX_PRODUCERS && p == NULL; i++)
		if (!s->producers[i].open)
			p = &s->producers[i];
	if (who < 0 || who >= PRODUCER__MAX || p == NULL)
		return error_set(err, -EPROTO, "scribe: cannot attach");
	rc = fd_set_nonblock(fd, true, err);
	if (rc != 0)
		return rc;
	channel_init(&p->channel, steal_fd(&fd));
	p->who = (enum producer)who;
	p->open = true;
	s->n_producers = MAX_OF(s->n_producers, (size_t)(p - s->producers) + 1);
	return 0;
}

static int
sync_file(struct state *s, struct message *m, struct error *err)
{
	struct channel *c = &s->control;
	int rc = message_end(m, err);

	if (rc == 0)
		rc = drain_all(s, err);
	if (rc == 0)
		rc = writer_link(s->writer, err);
	if (rc == 0)
		rc = writer_commit(s->writer, err);
	if (rc != 0)
		return rc;
	message_begin(c, SCRIBE_SYNCED);
	message_put_int(c, writer_count(s->writer));
	message_put_int(c, writer_refused(s->writer));
	message_put_str(c, str_of(writer_first_refusal(s->writer)));
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

static int
take_control(struct state *s, struct error *err)
{
	struct message m;
	int rc = channel_fill(&s->control, err), got;

	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		return rc;
	if (rc == 1)
		s->stop = true;
	while ((got = channel_next(&s->control, &m, err)) == 1) {
		rc = 0;
		if (m.type == SCRIBE_ATTACH)
			rc = attach(s, &m, err);
		else if (m.type == SCRIBE_SYNC)
			rc = sync_file(s, &m, err);
		else if (m.type == CONTROL_STOP)
			s->stop = true;
		(void)message_end(&m, NULL);
		if (rc != 0)
			return rc;
	}
	return got < 0 ? got : 0;
}

static int
loop(struct state *s, struct error *err)
{
	struct pollfd fds[MAX_PRODUCERS + 1];
	size_t map[MAX_PRODUCERS + 1];
	int rc = 0;

	while (!s->stop && rc == 0) {
		nfds_t n = 1;

		fds[0] = (struct pollfd){ s->control.fd, POLLIN, 0 };
		for (size_t i = 0; i < s->n_producers; i++) {
			if (!s->producers[i].open)
				continue;
			map[n] = i;
			fds[n++] = (struct pollfd){ s->producers[i].channel.fd,
				POLLIN, 0 };
		}
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		/* Facts before control: a sync comes after what it counts. */
		for (nfds_t i = 1; i < n && rc == 0; i++)
			if (fds[i].revents != 0)
				rc = drain(s, &s->producers[map[i]], err);
		if (rc == 0 && fds[0].revents != 0)
			rc = take_control(s, err);
	}
	return rc;
}

static int
say(struct state *s, const struct error *failure)
{
	struct error err = ERROR_INIT;
	struct channel *c = &s->control;

	if (failure == NULL) {
		message_begin(c, CONTROL_READY);
	} else {
		message_begin(c, CONTROL_FAILED);
		message_put_int(c, failure->code);
		message_put_str(c, str_of(failure->msg));
	}
	if (message_send(c, &err) != 0)
		return err.code;
	return channel_flush(c, &err);
}

static int
run(struct state *s, struct error *err)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	sqlite3 *db = NULL;
	int rc;

	rc = lockdown(&pure, err);
	if (rc == 0)
		rc = blank_write(RUN_FD, err);
	if (rc == 0)
		rc = database_open(RUN_FD, true, &db, err);
	if (rc == 0)
		rc = writer_new(db, &s->writer, err);
	if (rc == 0)
		rc = say(s, NULL);
	if (rc == 0)
		rc = loop(s, err);
	/* What was recorded so far is kept, whatever ended us. */
	if (rc == 0)
		rc = drain_all(s, err);
	if (rc == 0)
		rc = writer_link(s->writer, err);
	if (s->writer != NULL &&
	    writer_commit(s->writer, rc == 0 ? err : NULL) != 0 && rc == 0)
		rc = err->code;
	writer_free(s->writer);
	database_close(db);
	if (rc == 0 && !s->scratch && fsync(RUN_FD) != 0 && errno != EINVAL)
		rc = error_errno(err, "run file");
	return rc;
}

int
main(int argc, char **argv)
{
	_cleanup_(freep) struct state *s = calloc(1, sizeof(*s));
	struct error err = ERROR_INIT;
	int rc;

	if (s == NULL)
		return EXIT_TOOL_FAILED;
	database_alone();
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < MAX_PRODUCERS; i++)
		s->producers[i].channel.fd = -1;
	s->scratch = argc > 1 && strcmp(argv[1], "scratch") == 0;
	channel_init(&s->control, CONTROL_FD);
	rc = run(s, &err);
	if (rc != 0)
		(void)say(s, &err);
	for (size_t i = 0; i < s->n_producers; i++)
		channel_done(&s->producers[i].channel);
	channel_done(&s->control);
	return rc == 0 ? 0 : EXIT_TOOL_FAILED;
}
