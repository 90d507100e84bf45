/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that lives and dies together: one arena per job or request. What is
 * parsed lives in it; nothing inside is freed alone.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena;

/* max_bytes: more than that and the process ends (limits.h has the figures). */
struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *a); /* accepts NULL */
void arena_freep(struct arena **a);
void arena_reset(struct arena *a); /* empty, first block kept */
void *arena_alloc(struct arena *a, size_t n); /* zeroed, 16-byte aligned */
void *arena_array(struct arena *a, size_t count, size_t size);
struct str arena_str(struct arena *a, struct str s); /* copy; absent stays so */
char *arena_strz(struct arena *a, struct str s); /* NUL-terminated copy */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
size_t arena_used(const struct arena *a); /* bytes handed out */

#endif
