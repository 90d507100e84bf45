/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sink pretends to be: services known by the shape of their paths,
 * one table for each family (services/). See docs/HOWTO-add-a-service.md.
 */
#ifndef SINK_SERVICE_PRIV_H
#define SINK_SERVICE_PRIV_H

#include <stdbool.h>

#include "base/str.h"

struct answer;
struct request;
struct world;

struct service {
	const char *method; /* fnmatch pattern */
	const char *host; /* pattern; NULL: any */
	const char *path; /* pattern, without query */
	const char *header; /* that must be there; NULL: none */
	int status;
	const char *type; /* media type; NULL: no body */
	/* The body: text where "$name" stands for a value of the run, see
	 * service.c. */
	const char *text;
};

/* Each ends with a row without a method. In the order they are asked. */
extern const struct service services_metadata[];
extern const struct service services_github[];
extern const struct service services_messenger[];
extern const struct service services_geo[];

/* True: one of them has answered. */
bool service_answer(const struct world *w, const struct request *r,
    struct answer *a);

#endif
