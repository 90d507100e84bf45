/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the NuGet readers. */
#ifndef LOCKFILE_NUGET_PRIV_H
#define LOCKFILE_NUGET_PRIV_H

#include "lockfile/lockfile.h"

/* An entry whose version is what a project asks for: "1.2.3" and "[1.2.3]" are
 * exact enough (NuGet takes the lowest that fits); ranges, wildcards and
 * variables give none. */
struct lock_package *nuget_add(struct lock_list *l, struct str name,
    struct str version, uint32_t line);

/* The name in lower case: names differ in case between those who ask and the
 * entry. */
struct str nuget_key(struct arena *a, struct str name);

bool nuget_project_match(struct str path);
void nuget_project_read(const struct lock_input *in, struct lock_list *l);
bool nuget_central_match(struct str path);
void nuget_central_read(const struct lock_input *in, struct lock_list *l);

#endif
