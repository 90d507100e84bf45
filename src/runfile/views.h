/* SPDX-License-Identifier: Apache-2.0 */
/* The *_v views of a run file: every table with its bytes as text. */
#ifndef RUNFILE_VIEWS_H
#define RUNFILE_VIEWS_H

#include "runfile/fact.h"

struct buf;

/* How many there are. */
#define VIEWS_COUNT (FACT_BLOB + 1)

/* Name and CREATE VIEW statement (without its end) of one, from the columns of
 * fact.c. */
void views_one(int number, struct buf *ret_name, struct buf *ret_sql);

#endif
