/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short documents, or a few of them, as raw deflate (RFC 1951), in pieces that
 * end at a byte and can be put one after the other. A library makes a Huffman
 * code for each, and that is most of what it does with two kilobytes: here they
 * share one, made beforehand (tools/flate-code), and are a twentieth larger.
 */
#ifndef REPORT_FLATE_H
#define REPORT_FLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

#define FLATE_MAX_BYTES ((size_t)32 << 10) /* all that deflate sees back */

/* Appends the piece, which depends on the bytes alone. False, and nothing is
 * done: there are more than FLATE_MAX_BYTES of them, or they are not like the
 * text that the code is for (a library makes less of them), or `out` is full.
 */
bool flate_piece(struct str bytes, struct buf *out);

#endif
