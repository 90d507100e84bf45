/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of a live report that a person has withdrawn: one a line in a file
 * beside the withdrawn reports, so that git has them and a source that goes on
 * naming them does not bring them back. Runs in role edit.
 */
#ifndef REPORT_WITHDRAWN_VERSIONS_H
#define REPORT_WITHDRAWN_VERSIONS_H

#include "report/repo.h"
#include "report/report.h"

/* Takes these versions out of what is published and what each origin says;
 * the number of published ones that went. */
size_t withdrawn_versions_drop(struct report *rep, const struct str *versions,
    size_t n);
/* path: of the report in its tree. */
int withdrawn_versions_add(struct repo *r, const char *path,
    const struct str *versions, size_t n, struct error *err);
/* Drops what was withdrawn of the report at path. */
int withdrawn_versions_apply(struct repo *r, const char *path,
    struct report *rep, struct error *err);

#endif
