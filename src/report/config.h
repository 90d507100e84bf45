/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a report database, from a YAML file:
 *
 *	sources:
 *	- id: partner
 *	  storage: {type: directory, path: feed}       # or
 *	  storage: {type: git, repository: URL, branch: main}
 *	  storage: {type: http, url: URL, credentials: FILE}
 *	  storage: {type: pages, url: URL, credentials: FILE}
 *	  storage: {type: s3, endpoint: URL, bucket: NAME, region: NAME,
 *	    credentials: anonymous|environment|FILE, profile: NAME,
 *	    lookback-entries: 10}
 *	  kind: osv                 # or ghsa, map (mapping.h)
 *	  format: json              # or ndjson, csv, zip; else by the name
 *	  delimiter: ";"            # of csv
 *	  prefixes: [osv/]          # of paths below the storage
 *	  alias-id: true            # its ids become aliases
 *	  split: true               # several packages in one document
 *	  ecosystems: [npm, PyPI]   # that it may report about
 *	  filters: [{field: aliases, pattern: "^INTERNAL-"}]
 *	  deleted: withdraw         # or keep: what is no longer there
 *	  deleted-at-most: 10       # per cent that may go at once
 *	  disabled-for-reason: …    # skipped, and said so
 *
 *	popular: popular.csv        # popular.h; a list of files; or for each
 *	popular: {npm: top.tsv}     # ecosystem one of names
 *	popular-at-least: 100000    # downloads; or {npm: 100000}
 *	own-names: [Example Lab]    # credits of our own reports
 *	draft: {unconfirmed: proof} # or none: what goes without a person
 *
 * An unknown key is an error that names it.
 */
#ifndef REPORT_CONFIG_H
#define REPORT_CONFIG_H

#include "base/vec.h"
#include "report/bundle.h"
#include "report/intake.h"
#include "report/mapping.h"
#include "report/popular.h"

struct arena;
struct error;

enum config_storage {
	CONFIG_DIRECTORY,
	CONFIG_GIT,
	CONFIG_HTTP,
	CONFIG_S3,
	CONFIG_PAGES,
	CONFIG_STORAGE__MAX
};

/* Strings live in the arena, NUL-terminated; p NULL where absent. */
struct config_source {
	struct intake_source intake;
	enum config_storage storage;
	struct str place; /* folder, URL, or the end point of a store */
	struct str bucket; /* p NULL: the end point is the bucket's own */
	struct str region; /* "us-east-1" when not said */
	struct str credentials, profile; /* p NULL: not said */
	int64_t lookback; /* keys that are read again each time */
	enum bundle_format format;
	char delimiter; /* 0: a comma */
	struct mapping mapping;
	struct str branch; /* "main" when not said */
	const struct str *prefixes;
	size_t n_prefixes;
	bool withdraw_deleted; /* presence.h */
	int64_t deleted_at_most; /* per cent; 10 when not said */
	struct str disabled; /* the reason */
};

struct config {
	/* Owned one by one: intake points into them. */
	VEC(struct config_source *) sources;
	const struct popular_file *popular; /* paths as opened from here */
	size_t n_popular;
	bool draft_unconfirmed; /* proof-level verdicts need no person */
};

bool config_is_network(const struct config_source *s);
/* folder: what relative paths start from. */
int config_parse(struct arena *a, struct str yaml, struct str folder,
    struct config *ret, struct error *err);
void config_done(struct config *c);

#endif
