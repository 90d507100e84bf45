/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a run file: facts in, rows out. Runs in scribe, and in tests of
 * rules over a database in memory.
 *
 *	writer_new → writer_add* → writer_link → writer_commit → … → writer_free
 *
 * What is over a cap (LIMIT_RUN_ROWS per table, LIMIT_RUN_BLOBS_BYTES) is
 * counted, named in `metadata` under WRITER_REFUSED_KEY, and makes the verdict
 * at best `incomplete`.
 */
#ifndef RUNFILE_WRITER_H
#define RUNFILE_WRITER_H

#include <stdint.h>

#include "base/str.h"
#include "runfile/fact.h"

struct error;
struct sqlite3;
struct writer;

#define WRITER_REFUSED_KEY "scribe.refused"

/* What an empty run file has from its beginning; views come with the first
 * commit. */
int writer_make_tables(struct sqlite3 *db, struct error *err);
/* Makes them in an empty database. db: borrowed. */
int writer_new(struct sqlite3 *db, struct writer **ret, struct error *err);
void writer_free(struct writer *w); /* accepts NULL */
void writer_freep(struct writer **w);

/* 0: a row; 1: refused because of a cap, which was counted; negative: the
 * file cannot be written. fact: what fact_receive() gave or a struct of the
 * kind, valid. A blob without its sha256 gets it. */
int writer_add(struct writer *w, enum fact_kind kind, const void *fact,
    struct error *err);
/* Counts what was refused before it became a fact. */
void writer_refuse(struct writer *w, const char *sentence);
/* Names packages, connects the sink's rows with processes, and canary hits
 * with the package of their evidence. May be called again. */
int writer_link(struct writer *w, struct error *err);
int writer_commit(struct writer *w, struct error *err);

int64_t writer_count(const struct writer *w); /* facts written */
int64_t writer_refused(const struct writer *w);
const char *writer_first_refusal(const struct writer *w); /* "" */

/* name: "@scope/name". Buffer of LIMIT_PURL_BYTES. 0, or -EINVAL for an
 * unknown ecosystem. */
int writer_purl(struct str ecosystem, struct str name, struct str version,
    struct str *ret, char *room);

#endif
