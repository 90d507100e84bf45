/* SPDX-License-Identifier: Apache-2.0 */
/* Between layout.c (sections) and finish.c (the file). */
#ifndef SNAPSHOT_LAYOUT_PRIV_H
#define SNAPSHOT_LAYOUT_PRIV_H

#include "snapshot/write_priv.h"

struct layout {
	struct arena *arena; /* the writer's */
	struct entry **entries; /* owned array, in the order of ids */
	uint32_t n, n_withdrawn, n_packages, n_rows, n_bases, n_filter;
	int64_t modified_s;
	VEC(struct str) strings;
	struct map *numbers; /* of strings, plus one */
	/* What each section is made of: one of the two. */
	struct buf pieces[SECTION__MAX];
	struct chunks chunks[SECTION__MAX];
};

/* All but documents and dictionary. */
void layout_make(struct layout *l, struct snapshot_writer *w);
void layout_done(struct layout *l);

#endif
