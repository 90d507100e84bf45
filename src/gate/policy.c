/* SPDX-License-Identifier: Apache-2.0 */
/* The policy file. Runs in lazaret scan. Pure functions. */
#include "gate/policy.h"

#include <errno.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/version.h"
#include "osv/osv.h"

#define MAX_ENTRIES 10000
#define MAX_BOUNDS  16
#define DAY_S       86400

struct reading {
	struct policy *policy;
	struct str file;
	bool deny;
};

/* --- versions: ">=1.2.0 <1.4.0", "1.3.0" ----------------------------------
 */

static struct policy_bound
bound(struct str s)
{
	static const struct {
		const char *sign;
		enum policy_bound_kind kind;
	} signs[] = {
		{ "<=", POLICY_AT_MOST },
		{ ">=", POLICY_AT_LEAST },
		{ "==", POLICY_EXACTLY },
		{ "<", POLICY_BELOW },
		{ ">", POLICY_ABOVE },
		{ "=", POLICY_EXACTLY },
	};

	for (size_t i = 0; i < N_ELEMENTS(signs); i++)
		if (str_starts(s, signs[i].sign))
			return (struct policy_bound){ signs[i].kind,
				str_sub(s, strlen(signs[i].sign), s.n) };
	return (struct policy_bound){ POLICY_EXACTLY, s };
}

/* A version ends where none can go on: "^1.2" and "1.x" are no versions. */
static bool
version_sane(struct str ecosystem, struct str v)
{
	version_compare *rule = version_rule(ecosystem);
	int order;

	for (size_t i = 0; i < v.n; i++)
		if (strchr("<>=^~*|,", v.p[i]) != NULL)
			return false;
	return v.n != 0 && (rule == NULL || rule(v, v, &order));
}

static int
read_bounds(struct conf *c, const struct conf_node *n, struct policy_entry *e,
    struct str versions)
{
	struct str part;

	e->bounds = arena_array(conf_arena(c), MAX_BOUNDS, sizeof(*e->bounds));
	while (str_cut(&versions, ' ', &part)) {
		if (part.n != 0 && part.p[part.n - 1] == ',')
			part.n--;
		if (part.n == 0)
			continue;
		if (e->n_bounds == MAX_BOUNDS)
			return conf_fail(c, n, "too many bounds of versions");
		e->bounds[e->n_bounds] = bound(part);
		if (!version_sane(e->ecosystem,
			e->bounds[e->n_bounds++].version))
			return conf_fail(c, n,
			    "%.60s: write a version, or bounds such as "
			    "\">=1.2.0 <1.4.0\"",
			    part.p);
	}
	if (e->n_bounds == 0)
		return conf_fail(c, n, "versions is empty");
	return 0;
}

/* --- entries --------------------------------------------------------------
 */

static int
read_package(struct conf *c, const struct conf_node *n, struct policy_entry *e,
    struct str versions)
{
	struct error why = ERROR_INIT;
	struct packageurl u;

	if (e->purl.p == NULL && versions.p == NULL)
		return 0;
	if (e->purl.p == NULL)
		return conf_fail(c, n, "versions is of a package: name it");
	if (packageurl_parse(conf_arena(c), e->purl, &u, &why) != 0)
		return conf_fail(c, n, "package: %s", why.msg);
	if (!packageurl_to_osv(conf_arena(c), &u, &e->ecosystem, &e->name))
		return conf_fail(c, n,
		    "package: no ecosystem of OSV has purls of this type");
	if (u.version.p != NULL && versions.p != NULL)
		return conf_fail(c, n,
		    "a version in the purl, or versions: not both");
	if (u.version.p != NULL)
		versions = u.version;
	return versions.p != NULL ? read_bounds(c, n, e, versions) : 0;
}

/* "2026-12-31", to its end, or a time. */
static int
read_expiry(struct conf *c, const struct conf_node *n, struct policy_entry *e)
{
	struct str s = e->expires;

	if (s.n == 10) {
		s = str_of(
		    arena_printf(conf_arena(c), "%.*sT00:00:00Z", STR_ARG(s)));
		if (osv_time_parse(s, &e->expires_s) == 0) {
			e->expires_s += DAY_S;
			return 0;
		}
	} else if (osv_time_parse(s, &e->expires_s) == 0) {
		return 0;
	}
	return conf_fail(c, n,
	    "expires is a day such as 2026-12-31, or a time in UTC such as "
	    "2026-12-31T12:00:00Z");
}

static int
check_entry(struct conf *c, const struct conf_node *n,
    const struct policy_entry *e)
{
	if (e->purl.p == NULL && e->id.p == NULL)
		return conf_fail(c, n,
		    "an entry needs package (a purl) or id (of a report)");
	if (e->reason.p == NULL)
		return conf_fail(c, n, "an entry needs a reason");
	if (e->deny)
		return 0;
	if (e->id.p == NULL && e->n_bounds == 0)
		return conf_fail(c, n,
		    "what is allowed must be narrow: a version in the purl, "
		    "versions, or the id of a report");
	if (e->expires.p == NULL)
		return conf_fail(c, n,
		    "what is allowed needs expires: a day to look again");
	return 0;
}

static int
read_entry(struct conf *c, const struct conf_node *n, void *to)
{
	struct reading *r = to;
	struct policy_entry e = { .deny = r->deny,
		.file = r->file,
		.line = conf_line(n),
		.expires_s = INT64_MAX };
	struct str versions = STR_NONE;
	const struct conf_key keys[] = {
		{ "package", conf_text, &e.purl },
		{ "versions", conf_text, &versions },
		{ "id", conf_text, &e.id },
		{ "reason", conf_text, &e.reason },
		{ "expires", conf_text, &e.expires },
	};
	int rc = conf_mapping(c, n, keys, N_ELEMENTS(keys));

	if (rc == 0)
		rc = read_package(c, n, &e, versions);
	if (rc == 0)
		rc = check_entry(c, n, &e);
	if (rc == 0 && e.expires.p != NULL)
		rc = read_expiry(c, n, &e);
	if (rc == 0 && r->policy->entries.n == MAX_ENTRIES)
		rc = conf_fail(c, n, "too many entries");
	if (rc == 0)
		vec_push(&r->policy->entries, e);
	return rc;
}

static int
read_entries(struct conf *c, const struct conf_node *n, void *to)
{
	return conf_list(c, n, read_entry, to);
}

int
policy_parse(struct arena *a, struct str name, struct str yaml,
    struct policy *p, struct error *err)
{
	struct reading allow = { p, name, false }, deny = { p, name, true };
	const struct conf_key keys[] = {
		{ "allow", read_entries, &allow },
		{ "deny", read_entries, &deny },
		{ "internal", conf_strings, &p->internal },
	};
	int rc = conf_parse(a, yaml, keys, N_ELEMENTS(keys), err);

	if (rc != 0)
		return error_wrap(err, "%.*s", STR_ARG(name));
	return 0;
}

void
policy_done(struct policy *p)
{
	vec_done(&p->entries);
}

/* --- questions ------------------------------------------------------------
 */

static bool
holds(const struct policy_bound *b, version_compare *rule, struct str version)
{
	int order;

	if (b->kind == POLICY_EXACTLY && str_eq(b->version, version))
		return true;
	if (rule == NULL || !rule(version, b->version, &order))
		return false;
	switch (b->kind) {
	case POLICY_EXACTLY:
		return order == 0;
	case POLICY_BELOW:
		return order < 0;
	case POLICY_AT_MOST:
		return order <= 0;
	case POLICY_ABOVE:
		return order > 0;
	case POLICY_AT_LEAST:
		return order >= 0;
	case POLICY_BOUND__MAX:
		break;
	}
	return false;
}

bool
policy_covers(const struct policy_entry *e, struct str ecosystem,
    struct str name, struct str version)
{
	version_compare *rule;

	if (e->purl.p == NULL)
		return true;
	if (!str_eq(osv_ecosystem_base(e->ecosystem),
		osv_ecosystem_base(ecosystem)) ||
	    !osv_same_name(ecosystem, e->name, name))
		return false;
	if (e->n_bounds == 0)
		return true;
	if (version.p == NULL)
		return false;
	rule = version_rule(ecosystem);
	for (size_t i = 0; i < e->n_bounds; i++)
		if (!holds(&e->bounds[i], rule, version))
			return false;
	return true;
}

bool
policy_expired(const struct policy_entry *e, int64_t now_s)
{
	return now_s >= e->expires_s;
}
