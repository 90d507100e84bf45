/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot: every report of a database in one read-only file that is
 * mapped and never parsed (docs/snapshot.md). This is its reader; the writer
 * is snapshot/write.h. Read by `scan`, `guard`, `serve` and `db`.
 *
 * A look-up:
 *
 *	rc = snapshot_open(fd, &s, err);
 *	rc = snapshot_find(s, ecosystem, name, SNAPSHOT_ANY_CASE, &c, err);
 *	while ((rc = snapshot_next(&c, &row, err)) == 1) {
 *		rc = snapshot_match(&row, version, arena, &hit, err);
 *		if (rc == 0 && hit.answer == OSV_AFFECTED)
 *			rc = snapshot_record(s, row.record, arena, &r, err);
 *	}
 *
 * Damage. Opening checks the header and that all sections lie inside the
 * file; every further byte is covered by a checksum that is verified when it
 * is first needed, in pieces of some hundred bytes. Whatever is wrong gives a
 * negative code (-EBADMSG, with a sentence): the caller must treat it as "no
 * data" (exit 4), never as "not found". No byte of the file is trusted.
 *
 * Lifetime. An open snapshot never changes: any number of threads and of
 * processes made by fork() may use it at once. Strings given out point into
 * the mapping or into the arena given; both must outlive them. A file is only
 * ever replaced by rename, so an old mapping stays good until it is closed.
 */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "osv/osv.h"

struct arena;
struct error;
struct snapshot;
struct snapshot_documents;

#define SNAPSHOT_FORMAT   1
#define SNAPSHOT_ID_BYTES 32

/* --- the file ------------------------------------------------------------ */

/* fd is borrowed and may be closed afterwards. -EBADMSG: not a snapshot, cut,
 * damaged, or of a newer format; the sentence says which. */
int snapshot_open(int fd, struct snapshot **ret, struct error *err);
int snapshot_open_path(const char *path, struct snapshot **ret,
    struct error *err);
void snapshot_close(struct snapshot *s); /* accepts NULL */
void snapshot_closep(struct snapshot **s);

struct snapshot_info {
	uint8_t id[SNAPSHOT_ID_BYTES]; /* SHA-256 of everything but the header:
					* the same content, the same id */
	int64_t built_at_s; /* Unix time; what --max-db-age is about */
	int64_t modified_s; /* newest `modified` of all documents; 0: none */
	uint64_t size_bytes; /* of the file */
	uint64_t documents_bytes; /* of it: documents, compressed */
	uint32_t n_records; /* withdrawn ones included */
	uint32_t n_withdrawn;
	uint32_t n_packages; /* (ecosystem without suffix, name) */
	uint32_t n_rows; /* entries of `affected` that can match */
};

void snapshot_info(const struct snapshot *s, struct snapshot_info *ret);

/* Everything: each checksum, each offset, each record, row and document, and
 * the id. Slow (all of the file is read). In a library of its own,
 * dep_snapshot_verify, as it needs libcrypto and libzstd. */
int snapshot_verify(struct snapshot *s, struct error *err);

/* Base addresses (with a slash at the end) of what counts as a public registry
 * of the ecosystem (OSV's spelling, suffix ignored), in the order of bytes.
 * None known: *ret_n is 0. */
int snapshot_registries(const struct snapshot *s, struct str ecosystem,
    struct arena *a, struct str **ret, size_t *ret_n, struct error *err);

/* Whether it has any row of the ecosystem (OSV's spelling, suffix ignored);
 * withdrawn reports have none. */
bool snapshot_has_ecosystem(const struct snapshot *s, struct str ecosystem);

/* What documents are packed with; n 0: nothing. For the writer. */
int snapshot_dictionary(const struct snapshot *s, struct str *ret,
    struct error *err);

/* --- packages ------------------------------------------------------------ */

/*
 * Names are compared as the registry of the ecosystem sees them: PyPI without
 * regard to case and runs of "-_."; GIT without scheme, ".git" and slashes at
 * the end; everything else byte by byte. SNAPSHOT_ANY_CASE also ignores case
 * for NuGet and GitHub Actions, whose registries do, but osv.dev does not.
 */
enum snapshot_names {
	SNAPSHOT_EXACT_CASE, /* as osv.dev */
	SNAPSHOT_ANY_CASE, /* as the registries */
};

/* Where a walk over rows is. Private; by value, no clean-up. */
struct snapshot_cursor {
	const struct snapshot *s;
	struct str ecosystem, name; /* asked for; p NULL: any ecosystem */
	enum snapshot_names names;
	uint32_t base; /* one more than that of the rows */
	struct str canonical; /* their name in the index */
	struct str rest; /* rows not yet given */
};

/*
 * One entry of some document's `affected`. Rows of withdrawn documents are not
 * there. A document with several entries for one package gives several rows,
 * one after the other: who wants ids drops repeats of `record`.
 */
struct snapshot_row {
	const struct snapshot *s;
	uint32_t record; /* number of its document */
	struct str ecosystem; /* of the row, with suffix: "npm", "Debian:12" */
	struct str name; /* as the document spells it; GIT: normalised */
	bool malicious; /* class of its document, as in snapshot_record */
	struct str asked; /* private: the ecosystem of the question */
	struct str versions, ranges; /* private: encoded */
	uint32_t n_versions, n_ranges;
};

/*
 * The rows of a package. `Debian` finds rows of Debian:12 and all others;
 * `Debian:12` only its own; Ubuntu's are also found without ":Pro" and ":LTS".
 * ecosystem.p NULL: of every ecosystem (one after the other). 1: there are
 * rows, or there may be; 0: there are none. snapshot_next then gives them in
 * ascending order of records, within one ecosystem.
 *
 * ecosystem and name are borrowed as long as the cursor is in use.
 */
int snapshot_find(const struct snapshot *s, struct str ecosystem,
    struct str name, enum snapshot_names names, struct snapshot_cursor *ret,
    struct error *err);
/* 1: a row, 0: no more. */
int snapshot_next(struct snapshot_cursor *c, struct snapshot_row *ret,
    struct error *err);

enum snapshot_kind {
	SNAPSHOT_LISTED, /* the version stands in `versions` */
	SNAPSHOT_RANGE, /* a range with a beginning or an end */
	SNAPSHOT_WHOLE, /* every version: one range from 0 without an end */
	SNAPSHOT_KIND__MAX
};

struct snapshot_hit {
	/* OSV_UNKNOWN: the version has no order in this ecosystem, or only the
	 * history of a repository could tell. The API counts it as no hit. */
	enum osv_answer answer;
	/* When AFFECTED. UNKNOWN and WHOLE: the document means every version,
	 * but the ecosystem (GitHub Actions) has no order; osv.dev does not
	 * count that as a hit, a gate should. */
	enum snapshot_kind kind;
	const char *why; /* a sentence, static or in the arena */
};

/*
 * Does the row affect this version? As osv.dev answers: equal by the
 * ecosystem's order to a listed version, or inside a range; where the
 * ecosystem has no order (or the version none in it), equal to a listed
 * version, exactly or by its digit groups; GIT tags with and without the
 * project's name; Alpine and Ubuntu without a release by listed versions only.
 * (A question without a version: every row is a hit; do not call this.)
 */
int snapshot_match(const struct snapshot_row *row, struct str version,
    struct arena *a, struct snapshot_hit *ret, struct error *err);

/* --- records ------------------------------------------------------------- */

/* What is known of a document without unpacking it. Records are numbered from
 * 0 in the order of their ids (bytes), withdrawn ones included: ascending
 * numbers are ascending ids. */
struct snapshot_record {
	uint32_t number;
	struct str id;
	struct str modified; /* as in the document */
	int64_t modified_s; /* the same as Unix time, fraction dropped */
	bool withdrawn;
	bool malicious; /* malware, not a vulnerability: osv_is_malware() */
	struct str *aliases;
	uint32_t n_aliases;
};

int snapshot_record(const struct snapshot *s, uint32_t number, struct arena *a,
    struct snapshot_record *ret, struct error *err);
/* 1: found, 0: there is no such id. */
int snapshot_by_id(const struct snapshot *s, struct str id,
    uint32_t *ret_number, struct error *err);

/* Numbers of records in ascending order, in the arena. */
struct snapshot_numbers {
	const uint32_t *v;
	uint32_t n;
};

/* Records (withdrawn ones too) that have the id among their aliases. */
int snapshot_by_alias(const struct snapshot *s, struct str id, struct arena *a,
    struct snapshot_numbers *ret, struct error *err);
/* Records (not withdrawn) of which a GIT range names this commit as
 * introducing or last affected. hash: the bytes, any length; only 20 and 32
 * can be found. */
int snapshot_by_commit(const struct snapshot *s, struct str hash,
    struct arena *a, struct snapshot_numbers *ret, struct error *err);

/* --- documents ----------------------------------------------------------- */

/*
 * What unpacking needs: about 200 KiB, one per thread, reused. The functions
 * below lie in dep_snapshot_documents (libzstd); a program that does not call
 * them links dep_snapshot alone.
 */
int snapshot_documents_new(const struct snapshot *s,
    struct snapshot_documents **ret, struct error *err);
void snapshot_documents_free(struct snapshot_documents *d); /* accepts NULL */
void snapshot_documents_freep(struct snapshot_documents **d);
/* The document, byte by byte as it was loaded, in the arena. */
int snapshot_document(struct snapshot_documents *d, uint32_t number,
    struct arena *a, struct str *ret, struct error *err);
/* Its `summary`, decoded; p NULL when it has none. */
int snapshot_summary(struct snapshot_documents *d, uint32_t number,
    struct arena *a, struct str *ret, struct error *err);

#endif
