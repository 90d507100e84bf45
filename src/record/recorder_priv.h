/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the recorder (recorder*.c) share. */
#ifndef RECORD_RECORDER_PRIV_H
#define RECORD_RECORDER_PRIV_H

#include "base/buf.h"
#include "record/decode.h"
#include "record/process.h"
#include "record/recorder.h"
#include "runfile/fact.h"

struct calls_row;
struct map;

#define RECORDER_MAGIC 0x5ec04de5

struct recorder {
	unsigned magic;
	struct channel *facts;
	const struct recorder_outside *outside;
	struct process_table *processes;
	struct map *entries; /* tid: struct buf * with its entry event; owned */
	struct map *hashes; /* struct recorder_content *; owned */
	/* The next root command (RECORD_COMMAND). */
	const char *role;
	char *package, *project; /* owned; NULL: none */
	int64_t phase, started_at; /* FACT_NONE: no phase is open */
	int64_t events; /* facts sent in this phase */
	uint64_t dropped, dropped_before; /* own; the kernel's at the begin */
	int64_t kept_bytes; /* content sent as blobs */
	struct buf text[6]; /* scratch, for the event at hand */
	struct error *err; /* of the event at hand */
	int rc;
};

/* One event and whom it is about. */
struct recorder_event {
	const struct decode_event *e;
	struct process *process;
	int64_t at; /* since the start of the phase */
};

/* Sends unless no phase is open; the first error stays in r->rc. */
void recorder_send(struct recorder *r, enum fact_kind kind, const void *fact);
void recorder_tell_process(struct recorder *r, struct process *p);
int64_t recorder_at(const struct recorder *r, int64_t ktime);
/* A string in scratch buffer i. */
struct buf *recorder_text(struct recorder *r, size_t i);
const char *recorder_kind_of(const struct decode_file *f);

void recorder_call(struct recorder *r, const struct recorder_event *x);
void recorder_file(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_open(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_mmap(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_memfd(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_socket(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_pair(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_dup(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_pass(struct recorder *r, const struct recorder_event *x);
void recorder_reach(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
/* A path below /proc that reaches into another process's memory or
 * environment: told as process_event as well. */
void recorder_reach_path(struct recorder *r, const struct recorder_event *x,
    struct str path, int64_t result);
void recorder_refused(struct recorder *r, const struct recorder_event *x);
void recorder_exec(struct recorder *r, const struct recorder_event *x);
void recorder_exec_failed(struct recorder *r, const struct recorder_event *x,
    const struct calls_row *row);
void recorder_content_free(struct map *hashes);

/* First bytes of a process with a file or peer; and their end. */
void recorder_io_begin(struct recorder *r, const struct recorder_event *x);
void recorder_io_flush(struct recorder *r, struct process *p);
void recorder_io_flush_all(struct recorder *r);

#endif
