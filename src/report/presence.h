/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is still at a source, where its configuration says that what is deleted
 * there is withdrawn here. A source consists of objects (files, keys of a
 * bucket, one file of a web server), and each holds documents with ids. A
 * document is gone when no object has its id any more, and only a complete
 * reading of the source says so: what could not be read counts as there.
 *
 *	p = presence_begin(repo, source, scope)
 *	presence_keep(p, object)             unchanged: not read again
 *	presence_open(p, object)             otherwise; for each document in it
 *	presence_document(p, id, refused)
 *	presence_close(p, whole)
 *	presence_incomplete(p)               something could not be listed
 *	presence_end(p, &rule, …)            what is gone is withdrawn
 *	presence_free(p)
 *
 * Lifecycle: one opening of the database and one source; what it knows lies in
 * the index and is committed with it.
 */
#ifndef REPORT_PRESENCE_H
#define REPORT_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct error;
struct presence;
struct repo;

/* scope: where the source is and which part of it is looked at; another one is
 * another set of objects, of which nothing is known. Strings are copied. */
struct presence *presence_begin(struct repo *r, struct str source,
    struct str scope);
void presence_free(struct presence *p); /* accepts NULL */

/* All of these accept p NULL: nothing is asked of the source. */

/* false: what it holds is not known, it must be read. */
bool presence_knows(struct presence *p, struct str object);
/* It holds what it held when it was last read; false as above. */
bool presence_keep(struct presence *p, struct str object);
void presence_open(struct presence *p, struct str object);
/* refused without an id (p NULL): nobody knows which document that was, so
 * all that the object held counts as there. */
void presence_document(struct presence *p, struct str id, bool refused);
/* whole: it was read to its end. */
void presence_close(struct presence *p, bool whole);
/* Nothing is withdrawn this time. */
void presence_incomplete(struct presence *p);

struct presence_rule {
	int64_t at_most_percent; /* of the documents may go at once */
	bool allow; /* more may, a person has looked */
	bool dry; /* nothing is written */
	/* Each, for people; refused: why it stays, or NULL. */
	void (*gone)(void *arg, struct str id, const char *refused);
	void *arg;
};

/* 1: held, because too much is gone; err has the sentence, nothing is
 * withdrawn, and the next time says the same. */
int presence_end(struct presence *p, const struct presence_rule *rule,
    struct error *err);

#endif
