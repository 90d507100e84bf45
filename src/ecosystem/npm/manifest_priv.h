/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by manifest.c and manifest-exports.c. */
#ifndef ECOSYSTEM_NPM_MANIFEST_PRIV_H
#define ECOSYSTEM_NPM_MANIFEST_PRIV_H

#include <yyjson.h>

#include "ecosystem/npm/manifest.h"

struct map;

struct manifest_reader {
	struct arena *arena;
	struct manifest *m;
	struct map *files; /* every path of the package */
	const struct manifest_files *list;
	yyjson_val *root;
	const char *text; /* what yyjson's strings point into */
	const char *original; /* the same bytes before yyjson unescaped them */
	size_t n;
};

struct str manifest_text(yyjson_val *v);
bool manifest_has_file(const struct manifest_reader *r, struct str path);
/* Without "./" in front. */
struct str manifest_clean_path(struct str path);
void manifest_add_entry(struct manifest_reader *r,
    enum manifest_entry_kind kind, struct str specifier, struct str path,
    struct str condition);
/* main, module and exports. */
void manifest_read_entries(struct manifest_reader *r);

#endif
