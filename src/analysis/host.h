/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine can do for us, tried rather than guessed: each capability
 * is used once, in a process of its own that ends at once. Used by `lazaret
 * doctor`.
 */
#ifndef ANALYSIS_HOST_H
#define ANALYSIS_HOST_H

#include <stdbool.h>
#include <stddef.h>

enum host_state {
	HOST_PRESENT,
	HOST_ABSENT,
	HOST_UNKNOWN, /* cannot be tried here: the detail says why */
	HOST_STATE__MAX
};

enum host_group {
	HOST_ISOLATION,
	HOST_RECORDER,
	HOST_NETWORK,
	HOST_GROUP__MAX
};

/* How much is lost where it is absent. */
enum host_need {
	HOST_REQUIRED, /* no analysis without it */
	HOST_WANTED, /* something weaker or slower is used instead */
	HOST_EXTRA, /* one wall more, or one convenience */
	HOST_BY_ROOT, /* wanted for root, of no use to others */
	HOST_BY_OTHERS, /* required for others, of no use to root */
	HOST_NEED__MAX
};

struct host_answer {
	enum host_state state;
	bool refused; /* for want of rights */
	char detail[240]; /* "version 1", "ABI 7", an errno's words; or "" */
};

struct host_check {
	const char *name; /* "landlock": for --json and for people */
	enum host_group group;
	enum host_need need;
	/* Runs in a child of its own; may enter namespaces and give up rights.
	 * Fills detail where there is one; 0, or a negative errno. */
	int (*try)(char *detail, size_t size);
	const char *purpose; /* what it is for */
	const char *instead; /* what is used where it is absent */
	const char *how; /* how to get it */
	/* What callers without root have of it; NULL: what root has. */
	const char *without_root;
};

extern const struct host_check host_checks[]; /* name NULL ends it */

/* Without root: goes where analyses go, when that is possible, so that what is
 * tried afterwards is tried there. Once, before all other attempts. */
void host_prepare(void);
/* HOST_REQUIRED, _WANTED or _EXTRA for this caller. */
enum host_need host_need(const struct host_check *c);
/* At most LIMIT_HOST_CHECK_MS; a probe that hangs or dies is absent. */
void host_try(const struct host_check *c, struct host_answer *ret);
/* How to get what was not there for this caller. */
const char *host_how(const struct host_check *c, const struct host_answer *a);
const char *host_group_word(enum host_group g);

/* What a package sees of this machine however it is confined. */
struct host_visible {
	const char *name; /* "kernel release" */
	char value[160];
};
#define HOST_VISIBLE_MAX 8
size_t host_visible(struct host_visible ret[HOST_VISIBLE_MAX]);

#endif
