/* SPDX-License-Identifier: Apache-2.0 */
/* Packages against reports and policy. Runs in lazaret scan. */
#include "gate/match.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "ecosystem/npm/npmrc.h"
#include "gate/ages.h"
#include "gate/match_priv.h"
#include "gate/pattern.h"
#include "gate/policy.h"
#include "lockfile/lockfile.h"
#include "sys/clock.h"

#define DAY_S 86400
/* Notes of one kind: more tell nobody more. */
#define MAX_NOTES 50

/* --- sentences ------------------------------------------------------------
 */

static struct str
say_malicious(struct matcher *m, const struct entry *e)
{
	static const char *const reaches[] = {
		[GATE_REACH_NONE] = "",
		[GATE_REACH_VERSION] = "exactly this version is reported",
		[GATE_REACH_RANGE] = "a range of versions is reported",
		[GATE_REACH_PACKAGE] = "every version is reported",
	};
	static_assert(N_ELEMENTS(reaches) == GATE_REACH__MAX);
	const char *more = "";

	if (e->origin == ORIGIN_UNKNOWN)
		more = "; which registries of this ecosystem are public is not "
		       "known, so this one counts as public";
	if (e->origin == ORIGIN_INSTALLED)
		more = "; an installed tree does not say where it came from";
	return str_of(arena_printf(m->r->arena, "%s%s",
	    reaches[hits_reach(&m->hits)], more));
}

static struct str
say_age(struct matcher *m, int64_t published_s)
{
	char at[CLOCK_RFC3339_SIZE];

	clock_rfc3339(published_s * NS_PER_SEC, at);
	return str_of(arena_printf(m->r->arena,
	    "published %s, less than %" PRId64 " hours ago", at,
	    m->in->min_age_s / 3600));
}

/* --- findings -------------------------------------------------------------
 */

static struct gate_finding
finding(const struct entry *e, enum gate_status status, struct str why)
{
	return (struct gate_finding){ .status = status,
		.id = str_of(gate_status_id(status)),
		.file = e->file,
		.package = e->index,
		.why = why };
}

/* What the policy allows of this finding; NULL: nothing. A denial is lifted by
 * taking it out of the policy alone. Reports have their own ids (hits.c). */
static const struct policy_entry *
allowance(const struct matcher *m, const struct entry *e,
    const struct gate_finding *f)
{
	const struct policy *p = m->in->policy;

	for (size_t i = 0; p != NULL && i < p->entries.n; i++) {
		const struct policy_entry *a = &p->entries.v[i];

		if (a->deny || f->status == GATE_DENIED ||
		    policy_expired(a, m->in->now_s))
			continue;
		if (a->id.p != NULL && !str_eq(a->id, f->id))
			continue;
		if (policy_covers(a, e->package->ecosystem, e->package->name,
			e->package->version))
			return a;
	}
	return NULL;
}

/* Takes a finding; true when it counts, so that lesser ones need no look. */
static bool
take(struct matcher *m, const struct entry *e, struct gate_finding *f)
{
	f->allowed = allowance(m, e, f);
	if (f->allowed == NULL) {
		vec_push(&m->r->findings, *f);
		return true;
	}
	vec_push(&m->r->allowed, *f);
	return false;
}

/* --- the checks, from the worst status down; 1: found, 0: not ---------------
 */

static int
check_reports(struct matcher *m, const struct entry *e, enum gate_status status,
    struct str why, struct error *err)
{
	struct gate_finding f = finding(e, status, why);
	int rc;

	for (size_t i = 0; i < m->hits.allowed.n; i++) {
		f.allowed = m->hits.allowed.v[i].by;
		rc = hits_describe(m, &m->hits.allowed.v[i], 1, &f, err);
		if (rc != 0)
			return rc;
		vec_push(&m->r->allowed, f);
	}
	if (m->hits.malicious.n == 0)
		return 0;
	f.allowed = NULL;
	rc =
	    hits_describe(m, m->hits.malicious.v, m->hits.malicious.n, &f, err);
	return rc != 0 ? rc : take(m, e, &f);
}

static int
check_malicious(struct matcher *m, const struct entry *e, struct error *err)
{
	if (e->origin == ORIGIN_OTHER && !hits_by_commit(&m->hits))
		return 0;
	return check_reports(m, e, GATE_MALICIOUS, say_malicious(m, e), err);
}

/* The registry that the project itself has bound the package's scope to, and
 * that is no public one; p NULL: none. */
static int
scope_registry(struct matcher *m, const struct lock_package *p, struct str *ret,
    struct error *err)
{
	ptrdiff_t slash = str_chr(p->name, '/');
	enum origin origin;
	struct str url;
	int rc;

	*ret = STR_NONE;
	if (m->npmrc == NULL || slash <= 1 || p->name.p[0] != '@' ||
	    !str_is(p->ecosystem, "npm"))
		return 0;
	url = npmrc_get(m->npmrc,
	    str_of(arena_printf(m->scratch, "%.*s:registry", (int)slash,
		p->name.p)));
	if (url.n == 0)
		return 0;
	rc = origin_is_public(&m->origins, p->ecosystem, url, &origin, err);
	if (rc == 0 && origin == ORIGIN_OTHER)
		*ret = url;
	return rc;
}

/* Why the name must not come from a public registry; p NULL: it may. */
static int
internal_name(struct matcher *m, const struct lock_package *p, struct str *ret,
    struct error *err)
{
	struct str url;
	int rc;

	for (size_t i = 0; i < m->in->n_internal; i++) {
		const struct pattern *w = &m->in->internal[i];

		if (!pattern_match(w, p->ecosystem, p->name))
			continue;
		*ret = str_of(arena_printf(m->r->arena,
		    "the name is internal (%.*s), but it comes from a public "
		    "registry",
		    STR_ARG(w->name)));
		return 0;
	}
	*ret = STR_NONE;
	rc = scope_registry(m, p, &url, err);
	if (rc == 0 && url.p != NULL)
		*ret = str_of(arena_printf(m->r->arena,
		    "the project's .npmrc takes this scope from %.*s, but it "
		    "comes from a public registry",
		    (int)MIN_OF(url.n, (size_t)500), url.p));
	return rc;
}

static int
check_confusion(struct matcher *m, const struct entry *e, struct error *err)
{
	struct gate_finding f;
	struct str why;
	int rc;

	if (e->origin != ORIGIN_PUBLIC)
		return 0;
	rc = internal_name(m, e->package, &why, err);
	if (rc != 0 || why.p == NULL)
		return rc;
	f = finding(e, GATE_CONFUSION, why);
	return take(m, e, &f);
}

static int
check_denied(struct matcher *m, const struct entry *e, struct error *err)
{
	const struct policy *p = m->in->policy;
	struct gate_finding f;
	const struct hit *hit;
	int rc = 0;

	for (size_t i = 0; p != NULL && i < p->entries.n; i++) {
		const struct policy_entry *d = &p->entries.v[i];

		if (!d->deny || policy_expired(d, m->in->now_s) ||
		    !policy_covers(d, e->package->ecosystem, e->package->name,
			e->package->version))
			continue;
		hit = d->id.p != NULL ? hits_by_id(&m->hits, d->id) : NULL;
		if (d->id.p != NULL && hit == NULL)
			continue;
		f = finding(e, GATE_DENIED,
		    str_of(arena_printf(m->r->arena, "%.*s:%" PRIu32 ": %.*s",
			STR_ARG(d->file), d->line, STR_ARG(d->reason))));
		if (hit != NULL)
			rc = hits_describe(m, hit, 1, &f, err);
		f.id = str_of(gate_status_id(GATE_DENIED));
		return rc != 0 ? rc : take(m, e, &f);
	}
	return 0;
}

static int
check_age(struct matcher *m, const struct entry *e, struct error *err)
{
	struct gate_finding f;
	int64_t published_s;

	(void)err;
	if (m->in->min_age_s == 0)
		return 0;
	if (!ages_of(m->in->ages, m->scratch, e->package, &published_s)) {
		m->r->n_unknown_age++;
		return 0;
	}
	if (published_s <= m->in->now_s - m->in->min_age_s)
		return 0;
	f = finding(e, GATE_TOO_YOUNG, say_age(m, published_s));
	return take(m, e, &f);
}

static int
check_unverifiable(struct matcher *m, const struct entry *e, struct error *err)
{
	if (e->origin != ORIGIN_OTHER || hits_by_commit(&m->hits))
		return 0;
	return check_reports(m, e, GATE_UNVERIFIABLE,
	    STR_LIT("a package of this name and version in the public registry "
		    "is reported; this one has another origin"),
	    err);
}

typedef int check_fn(struct matcher *m, const struct entry *e,
    struct error *err);

static check_fn *const checks[] = {
	[GATE_MALICIOUS] = check_malicious,
	[GATE_CONFUSION] = check_confusion,
	[GATE_DENIED] = check_denied,
	[GATE_TOO_YOUNG] = check_age,
	[GATE_UNVERIFIABLE] = check_unverifiable,
};
static_assert(N_ELEMENTS(checks) == GATE_STATUS__MAX);

/* --- packages -------------------------------------------------------------
 */

/* A name alone is never a hit; that there are reports is worth a note. */
static int
note_name(struct matcher *m, const struct entry *e, struct error *err)
{
	struct gate_note *n;
	struct str id;
	int rc;

	if (m->n_name_notes == MAX_NOTES)
		return 0;
	rc = hits_of_name(m, e->package, &id, err);
	if (rc <= 0)
		return rc;
	m->n_name_notes++;
	gate_note(m->r,
	    "%.*s has no exact version here, so it was not checked; there are "
	    "reports about it (%.*s): pin it and scan again",
	    (int)MIN_OF(e->package->name.n, (size_t)200), e->package->name.p,
	    STR_ARG(id));
	n = &m->r->notes.v[m->r->notes.n - 1];
	n->path = m->r->files[e->file].path;
	n->line = e->package->line;
	return 0;
}

static bool
needs_look(const struct matcher *m)
{
	return m->hits.malicious.n != 0 || m->hits.allowed.n != 0 ||
	    m->always || m->npmrc != NULL;
}

static int
match_package(struct matcher *m, struct entry *e, struct error *err)
{
	int rc;

	hits_clear(&m->hits);
	if (e->package->version.p == NULL) {
		if (e->package->relation == LOCK_ROOT)
			return 0;
		m->r->n_unversioned++;
		return note_name(m, e, err);
	}
	rc = hits_find(m, e->package, err);
	if (rc != 0 || !needs_look(m))
		return rc;
	rc = origin_of(&m->origins, e->package, &e->origin, err);
	if (rc != 0 || e->origin == ORIGIN_LOCAL)
		return rc;
	for (size_t i = 0; i < N_ELEMENTS(checks) && rc == 0; i++)
		rc = checks[i](m, e, err);
	arena_reset(m->scratch);
	return rc < 0 ? rc : 0;
}

/* Credentials in it are of no interest, and nothing is taken from the
 * environment. */
static void
take_npmrc(struct matcher *m, struct str bytes)
{
	m->npmrc = NULL;
	if (str_find(bytes, STR_LIT(":registry")) < 0)
		return;
	m->npmrc = npmrc_new(m->r->arena);
	if (npmrc_parse(m->npmrc, NPMRC_PROJECT, ".npmrc", bytes, NULL, NULL) !=
	    0)
		m->npmrc = NULL;
}

static int
match_all(struct matcher *m, struct error *err)
{
	struct gate_result *r = m->r;
	int rc = 0;

	for (size_t i = 0; i < r->n_files && rc == 0; i++) {
		const struct lock_list *l = r->files[i].list;

		take_npmrc(m, r->files[i].npmrc);
		r->n_packages += l->packages.n;
		r->n_errors += l->errors.n;
		for (size_t k = 0; k < l->packages.n && rc == 0; k++) {
			struct entry e = { .file = i,
				.index = (uint32_t)k,
				.package = &l->packages.v[k] };

			rc = match_package(m, &e, err);
		}
	}
	return rc;
}

/* --- notes about the input --------------------------------------------------
 */

static void
note_expired(struct matcher *m)
{
	const struct policy *p = m->in->policy;
	struct gate_note *n;

	for (size_t i = 0; p != NULL && i < p->entries.n; i++) {
		const struct policy_entry *e = &p->entries.v[i];
		struct str what = e->purl.p != NULL ? e->purl : e->id;

		if (!policy_expired(e, m->in->now_s))
			continue;
		gate_note(m->r, "%.*s: no longer %s, this expired %.*s (%.*s)",
		    (int)MIN_OF(what.n, (size_t)200), what.p,
		    e->deny ? "denied" : "allowed", STR_ARG(e->expires),
		    (int)MIN_OF(e->reason.n, (size_t)200), e->reason.p);
		n = &m->r->notes.v[m->r->notes.n - 1];
		n->path = e->file;
		n->line = e->line;
	}
}

static void
add_snapshots(struct matcher *m)
{
	struct snapshot_info info;

	for (size_t i = 0; i < m->in->n_snapshots; i++) {
		snapshot_info(m->in->snapshots[i].s, &info);
		vec_push(&m->r->snapshots,
		    ((struct gate_snapshot){ m->in->snapshots[i].path,
			info.built_at_s, info.modified_s,
			info.n_records - info.n_withdrawn }));
	}
}

int
match_run(const struct match_input *in, struct gate_result *r,
    struct error *err)
{
	struct matcher m = { .in = in,
		.r = r,
		.scratch = arena_new(LIMIT_ARENA_BYTES),
		.always = in->n_internal != 0 || in->min_age_s != 0 ||
		    (in->policy != NULL && in->policy->entries.n != 0) };
	const struct snapshot **all =
	    arena_array(r->arena, in->n_snapshots + 1, sizeof(*all));
	int rc;

	for (size_t i = 0; i < in->n_snapshots; i++)
		all[i] = in->snapshots[i].s;
	r->now_s = in->now_s;
	r->min_age_s = in->min_age_s;
	add_snapshots(&m);
	rc = origins_init(&m.origins, r->arena, all, in->n_snapshots,
	    in->registries, in->n_registries, err);
	if (rc == 0)
		rc = match_all(&m, err);
	if (rc == 0)
		hits_note_ecosystems(&m);
	note_expired(&m);
	if (rc == 0 && r->n_files == 0)
		gate_note(r,
		    "there is no lockfile, SBOM or installed tree "
		    "here that lazaret knows");
	gate_result_sort(r);
	hits_done(&m);
	origins_done(&m.origins);
	arena_free(m.scratch);
	return rc;
}
