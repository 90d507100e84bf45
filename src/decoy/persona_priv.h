/* SPDX-License-Identifier: Apache-2.0 */
/* A persona while it is being made. Shared by persona*.c. */
#ifndef DECOY_PERSONA_PRIV_H
#define DECOY_PERSONA_PRIV_H

#include "base/vec.h"
#include "decoy/draw.h"
#include "decoy/persona.h"

struct maker {
	struct arena *a;
	struct persona *p;
	struct draw d;
	struct str registry; /* with its scheme */
	struct str depends_on, depends_version; /* as in persona_options */
	struct str registry_host; /* host and path, as .npmrc names it */
	struct str org; /* a made-up company: one word */
	struct str email;
	int64_t now;
	VEC(struct persona_file) files;
	VEC(struct persona_canary) canaries;
	VEC(const char *) env;
};

#define MODE_PRIVATE 0600
#define MODE_PUBLIC  0644

/* Paths are below home; folders on the way are made when they are missing.
 * The file lies there since at most max_days. */
void maker_file(struct maker *m, const char *path, unsigned mode, int max_days,
    struct str bytes);
void maker_folder(struct maker *m, const char *path, unsigned mode);
/* Variables and secrets. path and variable as in persona_canary, the path
 * below home; NULL: none. */
void maker_env(struct maker *m, const char *name, struct str value);
void maker_canary(struct maker *m, const char *kind, const char *name,
    struct str value, const char *path);
void maker_env_canary(struct maker *m, const char *kind, const char *name,
    struct str value);
/* The last part of the project's path, below home. */
const char *maker_in_project(struct maker *m, const char *path);

int persona_make_home(struct maker *m, struct error *err); /* persona-home.c */
int persona_make_repo(struct maker *m, struct error *err); /* persona-repo.c */
void persona_make_names(struct maker *m); /* persona-names.c */

#endif
