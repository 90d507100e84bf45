/* SPDX-License-Identifier: Apache-2.0 */
/* Matching: reports that apply to one package entry (hits.c), and what follows
 * from them (match.c). */
#ifndef GATE_MATCH_PRIV_H
#define GATE_MATCH_PRIV_H

#include "base/vec.h"
#include "gate/gate.h"
#include "gate/match.h"
#include "gate/origin.h"
#include "snapshot/snapshot.h"

struct npmrc;
struct policy_entry;

/* A report that affects the entry, in the newest form that is known of it. */
struct hit {
	size_t snapshot;
	struct snapshot_record record;
	enum gate_reach reach;
	bool commit; /* names the very commit: the origin is no question */
	const struct policy_entry *by; /* allowed; NULL: not */
};

struct hits {
	VEC(struct hit) malicious; /* MAL- first, then by id */
	VEC(struct hit) allowed; /* malicious too, but the policy knows */
	VEC(struct hit) others; /* ordinary vulnerabilities */
};

/* One entry of one file. */
struct entry {
	size_t file;
	uint32_t index;
	const struct lock_package *package;
	enum origin origin;
};

struct matcher {
	const struct match_input *in;
	struct gate_result *r;
	struct arena *scratch; /* emptied after each package with hits */
	struct origins origins;
	struct hits hits;
	/* One per snapshot, made when it is needed first. */
	struct snapshot_documents **documents;
	struct npmrc *npmrc; /* of the file at hand; NULL: none */
	size_t n_name_notes, n_order_notes;
	bool always; /* entries without a report need a look, too */
};

/* All reports that affect the version: 0, or negative. */
int hits_find(struct matcher *m, const struct lock_package *p,
    struct error *err);
/* A malicious report about any version of the name: 1 with its id, 0, or
 * negative. */
int hits_of_name(struct matcher *m, const struct lock_package *p,
    struct str *ret_id, struct error *err);
void hits_clear(struct hits *h);
void hits_done(struct matcher *m);
/* The narrowest that a malicious report speaks of. */
enum gate_reach hits_reach(const struct hits *h);
/* A malicious report, allowed or not, names the very commit. */
bool hits_by_commit(const struct hits *h);
/* By id or alias, of any class; NULL: none. */
const struct hit *hits_by_id(const struct hits *h, struct str id);
/* Ids, aliases, summary and reach of a finding. */
int hits_describe(struct matcher *m, const struct hit *v, size_t n,
    struct gate_finding *f, struct error *err);
/* Ecosystems of packages that no snapshot knows anything of. */
void hits_note_ecosystems(struct matcher *m);

#endif
