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

int
upper_walk(struct upper *u, int64_t phase, struct upper_result *ret,
    struct error *err)
{
	struct upper_result result;
	struct message m;
	int rc = upper_ready(u, err);

	if (rc != 0)
		return rc;
	message_begin(&u->control, UPPER_WALK);
	message_put_int(&u->control, phase);
	rc = client_send(&u->control, err);
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

int
upper_stop(struct upper *u, struct error *err)
{
	assert(u->magic == UPPER_MAGIC);
	return client_stop(&u->child, &u->control, "upper", err);
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
