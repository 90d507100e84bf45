/* SPDX-License-Identifier: Apache-2.0 */
/* Role scribe from outside. Runs in supervisors. */
#include "runfile/scribe-client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define MAGIC       0x73637269
#define END_WAIT_MS 60000 /* compressing and syncing a large run file */

struct scribe {
	uint32_t magic;
	struct child child;
	struct channel control, facts;
	bool ready; /* CONTROL_READY came */
};

/* What the role says, or why it no longer speaks. */
static int
expect_one(struct scribe *s, uint16_t type, struct message *ret,
    struct error *err)
{
	int rc = channel_recv(&s->control, ret, err);

	if (rc < 0)
		return error_wrap(err, "scribe");
	if (rc == 0)
		return error_set(err, -EPIPE, "scribe ended unexpectedly");
	if (ret->type == CONTROL_FAILED) {
		int code = (int)message_get_int(ret);
		struct str sentence = message_get_str(ret);

		return error_set(err, code < 0 ? code : -EIO, "%.*s",
		    STR_ARG(sentence));
	}
	if (ret->type != type)
		return error_set(err, -EPROTO, "scribe sent message %u",
		    ret->type);
	return 0;
}

int
scribe_ready(struct scribe *s, struct error *err)
{
	struct message m;
	int rc = s->ready ? 0 : expect_one(s, CONTROL_READY, &m, err);

	assert(s->magic == MAGIC);
	if (rc == 0 && !s->ready)
		rc = message_end(&m, err);
	s->ready = rc == 0;
	return rc;
}

static int
expect(struct scribe *s, uint16_t type, struct message *ret, struct error *err)
{
	int rc = scribe_ready(s, err);

	return rc == 0 ? expect_one(s, type, ret, err) : rc;
}

static int
launch(struct scribe *s, int run_fd, bool scratch, struct error *err)
{
	_cleanup_(closep) int theirs = -1;
	const char *const argv[] = { "lazaret-scribe",
		scratch ? "scratch" : NULL, NULL };
	struct spawn sp = SPAWN_INIT;
	char path[LIMIT_PATH_BYTES];
	int pair[2], fds[3], rc;

	rc = spawn_libexec_path("scribe", path, sizeof(path), err);
	if (rc == 0)
		rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	channel_init(&s->control, pair[0]);
	theirs = pair[1];
	/* Descriptor 4 is a facts channel elsewhere; here it is the file. */
	fds[0] = theirs;
	fds[1] = run_fd;
	sp.path = path;
	sp.argv = argv;
	sp.fds = fds;
	sp.n_fds = 2;
	sp.new_session = true; /* Ctrl-C: what was recorded is still kept */
	return spawn_start(&sp, &s->child, err);
}

int
scribe_start(int run_fd, struct scribe **ret, struct error *err)
{
	_cleanup_(scribe_freep) struct scribe *s = NULL;
	int rc = scribe_spawn(run_fd, false, &s, err);

	if (rc == 0)
		rc = scribe_ready(s, err);
	if (rc == 0)
		*ret = steal(&s);
	return rc;
}

int
scribe_spawn(int run_fd, bool scratch, struct scribe **ret, struct error *err)
{
	_cleanup_(scribe_freep) struct scribe *s = mem_alloc(sizeof(*s));
	int fd = -1, rc;

	s->magic = MAGIC;
	s->child = (struct child)CHILD_INIT;
	rc = launch(s, run_fd, scratch, err);
	if (rc == 0)
		rc = scribe_attach(s, PRODUCER_SUPERVISOR, &fd, err);
	if (rc != 0)
		return rc;
	channel_init(&s->facts, fd);
	*ret = steal(&s);
	return 0;
}

/* It has ended, or hears us no more: what it said last, if it did. */
static int
last_words(struct scribe *s, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct message m;

	while (channel_recv(&s->control, &m, &ignored) == 1) {
		int code;
		struct str sentence;

		if (m.type != CONTROL_FAILED)
			continue;
		code = (int)message_get_int(&m);
		sentence = message_get_str(&m);
		return error_set(err, code < 0 ? code : -EIO, "%.*s",
		    STR_ARG(sentence));
	}
	return error_set(err, -EPIPE,
	    "scribe ended unexpectedly: the run file is not complete");
}

int
scribe_attach(struct scribe *s, enum producer producer, int *ret_fd,
    struct error *err)
{
	_cleanup_(closep) int ours = -1;
	_cleanup_(closep) int theirs = -1;
	int pair[2], rc;

	assert(s->magic == MAGIC && producer < PRODUCER__MAX);
	rc = fd_socketpair(pair, err);
	if (rc != 0)
		return rc;
	ours = pair[0];
	theirs = pair[1];
	message_begin(&s->control, SCRIBE_ATTACH);
	message_put_int(&s->control, producer);
	message_put_fd(&s->control, theirs);
	rc = message_send(&s->control, err);
	if (rc == -EPIPE)
		return last_words(s, err);
	if (rc != 0)
		return error_wrap(err, "scribe");
	*ret_fd = steal_fd(&ours);
	return 0;
}

struct channel *
scribe_facts(struct scribe *s)
{
	assert(s->magic == MAGIC);
	return &s->facts;
}

int
scribe_sync(struct scribe *s, struct scribe_synced *ret, struct error *err)
{
	struct message m;
	struct str refusal;
	int rc;

	assert(s->magic == MAGIC);
	rc = channel_flush(&s->facts, err);
	message_begin(&s->control, SCRIBE_SYNC);
	if (rc == 0)
		rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	if (rc == 0 || rc == -EPIPE) /* it may have said why */
		rc = expect(s, SCRIBE_SYNCED, &m, err);
	if (rc != 0)
		return rc;
	*ret = (struct scribe_synced){ .facts = message_get_int(&m),
		.refused = message_get_int(&m) };
	refusal = message_get_str(&m);
	(void)snprintf(ret->refusal, sizeof(ret->refusal), "%.*s",
	    STR_ARG(refusal));
	return message_end(&m, err);
}

int
scribe_close(struct scribe *s, struct error *err)
{
	int rc, status = 0;

	rc = channel_flush(&s->facts, err);
	channel_done(&s->facts);
	s->facts = (struct channel){ .fd = -1 };
	message_begin(&s->control, CONTROL_STOP);
	if (rc == 0)
		rc = message_send(&s->control, err);
	if (rc == 0)
		rc = channel_flush(&s->control, err);
	if (rc == 0)
		rc = spawn_wait(&s->child, END_WAIT_MS, &status, err);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		rc = -EPIPE;
	if (rc == -EPIPE)
		rc = last_words(s, err);
	scribe_freep(&s);
	return rc;
}

void
scribe_freep(struct scribe **sp)
{
	struct scribe *s = *sp;

	if (s == NULL)
		return;
	assert(s->magic == MAGIC);
	spawn_kill(&s->child);
	channel_done(&s->control);
	channel_done(&s->facts);
	free(s);
	*sp = NULL;
}
