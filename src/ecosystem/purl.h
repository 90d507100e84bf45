/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Package URLs, and the shorter ways in which people name a package:
 * `pkg:npm/%40scope/name@1.0.0?repository_url=…#sub`, `npm/name@1.0.0`,
 * `npm name 1.0.0` (three words). One table of ecosystems holds the three
 * names of each (token, purl type, OSV name) and its rules for names.
 */
#ifndef ECOSYSTEM_PURL_H
#define ECOSYSTEM_PURL_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct buf;
struct error;

enum ecosystem {
	ECOSYSTEM_NPM,
	ECOSYSTEM_PYPI,
	ECOSYSTEM_RUBYGEMS,
	ECOSYSTEM_CRATES,
	ECOSYSTEM_PACKAGIST,
	ECOSYSTEM__MAX
};

/* Which of its names. */
enum ecosystem_name {
	ECOSYSTEM_TOKEN, /* options, images, folders: crates.io */
	ECOSYSTEM_PURL, /* purl type: cargo */
	ECOSYSTEM_OSV, /* OSV documents: crates.io */
	ECOSYSTEM_NAME__MAX
};

const char *ecosystem_name(enum ecosystem e, enum ecosystem_name which);
/* Any of the three names, letter case ignored; -EINVAL names the choices. */
int ecosystem_parse(struct str s, enum ecosystem *ret, struct error *err);

struct purl {
	enum ecosystem ecosystem;
	/* Canonical, decoded, with its namespace: "@scope/name". */
	struct str name;
	struct str version; /* exact, range or tag as given; p NULL: none */
	struct str repository_url; /* p NULL: the configured registry */
	struct str subpath; /* p NULL: none */
};

/* Whether s looks like a package rather than a file ("./x", "/x", "x.tgz"). */
bool purl_is_local(struct str s);
/* All three spellings of one operand; the result lives in the arena. */
int purl_parse(struct arena *a, struct str s, struct purl *ret,
    struct error *err);
/* The three words of `npm name version`; version p NULL: none. */
int purl_of_words(struct arena *a, struct str ecosystem, struct str name,
    struct str version, struct purl *ret, struct error *err);
/* The canonical purl: pkg:type/namespace/name@version?… */
void purl_write(const struct purl *p, struct buf *out);
/* The same as a NUL-terminated string in the arena. */
char *purl_print(struct arena *a, const struct purl *p);

#endif
