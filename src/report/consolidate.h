/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From single reports of sources to one report per package: merging, ids,
 * withdrawal. Every step is a file written and then others removed, so that a
 * death in between is made good by doing it again. Role edit does it; others
 * order it there (edit.h). Nothing here commits.
 */
#ifndef REPORT_CONSOLIDATE_H
#define REPORT_CONSOLIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct error;
struct repo;

struct consolidate_counts {
	uint64_t merged, assigned, unmergable, held;
	uint64_t waiting; /* for the answer to a question (held.h) */
	/* Packages that role edit died of (editor.c), of which the report
	 * cannot be read, or that are links. */
	uint64_t left_alone;
};

/* Folders of a tree that nothing is done with. */
struct consolidate_skip {
	const struct str *v; /* borrowed */
	size_t n;
};

/* Merges the new reports of each package into its report. Says on standard
 * error why one was put aside. */
int consolidate_merge(struct repo *r, struct consolidate_skip skip,
    struct consolidate_counts *counts, struct error *err);
/* The same, and gives every report without an id its own. */
int consolidate_assign(struct repo *r, struct consolidate_skip skip,
    struct consolidate_counts *counts, struct error *err);

/* Moves the report, with the time in `withdrawn` and `modified` and the reason
 * in its details. versions (n > 0): only those are taken back, and the report
 * stays; their reason is kept in the details too. */
int consolidate_withdraw(struct repo *r, const char *path, const char *reason,
    const struct str *versions, size_t n, struct error *err);
int consolidate_unwithdraw(struct repo *r, const char *path, const char *reason,
    struct error *err);
/* Takes a source's origin back: repo_retract_origin() in repo.h. */
int consolidate_retract(struct repo *r, const char *path, struct str source,
    struct str source_id, struct error *err);
/* Whether the source's word still stands in a withdrawn report: a person has
 * withdrawn it, and not the source. 0, or -ENOENT. */
int consolidate_stands(struct repo *r, const char *path, struct str source,
    struct error *err);

#endif
