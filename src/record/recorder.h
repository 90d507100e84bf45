/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns events into facts: keeps the processes, the open phase and what is
 * counted. Runs in the decoder of role record, without any right; what it
 * needs from outside (totals in the kernel, content of executed files) comes
 * through struct recorder_outside.
 */
#ifndef RECORD_RECORDER_H
#define RECORD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "record/event.h"

struct channel;
struct error;
struct recorder;

struct recorder_outside {
	void *context;
	/* Takes a total out of the kernel's table: 0, -ENOENT. */
	int (*take_total)(void *context, const struct record_io_key *key,
	    struct record_io *ret);
	/* Some key of the table: 0, -ENOENT when it is empty. */
	int (*any_total)(void *context, struct record_io_key *ret);
	/* The file that a process executes, opened for reading, where the
	 * sandbox itself wrote it; -ENOENT where it did not, or it is gone.
	 * is_stopped: the process waits for that (RECORD_STOPPED). */
	int (*open_executed)(void *context, uint32_t host_pid, struct str path,
	    bool is_stopped);
	/* Events that the kernel side could not tell, since the start. */
	uint64_t (*dropped)(void *context);
};

/* facts, outside: borrowed. */
struct recorder *recorder_new(int64_t sandbox, struct channel *facts,
    const struct recorder_outside *outside);
void recorder_free(struct recorder *r); /* accepts NULL */
/* Empty strings where absent; role must be one of fact_roles. */
void recorder_command(struct recorder *r, struct str role, struct str package,
    struct str project);
void recorder_phase_begin(struct recorder *r, int64_t phase,
    int64_t started_at);
/* After the ring was drained. Tells the bytes that were counted. */
int recorder_phase_end(struct recorder *r, int64_t *ret_events,
    int64_t *ret_dropped, struct error *err);
/* One event of the ring; one that cannot be decoded counts as dropped.
 * Errors are those of the facts channel. */
int recorder_event(struct recorder *r, struct str bytes, struct error *err);

#endif
