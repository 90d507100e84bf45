/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a report database, from a YAML file:
 *
 *	sources:
 *	- id: partner
 *	  storage: {type: directory, path: feed}       # or
 *	  storage: {type: git, repository: URL, branch: main}
 *	  prefixes: [osv/]          # of paths below the storage
 *	  alias-id: true            # its ids become aliases
 *	  split: true               # several packages in one document
 *	  ecosystems: [npm, PyPI]   # that it may report about
 *	  filters: [{field: aliases, pattern: "^INTERNAL-"}]
 *	  disabled-for-reason: …    # skipped, and said so
 *
 * An unknown key is an error that names it.
 */
#ifndef REPORT_CONFIG_H
#define REPORT_CONFIG_H

#include "base/vec.h"
#include "report/intake.h"

struct arena;
struct error;

enum config_storage {
	CONFIG_DIRECTORY,
	CONFIG_GIT,
	CONFIG_STORAGE__MAX
};

/* Strings live in the arena, NUL-terminated; p NULL where absent. */
struct config_source {
	struct intake_source intake;
	enum config_storage storage;
	struct str place; /* folder, or URL of the repository */
	struct str branch; /* "main" when not said */
	const struct str *prefixes;
	size_t n_prefixes;
	struct str disabled; /* the reason */
};

struct config {
	VEC(struct config_source) sources;
};

/* folder: what relative paths start from. */
int config_parse(struct arena *a, struct str yaml, struct str folder,
    struct config *ret, struct error *err);
void config_done(struct config *c);

#endif
