/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The details text of a report: what a person wrote, a fixed line, and below
 * it one section per source.
 *
 *	text of the contributor
 *
 *	---
 *	_-= Per source details. Do not edit below this line.=-_
 *
 *	## Source: source-id (sha256 of the source's report)
 *	text of that source
 */
#ifndef REPORT_DETAILS_H
#define REPORT_DETAILS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;

struct details_section {
	struct str source, sha256, text;
};

struct details {
	struct str user; /* trimmed; n 0: none */
	struct details_section *sections;
	size_t n_sections;
	bool has_header;
};

/* The fixed line alone: a document with it came from a database like ours. */
bool details_has_header(struct str text);
/* -EINVAL: two headers, text below the header but outside a section. */
int details_parse(struct arena *a, struct str text, struct details *ret,
    struct error *err);
/* Sections sorted by source; of one source only the longest text; sections
 * without text are left out. The header is always written. */
void details_write(const struct details *d, struct buf *out);

#endif
