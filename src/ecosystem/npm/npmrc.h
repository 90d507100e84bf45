/* SPDX-License-Identifier: Apache-2.0 */
/*
 * npm's configuration: which registry, with which credentials, trust and
 * proxy. Layers, strongest first: environment (npm_config_*), project, user,
 * global and builtin files. The user's own files: read by role fetch before it
 * locks down.
 */
#ifndef ECOSYSTEM_NPM_NPMRC_H
#define ECOSYSTEM_NPM_NPMRC_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;
struct npmrc;

enum npmrc_layer { /* strongest first */
	NPMRC_ENVIRONMENT,
	NPMRC_PROJECT,
	NPMRC_USER,
	NPMRC_GLOBAL,
	NPMRC_BUILTIN,
	NPMRC_LAYER__MAX
};

/* All of it lives in the arena, which must outlive the configuration. */
struct npmrc *npmrc_new(struct arena *a);
/* One file's bytes. name is for error sentences; env as `environ`, for ${VAR}
 * (NULL: none). Lines that make no sense are skipped, as npm does. */
int npmrc_parse(struct npmrc *c, enum npmrc_layer layer, const char *name,
    struct str text, const char *const *env, struct error *err);
/* npm_config_* of the environment, and HTTPS_PROXY and its like. */
void npmrc_add_env(struct npmrc *c, const char *const *env);
/* Finds and reads all layers: env, ./.npmrc upwards from cwd, ~/.npmrc,
 * PREFIX/etc/npmrc, /etc/npmrc, the client's own. Missing files are fine. */
int npmrc_load(struct npmrc *c, const char *cwd, const char *const *env,
    struct error *err);

/* One value; p NULL where no layer has it. */
struct str npmrc_get(const struct npmrc *c, struct str key);
/* The registry for a package name: its scope's, or registry=; p NULL when
 * nothing is configured. Always ends with a slash. */
struct str npmrc_registry(const struct npmrc *c, struct str package);
/* "Bearer …" or "Basic …" for an address, or n 0 when it has no credentials:
 * the longest //host/path/ that the address lies below. */
void npmrc_authorization(const struct npmrc *c, struct str url,
    struct buf *out);

struct npmrc_trust {
	struct str cafile; /* path; p NULL: none */
	struct str ca; /* PEM text of ca and ca[]; n 0: none */
	bool strict_ssl;
	struct str http_proxy, https_proxy, noproxy; /* p NULL: none */
};
void npmrc_trust(const struct npmrc *c, struct npmrc_trust *ret);

#endif
