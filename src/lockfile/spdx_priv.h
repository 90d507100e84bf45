/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX documents of every notation, once their syntax is gone. */
#ifndef LOCKFILE_SPDX_PRIV_H
#define LOCKFILE_SPDX_PRIV_H

#include "base/vec.h"
#include "lockfile/sbom_priv.h"

struct spdx_package {
	struct str id; /* "SPDXRef-…", or an IRI in SPDX 3 */
	struct sbom_entry entry;
};

struct spdx_relation {
	struct str from, kind, to; /* "DEPENDS_ON", upper case */
};

struct spdx {
	struct lock_list *list;
	VEC(struct spdx_package) packages;
	VEC(struct spdx_relation) relations;
};

struct spdx_package *spdx_add_package(struct spdx *s);
void spdx_add_relation(struct spdx *s, struct str from, struct str kind,
    struct str to);
/* Is this a reference that holds a purl? Categories are spelled with a dash or
 * an underscore. */
bool spdx_is_purl(struct str category, struct str type);
/* "NOASSERTION" and "NONE" say nothing. */
struct str spdx_said(struct str value);
/* Adds the packages to the list; s is empty afterwards. */
void spdx_finish(struct spdx *s);

void spdx_read_tags(const struct lock_input *in, struct lock_list *l);

#endif
