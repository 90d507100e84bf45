/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of bills of materials: a package is what its purl says. */
#ifndef LOCKFILE_SBOM_PRIV_H
#define LOCKFILE_SBOM_PRIV_H

#include "ecosystem/packageurl.h"
#include "lockfile/lockfile.h"

struct sbom_entry {
	struct str name, version; /* where there is no purl */
	struct str purl; /* p NULL: none */
	struct str address; /* where it was taken from; p NULL: not said */
	uint32_t line;
};

/*
 * Adds the entry; NULL, with an error in the list, when its purl cannot be
 * read. An entry that is of no ecosystem of OSV has none. scratch is used again
 * from entry to entry.
 */
struct lock_package *sbom_add(struct lock_list *l, struct packageurl *scratch,
    const struct sbom_entry *e);

#endif
