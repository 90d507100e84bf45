/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role judge: pure computation over a read-only run file; the same facts give
 * the same verdict. 3: control (verdict/judge-client.h); 4: facts to scribe;
 * 5: the run file. Confined before the first byte of rules or facts.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/exit.h"
#include "base/limits.h"
#include "decoy/canary-search.h"
#include "runfile/reader.h"
#include "sys/lockdown.h"
#include "sys/message.h"
#include "verdict/judge-client.h"
#include "verdict/judge.h"

struct state {
	struct channel control, facts;
	struct arena *arena;
	VEC(struct rule_text) rules;
	bool stop;
};

static int
answer(struct state *s, uint16_t type, int64_t n, struct str text,
    struct error *err)
{
	struct channel *c = &s->control;
	int rc;

	message_begin(c, type);
	if (type == JUDGE_DONE || type == CONTROL_FAILED)
		message_put_int(c, n);
	if (type != CONTROL_READY)
		message_put_str(c, text);
	rc = message_send(c, err);
	return rc == 0 ? channel_flush(c, err) : rc;
}

static int
send_fact(void *arg, enum fact_kind kind, const void *fact, struct error *err)
{
	struct state *s = arg;

	return fact_send(&s->facts, kind, fact, err);
}

static int
send_hit(void *arg, const struct fact_canary_hit *hit, struct error *err)
{
	return send_fact(arg, FACT_CANARY_HIT, hit, err);
}

/* Part of what was to be searched was not: nobody may call that clean. */
static int
send_cut(struct state *s, struct error *err)
{
	struct fact_metadata f = { STR_LIT("judge.canaries"),
		STR_LIT("cut: more bytes than are searched for secrets") };

	return send_fact(s, FACT_METADATA, &f, err);
}

static int
canaries(struct state *s, struct error *err)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	struct canary_search_result result = { 0 };
	int rc;

	rc = reader_open(JUDGE_RUN_FD, "the run file", &r, err);
	if (rc == 0)
		rc = canary_search(r, send_hit, s, &result, err);
	if (rc == 0 && result.cut)
		rc = send_cut(s, err);
	if (rc == 0)
		rc = channel_flush(&s->facts, err);
	if (rc == 0)
		rc = answer(s, JUDGE_DONE, result.hits, STR_LIT(""), err);
	return rc;
}

static int
rules(struct state *s, struct error *err)
{
	_cleanup_(reader_freep) struct reader *r = NULL;
	struct judgement j = { 0 };
	int rc;

	rc = reader_open(JUDGE_RUN_FD, "the run file", &r, err);
	if (rc == 0)
		rc = judge_rules(r, s->arena, s->rules.v, s->rules.n, &j, err);
	if (rc == 0)
		rc = judge_emit(&j, send_fact, s, err);
	if (rc == 0)
		rc = channel_flush(&s->facts, err);
	for (size_t i = 0; i < j.broken.n && rc == 0; i++)
		rc = answer(s, JUDGE_BROKEN, 0, j.broken.v[i], err);
	if (rc == 0)
		rc = answer(s, JUDGE_DONE, (int64_t)j.findings.list.n,
		    str_of(label_names[j.verdict.label]), err);
	judgement_done(&j);
	return rc;
}

static int
take_rule(struct state *s, struct message *m, struct error *err)
{
	struct rule_text *t;

	if (s->rules.n >= LIMIT_RULES)
		return error_set(err, -E2BIG, "more than %d rules",
		    LIMIT_RULES);
	t = vec_add(&s->rules);
	t->file = arena_strz(s->arena, message_get_str(m));
	t->text = arena_str(s->arena, message_get_str(m));
	return message_end(m, err);
}

static int
stop(struct state *s, struct message *m, struct error *err)
{
	s->stop = true;
	return message_end(m, err);
}

static int
take(struct state *s, struct message *m, struct error *err)
{
	int rc;

	if (m->type == JUDGE_RULE)
		return take_rule(s, m, err);
	if (m->type == CONTROL_STOP)
		return stop(s, m, err);
	rc = message_end(m, err);
	if (rc == 0 && m->type == JUDGE_CANARIES)
		rc = canaries(s, err);
	else if (rc == 0 && m->type == JUDGE_RULES)
		rc = rules(s, err);
	return rc;
}

static int
run(struct state *s, struct error *err)
{
	static const struct lockdown pure = { .rights = LOCKDOWN_PURE };
	struct message m;
	int rc = lockdown(&pure, err);

	if (rc == 0)
		rc = answer(s, CONTROL_READY, 0, STR_NONE, err);
	while (rc == 0 && !s->stop) {
		rc = channel_recv(&s->control, &m, err);
		if (rc <= 0)
			return rc;
		rc = take(s, &m, err);
	}
	return rc;
}

int
main(void)
{
	struct state s = { 0 };
	struct error err = ERROR_INIT;
	int rc;

	(void)signal(SIGPIPE, SIG_IGN);
	channel_init(&s.control, CONTROL_FD);
	channel_init(&s.facts, FACTS_FD);
	s.arena = arena_new(LIMIT_ARENA_BYTES);
	rc = run(&s, &err);
	if (rc != 0)
		(void)answer(&s, CONTROL_FAILED, rc, str_of(err.msg), NULL);
	vec_done(&s.rules);
	arena_free(s.arena);
	channel_done(&s.facts);
	channel_done(&s.control);
	return rc == 0 ? 0 : EXIT_TOOL_FAILED;
}
