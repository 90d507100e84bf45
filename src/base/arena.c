/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: a chain of blocks, the newest first. Runs in every process. */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

#define ARENA_MAGIC 0x4152454eu
/* Each block is twice the one before: a small document costs no clearing of
 * 64 KiB, and free(3) of a block that size would walk the whole heap. */
#define FIRST_BYTES (4u * 1024)
#define BLOCK_BYTES (64u * 1024)
#define ALIGN_UP(n) (((n) + 15) & ~(size_t)15)

struct block {
	struct block *next;
	size_t size, used; /* bytes of data[] */
	_Alignas(16) char data[];
};

struct arena {
	unsigned magic;
	size_t max, total; /* bytes allowed, bytes handed out */
	struct block *head;
};

struct arena *
arena_new(size_t max_bytes)
{
	struct arena *a = mem_alloc(sizeof(*a));

	assert(max_bytes > 0);
	a->magic = ARENA_MAGIC;
	a->max = max_bytes;
	return a;
}

static void
blocks_free(struct block *b)
{
	struct block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	assert(a->magic == ARENA_MAGIC);
	blocks_free(a->head);
	a->magic = 0;
	free(a);
}

void
arena_freep(struct arena **a)
{
	arena_free(*a);
	*a = NULL;
}

void
arena_reset(struct arena *a)
{
	assert(a->magic == ARENA_MAGIC);
	a->total = 0;
	if (a->head == NULL)
		return;
	blocks_free(a->head->next);
	a->head->next = NULL;
	memset(a->head->data, 0, a->head->used);
	a->head->used = 0;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	struct block *b = a->head;
	size_t need = ALIGN_UP(n != 0 ? n : 1), size;
	void *p;

	assert(a->magic == ARENA_MAGIC);
	if (n > a->max || need > a->max - a->total)
		fatal("arena: more than %zu bytes needed", a->max);
	if (b == NULL || b->size - b->used < need) {
		size = b == NULL              ? FIRST_BYTES :
		    b->size * 2 < BLOCK_BYTES ? b->size * 2 :
						BLOCK_BYTES;
		size = need > size ? need : size;
		b = mem_alloc(sizeof(*b) + size);
		b->size = size;
		b->next = a->head;
		a->head = b;
	}
	p = b->data + b->used;
	b->used += need;
	a->total += need;
	return p;
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		fatal("arena: array of %zu x %zu bytes", count, size);
	return arena_alloc(a, n);
}

char *
arena_strz(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n != 0)
		memcpy(p, s.p, s.n);
	return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
	return s.p == NULL ? s : str_n(arena_strz(a, s), s.n);
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char *heap = NULL, *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&heap, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatal("no memory for a string");
	p = arena_strz(a, str_n(heap, (size_t)n));
	free(heap);
	return p;
}

size_t
arena_used(const struct arena *a)
{
	return a->total;
}
