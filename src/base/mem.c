/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that cannot fail. Runs in every process. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"

void *
mem_alloc(size_t n)
{
	return mem_array(1, n);
}

void *
mem_array(size_t count, size_t size)
{
	void *p = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

	if (p == NULL)
		fatal("no memory for %zu x %zu bytes", count, size);
	return p;
}

void *
mem_resize(void *p, size_t n)
{
	void *q = realloc(p, n != 0 ? n : 1);

	if (q == NULL)
		fatal("no memory for %zu bytes", n);
	return q;
}

char *
mem_strndup(struct str s)
{
	char *p = mem_alloc(s.n + 1);

	if (s.n != 0)
		memcpy(p, s.p, s.n);
	return p;
}

char *
mem_strdup(const char *z)
{
	return mem_strndup(str_of(z));
}

char *
mem_printf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) < 0)
		fatal("no memory for a string");
	va_end(ap);
	return p;
}
