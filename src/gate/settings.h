/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section `scan` of lazaret.yaml. The system's file is read first, then
 * the user's: lists grow, other values are replaced.
 *
 *	scan:
 *	  snapshots: [/srv/lazaret/all.snapshot]
 *	  public-registries: {npm: [URL, URL], PyPI: URL}
 *	  internal: ["@acme/…", npm=acme-…]     # patterns of names
 *	  policy: /etc/lazaret/policy.yaml
 *	  max-db-age: 7d
 *	  min-age: 3d
 */
#ifndef GATE_SETTINGS_H
#define GATE_SETTINGS_H

#include <stdint.h>

#include "base/str.h"
#include "sys/conf.h"

struct arena;
struct error;

/* Strings live in the arena, NUL-terminated. */
struct settings {
	struct conf_strings snapshots, internal, policies;
	struct conf_strings registries; /* "ECOSYSTEM=URL" */
	int64_t max_db_age_ms, min_age_ms; /* -1: not said */
};

#define SETTINGS_INIT \
	{ \
		.max_db_age_ms = -1, .min_age_ms = -1 \
	}

int settings_parse(struct arena *a, struct str yaml, struct settings *s,
    struct error *err);

#endif
