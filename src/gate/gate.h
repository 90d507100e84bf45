/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this dependency be used? What a scan looks at, what it finds, and what
 * that means for its exit status. Pure functions: files are opened by the
 * caller, the world is read by cmd/.
 *
 *	settings	what the user has configured (settings.h)
 *	policy		what is allowed or denied by name, and until when
 *	match		files and snapshots in, findings out
 *	print		findings out, in six formats
 */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct lock_list;
struct lock_package;
struct policy_entry;

/* From the worst down: a package entry has one finding, the worst. */
enum gate_status {
	GATE_MALICIOUS, /* a report names this version, and it is that one */
	GATE_CONFUSION, /* an internal name came from a public registry */
	GATE_DENIED, /* the policy forbids it */
	GATE_TOO_YOUNG, /* published less than --min-age ago */
	GATE_UNVERIFIABLE, /* a report's name and version, of other origin */
	GATE_STATUS__MAX
};

/* What a report says about the version that was found. */
enum gate_reach {
	GATE_REACH_NONE, /* the finding has no report */
	GATE_REACH_VERSION, /* names it */
	GATE_REACH_RANGE, /* names a range that it lies in */
	GATE_REACH_PACKAGE, /* names every version there is */
	GATE_REACH__MAX
};

/* A file that was read, and what it holds; both borrowed. */
struct gate_file {
	struct str path; /* as shown */
	struct lock_list *list;
	/* Bytes of the .npmrc beside it, which binds scopes to registries;
	 * n 0: none. */
	struct str npmrc;
};

struct gate_finding {
	enum gate_status status;
	struct str id; /* of the report: MAL- first; else gate_status_id */
	size_t file; /* index of the file */
	uint32_t package; /* index in its list */
	enum gate_reach reach;
	struct str *records; /* every report that applies, id first */
	size_t n_records;
	struct str *aliases; /* other names of the same event, sorted */
	size_t n_aliases;
	struct str summary; /* one line of the report; p NULL: none */
	struct str why; /* a sentence: what makes it this status */
	struct str snapshot; /* path of the one that has it; p NULL: none */
	/* Allowed: reported as such, without effect on the exit status. */
	const struct policy_entry *allowed;
};

/* Worth a sentence, but no finding. */
struct gate_note {
	struct str message;
	struct str path; /* p NULL: none */
	uint32_t line;
};

struct gate_snapshot {
	struct str path;
	int64_t built_s, newest_s; /* Unix time; newest_s 0: has no report */
	uint64_t n_records;
};

struct gate_result {
	struct arena *arena; /* owner of what findings point to */
	const struct gate_file *files; /* borrowed */
	size_t n_files;
	VEC(struct gate_finding) findings; /* worst first, then as in files */
	VEC(struct gate_finding) allowed;
	VEC(struct gate_note) notes;
	VEC(struct gate_snapshot) snapshots;
	int64_t now_s;
	int64_t min_age_s; /* 0: not asked for */
	size_t n_packages;
	size_t n_unversioned; /* without an exact version: not checked */
	size_t n_unknown_age; /* with --min-age: nobody says when */
	size_t n_errors; /* parts of files that could not be read */
};

void gate_result_init(struct gate_result *r, struct arena *a);
void gate_result_done(struct gate_result *r); /* the arena stays */
/* Worst first, then in the order of files and entries. */
void gate_result_sort(struct gate_result *r);
void gate_note(struct gate_result *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Of DESIGN §1: found wins over incomplete, incomplete over nothing. */
int gate_exit_status(const struct gate_result *r);
size_t gate_count(const struct gate_result *r, enum gate_status s);

/* "malicious", "confusion", "denied", "too-young", "unverifiable". */
const char *gate_status_name(enum gate_status s);
/* The id of a finding without a report: "dependency-confusion", … */
const char *gate_status_id(enum gate_status s);
bool gate_status_fails(enum gate_status s);
const char *gate_reach_words(enum gate_reach r);
const struct lock_package *gate_package(const struct gate_result *r,
    const struct gate_finding *f);
struct str gate_path(const struct gate_result *r, const struct gate_finding *f);
/* The package's purl: as the file has it, else made; p NULL: no type for it. */
struct str gate_purl(struct arena *a, const struct lock_package *p);
/* Names from the root of the project to the package, itself included, at most
 * max of them; what is left out is at the root's end. Relates the list. */
size_t gate_chain(struct lock_list *l, uint32_t package, struct str *ret_names,
    size_t max);

#endif
