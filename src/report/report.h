/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One report of the database: an OSV document about one package, and its
 * origins (which source said what, when). Lifecycle: read from bytes, added
 * an origin (ingest), normalised once, merged into the package's report,
 * given an id, written; later withdrawn. Owns all that it points to.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdint.h>

#include "base/vec.h"
#include "osv/osv.h"

struct arena;
struct buf;
struct error;
struct yyjson_doc;
struct yyjson_val;

/* What one source said, kept per source so that it can be taken back alone. */
struct report_origin {
	struct str source, sha256; /* sha256: of the source's raw bytes */
	struct str import_time, modified_time;
	struct str id; /* in the source; p NULL: none */
	struct str *versions;
	size_t n_versions;
	struct osv_range *ranges;
	size_t n_ranges;
};

struct report {
	struct arena *arena;
	struct osv_document d; /* database_specific without the origins */
	VEC(struct report_origin) origins;
	/* Versions and ranges that no origin claims: a person wrote them. */
	struct str *own_versions;
	size_t n_own_versions;
	struct osv_range *own_ranges;
	size_t n_own_ranges;
	VEC(struct yyjson_doc *) docs; /* what free-form members point into */
};

struct report *report_new(void);
void report_free(struct report *r); /* accepts NULL */
void report_freep(struct report **r);

/* From bytes; findings say why not. profile MALICIOUS: the house rules. */
int report_read(struct str bytes, enum osv_profile profile, int64_t now_s,
    struct osv_findings *f, struct report **ret, struct error *err);
/* The published form: schema version, origins and lists in one order. */
void report_write(struct report *r, struct buf *out);
/* A deep copy that shares nothing. */
struct report *report_copy(struct report *r);

/* "PyPI" and the name, or "GIT" and the repository. */
void report_package(struct report *r, struct str *ret_ecosystem,
    struct str *ret_name);
/* The folder below a tree, of the canonical name: a package has one, however
 * a source writes it. False when the name allows none. */
bool report_folder(struct report *r, struct buf *ret);
/* The folder, and the canonical name in a second line where capitals make
 * another package of it. */
void report_key(struct report *r, struct str folder, struct buf *ret);

/* A report without an id becomes one of the database: canonical name, summary,
 * its details as the section of its only origin. -EINVAL says what forbids. */
int report_normalise(struct report *r, struct error *err);

/* Takes other (no id, same package, other origins) into r. modified is set to
 * now (RFC 3339). -EINVAL when a precondition fails; then r is unchanged. */
int report_merge(struct report *r, struct report *other, struct str now,
    struct error *err);

/* Makes versions and ranges anew from the origins and what a person wrote:
 * exact versions of one source are not swallowed by "every version" of another.
 * 1 when such a claim was left out of what is published, 0 otherwise. */
int report_publish_versions(struct report *r);

/* Takes one origin back; 1 when nobody is left who says so (the report is to be
 * withdrawn), -ENOENT when it was none of the report's. */
int report_retract(struct report *r, struct str source, struct str sha256,
    struct error *err);

#endif
