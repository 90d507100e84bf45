/* SPDX-License-Identifier: Apache-2.0 */
/* The *_v views of a run file: every table with its bytes as text. */
#ifndef RUNFILE_VIEWS_H
#define RUNFILE_VIEWS_H

struct buf;

/* CREATE VIEW statements for all tables, from the columns of fact.c. */
void views_sql(struct buf *out);

#endif
