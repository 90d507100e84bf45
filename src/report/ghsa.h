/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's global advisories as JSON, in the form of its REST interface
 * (ghsa_id, type, vulnerabilities[]) and of its GraphQL interface (ghsaId,
 * classification, vulnerabilities.nodes[]). Malware alone is taken.
 */
#ifndef REPORT_GHSA_H
#define REPORT_GHSA_H

#include "base/str.h"

struct buf;
struct error;

/* Writes an OSV document. 1: an advisory, but not about malware (nothing is
 * written); -EINVAL: is none. */
int ghsa_convert(struct str json, struct buf *out, struct error *err);

#endif
