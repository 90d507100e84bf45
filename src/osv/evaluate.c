/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this version affected? The evaluation of the OSV schema: in `versions`,
 * or inside any range; events in the order of their versions; a range only
 * counts below one of its limits. Pure functions.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "ecosystem/version.h"
#include "osv/checker.h"

struct question {
	struct arena *arena;
	struct str version;
	version_compare *rule; /* NULL: only equality */
	const char *why;
};

#define SHOWN(s) (int)((s).n < 200 ? (s).n : 200), ((s).p != NULL ? (s).p : "")

static bool
same_version(const struct question *q, struct str v)
{
	int d;

	if (str_eq(v, q->version))
		return true;
	return q->rule != NULL && q->rule(v, q->version, &d) && d == 0;
}

/* Compares an event's version with v: "0" is below and "*" above all. */
static bool
compare(const struct question *q, const struct osv_event *e, struct str v,
    int *ret)
{
	if (e->kind == OSV_INTRODUCED && str_is(e->value, "0")) {
		*ret = -1;
		return true;
	}
	if (e->kind == OSV_LIMIT && str_is(e->value, "*")) {
		*ret = 1;
		return true;
	}
	*ret = 0;
	return str_eq(e->value, v) ||
	    (q->rule != NULL && q->rule(e->value, v, ret));
}

/* A range with no limit, or the version is below one of its limits.
 * *ret_known false when that could not be seen. */
static bool
below_limit(const struct question *q, const struct osv_range *r,
    bool *ret_known)
{
	bool any = false;
	int d;

	*ret_known = true;
	for (size_t i = 0; i < r->n_events; i++) {
		if (r->events[i].kind != OSV_LIMIT)
			continue;
		any = true;
		if (!compare(q, &r->events[i], q->version, &d))
			*ret_known = false;
		else if (d > 0)
			return true;
	}
	return !any;
}

/* The event that decides: the highest at or below the version (above, for
 * last_affected: strictly below). *ret_known false when one has no order. */
static const struct osv_event *
deciding_event(const struct question *q, const struct osv_range *r,
    bool *ret_known)
{
	const struct osv_event *best = NULL;
	int d, e;

	*ret_known = true;
	for (size_t i = 0; i < r->n_events; i++) {
		const struct osv_event *o = &r->events[i];

		if (o->kind == OSV_LIMIT)
			continue;
		if (!compare(q, o, q->version, &d)) {
			*ret_known = false;
			return NULL;
		}
		if (d > 0 || (d == 0 && o->kind == OSV_LAST_AFFECTED))
			continue;
		if (best == NULL) {
			best = o;
			continue;
		}
		if (!compare(q, best, o->value, &e))
			e = 0;
		if (o->kind == OSV_INTRODUCED && str_is(o->value, "0"))
			e = str_is(best->value, "0") ? 0 : 1;
		if (e < 0 || (e == 0 && o->kind > best->kind))
			best = o;
	}
	return best;
}

static enum osv_answer
git_range(struct question *q, const struct osv_range *r)
{
	for (size_t i = 0; i < r->n_events; i++) {
		const struct osv_event *e = &r->events[i];

		if (!str_eq(e->value, q->version))
			continue;
		if (e->kind == OSV_INTRODUCED || e->kind == OSV_LAST_AFFECTED) {
			q->why = "the range names this commit as affected";
			return OSV_AFFECTED;
		}
		if (e->kind == OSV_FIXED) {
			q->why = "the range names this commit as the fix";
			return OSV_NOT_AFFECTED;
		}
	}
	q->why = "a GIT range needs the graph of the repository";
	return OSV_UNKNOWN;
}

static enum osv_answer
version_range(struct question *q, const struct osv_range *r)
{
	const struct osv_event *e;
	bool known, below;

	/* "0" is before every version, also where these have no order. */
	e = deciding_event(q, r, &known);
	if (known && (e == NULL || e->kind != OSV_INTRODUCED))
		return OSV_NOT_AFFECTED;
	below = known && below_limit(q, r, &known);
	if (!below && !known) {
		q->why = q->rule == NULL ?
		    "the ecosystem has no order of versions, and the version "
		    "is not listed" :
		    "the version cannot be compared with those of the range";
		return OSV_UNKNOWN;
	}
	if (!below)
		return OSV_NOT_AFFECTED;
	q->why = str_is(e->value, "0") ?
	    "the range affects every version from the first" :
	    arena_printf(q->arena, "the range affects versions from %.*s",
		SHOWN(e->value));
	return OSV_AFFECTED;
}

/* Beside ranges of versions those of commits say the same of the commits: they
 * have no answer about what is no commit. */
static bool
only_commits(const struct osv_affected *a)
{
	for (size_t i = 0; i < a->n_ranges; i++)
		if (a->ranges[i].type != OSV_GIT)
			return false;
	return true;
}

static enum osv_answer
entry(struct question *q, const struct osv_affected *a)
{
	enum osv_answer best = OSV_NOT_AFFECTED, one;
	const char *why = "the version is neither listed nor in a range";
	bool git = only_commits(a) || all_hex(q->version, 40, 64);

	q->rule = a->has_package ? version_rule(a->ecosystem) : NULL;
	for (size_t i = 0; i < a->n_versions; i++)
		if (same_version(q, a->versions[i])) {
			q->why = "the version is listed";
			return OSV_AFFECTED;
		}
	for (size_t i = 0; i < a->n_ranges && best != OSV_AFFECTED; i++) {
		const struct osv_range *r = &a->ranges[i];

		if (r->type == OSV_GIT && !git)
			continue;
		one =
		    r->type == OSV_GIT ? git_range(q, r) : version_range(q, r);
		if (one > best) {
			best = one;
			why = q->why;
		}
	}
	q->why = why;
	return best;
}

enum osv_answer
osv_entry_affects(struct arena *a, const struct osv_affected *one,
    struct str version, const char **ret_why)
{
	struct question q = { .arena = a, .version = version };
	enum osv_answer answer = entry(&q, one);

	*ret_why = q.why;
	return answer;
}

/* Debian finds Debian:12; of two suffixes the one must find the other. */
static bool
ecosystem_finds(struct str asked, struct str row)
{
	struct str base_asked = osv_ecosystem_base(asked);
	struct str base_row = osv_ecosystem_base(row);

	if (!str_eq(base_asked, base_row))
		return false;
	return base_asked.n == asked.n || base_row.n == row.n ||
	    osv_release_finds(asked, row);
}

static bool
about(const struct osv_affected *a, struct str ecosystem, struct str name)
{
	if (ecosystem.p == NULL)
		return true;
	return a->has_package && ecosystem_finds(ecosystem, a->ecosystem) &&
	    osv_same_name(a->ecosystem, name, a->name);
}

enum osv_answer
osv_affects(struct arena *a, const struct osv_document *d, struct str ecosystem,
    struct str name, struct str version, const char **ret_why)
{
	struct question q = { .arena = a, .version = version };
	enum osv_answer best = OSV_NOT_AFFECTED, one;
	const char *why = "the document does not name the package";
	bool any = false;

	if (d->withdrawn.p != NULL) {
		*ret_why = "the document is withdrawn";
		return OSV_NOT_AFFECTED;
	}
	for (size_t i = 0; i < d->n_affected && best != OSV_AFFECTED; i++) {
		if (!about(&d->affected[i], ecosystem, name))
			continue;
		one = entry(&q, &d->affected[i]);
		if (!any || one > best) {
			best = one;
			why = q.why;
		}
		any = true;
	}
	*ret_why = why;
	return best;
}
