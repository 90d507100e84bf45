/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to facts: dispatch, phases, processes. Runs in the decoder of role
 * record. A process is told when it appears, at each exec and at its end.
 */
#include "record/recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "record/calls.h"
#include "record/recorder_priv.h"
#include "runfile/fact.h"

/* Begun calls whose end has not been told yet: at most one per thread. */
#define MAX_ENTRIES 65536

struct recorder *
recorder_new(int64_t sandbox, struct channel *facts,
    const struct recorder_outside *outside)
{
	struct recorder *r = mem_alloc(sizeof(*r));

	r->magic = RECORDER_MAGIC;
	r->facts = facts;
	r->outside = outside;
	r->processes = process_table_new(sandbox);
	r->entries = map_new(MAX_ENTRIES);
	r->hashes = map_new(MAX_ENTRIES);
	r->phase = FACT_NONE;
	for (size_t i = 0; i < N_ELEMENTS(r->text); i++)
		buf_init(&r->text[i], LIMIT_PATH_BYTES * 2);
	return r;
}

static void
entry_free(struct recorder *r, struct str tid)
{
	struct buf *b = map_remove(r->entries, tid);

	if (b == NULL)
		return;
	buf_done(b);
	free(b);
}

static void
entries_free(struct recorder *r)
{
	struct str key;
	void *value;
	size_t at = 0;

	while (map_next(r->entries, &at, &key, &value)) {
		buf_done(value);
		free(value);
	}
	map_free(r->entries);
}

void
recorder_free(struct recorder *r)
{
	if (r == NULL)
		return;
	assert(r->magic == RECORDER_MAGIC);
	entries_free(r);
	recorder_content_free(r->hashes);
	process_table_free(r->processes);
	for (size_t i = 0; i < N_ELEMENTS(r->text); i++)
		buf_done(&r->text[i]);
	free(r->package);
	free(r->project);
	free(r);
}

void
recorder_send(struct recorder *r, enum fact_kind kind, const void *fact)
{
	if (r->phase == FACT_NONE || r->rc != 0)
		return;
	r->rc = fact_send(r->facts, kind, fact, r->err);
	r->events++;
}

int64_t
recorder_at(const struct recorder *r, int64_t ktime)
{
	if (r->phase == FACT_NONE || ktime <= r->started_at)
		return 0;
	return ktime - r->started_at;
}

struct buf *
recorder_text(struct recorder *r, size_t i)
{
	assert(i < N_ELEMENTS(r->text));
	buf_reset(&r->text[i]);
	return &r->text[i];
}

void
recorder_command(struct recorder *r, struct str role, struct str package,
    struct str project)
{
	r->role = NULL;
	for (const char *const *w = fact_roles; *w != NULL; w++)
		if (str_is(role, *w))
			r->role = *w;
	free(r->package);
	free(r->project);
	r->package = package.p != NULL ? mem_strndup(package) : NULL;
	r->project = project.p != NULL ? mem_strndup(project) : NULL;
}

void
recorder_phase_begin(struct recorder *r, int64_t phase, int64_t started_at)
{
	r->phase = phase;
	r->started_at = started_at;
	r->events = 0;
	r->dropped = 0;
	r->dropped_before = r->outside->dropped(r->outside->context);
}

int
recorder_phase_end(struct recorder *r, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err)
{
	uint64_t lost = r->outside->dropped(r->outside->context);

	r->err = err;
	r->rc = 0;
	recorder_io_flush_all(r);
	*ret_events = r->events;
	*ret_dropped = (int64_t)(lost - r->dropped_before + r->dropped);
	r->phase = FACT_NONE;
	return r->rc;
}

void
recorder_tell_process(struct recorder *r, struct process *p)
{
	struct fact_process f;

	if (r->phase == FACT_NONE)
		return;
	if (p->phase == FACT_NONE)
		p->phase = r->phase;
	if (p->parent != NULL && p->parent->phase == FACT_NONE)
		recorder_tell_process(r, p->parent);
	fact_init(FACT_PROCESS, &f);
	f.id = p->id;
	f.phase = p->phase;
	f.parent = p->parent != NULL ? p->parent->id : FACT_NONE;
	f.pid = p->inner_pid;
	f.exe = str_of(p->exe);
	f.role = str_of(p->attribution.role);
	f.package = p->attribution.package;
	f.started_at = recorder_at(r, p->started_at);
	recorder_send(r, FACT_PROCESS, &f);
}

/* A process of which no parent is known, or that init started: a command. */
static void
attribute_command(struct recorder *r, struct process *p)
{
	p->attribution.role = r->role;
	process_set_package(p, str_of(r->package));
}

static struct process *
process_get(struct recorder *r, const struct record_header *h)
{
	struct process *p = process_find(r->processes, h->pid);

	if (p == NULL) {
		p = process_add(r->processes, h->pid, h->inner_pid, NULL);
		if (p == NULL)
			return NULL;
		p->started_at = (int64_t)h->at;
		if (p->inner_pid != 1)
			attribute_command(r, p);
	}
	if (p->phase == FACT_NONE)
		recorder_tell_process(r, p);
	return p;
}

static void
event_fork(struct recorder *r, const struct recorder_event *x)
{
	uint32_t pid = (uint32_t)x->e->h.args[0];
	uint32_t inner = (uint32_t)x->e->h.args[1];
	struct process *p = process_add(r->processes, pid, inner, x->process);

	if (p == NULL) {
		r->dropped++;
		return;
	}
	p->started_at = (int64_t)x->e->h.at;
	if (x->process->inner_pid == 1)
		attribute_command(r, p);
	recorder_tell_process(r, p);
}

static void
event_exit(struct recorder *r, const struct recorder_event *x)
{
	struct process *p = x->process;
	struct fact_process f;
	int64_t signal = x->e->h.result & 0x7f;

	recorder_io_flush(r, p);
	p->ended_at = (int64_t)x->e->h.at;
	fact_init(FACT_PROCESS, &f);
	f.id = p->id;
	f.phase = p->phase;
	f.pid = p->inner_pid;
	f.ended_at = x->at;
	if (x->e->h.result == RECORD_UNKNOWN || x->e->h.result < 0)
		signal = 0;
	else if (signal != 0)
		f.exit_signal = signal;
	else
		f.exit_status = x->e->h.result >> 8 & 0xff;
	recorder_send(r, FACT_PROCESS, &f);
	process_remove(r->processes, p);
}

static void
event_piece(struct recorder *r, const struct recorder_event *x)
{
	struct buf *b =
	    x->e->h.kind == RECORD_ARGV ? &x->process->argv : &x->process->env;

	(void)r;
	if (x->e->h.args[0] == 0)
		buf_reset(b);
	/* Out of order: a piece before it was dropped; the rest is no use. */
	if (x->e->h.args[0] != b->n)
		return;
	buf_put_str(b, x->e->piece);
}

static void
event_entry(struct recorder *r, const struct recorder_event *x,
    struct str bytes)
{
	struct str tid = str_n(&x->e->h.tid, sizeof(x->e->h.tid));
	struct buf *b;

	entry_free(r, tid);
	b = mem_alloc(sizeof(*b));
	buf_init(b, 64 * KIB);
	buf_put_str(b, bytes);
	if (map_put(r->entries, tid, b) < 0) {
		buf_done(b);
		free(b);
		r->dropped++;
	}
}

/*
 * What the end could not read any more is taken from the begin. Where both
 * could be read and differ, another thread was at it: both are told, since
 * the kernel may have acted on either.
 */
static void
call_merged(struct recorder *r, const struct recorder_event *x,
    const struct decode_event *entry)
{
	struct decode_event merged = *x->e;
	struct recorder_event y = { &merged, x->process, x->at };
	bool differs = false;

	for (int i = 0; i < 2; i++) {
		if (merged.strings[i].p == NULL) {
			merged.strings[i] = entry->strings[i];
			merged.bases[i] = entry->bases[i];
		}
		if (entry->strings[i].p != NULL &&
		    !str_eq(entry->strings[i], merged.strings[i]))
			differs = true;
	}
	recorder_call(r, &y);
	if (!differs)
		return;
	for (int i = 0; i < 2; i++)
		if (entry->strings[i].p != NULL) {
			merged.strings[i] = entry->strings[i];
			merged.bases[i] = entry->bases[i];
		}
	recorder_call(r, &y);
}

static void
call_with_entry(struct recorder *r, const struct recorder_event *x)
{
	struct str tid = str_n(&x->e->h.tid, sizeof(x->e->h.tid));
	struct buf *b = map_get(r->entries, tid);
	struct decode_event entry;

	if (b != NULL && decode_parse(buf_str(b), &entry, NULL) == 0 &&
	    entry.h.call == x->e->h.call)
		call_merged(r, x, &entry);
	else
		recorder_call(r, x);
	if (b != NULL)
		entry_free(r, tid);
}

static void
dispatch(struct recorder *r, const struct recorder_event *x, struct str bytes)
{
	static void (*const handlers[RECORD_KIND__MAX])(struct recorder *,
	    const struct recorder_event *) = {
		[RECORD_CALL] = call_with_entry,
		[RECORD_REFUSED] = recorder_refused,
		[RECORD_FOREIGN] = recorder_refused,
		[RECORD_KILLED] = recorder_refused,
		[RECORD_IO] = recorder_io_begin,
		[RECORD_PASS] = recorder_pass,
		[RECORD_ARGV] = event_piece,
		[RECORD_ENV] = event_piece,
		[RECORD_EXEC] = recorder_exec,
		[RECORD_FORK] = event_fork,
		[RECORD_EXIT] = event_exit,
	};

	if (x->e->h.kind == RECORD_EXEC)
		entry_free(r, str_n(&x->e->h.tid, sizeof(x->e->h.tid)));
	if (x->e->h.kind == RECORD_ENTRY)
		event_entry(r, x, bytes);
	else
		handlers[x->e->h.kind](r, x);
}

int
recorder_event(struct recorder *r, struct str bytes, struct error *err)
{
	struct decode_event e;
	struct recorder_event x = { &e, NULL, 0 };

	assert(r->magic == RECORDER_MAGIC);
	r->err = err;
	r->rc = 0;
	if (decode_parse(bytes, &e, NULL) != 0) {
		r->dropped++;
		return 0;
	}
	x.process = process_get(r, &e.h);
	if (x.process == NULL) {
		r->dropped++;
		return r->rc;
	}
	x.at = recorder_at(r, (int64_t)e.h.at);
	dispatch(r, &x, bytes);
	return r->rc;
}

void
recorder_call(struct recorder *r, const struct recorder_event *x)
{
	static void (*const handlers[CALLS_FACT__MAX])(struct recorder *,
	    const struct recorder_event *, const struct calls_row *) = {
		[CALLS_OPEN] = recorder_open,
		[CALLS_FILE] = recorder_file,
		[CALLS_MMAP] = recorder_mmap,
		[CALLS_EXEC] = recorder_exec_failed,
		[CALLS_SOCKET] = recorder_socket,
		[CALLS_PAIR] = recorder_pair,
		[CALLS_DUP] = recorder_dup,
		[CALLS_REACH] = recorder_reach,
		[CALLS_MEMFD] = recorder_memfd,
	};
	const struct calls_row *row = calls_get(x->e->h.call);

	if (row != NULL && handlers[row->fact] != NULL)
		handlers[row->fact](r, x, row);
}
