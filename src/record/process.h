/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of one sandbox, as the events tell of them. A process is
 * found by the host's pid while it lives; its struct stays for the run, since
 * children and facts refer to it, but its text goes when it ends.
 */
#ifndef RECORD_PROCESS_H
#define RECORD_PROCESS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/vec.h"
#include "record/attribute.h"
#include "record/event.h"

struct map;

/* A file or peer that bytes are counted for. */
struct process_io {
	struct record_io_key key;
	char *path; /* owned; of a file */
	struct record_file file;
	struct record_socket socket; /* where is_socket */
	char *address; /* owned; where the bytes were sent to */
	int fd, port;
	bool is_socket;
	struct process_io *next; /* of the same process */
};

struct process {
	int64_t id; /* in facts */
	uint32_t host_pid, inner_pid;
	struct process *parent; /* NULL: came from outside */
	struct attribution attribution; /* package is owned */
	int64_t phase; /* in which it was first told; FACT_NONE: not yet */
	int64_t started_at, ended_at; /* CLOCK_MONOTONIC; ended_at 0: lives */
	struct buf argv, env; /* collected until the exec is told */
	char *exe; /* owned; last exec's, its own or its parent's; NULL */
	struct process_io *ios; /* owned */
	uint8_t clone3_refused; /* told once */
};

struct process_table;

struct process_table *process_table_new(int64_t sandbox);
void process_table_free(struct process_table *t); /* accepts NULL */
struct process *process_find(const struct process_table *t, uint32_t host_pid);
/* The last one that had this pid in the sandbox: it may have ended. */
struct process *process_find_inner(const struct process_table *t,
    uint32_t inner_pid);
/* Replaces one with the same pid, whose end was lost. NULL: table is full. */
struct process *process_add(struct process_table *t, uint32_t host_pid,
    uint32_t inner_pid, struct process *parent);
void process_remove(struct process_table *t, struct process *p);
void process_set_package(struct process *p, struct str package);
void process_set_exe(struct process *p, struct str exe);
/* The next of the living; start with *at = 0, NULL at the end. */
struct process *process_next(const struct process_table *t, size_t *at);
bool process_descends(const struct process *p, const struct process *ancestor);
void process_io_free(struct process_io *io); /* one; accepts NULL */

#endif
