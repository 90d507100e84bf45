/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the registry that the sandbox's package manager has built in:
 * packages through the relay, everything else answered here.
 */
#ifndef SINK_REGISTRY_PRIV_H
#define SINK_REGISTRY_PRIV_H

#include <stdbool.h>

#include "base/str.h"

struct answer;
struct request;
struct stream;
struct world;

/* Base URLs, one per line. What is no http or https URL is left out. */
void registry_set(struct world *w, struct str urls);
void registry_done(struct world *w);
/* True: the request is for a registry; *ret_rc as answer_make returns it. */
bool registry_answer(struct stream *s, const struct request *r,
    struct answer *a, int *ret_rc);

/* What a path below a registry's base names. */
struct registry_path {
	char name[512], version[256]; /* ""; version: of an archive */
	bool archive, rest; /* rest: something else below a package */
};

/* False: it names no package. path: without the base and without a slash. */
bool registry_path_parse(struct str path, struct registry_path *ret);

#endif
