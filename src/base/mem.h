/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation. No memory is the broken world: the process ends with status 4
 * and its parent copes. All sizes are checked for overflow.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/str.h"

void *mem_alloc(size_t n) __attribute__((malloc)); /* zeroed; n may be 0 */
void *mem_array(size_t count, size_t size) __attribute__((malloc)); /* zeroed */
void *mem_resize(void *p, size_t n); /* new part is not zeroed */
char *mem_strdup(const char *z);
char *mem_strndup(struct str s); /* NUL-terminated copy */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
