/* SPDX-License-Identifier: Apache-2.0 */
/* lazaret report snapshot: the roles that read the documents. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "cmd/report-snapshot.h"
#include "snapshot/write.h"
#include "sys/role.h"
#include "sys/term.h"

struct worker {
	struct role role;
	bool done; /* it said so */
};

struct run {
	struct collecting *c;
	struct snapshot_writer *writer; /* NULL: for the dictionary */
	struct buf *dictionary;
	struct worker workers[COLLECT_WORKERS];
	size_t n_workers, n_documents;
	struct progress progress;
};

static int
order(struct run *r, size_t which, struct str dictionary, struct error *err)
{
	const struct inputs *in = r->c->inputs;
	struct channel *c = &r->workers[which].role.channel;
	int rc = 0;

	for (char **p = r->c->operands; *p != NULL && rc == 0; p++) {
		message_begin(c, COLLECT_PATH);
		message_put_str(c, str_of(*p));
		rc = message_send(c, err);
	}
	for (size_t i = 0; i < in->v.n && rc == 0; i++) {
		const struct input *one = &in->v.v[i];

		/* Loose files in turn; of archives each reads its members. */
		if (one->kind == COLLECT_FILE && i % r->n_workers != which)
			continue;
		message_begin(c, COLLECT_INPUT);
		message_put_int(c, (int64_t)i);
		message_put_int(c, one->kind);
		message_put_str(c, str_of(one->path));
		rc = message_send(c, err);
	}
	if (rc != 0)
		return rc;
	message_begin(c, COLLECT_START);
	message_put_int(c, r->writer != NULL ? COLLECT_ALL : COLLECT_SAMPLE);
	message_put_int(c, (int64_t)which);
	message_put_int(c, (int64_t)r->n_workers);
	message_put_int(c, r->c->now_s);
	message_put_str(c, dictionary);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

/* --- what they say
 * ------------------------------------------------------------ */

static void
say_refused(const char *path, struct str member, struct str why)
{
	term_print(stderr, str_of(path), 4096);
	if (member.p != NULL) {
		(void)fputs(": ", stderr);
		term_print(stderr, member, 1024);
	}
	(void)fputs(": left out: ", stderr);
	term_print(stderr, why, 1000);
	(void)fputc('\n', stderr);
}

static int
take_document(struct run *r, size_t which, struct message *m, struct error *err)
{
	int64_t input = message_get_int(m), number = message_get_int(m);
	struct str member = message_get_str(m), why;
	int rc;

	if (r->writer == NULL || input < 0 ||
	    (size_t)input >= r->c->inputs->v.n || number < 0 ||
	    number > UINT32_MAX || input > UINT32_MAX)
		return error_set(err, -EPROTO, "bad message of role collect");
	rc = snapshot_writer_take(r->writer, m,
	    (uint64_t)input << 32 | (uint64_t)number, r->c->spools[which], &why,
	    err);
	r->n_documents++;
	progress_say(&r->progress, "%zu documents", r->n_documents);
	if (rc != 1)
		return rc;
	r->c->n_refused++;
	say_refused(r->c->inputs->v.v[input].path, member, why);
	return 0;
}

static int
take_failed(struct run *r, struct message *m, struct error *err)
{
	int64_t input = message_get_int(m);
	struct str why = message_get_str(m);

	if (message_end(m, err) != 0)
		return err->code;
	if (input < 0 || (size_t)input >= r->c->inputs->v.n)
		return error_set(err, -EPROTO, "bad message of role collect");
	return error_set(err, -EIO, "%s: %.*s", r->c->inputs->v.v[input].path,
	    STR_ARG(why));
}

static int
take(struct run *r, size_t which, struct message *m, struct error *err)
{
	if (m->type == COLLECT_DOCUMENT)
		return take_document(r, which, m, err);
	if (m->type == COLLECT_FAILED)
		return take_failed(r, m, err);
	if (m->type == COLLECT_DICTIONARY && r->dictionary != NULL)
		buf_put_str(r->dictionary, message_get_str(m));
	else if (m->type == COLLECT_DONE)
		r->workers[which].done = true;
	return message_end(m, err);
}

/* 1: its end. */
static int
drain(struct run *r, size_t which, struct error *err)
{
	struct channel *c = &r->workers[which].role.channel;
	struct message m;
	int rc = channel_fill(c, err), end = rc == 1;

	while (rc >= 0 && (rc = channel_next(c, &m, err)) == 1)
		rc = take(r, which, &m, err);
	if (rc == 0 && end && !r->workers[which].done)
		return error_set(err, -EPIPE,
		    "the role that reads documents ended before its time");
	return rc < 0 ? rc : end;
}

static int
listen_to_all(struct run *r, struct error *err)
{
	struct pollfd pfds[COLLECT_WORKERS];
	size_t open_ends = r->n_workers;
	int rc = 0;

	for (size_t i = 0; i < r->n_workers; i++)
		pfds[i] = (struct pollfd){ .fd = r->workers[i].role.channel.fd,
			.events = POLLIN };
	while (rc >= 0 && open_ends != 0) {
		if (poll(pfds, r->n_workers, -1) < 0 && errno != EINTR)
			return error_errno(err, "poll");
		for (size_t i = 0; i < r->n_workers && rc >= 0; i++) {
			if (pfds[i].fd < 0 || pfds[i].revents == 0)
				continue;
			rc = drain(r, i, err);
			if (rc != 1)
				continue;
			pfds[i].fd = -1;
			open_ends--;
		}
	}
	return rc < 0 ? rc : 0;
}

static int
run(struct run *r, struct str dictionary, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < COLLECT_WORKERS; i++)
		r->workers[i].role = (struct role)ROLE_INIT;
	progress_begin(&r->progress);
	for (size_t i = 0; i < r->n_workers && rc == 0; i++)
		rc = role_start("collect", &r->c->spools[i], 1, false,
		    &r->workers[i].role, err);
	for (size_t i = 0; i < r->n_workers && rc == 0; i++)
		rc = order(r, i, dictionary, err);
	if (rc == 0)
		rc = listen_to_all(r, err);
	for (size_t i = 0; i < r->n_workers; i++)
		role_stop(&r->workers[i].role, 0);
	progress_end(&r->progress);
	return rc;
}

int
collect_dictionary(struct collecting *c, struct buf *ret, struct error *err)
{
	struct run r = { .c = c, .dictionary = ret, .n_workers = 1 };

	buf_init(ret, 2 * (size_t)SNAPSHOT_DICTIONARY_BYTES);
	return run(&r, STR_LIT(""), err);
}

int
collect_all(struct collecting *c, struct str dictionary,
    struct snapshot_writer *w, struct error *err)
{
	struct run r = { .c = c, .writer = w, .n_workers = COLLECT_WORKERS };

	return run(&r, dictionary, err);
}
