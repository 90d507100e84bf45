/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a hard maximum given at init. Overflow of the
 * maximum sets `full` and drops what did not fit (sticky), so that a sequence
 * of appends is checked once, at the end. No memory: the process ends.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
	char *p; /* owned; NUL-terminated after every append */
	size_t n; /* bytes used, without the NUL */
	size_t size; /* bytes allocated */
	size_t max; /* most bytes that n may reach */
	bool full; /* something was dropped */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b); /* accepts a zeroed buffer */
void buf_reset(struct buf *b); /* empty, memory kept */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *z);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
void buf_put_hex(struct buf *b, const void *p, size_t n); /* lower case */
/* Room for n more bytes at the returned address, or NULL when over max;
 * buf_added() says how many were used. */
char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);
struct str buf_str(const struct buf *b); /* borrowed, until the next append */
/* The bytes as an owned NUL-terminated string; b is empty afterwards. */
char *buf_steal(struct buf *b);

#endif
