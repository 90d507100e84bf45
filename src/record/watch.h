/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder without eBPF: user notification (notify) and ptrace. Which of
 * the three it is, the seccomp program that makes processes stop at recorded
 * calls, and the watcher: the process that holds the stopped ones, reads what
 * they ask for, and tells the decoder the same events (event.h) as the kernel
 * side of eBPF would.
 *
 *	supervisor   watch_program(…)   part of the sandbox's filter
 *	role record  watcher_main(…)    a child: rights, no parser of theirs
 *	             watched_…(…)       the decoder's end of it
 *
 * With both, calls that isolation refuses are refused by the watcher: it
 * evaluates the programs of isolation (watch_evaluate) on the registers as
 * the kernel gave them, so there is nothing to race with.
 */
#ifndef RECORD_WATCH_H
#define RECORD_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "record/load.h"
#include "record/record.h"

struct error;
struct record_io;
struct record_io_key;
struct seccomp_data;

/* A program that notifies or traces recorded calls and falls off its end for
 * all others: what comes after it decides. */
void watch_program(enum record_means means, struct buf *out);
/* What stands after it where there is no isolation: foreign architectures are
 * recorded, the rest is allowed. */
void watch_program_end(enum record_means means, struct buf *out);
/* What a program (struct sock_filter[]) answers: SECCOMP_RET_*; a program
 * that cannot be understood kills. */
uint32_t watch_evaluate(struct str program, const struct seccomp_data *d);

struct watch_start {
	enum record_means means;
	int events_fd, keeper_fd; /* owned by the watcher */
	int listener_fd; /* notify; -1: none */
	pid_t target; /* ptrace: the first process */
	int upper_fd; /* -1: none */
	struct str programs[RECORD_PROGRAMS]; /* of isolation; borrowed */
};

/* Serves until the decoder is gone. Call after lockdown. */
int watcher_main(const struct watch_start *s, struct error *err);

/* The decoder's end: as load.h, with the totals kept here. */
struct watched;

struct watched *watched_new(int events_fd); /* takes it */
void watched_free(struct watched *w); /* accepts NULL */
int watched_fd(const struct watched *w);
/* Takes what is there; waits for nothing. -EPIPE: the watcher is gone. */
int watched_drain(struct watched *w, load_take_fn take, void *context);
/* Takes until the watcher says that it told everything (KEEPER_MARK). */
int watched_sync(struct watched *w, load_take_fn take, void *context);
uint64_t watched_dropped(const struct watched *w);
int watched_take_total(struct watched *w, const struct record_io_key *key,
    struct record_io *ret); /* -ENOENT */
int watched_any_total(struct watched *w, struct record_io_key *ret);

#endif
