/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of the report database that are brought over the network: files of
 * web servers, and buckets of S3-compatible stores. What has been read is
 * remembered in the database: validators of a file; per prefix of a bucket
 * the key that the next listing starts after. The last keys before it (the
 * look-back) are listed again each time, for objects that came late or were
 * replaced; a key beyond something that could not be taken is not passed. Where
 * what is deleted at the source matters, a bucket is listed whole each time.
 */
#ifndef PIPELINE_SOURCES_H
#define PIPELINE_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "report/unfold.h"

struct config_source;
struct error;
struct presence;
struct repo;

struct sources {
	struct repo *repo;
	const struct config_source *source;
	struct str config; /* as read: another one reads everything again */
	struct unfold *unfold; /* for this source */
	unfold_fn fn; /* what becomes of each document */
	void *arg;
	struct presence *presence; /* NULL: what is deleted is kept */
	bool dry_run; /* nothing is remembered */
	/* Sentences about single objects, for people; called any time. */
	void (*say)(void *arg, struct str name, const char *sentence);
	size_t unchanged; /* objects that were not brought again */
	size_t failed; /* objects that could not be brought */
};

/* CONFIG_HTTP, CONFIG_S3, CONFIG_PAGES. Negative: the source as a whole failed.
 */
int sources_bring(struct sources *s, struct error *err);

#endif
