/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's end of the conversation with role upper. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/mem.h"
#include "record/client_priv.h"
#include "record/record.h"
#include "sys/message.h"
#include "sys/spawn.h"

#define UPPER_MAGIC 0x0bbe2002

struct upper {
	unsigned magic;
	struct child child;
	struct channel control;
	bool ready; /* CONTROL_READY came */
	bool asked_walk, asked_stop;
	struct error walk_failed; /* asked_walk; code 0: it was sent */
};

static int
send_rules(struct upper *u, const struct upper_start *s, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < s->n_rules && rc == 0; i++) {
		message_begin(&u->control, UPPER_RULE);
		message_put_int(&u->control, s->rules[i].keep);
		message_put_str(&u->control, str_of(s->rules[i].prefix));
		rc = message_send(&u->control, err);
	}
	return rc != 0 ? rc : channel_flush(&u->control, err);
}

int
upper_spawn(const struct upper_start *s, int facts_fd, struct upper **ret,
    struct error *err)
{
	_cleanup_(closep) int facts = facts_fd;
	_cleanup_(upper_freep) struct upper *u = NULL;
	int fds[2 + UPPER_MAX_LOWER], rc;
	struct client_role role = { .name = "upper",
		.facts_fd = facts,
		.fds = fds,
		.n_fds = 1 + s->n_lower };

	if (s->n_lower > UPPER_MAX_LOWER)
		return error_set(err, -E2BIG, "%zu lower layers", s->n_lower);
	fds[0] = s->upper_fd;
	for (size_t i = 0; i < s->n_lower; i++)
		fds[1 + i] = s->lower_fds[i];
	if (s->root_fd > 0) {
		fds[role.n_fds++] = s->root_fd;
		role.arguments[0] = "watch";
	}
	u = mem_alloc(sizeof(*u));
	u->magic = UPPER_MAGIC;
	u->child = (struct child)CHILD_INIT;
	u->control.fd = -1;
	rc = client_spawn(&role, &u->child, &u->control, err);
	if (rc == 0)
		rc = send_rules(u, s, err);
	if (rc != 0)
		return rc;
	*ret = steal(&u);
	return 0;
}

int
upper_ready(struct upper *u, struct error *err)
{
	struct message m;
	int rc;

	assert(u->magic == UPPER_MAGIC);
	if (u->ready)
		return 0;
	rc = client_expect(&u->control, "upper", CONTROL_READY, &m, err);
	if (rc == 0)
		rc = message_end(&m, err);
	u->ready = rc == 0;
	return rc;
}

static int
send_walk(struct upper *u, int64_t phase, struct error *err)
{
	int rc = upper_ready(u, err);

	if (rc != 0)
		return rc;
	message_begin(&u->control, UPPER_WALK);
	message_put_int(&u->control, phase);
	return client_send(&u->control, err);
}

void
upper_ask_walk(struct upper *u, int64_t phase)
{
	assert(u->magic == UPPER_MAGIC && !u->asked_walk);
	u->walk_failed = (struct error)ERROR_INIT;
	u->asked_walk = true;
	(void)send_walk(u, phase, &u->walk_failed);
}

int
upper_walk(struct upper *u, int64_t phase, struct upper_result *ret,
    struct error *err)
{
	struct upper_result result;
	struct message m;
	int rc = 0;

	if (!u->asked_walk)
		rc = send_walk(u, phase, err);
	else if (u->walk_failed.code != 0)
		rc = error_set(err, u->walk_failed.code, "%s",
		    u->walk_failed.msg);
	u->asked_walk = false;
	if (rc == 0)
		rc = client_expect(&u->control, "upper", UPPER_WALKED, &m, err);
	if (rc != 0)
		return rc;
	result.files = message_get_int(&m);
	result.bytes = message_get_int(&m);
	result.kept_bytes = message_get_int(&m);
	result.incomplete = message_get_int(&m) != 0;
	result.has_seen = message_get_int(&m) != 0;
	result.seen = message_get_int(&m);
	result.seen_dropped = message_get_int(&m);
	rc = message_end(&m, err);
	if (rc == 0)
		*ret = result;
	return rc;
}

int
upper_lock(struct upper *u, const char *path, int64_t *ret_dependencies,
    struct error *err)
{
	struct message m;
	int64_t n;
	int rc = upper_ready(u, err);

	if (rc != 0)
		return rc;
	message_begin(&u->control, UPPER_LOCK);
	message_put_str(&u->control, str_of(path));
	rc = client_send(&u->control, err);
	if (rc == 0)
		rc = client_expect(&u->control, "upper", UPPER_LOCKED, &m, err);
	if (rc != 0)
		return rc;
	n = message_get_int(&m);
	rc = message_end(&m, err);
	if (rc == 0)
		*ret_dependencies = n;
	return rc;
}

void
upper_ask_stop(struct upper *u)
{
	assert(u->magic == UPPER_MAGIC);
	client_ask_stop(&u->control, &u->asked_stop);
}

int
upper_stop(struct upper *u, struct error *err)
{
	assert(u->magic == UPPER_MAGIC);
	return client_stop(&u->child, &u->control, "upper", u->asked_stop, err);
}

void
upper_free(struct upper *u)
{
	if (u == NULL)
		return;
	assert(u->magic == UPPER_MAGIC);
	spawn_kill(&u->child);
	channel_done(&u->control);
	free(u);
}

void
upper_freep(struct upper **u)
{
	upper_free(*u);
	*u = NULL;
}
