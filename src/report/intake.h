/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source's document becomes a report of ours: what real feeds get wrong is
 * repaired and named, what cannot be repaired is refused with one sentence.
 */
#ifndef REPORT_INTAKE_H
#define REPORT_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "report/report.h"

struct error;
struct mapping;
struct popular;

#define INTAKE_MAX_PACKAGES 1000 /* of one document */

/* What a source's documents are. */
enum intake_kind {
	INTAKE_OSV,
	INTAKE_GHSA, /* ghsa.h */
	INTAKE_MAP, /* mapping.h */
	INTAKE_KIND__MAX
};

struct intake_filter {
	bool related; /* of `related`; otherwise of `aliases` */
	struct str pattern; /* regular expression (PCRE2), unanchored */
};

/* 0 when it is a regular expression; -EINVAL with the place and what is wrong.
 */
int intake_filter_check(struct str pattern, struct error *err);

/* One source, as configured. Borrowed by intake. */
struct intake_source {
	struct str id; /* [a-z0-9-]+ */
	bool alias_id; /* the source's id becomes an alias */
	bool split; /* several packages: one report each */
	const struct intake_filter *filters;
	size_t n_filters;
	const struct str *ecosystems; /* allowed ones; n 0: all */
	size_t n_ecosystems;
	enum intake_kind kind;
	const struct mapping *mapping; /* of INTAKE_MAP */
	const struct popular *popular; /* NULL: none are known */
	const struct str *own_names; /* credits of ours; NULL: the usual */
	size_t n_own_names;
};

struct intake {
	VEC(struct report *) reports; /* owned; normalisation is later */
	/* owned; per report: why a person should look at it first, or NULL */
	VEC(char *) holds;
	VEC(char *) notes; /* owned; what was repaired or dropped */
	bool lost; /* something that readers would have wanted was dropped */
	uint8_t raw_sha256[32]; /* of the bytes */
	uint8_t canonical_sha256[32]; /* of the content, however formatted */
	int64_t modified_s; /* Unix time of the document */
	char *source_id; /* owned; the document's id at its source, or NULL */
	bool withdrawn; /* the source took it back */
	bool ignored; /* not about malware: there are no reports */
};

/* -EINVAL: refused; then ret has the document's id at its source alone, where
 * it has one. The bytes are borrowed for the call only. */
int intake_document(struct str bytes, const struct intake_source *source,
    int64_t now_s, struct intake *ret, struct error *err);
void intake_done(struct intake *in); /* accepts a zeroed one */

#endif
