/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by npmrc.c and npmrc-load.c. */
#ifndef ECOSYSTEM_NPM_NPMRC_PRIV_H
#define ECOSYSTEM_NPM_NPMRC_PRIV_H

#include "ecosystem/npm/npmrc.h"

struct npmrc_row {
	struct npmrc_row *next;
	struct str key, value;
};

struct npmrc {
	struct arena *arena;
	const char *const *env; /* borrowed */
	struct npmrc_row *rows[NPMRC_LAYER__MAX];
	size_t n_rows;
};

void npmrc_set(struct npmrc *c, enum npmrc_layer layer, struct str key,
    struct str value);
/* Value of a variable; p NULL when it is not set. */
struct str npmrc_env(const char *const *env, struct str name);
/* base64 of user:password; the password is itself base64, as npm keeps it. */
void npmrc_basic(struct str user, struct str password, struct buf *out);

#endif
