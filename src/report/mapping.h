/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's records become OSV documents by a mapping of fields, as the
 * configuration file has it:
 *
 *	map:
 *	  name: package.name       # a path: members, with dots between them
 *	  ecosystem: "=npm"        # after "=": this very text
 *	  versions: releases[].v   # "[]": every item of a list
 *	  separator: ";"           # texts of lists are cut there
 *
 * A record is a JSON object; a row of a table is one with the heading's names
 * as members (a member whose name has a dot cannot be named by a path).
 */
#ifndef REPORT_MAPPING_H
#define REPORT_MAPPING_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct error;

enum mapping_field {
	MAPPING_ID,
	MAPPING_NAME,
	MAPPING_ECOSYSTEM,
	MAPPING_PURL, /* in place of name, ecosystem and versions */
	MAPPING_VERSIONS,
	MAPPING_MODIFIED,
	MAPPING_PUBLISHED,
	MAPPING_WITHDRAWN,
	MAPPING_SUMMARY,
	MAPPING_DETAILS,
	MAPPING_ALIASES,
	MAPPING_REFERENCES,
	MAPPING_DOMAINS,
	MAPPING_IPS,
	MAPPING_URLS,
	MAPPING_SHA256,
	MAPPING_FIELD__MAX
};

/* The keys of the configuration. */
extern const char *const mapping_names[MAPPING_FIELD__MAX];

struct mapping {
	struct str fields[MAPPING_FIELD__MAX]; /* p NULL: not mapped */
	struct str separator; /* n 0: texts are not cut */
	bool all_versions; /* a record without versions means all of them */
};

/* What is wrong with the mapping as a whole, or with a path; NULL: nothing. */
const char *mapping_complaint(const struct mapping *m);
bool mapping_path_valid(struct str path);
/* Writes an OSV document. -EINVAL: the record lacks what is needed. */
int mapping_convert(const struct mapping *m, struct str json, struct buf *out,
    struct error *err);

#endif
