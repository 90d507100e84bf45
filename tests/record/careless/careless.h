/* SPDX-License-Identifier: Apache-2.0 */
/* Put before src/role/upper.c and src/record/upper.c for a test: as if they had
 * never heard of links that lead elsewhere, whatever asks for that, nor of
 * Landlock, which holds them back as well. In no program of ours. */
#ifndef TESTS_RECORD_CARELESS_H
#define TESTS_RECORD_CARELESS_H

#include <fcntl.h>
#include <linux/openat2.h>

#include "sys/lockdown.h"

#undef O_NOFOLLOW
#define O_NOFOLLOW 0
#undef RESOLVE_BENEATH
#define RESOLVE_BENEATH 0
#undef RESOLVE_NO_SYMLINKS
#define RESOLVE_NO_SYMLINKS 0
/* One of the rights that it takes anyway. */
#define LOCKDOWN_HANDLES (LOCKDOWN_HANDLES | LOCKDOWN_FOREIGN_FILES)

#endif
