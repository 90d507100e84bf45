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

struct intake_filter {
	bool related; /* of `related`; otherwise of `aliases` */
	struct str pattern; /* regular expression (PCRE2), unanchored */
};

/* One source, as configured. Borrowed by intake. */
struct intake_source {
	struct str id; /* [a-z0-9-]+ */
	bool alias_id; /* the source's id becomes an alias */
	bool split; /* several packages: one report each */
	const struct intake_filter *filters;
	size_t n_filters;
	const struct str *ecosystems; /* allowed ones; n 0: all */
	size_t n_ecosystems;
};

struct intake {
	VEC(struct report *) reports; /* owned; normalisation is later */
	VEC(char *) notes; /* owned; what was repaired or dropped */
	uint8_t raw_sha256[32]; /* of the bytes */
	uint8_t canonical_sha256[32]; /* of the content, however formatted */
	char *source_id; /* owned; the document's id at its source, or NULL */
	bool withdrawn; /* the source took it back */
	bool
	    hold; /* a person should look at it first: the last note says why */
};

/* -EINVAL: refused. The bytes are borrowed for the call only. */
int intake_document(struct str bytes, const struct intake_source *source,
    int64_t now_s, struct intake *ret, struct error *err);
void intake_done(struct intake *in); /* accepts a zeroed one */

#endif
