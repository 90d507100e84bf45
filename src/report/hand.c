/* SPDX-License-Identifier: Apache-2.0 */
/* Both halves of writing documents in another process. */
#include "report/hand.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "report/repo_priv.h"
#include "sys/message.h"

enum hand_message {
	HAND_PUT = 1, /* {int tree, only new, str path, str bytes} */
	HAND_SETTLE, /* {} → {int 0 or -errno, str sentence} */
};

/* In the writer. */
struct hand {
	struct channel channel;
	bool pending[REPO_TREE__MAX]; /* something is on its way there */
};

/* --- the other process ------------------------------------------------------
 */

static int
put(struct repo *r, struct message *m, struct error *err)
{
	int64_t tree = message_get_int(m), only_new = message_get_int(m);
	_cleanup_(freep) char *path = mem_strndup(message_get_str(m));
	struct str bytes = message_get_str(m);
	int rc;

	if (tree < 0 || tree >= REPO_TREE__MAX)
		m->bad = true;
	rc = message_end(m, err);
	if (rc == 0)
		rc = repo_put_here(r,
		    &(struct repo_put){ .tree = (enum repo_tree)tree,
			.path = path,
			.bytes = bytes,
			.only_new = only_new != 0 },
		    err);
	return rc < 0 ? rc : 0;
}

static int
settle(struct channel *c, const struct error *failed, struct error *err)
{
	int rc;

	message_begin(c, HAND_SETTLE);
	message_put_int(c, failed->code);
	message_put_str(c, str_of(failed->msg));
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

/* After a failure nothing more is written; the writer hears of it when it
 * settles. */
int
hand_serve(struct repo *r, int fd, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct channel c;
	struct message m;
	int rc = 0;

	channel_init(&c, fd);
	while (rc == 0 && (rc = channel_recv(&c, &m, err)) == 1) {
		rc = 0;
		if (m.type == HAND_SETTLE)
			rc = settle(&c, &failed, err);
		else if (failed.code == 0)
			(void)put(r, &m, &failed);
	}
	channel_done(&c);
	return rc;
}

/* --- the writer -------------------------------------------------------------
 */

void
hand_fds(struct repo *r, int ret[HAND_FDS])
{
	above_forget(r); /* these are about to be closed */
	for (int i = 0; i < REPO_TREE__MAX; i++)
		ret[i] = r->trees[i];
	ret[REPO_TREE__MAX] = r->lock;
}

void
hand_use(struct repo *r, int fd)
{
	r->hand = mem_alloc(sizeof(*r->hand));
	channel_init(&r->hand->channel, fd);
}

int
hand_put(struct repo *r, const struct repo_put *p, struct error *err)
{
	struct channel *c = &r->hand->channel;

	message_begin(c, HAND_PUT);
	message_put_int(c, p->tree);
	message_put_int(c, p->only_new);
	message_put_str(c, str_of(p->path));
	message_put_str(c, p->bytes);
	if (message_send(c, err) != 0)
		return error_wrap(err, "the process that writes documents");
	r->hand->pending[p->tree] = true;
	above_made(r, p->tree);
	return 0;
}

bool
hand_pending(const struct repo *r, enum repo_tree tree)
{
	return r->hand != NULL && r->hand->pending[tree];
}

static int
ask(struct channel *c, struct error *err)
{
	struct message m;
	struct str sentence;
	int64_t code;
	int rc;

	message_begin(c, HAND_SETTLE);
	rc = message_send(c, err);
	if (rc == 0)
		rc = channel_flush(c, err);
	if (rc == 0)
		rc = channel_recv(c, &m, err);
	if (rc == 0)
		return error_set(err, -EPIPE,
		    "the process that writes documents died");
	if (rc < 0)
		return rc;
	code = message_get_int(&m);
	sentence = message_get_str(&m);
	if (m.type != HAND_SETTLE || code > 0 || code < -4095)
		m.bad = true;
	if (!m.bad && code != 0)
		(void)error_set(err, (int)code, "%.*s", STR_ARG(sentence));
	rc = message_end(&m, m.bad ? err : NULL);
	return rc != 0 ? rc : (int)code;
}

int
repo_settle(struct repo *r, struct error *err)
{
	bool any = false;
	int rc;

	for (int i = 0; i < REPO_TREE__MAX && r->hand != NULL; i++)
		any = any || r->hand->pending[i];
	if (!any)
		return 0;
	rc = ask(&r->hand->channel, err);
	/* After a failure it is asked again, so that no commit is made. */
	for (int i = 0; i < REPO_TREE__MAX && rc == 0; i++)
		r->hand->pending[i] = false;
	return rc;
}

int
hand_end(struct repo *r, struct error *err)
{
	int rc = repo_settle(r, err);

	/* With documents missing, the index must not be kept. */
	r->failed = r->failed || rc != 0;
	if (r->hand != NULL)
		channel_done(&r->hand->channel);
	free(r->hand);
	r->hand = NULL;
	return rc;
}
