/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lockfiles and SBOMs: which packages does a file name, and where do they come
 * from? Pure functions over hostile bytes; files are opened by the caller.
 *
 * A reader adds packages to a list in the order of the file. What it cannot
 * read it adds as an error with its line, and goes on with what follows.
 */
#ifndef LOCKFILE_LOCKFILE_H
#define LOCKFILE_LOCKFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;

#define LOCK_NONE UINT32_MAX /* no parent */

enum lock_relation {
	LOCK_UNKNOWN, /* the file does not say */
	LOCK_DIRECT,
	LOCK_TRANSITIVE,
	LOCK_ROOT, /* the project itself, or a member of its workspace */
};

struct lock_package {
	struct str ecosystem; /* as OSV spells it: "npm", "Debian:12" */
	struct str name; /* as OSV spells it, aliases resolved */
	struct str version; /* p NULL: not exact */
	/*
	 * Where it comes from:
	 *	registry		the ecosystem's default, or not said
	 *	registry:URL		this one (base address, as written)
	 *	git:URL#COMMIT		url:URL		path:PATH
	 *	root			the project that the file belongs to
	 *	installed		found in an installed tree
	 */
	struct str origin;
	struct str purl; /* as the file gives it; p NULL: it does not */
	struct str alias; /* the name the project uses instead; p NULL: none */
	struct str group; /* "dev", "optional", "peer", …; p NULL: main */
	/* RFC 3339, as the file has it (uv.lock's upload-time); p NULL: it
	 * does not say when the version was published. */
	struct str published;
	uint32_t line; /* where the entry begins, from 1; 0: none */
	uint32_t parent; /* index in the list of what asks for it, or
			  * LOCK_NONE; never forms a circle */
	enum lock_relation relation;
};

struct lock_error {
	uint32_t line; /* from 1; 0: the file as a whole */
	struct str message; /* a sentence that names what is wrong */
};

struct lock_list {
	struct arena *arena; /* owner of every string */
	VEC(struct lock_package) packages;
	VEC(struct lock_error) errors;
	/* Parents and relations, except LOCK_ROOT, that a reader has left for
	 * later: lock_relate(). NULL: they are all there. */
	void (*relate)(struct lock_list *l);
	void *related; /* what it needs; lives in the arena and the input */
};

struct lock_input {
	struct str path; /* as the user would name it, for origins */
	struct str bytes; /* whole file */
	/* The bytes of a file beside this one ("sub/other.txt"), for formats
	 * that include others; valid as long as the list. false: there is
	 * none, or it is out of reach. NULL: nothing can be opened. */
	bool (*open)(void *data, struct str relative, struct str *ret);
	/* A file beside this one is part of it: it is read by the same reader,
	 * once, as a file of its own, and is given the context. false: out of
	 * reach. NULL: likewise. */
	bool (*include)(void *data, struct str relative, struct str context);
	void *data;
	struct str context; /* from the file that includes this one; p NULL */
};

struct lock_format {
	const char *name; /* "package-lock.json" */
	/* Does the path (with '/'; the last part is the file's name) belong to
	 * this format? */
	bool (*match)(struct str path);
	void (*read)(const struct lock_input *in, struct lock_list *l);
	/* What package managers put down: of an installed tree (node_modules,
	 * site-packages, gems) only such files are read. */
	bool installed;
};

/* NULL: not a file that we read. Names only, nothing is opened. */
const struct lock_format *lock_format_find(struct str path);
/* The same among the readers of installed trees. */
const struct lock_format *lock_format_find_installed(struct str path);
/* By its name; NULL: there is none. */
const struct lock_format *lock_format_named(const char *name);
/* The i-th of all formats; NULL at the end. */
const struct lock_format *lock_format_at(size_t i);

void lock_list_init(struct lock_list *l, struct arena *a);
void lock_list_done(struct lock_list *l); /* the arena stays */
/* To be called before parent or relation are looked at; a scan that finds
 * nothing never needs them. Any number of times. */
void lock_relate(struct lock_list *l);
/* An entry with origin "registry", no parent and relation unknown; strings are
 * borrowed: from the input, static, or the list's arena. */
struct lock_package *lock_add(struct lock_list *l, const char *ecosystem,
    struct str name, struct str version, uint32_t line);
void lock_error(struct lock_list *l, uint32_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines of a file: one forward pass answers many questions in order. */
struct lock_lines {
	struct str bytes;
	size_t at;
	uint32_t line;
};
void lock_lines_init(struct lock_lines *n, struct str bytes);
/* Line, from 1, of an offset; fast when offsets ascend. */
uint32_t lock_line(struct lock_lines *n, size_t offset);

#endif
