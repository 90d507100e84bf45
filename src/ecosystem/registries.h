/* SPDX-License-Identifier: Apache-2.0 */
/* registries.json: the registry that each client has built in, asked of the
 * clients themselves at set-up. Ours, but read with care. */
#ifndef ECOSYSTEM_REGISTRIES_H
#define ECOSYSTEM_REGISTRIES_H

#include "base/str.h"
#include "ecosystem/purl.h"

struct arena;
struct error;

/* Base address with a slash at its end, in the arena. data_dir is
 * paths_get(PATHS_DATA). -ENOENT when the file or the row is missing. */
int registries_default(struct arena *a, const char *data_dir, enum ecosystem e,
    struct str *ret, struct error *err);
/* The same from the bytes of the file. */
int registries_parse(struct arena *a, struct str json, enum ecosystem e,
    struct str *ret, struct error *err);

#endif
