/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from bytes to a pointer. Keys are copied; values are borrowed.
 * The hash is keyed per map, so that hostile keys cannot be made to collide.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

#include "base/str.h"

struct map;

struct map *map_new(size_t max_entries);
void map_free(struct map *m); /* accepts NULL */
void map_freep(struct map **m);
void *map_get(const struct map *m, struct str key); /* NULL when absent */
bool map_has(const struct map *m, struct str key);
/* 0, 1 when the key was there already (value replaced), -ENOSPC when full. */
int map_put(struct map *m, struct str key, void *value);
/* The value that was removed, NULL when there was none. */
void *map_remove(struct map *m, struct str key);
size_t map_count(const struct map *m);
/* In order of insertion (removed entries are skipped): start with *at = 0;
 * false at the end. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key,
    void **ret_value);

#endif
