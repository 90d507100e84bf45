/* SPDX-License-Identifier: Apache-2.0 */
/* Between sources.c (what all have in common, web files), bucket.c, pages.c. */
#ifndef PIPELINE_SOURCES_PRIV_H
#define PIPELINE_SOURCES_PRIV_H

#include "fetch/gather.h"
#include "pipeline/sources.h"

/* What is remembered begins with a hash of the configuration; n 0 unless it
 * is this one's. ret is the caller's. */
struct buf;
void sources_recall(struct sources *s, struct str key, struct buf *ret);
int sources_remember(struct sources *s, struct str key, struct str value,
    struct error *err);

int bucket_bring(struct sources *s, struct gather *g, struct error *err);
int pages_bring(struct sources *s, struct gather *g, struct error *err);

#endif
