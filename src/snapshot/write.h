/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a snapshot. Two halves, in two processes: the worker turns foreign
 * bytes into an entry (one message), confined; the writer collects entries,
 * which it takes for hostile, and lays out the file.
 *
 * The same documents, registries, dictionary and time give the same bytes, in
 * whatever order they came.
 */
#ifndef SNAPSHOT_WRITE_H
#define SNAPSHOT_WRITE_H

#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct channel;
struct error;
struct message;
struct osv_document;
struct snapshot_writer;
struct snapshot_worker;

/* --- the worker's half ------------------------------------------------------
 */

/* spool: where packed documents go, borrowed. dictionary: for packing, n 0:
 * none; copied. */
struct snapshot_worker *snapshot_worker_new(int spool, struct str dictionary);
void snapshot_worker_free(struct snapshot_worker *w); /* accepts NULL */
/* Reads and checks one document, and puts what it says (or why it is none)
 * into the message that has been begun. Not 0: the spool failed. */
int snapshot_worker_put(struct snapshot_worker *w, struct str bytes,
    int64_t now_s, struct arena *a, struct channel *c, struct error *err);
/* The same where there are no bytes: too large, unreadable. */
void snapshot_worker_refuse(struct channel *c, const char *why);

/* A dictionary from samples that lie one after the other; n 0 when they are
 * too few. *ret is to be done with buf_done. */
#define SNAPSHOT_DICTIONARY_BYTES (32u << 10)
void snapshot_train(struct str samples, const size_t *sizes, unsigned n,
    struct buf *ret);

/* --- the writer's half ------------------------------------------------------
 */

struct snapshot_writer *snapshot_writer_new(void);
void snapshot_writer_free(struct snapshot_writer *w); /* accepts NULL */
/* Takes the members that snapshot_worker_put put. order: of two documents with
 * one id and one time, the later one stays. spool: where the packed document
 * lies, borrowed until the file is written. 1: the document was refused,
 * *ret_why (in the message) says why; -EPROTO: the message is none. */
int snapshot_writer_take(struct snapshot_writer *w, struct message *m,
    uint64_t order, int spool, struct str *ret_why, struct error *err);
/* url: a base address; a slash is added where it has none. */
void snapshot_writer_registry(struct snapshot_writer *w, struct str ecosystem,
    struct str url);
/* Documents so far, each id once. */
uint32_t snapshot_writer_count(const struct snapshot_writer *w);
/* Writes all of the file to fd, from its beginning. */
int snapshot_writer_finish(struct snapshot_writer *w, struct str dictionary,
    int64_t built_at_s, int fd, struct error *err);

#endif
