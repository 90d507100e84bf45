/* SPDX-License-Identifier: Apache-2.0 */
/* Names of npm packages, and the addresses that follow from them. */
#ifndef ECOSYSTEM_NPM_NAME_H
#define ECOSYSTEM_NPM_NAME_H

#include <stdbool.h>

#include "base/str.h"

struct buf;
struct error;

/* What a registry can hold, old names with capitals included: safe as part
 * of an address and of a path. */
bool npm_name_valid(struct str name);
int npm_name_check(struct str name, struct error *err);
/* "@scope" of "@scope/x"; p NULL: none. */
struct str npm_name_scope(struct str name);
/* "x" of "@scope/x" and of "x". */
struct str npm_name_base(struct str name);
/* base (ends with a slash) + the name as registries want it: @scope%2fx. */
void npm_name_document_url(struct str base, struct str name, struct buf *out);
/* base + NAME/-/BASENAME-VERSION.tgz. */
void npm_name_archive_url(struct str base, struct str name, struct str version,
    struct buf *out);

#endif
