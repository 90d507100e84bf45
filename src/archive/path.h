/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said about a path inside an archive. Pure. */
#ifndef ARCHIVE_PATH_H
#define ARCHIVE_PATH_H

#include <stdbool.h>

#include "base/str.h"

struct buf;

/* Bits of enum reader_anomaly for the path alone. */
unsigned path_anomalies(struct str path);
/* Whether a link at `path` with `target` points out of the folder that holds
 * everything. hard: target counts from that folder. */
bool path_link_leaves(struct str path, struct str target, bool hard);
/* The path without ".", "", and its first `strip` folders; n 0 when nothing
 * is left. ".." stays. */
void path_clean(struct str path, int strip, struct buf *out);
/* The first folder of a path. */
struct str path_root(struct str path);

#endif
