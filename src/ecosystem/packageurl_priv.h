/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of packageurl-types.c, read by packageurl.c and packageurl-osv.c. */
#ifndef ECOSYSTEM_PACKAGEURL_PRIV_H
#define ECOSYSTEM_PACKAGEURL_PRIV_H

#include "base/str.h"

enum purl_rule {
	PURL_NAMESPACE_PROHIBITED = 1 << 0,
	PURL_NAMESPACE_REQUIRED = 1 << 1,
	PURL_LOWER_NAMESPACE = 1 << 2, /* not case sensitive */
	PURL_LOWER_NAME = 1 << 3,
	PURL_LOWER_VERSION = 1 << 4,
	PURL_DASHES = 1 << 5, /* name: "_" becomes "-" */
	PURL_UNDERSCORES = 1 << 6, /* name: not [a-z0-9_] becomes "_" */
	PURL_CPAN = 1 << 7, /* upper-case namespace, no "::" in names */
	PURL_MLFLOW = 1 << 8, /* lower-case name on Databricks */
	PURL_CHROME = 1 << 9, /* name [a-p]{32}, version 1-4 numbers */
	PURL_COCOAPODS = 1 << 10, /* name: no space, no "+", no leading "." */
	PURL_LOWER_SUBPATH = 1 << 11,
	PURL_SWID = 1 << 12, /* namespace of at most two segments */
};

struct purl_type {
	const char *name;
	unsigned rules;
	const char *required_qualifier; /* NULL: none */
};

enum purl_osv_rule {
	PURL_OSV_SLASH = 1 << 0, /* namespace/name */
	PURL_OSV_COLON = 1 << 1, /* namespace:name */
	PURL_OSV_DOT = 1 << 2, /* namespace.name */
	PURL_OSV_SUBPATH = 1 << 3, /* namespace/name/subpath */
	PURL_OSV_REGISTRY = 1 << 4, /* repository_url is the suffix */
	PURL_OSV_DISTRO = 1 << 5, /* distro is the suffix: */
	PURL_OSV_MAJOR = 1 << 6, /* its first number (9 of 9.3) */
	PURL_OSV_MINOR = 1 << 7, /* its first two (3.18 of 3.18.4) */
	PURL_OSV_V = 1 << 8, /* with a "v" before a number */
	PURL_OSV_PEP503 = 1 << 9, /* runs of "-", "_", "." are one "-" */
	PURL_OSV_BARE = 1 << 10, /* "stdlib": a name without a namespace */
};

struct purl_osv_row {
	const char *type, *namespace; /* namespace NULL: part of the name */
	const char *ecosystem;
	unsigned rules;
};

/* NULL: not registered, allowed without rules. */
const struct purl_type *purl_type_find(struct str type);
const struct purl_osv_row *purl_osv_of_type(struct str type,
    struct str namespace);
const struct purl_osv_row *purl_osv_of_ecosystem(struct str ecosystem);
/* What the code name of a distribution's release means; NULL when it is none.
 * The other way only where purls have the code name (Debian). */
const char *purl_release(const char *distribution, struct str code_name);
const char *purl_code_name(const char *distribution, struct str release);

#endif
