/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of formats that are not JavaScript's or Python's lockfiles, and what
 * their readers share. Each table ends with a NULL name. */
#ifndef LOCKFILE_FAMILIES_PRIV_H
#define LOCKFILE_FAMILIES_PRIV_H

#include <stdbool.h>

#include "lockfile/lockfile.h"

extern const struct lock_format lock_formats_gem[];
extern const struct lock_format lock_formats_go[];
extern const struct lock_format lock_formats_gradle[];
extern const struct lock_format lock_formats_beam[];
extern const struct lock_format lock_formats_cargo[];
extern const struct lock_format lock_formats_composer[];
extern const struct lock_format lock_formats_maven[];
extern const struct lock_format lock_formats_nuget[];
extern const struct lock_format lock_formats_spdx[];
extern const struct lock_format lock_formats_actions[];
extern const struct lock_format lock_formats_conan[];
extern const struct lock_format lock_formats_cyclonedx[];
extern const struct lock_format lock_formats_installed[];
extern const struct lock_format lock_formats_pub[];
extern const struct lock_format lock_formats_renv[];
extern const struct lock_format lock_formats_swift[];
extern const struct lock_format lock_formats_vscode[];

/* The last part of a path. */
struct str lock_base(struct str path);
/* Is the last part of the path this name? */
bool lock_named(struct str path, const char *name);
/* Does the path end with these parts ("gradle/verification-metadata.xml")? */
bool lock_below(struct str path, const char *parts);
/* Bytes of a file beside this one; false when there is none to be had. */
bool lock_beside(const struct lock_input *in, const char *relative,
    struct str *ret);

#endif
