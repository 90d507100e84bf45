/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign bytes of a source, read by a confined process: files that may hold
 * many documents, and listings of object stores. Descriptors go in; results
 * and keys come out, as messages that are checked as if hostile.
 */
#ifndef REPORT_UNFOLD_H
#define REPORT_UNFOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct config_source;
struct error;
struct ingest_result;
struct unfold;

/* The worker's half: answers until the other end is closed. */
int unfold_serve(int fd, const struct config_source *s, int64_t now_s,
    struct error *err);

/* The supervisor's half; takes fd. */
struct unfold *unfold_new(int fd);
void unfold_free(struct unfold *u); /* accepts NULL */

/* name: of the document, for people. 0: taken, 1: refused (it is looked at
 * again another time), negative: the end. */
typedef int (*unfold_fn)(void *arg, struct str name, struct ingest_result *in,
    struct error *err);
/* Reads one file; *ret_refused counts what fn refused. A file that cannot be
 * read on is one more refused document. */
int unfold_documents(struct unfold *u, int fd, struct str name, unfold_fn fn,
    void *arg, size_t *ret_refused, struct error *err);

struct unfold_object {
	struct str key, etag, modified; /* borrowed */
	int64_t size;
};
typedef void (*unfold_object_fn)(void *arg, const struct unfold_object *o);
/* -EINVAL: what the store sent is no listing. */
int unfold_listing(struct unfold *u, int fd, unfold_object_fn fn, void *arg,
    bool *ret_truncated, struct error *err);

#endif
