/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a package came from, as far as that decides whether a report speaks
 * of it: reports are about the public registry's package of a name.
 */
#ifndef GATE_ORIGIN_H
#define GATE_ORIGIN_H

#include <stddef.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct error;
struct lock_package;
struct snapshot;

enum origin {
	ORIGIN_PUBLIC, /* the default registry, or a public one by address */
	/* An address, and nobody has said which registries of the ecosystem
	 * are public: counts as public, so that nothing is missed. */
	ORIGIN_UNKNOWN,
	ORIGIN_INSTALLED, /* an installed tree does not say */
	ORIGIN_OTHER, /* another registry, a repository, an address, an
		       * archive in the project */
	ORIGIN_LOCAL, /* the project itself, its folders and members */
	ORIGIN__MAX
};

struct origin_registries {
	struct str ecosystem; /* without suffix */
	struct str *v;
	size_t n;
};

struct origins {
	struct arena *arena;
	const struct snapshot *const *snapshots; /* borrowed */
	size_t n_snapshots;
	struct origin_registries *configured; /* one row per address */
	size_t n_configured;
	VEC(struct origin_registries) known; /* as they were needed */
};

/* configured: "ECOSYSTEM=URL" each. Strings must outlive *o. */
int origins_init(struct origins *o, struct arena *a,
    const struct snapshot *const *snapshots, size_t n_snapshots,
    const struct str *configured, size_t n_configured, struct error *err);
void origins_done(struct origins *o);

/* -EBADMSG and its like: a snapshot is damaged. */
int origin_of(struct origins *o, const struct lock_package *p, enum origin *ret,
    struct error *err);
/* The registries of an ecosystem count as public when there are any. */
int origin_is_public(struct origins *o, struct str ecosystem, struct str url,
    enum origin *ret, struct error *err);

#endif
