/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role edit: merges reports, gives ids, withdraws. Reads the documents of a
 * report database, which others edit as well, and sends the writer the bytes
 * that are to be there instead. May read the trees; writes nothing itself.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mem.h"
#include "report/consolidate.h"
#include "report/edit.h"
#include "runfile/control.h"
#include "sys/lockdown.h"
#include "sys/message.h"

struct order {
	int64_t verb;
	char *path, *reason; /* owned; NULL: none */
	char *source, *id; /* owned; NULL: none */
	struct str *versions; /* owned, as is what they point to */
	size_t n_versions;
};

static char *
get_text(struct message *m)
{
	struct str s = message_get_str(m);

	return s.p != NULL ? mem_strndup(s) : NULL;
}

static int
order_receive(struct message *m, struct order *ret, struct error *err)
{
	int64_t n;

	if (m->type != EDIT_ORDER)
		m->bad = true;
	ret->verb = message_get_int(m);
	ret->path = get_text(m);
	ret->reason = get_text(m);
	ret->source = get_text(m);
	ret->id = get_text(m);
	n = message_get_int(m);
	if (ret->verb < 0 || ret->verb >= EDIT_VERB__MAX || n < 0 ||
	    n > EDIT_MAX_VERSIONS)
		m->bad = true;
	if (!m->bad)
		ret->versions = mem_array((size_t)n + 1, sizeof(struct str));
	for (int64_t i = 0; i < n && !m->bad; i++) {
		struct str s = message_get_str(m);

		ret->versions[ret->n_versions++] = str_n(mem_strndup(s), s.n);
	}
	return message_end(m, err);
}

static void
order_done(struct order *o)
{
	for (size_t i = 0; i < o->n_versions; i++)
		free((void *)(uintptr_t)o->versions[i].p);
	free(o->versions);
	free(o->path);
	free(o->reason);
	free(o->source);
	free(o->id);
}

/* --- verbs -------------------------------------------------------------------
 */

static int
merge(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	return consolidate_merge(r,
	    (struct consolidate_skip){ o->versions, o->n_versions }, n, err);
}

static int
assign(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	return consolidate_assign(r,
	    (struct consolidate_skip){ o->versions, o->n_versions }, n, err);
}

static int
withdraw(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	(void)n;
	return consolidate_withdraw(r, o->path, o->reason, o->versions,
	    o->n_versions, err);
}

static int
unwithdraw(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	(void)n;
	return consolidate_unwithdraw(r, o->path, o->reason, err);
}

static int
retract(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	(void)n;
	return consolidate_retract(r, o->path, str_of(o->source),
	    o->id != NULL ? str_of(o->id) : STR_NONE, err);
}

static int
stands(struct repo *r, const struct order *o, struct consolidate_counts *n,
    struct error *err)
{
	(void)n;
	return consolidate_stands(r, o->path, str_of(o->source), err);
}

static const struct verb {
	int (*fn)(struct repo *r, const struct order *o,
	    struct consolidate_counts *n, struct error *err);
	bool path, source; /* of one report; of one source */
} verbs[] = {
	[EDIT_MERGE] = { merge, false, false },
	[EDIT_ASSIGN] = { assign, false, false },
	[EDIT_WITHDRAW] = { withdraw, true, false },
	[EDIT_UNWITHDRAW] = { unwithdraw, true, false },
	[EDIT_RETRACT] = { retract, true, true },
	[EDIT_STANDS] = { stands, true, true },
};

static_assert(N_ELEMENTS(verbs) == EDIT_VERB__MAX, "a row for each verb");

/* --- the loop ----------------------------------------------------------------
 */

static int
send_done(struct channel *c, int rc, const struct consolidate_counts *n,
    const struct error *why, struct error *err)
{
	message_begin(c, EDIT_DONE);
	message_put_int(c, rc);
	message_put_str(c, rc != 0 ? str_of(why->msg) : STR_NONE);
	message_put_int(c, (int64_t)n->merged);
	message_put_int(c, (int64_t)n->assigned);
	message_put_int(c, (int64_t)n->unmergable);
	message_put_int(c, (int64_t)n->held);
	message_put_int(c, (int64_t)n->waiting);
	message_put_int(c, (int64_t)n->left_alone);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

static int
do_order(struct channel *c, struct repo *r, struct message *m,
    struct error *err)
{
	struct order o = { 0 };
	struct consolidate_counts n = { 0 };
	struct error why = ERROR_INIT;
	const struct verb *v;
	int rc = order_receive(m, &o, err);

	if (rc == 0) {
		v = &verbs[o.verb];
		if ((v->path && o.path == NULL) ||
		    (v->source && o.source == NULL))
			rc = error_set(err, -EPROTO, "an order lacks a part");
	}
	if (rc == 0) {
		rc = v->fn(r, &o, &n, &why);
		rc = send_done(c, rc, &n, &why, err);
	}
	order_done(&o);
	return rc;
}

/* The last thing that is taken as it comes: where the database is. */
static int
begin(struct channel *c, struct repo **ret, struct error *err)
{
	_cleanup_(freep) char *dir = NULL;
	_cleanup_(freep) char *osv = NULL;
	_cleanup_(freep) char *held = NULL;
	const char *paths[3] = { NULL };
	struct lockdown l = { .rights = LOCKDOWN_READ_FILES,
		.read_paths = paths };
	struct message m;
	int rc = channel_recv(c, &m, err);

	if (rc <= 0)
		return rc < 0 ? rc : error_set(err, -ECANCELED, "stopped");
	if (m.type != EDIT_OPEN)
		m.bad = true;
	dir = mem_strndup(message_get_str(&m));
	rc = message_end(&m, err);
	if (rc != 0)
		return rc;
	osv = mem_printf("%s/osv", dir);
	held = mem_printf("%s/held", dir);
	paths[0] = osv;
	paths[1] = held;
	rc = asked_repo_open(dir, c, CONTROL_FD + 1, ret, err);
	return rc == 0 ? lockdown(&l, err) : rc;
}

int
main(void)
{
	struct error err = ERROR_INIT;
	struct repo *r = NULL;
	struct channel c;
	struct message m;
	int rc;

	channel_init(&c, CONTROL_FD);
	rc = begin(&c, &r, &err);
	while (rc == 0 && (rc = channel_recv(&c, &m, &err)) == 1)
		rc = do_order(&c, r, &m, &err);
	if (rc < 0)
		(void)fprintf(stderr, "lazaret report: changing: %s\n",
		    err.msg);
	asked_repo_free(r);
	channel_done(&c);
	return rc != 0;
}
