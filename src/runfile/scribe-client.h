/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of role scribe.
 *
 *	scribe_start(run_fd) → scribe_attach(producer)* → scribe_facts() +
 *	fact_send()* → scribe_sync() → … → scribe_close()
 *
 * After scribe_sync() everything sent before is committed, and another process
 * may read the file until the next fact is sent.
 */
#ifndef RUNFILE_SCRIBE_CLIENT_H
#define RUNFILE_SCRIBE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "runfile/control.h"

struct channel;
struct error;
struct scribe; /* a running role scribe */

struct scribe_synced {
	int64_t facts, refused; /* since the start */
	char refusal[240]; /* the first one's sentence, "" */
};

/* run_fd: an empty file, open for reading and writing; borrowed. */
int scribe_start(int run_fd, struct scribe **ret, struct error *err);
/* The same in two steps: facts may be sent in between. scratch: the file is
 * gone with us, and need not survive a loss of power. */
int scribe_spawn(int run_fd, bool scratch, struct scribe **ret,
    struct error *err);
int scribe_ready(struct scribe *s, struct error *err);
/* Makes a facts channel; *ret_fd is the producer's end, owned by the caller,
 * who passes it to a role as FACTS_FD and closes his copy. */
int scribe_attach(struct scribe *s, enum producer producer, int *ret_fd,
    struct error *err);
/* Our own channel, for fact_send(); flushed by scribe_sync(). */
struct channel *scribe_facts(struct scribe *s);
int scribe_sync(struct scribe *s, struct scribe_synced *ret, struct error *err);
/* Syncs to disk and waits for the end of the role; frees s also on failure. */
int scribe_close(struct scribe *s, struct error *err);
void scribe_freep(struct scribe **s); /* kills it if it runs */

#endif
