/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locals that own something: `_cleanup_(x_freep) struct x *x = NULL;`.
 * Ownership leaves with steal().
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void *
steal_ptr(void *pp)
{
	void **p = pp;
	void *v = *p;

	*p = NULL;
	return v;
}
/* Type-safe: the first branch is never evaluated, it only gives the type. */
#define steal(pp) (0 ? *(pp) : steal_ptr(pp))

static inline int
steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

static inline void
closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static inline void
freep(void *pp)
{
	free(*(void **)pp);
}

static inline void
fclosep(FILE **f)
{
	if (*f != NULL)
		(void)fclose(*f);
}

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)  ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)  ((a) > (b) ? (a) : (b))

#endif
