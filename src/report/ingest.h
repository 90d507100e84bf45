/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a source's document in the database. Confined workers turn
 * bytes into intake results (intake.h) and send them as messages; the writer
 * decides and writes.
 */
#ifndef REPORT_INGEST_H
#define REPORT_INGEST_H

#include <stdint.h>

#include "report/intake.h"
#include "report/repo.h"
#include "sys/message.h"

#define INGEST_MAX_PACKAGES INTAKE_MAX_PACKAGES
#define INGEST_DRAFTS       "lazaret" /* the source of our own drafts */

enum ingest_outcome {
	INGEST_ADDED,
	INGEST_UPDATED, /* an earlier version of the source's report */
	INGEST_UNCHANGED,
	INGEST_WITHDRAWN, /* followed a withdrawal of the source */
	INGEST_HELD, /* put aside for a person */
	INGEST_IGNORED, /* not about malware */
	INGEST_REFUSED,
	INGEST_OUTCOME__MAX
};

/* Result of one document, in either direction over a channel. */
struct ingest_result {
	int64_t file; /* the caller's number */
	/* sentence; p NULL: taken; otherwise of the rest source_id alone */
	struct str refused;
	struct str notes; /* lines */
	struct str raw, canonical; /* 32 bytes each */
	struct str source_id; /* p NULL: none */
	struct str key; /* what the index knows it by; source_id as a rule */
	int64_t modified_s; /* Unix time of the document */
	int64_t withdrawn, ignored, n_reports;
	int64_t lost; /* 1: notes name what was dropped and would be missed */
	/* Per report: ecosystem folder + name, text, items (provenance.h),
	 * and why it is held for review (p NULL: it is not). */
	struct str folders[INGEST_MAX_PACKAGES], texts[INGEST_MAX_PACKAGES];
	struct str keys[INGEST_MAX_PACKAGES]; /* report_key() */
	struct str items[INGEST_MAX_PACKAGES], holds[INGEST_MAX_PACKAGES];
	struct str aliases; /* of the document, a line each */
	bool never; /* nothing is known of the document; of ingest_apply() */
	char why[400]; /* of the first that is held, for people */
};

/* The worker's half: reads, repairs, validates; queues one message. */
int ingest_work(struct channel *c, int64_t file, struct str bytes,
    const struct intake_source *s, int64_t now_s, struct error *err);
/* A file that could not be read at all. */
int ingest_work_failed(struct channel *c, int64_t file, const char *why,
    struct error *err);
/* The writer's half. Strings borrow from the message. */
void ingest_refuse(struct ingest_result *ret, int64_t file, const char *why);
int ingest_receive(struct message *m, struct ingest_result *ret,
    struct error *err);
/* Writes what is new. dry: says what would happen; in->refused and in->why
 * are filled in by what the database knows. -errno: the disk failed. */
int ingest_apply(struct repo *r, struct str source, struct ingest_result *in,
    bool dry, enum ingest_outcome *ret, struct error *err);
/* The document is no longer at its source, which is taken as a withdrawal. 1:
 * its report's folder cannot be written, as err says; nothing was done. */
int ingest_deleted(struct repo *r, struct str source, struct str id,
    struct error *err);

#endif
