/* SPDX-License-Identifier: Apache-2.0 */
/* Tables (CSV): every row becomes a JSON object with the heading's names. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "base/str.h"

struct bundle;
struct error;

#define TABLE_MAX_COLUMNS 500

/* Calls b->fn for every row. -EINVAL: the heading is none. */
int table_read(const struct bundle *b, struct str bytes, struct str name,
    struct error *err);

#endif
