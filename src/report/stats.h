/* SPDX-License-Identifier: Apache-2.0 */
/* How many reports there are, by date, month, ecosystem, source and class. */
#ifndef REPORT_STATS_H
#define REPORT_STATS_H

#include <stdint.h>

#include "base/str.h"

struct buf;
struct stats;

enum stats_dimension {
	STATS_DATE, /* day of `published` */
	STATS_MONTH,
	STATS_ECOSYSTEM,
	STATS_SOURCE, /* a report of two sources counts for each */
	STATS_CLASS, /* CWE ids of the report */
	STATS_DIMENSION__MAX
};

enum stats_format {
	STATS_TEXT,
	STATS_CSV, /* a column per dimension, then count */
	STATS_JSON, /* objects within objects, counts inside */
	STATS_SVG, /* a bar for each value of the first dimension */
	STATS_FORMAT__MAX
};

/* -1: no such name. */
int stats_dimension_of(const char *name);
int stats_format_of(const char *name);

struct stats *stats_new(const enum stats_dimension *by, size_t n);
void stats_free(struct stats *s); /* accepts NULL */
/* One document; false when it has no id or is none. */
bool stats_add(struct stats *s, struct str bytes);
void stats_print(struct stats *s, enum stats_format format, struct buf *out);

#endif
