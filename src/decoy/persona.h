/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A persona: the person whose machine the sandbox seems to be. Everything in
 * it is drawn anew for each run: host, user and project names, a home with a
 * history, credentials in the right formats, a shell environment. Each secret
 * is a canary: unique in the run, so that wherever it turns up it says who
 * took it.
 *
 * Lifecycle: persona_new() draws and renders everything into one arena; it is
 * read-only from then on; persona_free().
 */
#ifndef DECOY_PERSONA_H
#define DECOY_PERSONA_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct error;

#define PERSONA_UID       1000
#define PERSONA_GID       1000
#define PERSONA_SEED_SIZE 32

enum persona_kind {
	PERSONA_LAPTOP,
	PERSONA__MAX
};

struct persona_file {
	struct str path; /* absolute; below home */
	unsigned mode; /* permissions; the user owns it */
	int64_t changed_at; /* seconds since 1970 */
	struct str bytes; /* of a folder: none */
	int folder;
};

enum canary_strength {
	CANARY_SECRET,
	CANARY_IDENTITY,
	CANARY_STRENGTH__MAX
};

extern const char *const canary_strength_names[CANARY_STRENGTH__MAX];

struct persona_canary {
	const char *kind; /* npm-token, aws-secret, host-name, … */
	struct str name; /* what a person would call it */
	enum canary_strength strength;
	struct str value;
	struct str path; /* absent: not in a file */
	struct str variable; /* absent: not in the environment */
};

struct persona {
	struct arena *arena;
	const char *kind; /* vocabulary of phase.persona */
	const char *host, *user, *full_name, *home;
	const char *project; /* folder: HOME/projects/NAME */
	const char *project_name;
	struct persona_file *files; /* folders before what lies in them */
	size_t n_files;
	const char *const *env; /* NULL-terminated NAME=VALUE */
	struct persona_canary *canaries;
	size_t n_canaries;
};

struct persona_options {
	enum persona_kind kind;
	/* npm's built-in end point, from the manifest of the image: the token
	 * in .npmrc is for it. */
	struct str registry;
	/* What the project depends on; its package.json allows the scripts of
	 * it (npm 12 runs no others). p NULL: nothing. */
	struct str depends_on, depends_version;
	/* Names and secrets follow from it; NULL: drawn from the kernel. */
	const uint8_t *seed;
	int64_t now; /* seconds since 1970: the history ends shortly before */
};

int persona_new(const struct persona_options *o, struct persona **ret,
    struct error *err);
void persona_free(struct persona *p); /* accepts NULL */
void persona_freep(struct persona **p);

#endif
