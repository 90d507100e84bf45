/* SPDX-License-Identifier: Apache-2.0 */
/* unpack-limits.c, and unpack-limits-weak.c for sanitizer builds. */
#ifndef ROLE_UNPACK_PRIV_H
#define ROLE_UNPACK_PRIV_H

/* What the decompressors inside libarchive may take. */
void unpack_limits(void);

#endif
