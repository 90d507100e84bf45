/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor itself tells scribe: the run, its phases, the planted
 * secrets, what was left out. */
#include <stdio.h>
#include <sys/wait.h>

#include "analysis/analysis_priv.h"
#include "analysis/attend.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "decoy/persona.h"
#include "runfile/fact.h"
#include "runfile/scribe-client.h"
#include "sys/clock.h"
#include "sys/message.h"
#include "sys/sha256.h"

static int
send(struct analysis *a, enum fact_kind kind, const void *fact,
    struct error *err)
{
	return fact_send(scribe_facts(a->scribe), kind, fact, err);
}

/* What the sandbox had, and whose programs the recorder ran. */
static struct str
host_json(struct analysis *a)
{
	const struct attend_host told = { a->o->recorder_why, a->programs,
		a->why_own_programs };
	struct buf b;

	if (a->sandbox == NULL)
		return STR_NONE;
	buf_init(&b, 64 * KIB);
	attend_host_json(a->sandbox, &told, &b);
	struct str s = arena_str(a->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

int
facts_run(struct analysis *a, const char *status, const char *reason,
    struct error *err)
{
	const struct fetch_package *p = &a->package;
	struct fact_run f;

	fact_init(FACT_RUN, &f);
	f.purl = str_of(p->purl);
	f.ecosystem = STR_LIT("npm");
	f.name = str_of(p->name);
	f.version = str_of(p->version);
	f.origin = p->is_local ? STR_LIT("local") : STR_LIT("registry");
	f.artifact_sha256 = str_of(p->sha256);
	f.artifact_size = p->size;
	f.tool_version = STR_LIT(LAZARET_VERSION);
	f.image = str_of(a->image.id);
	f.isolation = STR_LIT("ns");
	f.recorder = str_of(record_means_word(a->o->recorder));
	f.host = host_json(a);
	if (status == NULL)
		f.started_at = clock_wall_ns();
	else
		f.ended_at = clock_wall_ns();
	f.status = str_of(status);
	f.reason = str_of(reason);
	return send(a, FACT_RUN, &f, err);
}

int
facts_persona(struct analysis *a, struct error *err)
{
	const struct persona *p = a->persona;
	int r = 0;

	for (size_t i = 0; i < p->n_canaries && r == 0; i++) {
		const struct persona_canary *c = &p->canaries[i];
		struct fact_canary f;
		fact_init(FACT_CANARY, &f);
		f.id = (int64_t)i + 1;
		f.persona = str_of(p->kind);
		f.kind = str_of(c->kind);
		f.name = c->name;
		f.strength = str_of(canary_strength_names[c->strength]);
		f.value = c->value;
		f.path = c->path;
		f.variable = c->variable;
		r = send(a, FACT_CANARY, &f, err);
	}
	return r;
}

int
facts_left_out(struct analysis *a, struct error *err)
{
	int r = 0;

	for (size_t i = 0; i < a->plan.left_out.n && r == 0; i++) {
		const struct plan_not_exercised *n = &a->plan.left_out.v[i];
		struct fact_not_exercised f;
		fact_init(FACT_NOT_EXERCISED, &f);
		f.trigger = str_of(n->trigger);
		f.subject = n->subject;
		f.reason = str_of(n->reason);
		r = send(a, FACT_NOT_EXERCISED, &f, err);
	}
	return r;
}

int
facts_view(struct analysis *a, int64_t phase, const char *view, int64_t events,
    int64_t dropped, const char *lost, struct error *err)
{
	struct fact_phase_view f;

	fact_init(FACT_PHASE_VIEW, &f);
	f.phase = phase;
	f.view = str_of(view);
	f.available = lost == NULL;
	f.events = events;
	f.dropped = dropped;
	f.reason = str_of(lost);
	return send(a, FACT_PHASE_VIEW, &f, err);
}

static struct str
status_word(const struct phase *ph)
{
	bool ok = ph->exec_errno == 0 && WIFEXITED(ph->status) &&
	    WEXITSTATUS(ph->status) == 0;

	switch (ph->end) {
	case PHASE_RUNNING:
		return STR_NONE; /* the row at its beginning */
	case PHASE_DONE:
		if (ph->exec_errno != 0)
			return STR_LIT("skipped");
		return ok ? STR_LIT("completed") : STR_LIT("failed");
	case PHASE_TOLD:
		return STR_LIT("completed");
	case PHASE_TIMEOUT:
		return STR_LIT("timeout");
	case PHASE_LIMIT:
	case PHASE_INTERRUPTED:
		return STR_LIT("limit");
	case PHASE_BROKEN:
		return STR_LIT("skipped");
	}
	return STR_NONE;
}

/* Why it ended as it did, for a person. */
static struct str
reason_of(struct analysis *a, const struct phase *ph)
{
	if (ph->reason[0] != '\0')
		return str_of(ph->reason);
	if (ph->end == PHASE_TOLD)
		return STR_LIT("its process stayed");
	if (ph->end != PHASE_DONE)
		return STR_NONE;
	if (ph->exec_errno != 0)
		return str_of(arena_printf(a->arena, "%s: %s",
		    ph->step->argv[0], strerror(ph->exec_errno)));
	if (WIFSIGNALED(ph->status))
		return str_of(
		    arena_printf(a->arena, "signal %d", WTERMSIG(ph->status)));
	if (WEXITSTATUS(ph->status) != 0)
		return str_of(arena_printf(a->arena, "exit status %d",
		    WEXITSTATUS(ph->status)));
	return STR_NONE;
}

/* Keeps the bytes; their hash as hex in room. */
static int
keep_output(struct analysis *a, const struct capture *c,
    char room[SHA256_HEX_SIZE], struct str *ret, struct error *err)
{
	uint8_t digest[SHA256_BYTES];
	struct fact_blob f;

	*ret = STR_NONE;
	if (c->kept.n == 0)
		return 0;
	sha256_of(buf_str(&c->kept), digest);
	sha256_hex(digest, room);
	fact_init(FACT_BLOB, &f);
	f.sha256 = *ret = str_of(room);
	f.bytes = buf_str(&c->kept);
	return send(a, FACT_BLOB, &f, err);
}

static void
put_usage(struct analysis *a, const struct phase *ph, struct fact_phase *f)
{
	struct sandbox_usage u;

	sandbox_usage(a->sandbox, &u);
	f->wall_ns = clock_ns() - ph->started_at;
	if (u.cpu_ns >= 0 && ph->cpu_before_ns >= 0)
		f->cpu_ns = u.cpu_ns - ph->cpu_before_ns;
	if (u.memory_peak_bytes >= 0)
		f->memory_peak = u.memory_peak_bytes;
}

int
facts_phase(struct analysis *a, const struct phase *ph, struct error *err)
{
	char out[SHA256_HEX_SIZE], errors[SHA256_HEX_SIZE];
	struct fact_phase f;
	int r = 0;

	fact_init(FACT_PHASE, &f);
	f.id = ph->id;
	f.trigger = str_of(ph->step->trigger);
	f.persona = str_of(a->persona->kind);
	f.platform = STR_LIT("linux");
	f.clock_offset = 0;
	f.subject = ph->step->subject;
	f.baseline = a->o->baseline_path != NULL;
	f.started_at = clock_wall_ns() - (clock_ns() - ph->started_at);
	f.status = status_word(ph);
	if (ph->end != PHASE_RUNNING) {
		f.reason = reason_of(a, ph);
		put_usage(a, ph, &f);
		r = keep_output(a, &ph->out, out, &f.stdout_sha256, err);
		if (r == 0)
			r = keep_output(a, &ph->err, errors, &f.stderr_sha256,
			    err);
	}
	if (ph->end == PHASE_DONE && ph->exited && ph->exec_errno == 0) {
		if (WIFEXITED(ph->status))
			f.exit_status = WEXITSTATUS(ph->status);
		else
			f.exit_signal = WTERMSIG(ph->status);
	}
	return r < 0 ? r : send(a, FACT_PHASE, &f, err);
}

int
facts_skipped(struct analysis *a, const char *trigger, const char *reason,
    struct error *err)
{
	struct fact_phase f;

	fact_init(FACT_PHASE, &f);
	f.id = ++a->n_phases;
	f.trigger = str_of(trigger);
	f.baseline = a->o->baseline_path != NULL;
	f.status = STR_LIT("skipped");
	f.reason = str_of(reason);
	return send(a, FACT_PHASE, &f, err);
}
