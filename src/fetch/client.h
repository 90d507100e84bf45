/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor's side of fetching: starts the roles fetch, reply and keep,
 * asks them for packages, and hands the sink its end of the relay. Parses
 * nothing foreign: it sees names, versions, hashes and sentences.
 *
 *	struct fetch_options o = FETCH_OPTIONS_INIT;
 *	fetch_open(&o, &f, err)
 *	fetch_resolve(f, &(struct fetch_spec){ .name = …, .want = … }, &p, err)
 *	fetch_relay(f, &sink_fd, err)        before the sandbox starts
 *	fetch_close(f)
 */
#ifndef FETCH_CLIENT_H
#define FETCH_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "ecosystem/purl.h"
#include "sys/sha256.h"

struct arena;
struct error;
struct fetch;
struct manifest;
struct unpack;

struct fetch_options {
	const char *state; /* value of --state; NULL: the default */
	const char *registry; /* over the configuration; NULL: none */
	/* Base that served documents name ("https://…/"): what the sandbox's
	 * npm has built in. NULL: from registries.json, else the registry. */
	const char *public_base;
	const char *node_version; /* of the image, for engines; NULL */
	const char *cwd; /* where project .npmrc is looked for; NULL: "." */
	int timeout_ms; /* without progress of a transfer; 0: 15 s */
	int facts_fd; /* channel to scribe for `metadata`; borrowed; -1: none */
	bool offline; /* answer from the cache alone */
};
#define FETCH_OPTIONS_INIT \
	{ \
		.facts_fd = -1 \
	}

int fetch_open(const struct fetch_options *o, struct fetch **ret,
    struct error *err);
void fetch_close(struct fetch *f); /* accepts NULL; waits for the roles */
void fetch_closep(struct fetch **f);

struct fetch_spec {
	struct str name;
	struct str want; /* exact, range, tag; p NULL: latest */
	struct str integrity; /* must be this one; p NULL: the registry's */
	struct str registry; /* repository_url of the purl; p NULL */
	/* The package of this run: its facts go to scribe, and the relay
	 * serves it. Otherwise it is only fetched. */
	bool is_root;
};

/* A package that is here: bytes, hash, and what the registry said. */
struct fetch_package {
	char *name, *version; /* owned, NUL-terminated */
	char *purl; /* pkg:npm/…@exact; owned */
	char *integrity; /* sha512-…; owned */
	char sha256[SHA256_HEX_SIZE];
	/* The archive; owned. Its offset is shared with other processes:
	 * use pread, or fetch_package_reopen(). */
	int fd;
	int64_t size;
	bool is_local;
	bool platform_mismatch; /* then: static facts only */
	char *platform; /* sentence when it does not fit; owned; NULL */
	char *deprecated; /* registry's message; owned; NULL */
	char *note; /* "registry did not answer: …, from the cache"; owned */
};
void fetch_package_done(struct fetch_package *p); /* accepts a zeroed one */

/* A descriptor of the archive with an offset of its own, at the beginning. */
int fetch_package_reopen(const struct fetch_package *p, int *ret_fd,
    struct error *err);

/* Errors are whole sentences: unknown package or version, unpublished,
 * integrity mismatch, registry down, not JSON, too large, refused address. */
int fetch_resolve(struct fetch *f, const struct fetch_spec *spec,
    struct fetch_package *ret, struct error *err);
/* A .tgz or a folder: unpacked once for its manifest, then served by the
 * relay as its own name and version. */
int fetch_local(struct fetch *f, const char *path, struct fetch_package *ret,
    struct error *err);
/* For `image build`: one archive at an exact version, integrity given. */
int fetch_archive(struct fetch *f, const char *name, const char *version,
    const char *integrity, struct fetch_package *ret, struct error *err);

/* A new relay connection (ecosystem/relay.h): the sink's end; owned by the
 * caller. Any number of them; all share the pinned set of this run. */
int fetch_relay(struct fetch *f, int *ret_fd, struct error *err);
/* What the relay served so far, for the report: names and versions. */
typedef void (*fetch_served_fn)(void *arg, struct str name, struct str version,
    struct str sha256);
int fetch_served(struct fetch *f, fetch_served_fn fn, void *arg,
    struct error *err);

/* Static facts of an archive: role unpack. facts_fd as above. */
int unpack_start(int archive_fd, int facts_fd, struct unpack **ret,
    struct error *err);
/* Waits at most timeout_ms. 0: manifest read; 1: the archive has no
 * package.json that can be read (ret untouched). Frees u in any case. */
int unpack_finish(struct unpack *u, int timeout_ms, struct arena *a,
    struct manifest *ret, struct error *err);
void unpack_cancel(struct unpack *u); /* accepts NULL */

#endif
