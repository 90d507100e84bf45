/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 §4), strict when read. Pure functions. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/str.h"

struct buf;

void base64_write(struct str bytes, struct buf *out);
bool base64_read(struct str text, struct buf *out);

#endif
