/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers. Runs in every process. */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void
buf_init(struct buf *b, size_t max)
{
	assert(max > 0 && max < SIZE_MAX / 2);
	*b = (struct buf){ .max = max };
}

void
buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->full = false;
	if (b->p != NULL)
		b->p[0] = '\0';
}

static bool
grow(struct buf *b, size_t more)
{
	size_t want;

	assert(b->max > 0);
	if (more > b->max - b->n) {
		b->full = true;
		return false;
	}
	want = b->n + more + 1;
	if (want <= b->size)
		return true;
	if (want < b->size * 2)
		want = b->size * 2;
	if (want < 64)
		want = 64;
	if (want > b->max + 1) /* so that what is free is also allowed */
		want = b->max + 1;
	b->p = mem_resize(b->p, want);
	b->size = want;
	return true;
}

/* Most puts fit: no more than one comparison for them. */
static inline bool
room(struct buf *b, size_t more)
{
	return (b->n < b->size && more < b->size - b->n) || grow(b, more);
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!room(b, n))
		return;
	if (n != 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_put_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void
buf_puts(struct buf *b, const char *z)
{
	buf_put(b, z, strlen(z));
}

void
buf_putc(struct buf *b, char c)
{
	if (!room(b, 1))
		return;
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !grow(b, (size_t)n))
		return;
	(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_put_hex(struct buf *b, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *u = p;

	if (n > b->max || !grow(b, n * 2))
		return;
	for (size_t i = 0; i < n; i++) {
		b->p[b->n++] = digits[u[i] >> 4];
		b->p[b->n++] = digits[u[i] & 15];
	}
	b->p[b->n] = '\0';
}

char *
buf_reserve(struct buf *b, size_t n)
{
	return grow(b, n) ? b->p + b->n : NULL;
}

void
buf_added(struct buf *b, size_t n)
{
	assert(b->n + n < b->size);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (b->p == NULL)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p != NULL ? b->p : "", b->n };
}

char *
buf_steal(struct buf *b)
{
	char *p;

	(void)grow(b, 0);
	p = b->p;
	p[b->n] = '\0';
	*b = (struct buf){ .max = b->max };
	return p;
}
