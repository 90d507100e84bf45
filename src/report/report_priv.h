/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of a report: report.c, normalise.c, merge.c, sort.c. */
#ifndef REPORT_REPORT_PRIV_H
#define REPORT_REPORT_PRIV_H

#include "report/report.h"

struct yyjson_mut_doc;

/* Takes m; its root as a value that lives as long as r (NULL: empty object). */
struct yyjson_val *report_keep(struct report *r, struct yyjson_mut_doc *m);
/* The one order of every list that is published. */
void report_sort(struct report *r);
/* What a person wrote and an origin says as well is the origin's. */
void report_drop_claimed(struct report *r);
/* An order of all ranges by what is written of them. */
int report_range_compare(const struct osv_range *a, const struct osv_range *b);
bool report_range_equal(const struct osv_range *a, const struct osv_range *b);

#endif
