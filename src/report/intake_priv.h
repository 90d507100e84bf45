/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of intake: repair.c on JSON, filter.c on lists. */
#ifndef REPORT_INTAKE_PRIV_H
#define REPORT_INTAKE_PRIV_H

#include "report/intake.h"

struct yyjson_mut_doc;

void intake_note(struct intake *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Parses strictly (no duplicate keys, limited depth and size) and repairs;
 * *ret_doc is the caller's. Takes the id away into in->source_id. */
int intake_repair(struct intake *in, struct str bytes,
    struct yyjson_mut_doc **ret_doc, struct error *err);
/* Removes the values that the source's filters match. */
int intake_filter(struct intake *in, struct report *r,
    const struct intake_source *s, struct error *err);

#endif
