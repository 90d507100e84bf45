/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sink tells scribe: rows of the current phase, with ids of its own,
 * and payloads. Everything has a maximum; what goes over is counted.
 */
#ifndef SINK_BOOK_PRIV_H
#define SINK_BOOK_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "runfile/fact.h"
#include "sys/message.h"
#include "sys/sha256.h"

struct book {
	struct channel facts;
	int64_t sandbox, last_id;
	int64_t phase; /* FACT_NONE between phases */
	int64_t started_ns; /* of the phase; rows count from it */
	int64_t events, dropped; /* rows of the phase */
	int64_t held_bytes; /* payload in memory, in all records */
	int64_t kept_bytes; /* payload written, in the whole run */
};

/* Bytes on their way to payload rows. Zeroed: nothing yet. */
struct record {
	struct sha256 *whole; /* over everything; NULL: empty */
	struct buf piece; /* not yet written */
	int64_t size, kept_bytes;
	bool cut; /* something was not kept */
};

void book_init(struct book *b, int facts_fd, int64_t sandbox);
void book_done(struct book *b);
void book_phase_begin(struct book *b, int64_t phase, int64_t started_ns);
/* Says what the view sink saw, and writes everything out. */
void book_phase_end(struct book *b, const char *reason);
int64_t book_id(struct book *b); /* for a row that others point to */
int64_t book_now(const struct book *b); /* ns since the phase began */
/* Fills in the phase (and at, where absent). A channel that cannot be written
 * ends the process: nothing is left to record for. */
void book_connection(struct book *b, struct fact_connection *f);
void book_dns_query(struct book *b, struct fact_dns_query *f);
void book_http_exchange(struct book *b, struct fact_http_exchange *f);

/* Where a payload belongs. */
struct place {
	int64_t connection, exchange; /* FACT_NONE: none */
};

void record_add(struct book *b, struct record *r, struct place p,
    struct str bytes);
/* Writes the rest and empties r. True with the hash of all bytes in ret,
 * false when there were none. */
bool record_end(struct book *b, struct record *r, struct place p,
    char ret[SHA256_HEX_SIZE]);

#endif
