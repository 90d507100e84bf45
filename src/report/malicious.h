/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile "malicious": the house rules for reports about malicious
 * packages, on top of the OSV schema. One report is about one package.
 */
#ifndef REPORT_MALICIOUS_H
#define REPORT_MALICIOUS_H

#include "base/str.h"

struct checker;
struct osv_document;

/* For struct osv_input.extra. */
void malicious_check(struct checker *c, const struct osv_document *d);
/* File and folder of a report below its tree: "npm/name/MAL-2026-1.json". */
void malicious_check_path(struct checker *c, const struct osv_document *d,
    struct str path);

#endif
