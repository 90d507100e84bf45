/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package.json as we need it: what runs at install, what can be imported, what
 * it depends on. Parsed in role unpack; travels to the supervisor as a message
 * payload (manifest_put, manifest_get), where it is checked again.
 */
#ifndef ECOSYSTEM_NPM_MANIFEST_H
#define ECOSYSTEM_NPM_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct channel;
struct error;
struct message;

/* More than any honest package.json has; the rest is cut and said so. */
#define MANIFEST_MAX_ENTRIES      4096
#define MANIFEST_MAX_SCRIPTS      512
#define MANIFEST_MAX_DEPENDENCIES 8192

struct manifest_script {
	struct str name, command;
	int64_t line; /* in package.json; 0: made up by npm (gyp) */
};

enum manifest_entry_kind {
	MANIFEST_ENTRY_CJS, /* require(specifier) */
	MANIFEST_ENTRY_ESM, /* import(specifier) */
	MANIFEST_ENTRY_BIN, /* run as a command; specifier is its name */
	MANIFEST_ENTRY_KIND__MAX
};

struct manifest_entry {
	enum manifest_entry_kind kind;
	/* "name", "name/sub" as a user would write it; bin: the command. */
	struct str specifier;
	struct str path; /* file inside the package, as written */
	struct str condition; /* "import", "node.require"; n 0: none */
	bool exists; /* the archive has that file */
};

enum manifest_dependency_kind { /* order of fact_dependency's words */
	MANIFEST_PROD,
	MANIFEST_DEV,
	MANIFEST_OPTIONAL,
	MANIFEST_PEER,
	MANIFEST_BUNDLED,
	MANIFEST_DEPENDENCY_KIND__MAX
};

struct manifest_dependency {
	enum manifest_dependency_kind kind;
	struct str name, declared;
	/* "registry", or a remote one: "git:…", "url:…", "path:…". */
	struct str source;
	int64_t line;
};

struct manifest {
	struct str name, version; /* n 0: absent */
	struct str type; /* "module" or "commonjs" */
	struct str os, cpu, libc, engine_node; /* as a list, commas between */
	bool gypfile; /* npm would run node-gyp although no script says so */
	bool platform_mismatch; /* not meant for Linux x64/arm64 glibc */
	bool browser_only; /* no file that Node could import */
	bool cut; /* a list was longer than its maximum */
	VEC(struct manifest_script) scripts;
	VEC(struct manifest_entry) entries;
	VEC(struct manifest_dependency) dependencies;
	struct str json; /* the bytes of package.json itself */
};

/* Which files the package has ("lib/x.js"), for entries and patterns. */
struct manifest_files {
	const struct str *v;
	size_t n;
};

/* Strings live in the arena. -EBADMSG: not JSON, or not an object. */
int manifest_parse(struct arena *a, struct str json,
    const struct manifest_files *files, struct manifest *ret,
    struct error *err);
void manifest_done(struct manifest *m); /* the vectors; accepts a zeroed one */
/* Which dependency sources do not come from a registry. */
bool manifest_source_is_remote(struct str source);

/* Members of a message, between message_begin and message_send. */
void manifest_put(struct channel *c, const struct manifest *m);
/* Strings are copied to the arena; validated as hostile. */
int manifest_get(struct arena *a, struct message *m, struct manifest *ret,
    struct error *err);

#endif
