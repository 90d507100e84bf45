/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that hold many documents: zip archives, lines of JSON, lists, tables;
 * all but zip archives also compressed with gzip, known by its first bytes.
 * Read in a confined process. One bad member never stops the rest: it is
 * given to the caller with what is wrong with it.
 */
#ifndef REPORT_BUNDLE_H
#define REPORT_BUNDLE_H

#include <stdbool.h>

#include "base/str.h"

struct error;

enum bundle_format {
	/* .zip, .ndjson, .jsonl, .csv, otherwise JSON; with .gz behind it */
	BUNDLE_BY_NAME,
	BUNDLE_JSON, /* a document, or a list of documents */
	BUNDLE_NDJSON,
	BUNDLE_CSV, /* a heading, and a document per row: RFC 4180 */
	BUNDLE_ZIP, /* of files of the others, told by their names */
	BUNDLE_FORMAT__MAX
};

/* "json", "ndjson", …; false when there is no such format. */
bool bundle_format_parse(struct str s, enum bundle_format *ret);
/* Whether a file's name says that it is for us at all. */
bool bundle_name_known(struct str name);
/* Whether it says that there are many documents, or that it is compressed. */
bool bundle_name_is_bundle(struct str name);

/* refused: what is wrong, then there is no document; otherwise NULL. Both
 * strings are borrowed. A non-zero answer ends the reading. */
typedef int (*bundle_fn)(void *arg, struct str name, struct str document,
    const char *refused);

struct bundle {
	enum bundle_format format;
	char delimiter; /* of CSV; 0: a comma */
	bundle_fn fn;
	void *arg;
};

/* 0; what fn answered; -EINVAL, -EFBIG with a sentence when the file as a
 * whole cannot be read on. fd is borrowed. */
int bundle_read(const struct bundle *b, int fd, struct str name,
    struct error *err);
int bundle_read_bytes(const struct bundle *b, struct str bytes, struct str name,
    struct error *err);

#endif
