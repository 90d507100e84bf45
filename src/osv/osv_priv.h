/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts of validation. */
#ifndef OSV_OSV_PRIV_H
#define OSV_OSV_PRIV_H

#include "osv/checker.h"

/* Findings of one file; more say nothing new. */
#define OSV_MAX_FINDINGS 1000
/* A document larger than this is no report (and a 100 MB file an attack). */
#define OSV_MAX_BYTES    (16u << 20)
#define OSV_MAX_DEPTH    64
#define OSV_MAX_VERSIONS 100000
#define OSV_MAX_RANGES   10000 /* of an entry */
#define OSV_MAX_EVENTS   10000 /* of a range */

/* Syntax that yyjson lets through: duplicate keys, depth. */
void json_check(struct checker *c, struct yyjson_val *root);
void schema_check(struct checker *c, struct yyjson_val *root);
void beyond_check(struct checker *c, const struct osv_document *d);
/* Of a document that the schema holds for. */
void document_read(struct arena *a, struct yyjson_val *root,
    struct osv_document *ret);

#endif
