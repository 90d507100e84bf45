/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry's document about one package: parsed in role reply, nowhere
 * else. Only the members that are needed; what has the wrong type counts as
 * absent.
 */
#ifndef ECOSYSTEM_NPM_PACKUMENT_H
#define ECOSYSTEM_NPM_PACKUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;
struct packument;

/* What decides whether a version is meant for this machine. */
struct npm_platform {
	struct str os, cpu, libc; /* "linux", "x64", "glibc" */
	struct str node; /* version of the image's Node.js; n 0: unknown */
};

struct packument_version {
	struct str version;
	struct str tarball, integrity, shasum; /* n 0: absent */
	struct str deprecated; /* its message; p NULL: is not */
	struct str publisher, published_at, previous; /* full form only */
	size_t n_files, n_bytes; /* as the registry says; 0: unknown */
	bool has_install_script, has_signatures, has_attestations;
	bool platform_mismatch; /* os, cpu or libc exclude this machine */
	bool engine_mismatch; /* engines.node excludes the image's */
	struct str platform; /* what it asks for: "os win32, cpu x64" */
};

/* Borrows json until packument_free. Errors: -EBADMSG not JSON or no
 * document of that name, -ENODATA everything was unpublished. */
int packument_parse(struct str json, struct str name, struct packument **ret,
    struct error *err);
void packument_free(struct packument *p); /* accepts NULL */
void packument_freep(struct packument **p);

/* want: exact version, range, tag, or p NULL for the tag latest. -ENOENT no
 * such version or tag; -ENODATA that version was unpublished. */
int packument_pick(struct packument *p, struct str want,
    const struct npm_platform *on, struct packument_version *ret,
    struct error *err);

/* Facts about one version for the table `metadata`; keys as in
 * docs/run-file.md. */
typedef int (*packument_fact_fn)(void *arg, const char *key, struct str value,
    struct error *err);
int packument_facts(struct packument *p, const struct packument_version *v,
    packument_fact_fn fn, void *arg, struct error *err);

/* The document as the relay serves it: archive addresses moved to
 * public_base. */
int packument_write_served(struct packument *p, struct str public_base,
    struct buf *out, struct error *err);
/* What the relay may serve next, one line each: "v VERSION TARBALL INTEGRITY
 * SHASUM" and "d NAME", tab between members, empty where absent. */
void packument_write_index(struct packument *p, struct buf *out);

/* The document of a local package, from its package.json (LIMIT_MANIFEST_
 * BYTES): one version, tagged latest. */
struct packument_local {
	struct str name, version, integrity, shasum;
};
int packument_write_local(const struct packument_local *l,
    struct str manifest_json, struct str public_base, struct buf *ret_document,
    struct buf *ret_index, struct error *err);

#endif
