/* SPDX-License-Identifier: Apache-2.0 */
/* Origins as lockfile.h writes them; strings in the arena. */
#ifndef LOCKFILE_ORIGIN_PRIV_H
#define LOCKFILE_ORIGIN_PRIV_H

#include "base/str.h"

struct arena;

/* "kind:value"; "registry" alone when value is empty. */
struct str lock_origin(struct arena *a, const char *kind, struct str value);
/* "git:url#commit", without the '#' when commit is empty. */
struct str lock_origin_git(struct arena *a, struct str url, struct str commit);
/* What version control systems and SPDX write: "git+https://…@ref#folder",
 * "git+https://…#commit". STR_NONE: no git address. */
struct str lock_origin_vcs(struct arena *a, struct str address);

#endif
