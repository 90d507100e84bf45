/* SPDX-License-Identifier: Apache-2.0 */
/* Put before src/record/upper.c for a test: as if it had never heard of links
 * that lead elsewhere, whatever asks for that. In no program of ours. */
#ifndef TESTS_RECORD_CARELESS_H
#define TESTS_RECORD_CARELESS_H

#include <fcntl.h>
#include <linux/openat2.h>

#undef O_NOFOLLOW
#define O_NOFOLLOW 0
#undef RESOLVE_BENEATH
#define RESOLVE_BENEATH 0
#undef RESOLVE_NO_SYMLINKS
#define RESOLVE_NO_SYMLINKS 0

#endif
