/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package URLs of every type (purl-spec, ECMA-427), by the letter: components,
 * per-type rules, canonical form, and the OSV ecosystem that a type maps to.
 * What users type for the ecosystems that can be analysed is purl.h.
 */
#ifndef ECOSYSTEM_PACKAGEURL_H
#define ECOSYSTEM_PACKAGEURL_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;

/* More qualifiers than any purl in use has. */
#define PACKAGEURL_MAX_QUALIFIERS 64

struct packageurl_qualifier {
	struct str key, value; /* key in lower case, value decoded */
};

/* Decoded and normalised; p NULL where absent. Strings live in the arena. */
struct packageurl {
	struct str type, namespace, name, version, subpath;
	struct packageurl_qualifier qualifiers[PACKAGEURL_MAX_QUALIFIERS];
	size_t n_qualifiers; /* sorted by key, keys unique */
};

/* -EINVAL with the rule that s breaks. */
int packageurl_parse(struct arena *a, struct str s, struct packageurl *ret,
    struct error *err);
/* The same for what tools write: nothing that the type's definition wants to be
 * there, or not to be there, is missed ("pkg:golang/stdlib" is in every SBOM of
 * a Go program). */
int packageurl_parse_loose(struct arena *a, struct str s,
    struct packageurl *ret, struct error *err);
/* Components as people have them: validates, normalises, sorts. */
int packageurl_normalise(struct arena *a, struct packageurl *p,
    struct error *err);
/* The same, and no part is missed, as in packageurl_parse_loose(). */
int packageurl_normalise_loose(struct arena *a, struct packageurl *p,
    struct error *err);
/* The canonical form of a parsed or normalised purl. */
void packageurl_write(const struct packageurl *p, struct buf *out);
/* p NULL when there is none. */
struct str packageurl_qualifier(const struct packageurl *p, const char *key);

/* The OSV ecosystem (with suffix) and name; false: OSV has none for it. */
bool packageurl_to_osv(struct arena *a, const struct packageurl *p,
    struct str *ret_ecosystem, struct str *ret_name);
/* Whether there is a purl type for packages of an OSV ecosystem. */
bool packageurl_for_ecosystem(struct str ecosystem);
/* The purl (without a version) of an OSV package; -ENOENT when no type stands
 * for the ecosystem, -EINVAL when the name does not fit the type. */
int packageurl_of_osv(struct arena *a, struct str ecosystem, struct str name,
    struct packageurl *ret, struct error *err);

#endif
