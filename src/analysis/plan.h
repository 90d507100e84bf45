/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one analysis does, as data: the list of phases that follows from the
 * manifest of a package, each with the command that is run in the sandbox.
 * Nothing is done here.
 */
#ifndef ANALYSIS_PLAN_H
#define ANALYSIS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

struct arena;
struct manifest;

/* Entries that get a process, and a phase, of their own; the rest is imported
 * in groups, so that a package of a thousand files does not take an hour. */
#define PLAN_ENTRIES_ALONE 8
#define PLAN_GROUP_SIZE    64

enum plan_kind {
	PLAN_ALLOW, /* lets the scripts of dependencies run; part of install */
	PLAN_INSTALL,
	PLAN_INSTALL_QUIET, /* scripts off, when the install failed */
	PLAN_IMPORT,
	PLAN_DEPENDENCY, /* imports one dependency alone */
	PLAN_KIND__MAX
};

struct step {
	enum plan_kind kind;
	const char *trigger;
	struct str subject; /* p NULL: none */
	const char *const *argv; /* NULL-terminated */
	const char *role; /* of the command's process */
	const char *package; /* install folder, "" for the project */
	int64_t limit_ms;
	/* The command says with a line of output that it has imported. */
	bool tells;
};

struct plan_not_exercised {
	const char *trigger;
	struct str subject;
	const char *reason;
};

struct plan {
	VEC(struct step) steps;
	VEC(struct plan_not_exercised) left_out;
};

struct plan_options {
	struct str name, version; /* as the registry has them */
	const struct manifest *manifest; /* NULL: it could not be read */
	int64_t install_ms, import_ms;
};

/* Whether npm installs anything but the package itself; m NULL: unknown. */
bool plan_has_dependencies(const struct manifest *m);
/* Strings live in the arena. */
void plan_make(struct arena *a, const struct plan_options *o, struct plan *ret);
/* One more: a dependency, imported alone in both formats. */
void plan_dependency(struct arena *a, struct plan *p, struct str name,
    struct str folder, int64_t limit_ms);
void plan_done(struct plan *p);

#endif
