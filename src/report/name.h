/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of packages in the report database: which reports are about the same
 * package (the canonical name), and in which folder they lie. Layout and rules
 * are those of the Malicious Packages repository.
 */
#ifndef REPORT_NAME_H
#define REPORT_NAME_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct buf;

/* crates.io: lower case, "-" as "_"; PyPI: PEP 503; others unchanged. */
struct str report_canonical_name(struct arena *a, struct str ecosystem,
    struct str name);
/* The same package, however it is written (NuGet and Actions: letter case). */
bool report_same_package(struct str ecosystem_a, struct str a,
    struct str ecosystem_b, struct str b);

/* "<ecosystem>/<name>" below osv/malicious, as a relative path; false when it
 * is none: absolute, fewer than two parts, or leaving its folder. */
bool report_path(struct str ecosystem, struct str name, struct buf *ret);
/* Whether a relative path, cleaned, stays below its start with two parts. */
bool report_path_valid(struct str path);

/* Git repositories: *ret_canonical a URL that can be cloned, *ret_storage the
 * name that its reports lie under. False when it is no repository URL. */
bool report_git_name(struct arena *a, struct str url, struct str *ret_canonical,
    struct str *ret_storage);

#endif
