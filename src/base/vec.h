/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing array of T: `struct { T *v; size_t n, size; } x = { 0 };`, or
 * VEC(T) as a member. The maximum is given at each push; going over it is a
 * programmer's error (check n first where the count comes from outside).
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VEC(T) \
	struct { \
		T *v; \
		size_t n, size; \
	}

static inline void *
vec_grow(void *v, size_t *size, size_t n, size_t elem)
{
	if (n < *size)
		return v;
	*size = *size != 0 ? *size * 2 : 8;
	assert(*size <= (size_t)1 << 40);
	return mem_resize(v, *size * elem);
}

/* Appends a zeroed element and gives its address. */
#define vec_add(x) \
	((x)->v = vec_grow((x)->v, &(x)->size, (x)->n, sizeof(*(x)->v)), \
	    memset(&(x)->v[(x)->n], 0, sizeof(*(x)->v)), &(x)->v[(x)->n++])

#define vec_push(x, value) \
	((x)->v = vec_grow((x)->v, &(x)->size, (x)->n, sizeof(*(x)->v)), \
	    (void)((x)->v[(x)->n++] = (value)))

#define vec_foreach(it, x) \
	for ((it) = (x)->v; (x)->n != 0 && (it) < (x)->v + (x)->n; (it)++)

#define vec_done(x) (free((x)->v), (x)->v = NULL, (x)->n = 0, (x)->size = 0)

#endif
