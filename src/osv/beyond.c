/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OSV schema's text says and its JSON Schema cannot: dates of the
 * calendar, identifiers, relations, ranges in order, names, purls, vectors,
 * links. Pure functions.
 */
#include <errno.h>

#include <yyjson.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/map.h"
#include "ecosystem/packageurl.h"
#include "ecosystem/version.h"
#include "osv/osv_priv.h"

#define SECONDS_PER_DAY 86400
/* Of a text shown in a message. */
#define SHOWN(s) (int)MIN_OF((s).n, (size_t)120), ((s).p != NULL ? (s).p : "")

/* 1 and *ret set when there is a good time. */
static int
check_time(struct checker *c, const char *key, struct str s, int64_t *ret)
{
	size_t at;
	int rc;

	if (s.p == NULL)
		return 0;
	rc = osv_time_parse(s, ret);
	at = checker_key(c, key);
	if (rc != 0)
		checker_error(c, "time-form",
		    "\"%.*s\" is no time; write UTC as 2026-01-31T23:59:59Z",
		    SHOWN(s));
	else if (*ret > c->now_s + SECONDS_PER_DAY)
		checker_error(c, "time-future", "\"%.*s\" lies in the future",
		    SHOWN(s));
	checker_back(c, at);
	return rc == 0;
}

static void
check_times(struct checker *c, const struct osv_document *d)
{
	int64_t modified = 0, published = 0, withdrawn = 0;
	int has_modified = check_time(c, "modified", d->modified, &modified);
	int has_published =
	    check_time(c, "published", d->published, &published);
	size_t at;

	(void)check_time(c, "withdrawn", d->withdrawn, &withdrawn);
	at = checker_key(c, "published");
	if (has_modified && has_published && published > modified)
		checker_warn(c, "time-order",
		    "is later than modified; modified must be the time of the "
		    "last change");
	checker_back(c, at);
}

static void
check_schema_version(struct checker *c, struct str v)
{
	size_t at = checker_key(c, "schema_version");

	if (v.p != NULL && !version_semver_valid(v))
		checker_error(c, "schema-version",
		    "\"%.*s\" is no version of OSV's schema; write three "
		    "numbers, as " OSV_SCHEMA_VERSION,
		    SHOWN(v));
	checker_back(c, at);
}

static void
check_id(struct checker *c, struct str id)
{
	size_t at = checker_key(c, "id");

	if (id.p != NULL && !osv_id_valid(id))
		checker_error(c, "id-form",
		    "\"%.*s\" is no OSV id; write a known prefix, \"-\" and "
		    "an entry of at most 100 characters without \"/\", \"..\" "
		    "and white space, or the prefix x_ for a private database",
		    SHOWN(id));
	checker_back(c, at);
}

static bool
contains(const struct str *v, size_t n, struct str s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i], s))
			return true;
	return false;
}

static void
check_relation(struct checker *c, const char *key, const struct str *v,
    size_t n, struct str id)
{
	size_t list = checker_key(c, key), at;

	for (size_t i = 0; i < n; i++) {
		at = checker_index(c, i);
		if (v[i].n == 0)
			checker_error(c, "relation-empty",
			    "is empty; leave it out");
		else if (str_eq(v[i], id))
			checker_error(c, "relation-self",
			    "is the document's own id; leave it out");
		else if (contains(v, MIN_OF(i, (size_t)1000), v[i]))
			checker_error(c, "relation-duplicate",
			    "\"%.*s\" stands twice", SHOWN(v[i]));
		checker_back(c, at);
	}
	checker_back(c, list);
}

static void
check_relations(struct checker *c, const struct osv_document *d)
{
	check_relation(c, "aliases", d->aliases, d->n_aliases, d->id);
	check_relation(c, "related", d->related, d->n_related, d->id);
	check_relation(c, "upstream", d->upstream, d->n_upstream, d->id);
	for (size_t i = 0; i < MIN_OF(d->n_upstream, (size_t)1000); i++)
		if (contains(d->aliases, d->n_aliases, d->upstream[i]) ||
		    contains(d->related, d->n_related, d->upstream[i])) {
			size_t at = checker_key(c, "upstream");

			checker_error(c, "relation-overlap",
			    "\"%.*s\" is in aliases or related as well",
			    SHOWN(d->upstream[i]));
			checker_back(c, at);
		}
}

static void
check_severities(struct checker *c, const struct osv_severity *v, size_t n)
{
	size_t list = checker_key(c, "severity"), at;
	const char *what;

	for (size_t i = 0; i < n; i++) {
		at = checker_index(c, i);
		(void)checker_key(c, "score");
		what = osv_cvss_complaint(v[i].type, v[i].score);
		if (what != NULL)
			checker_error(c, "severity-vector",
			    "\"%.*s\" is no %.*s score: it has %s",
			    SHOWN(v[i].score), SHOWN(v[i].type), what);
		checker_back(c, at);
	}
	checker_back(c, list);
}

/* --- ranges ------------------------------------------------------------- */

static bool
is_zero(const struct osv_event *e)
{
	return e->kind == OSV_INTRODUCED && str_is(e->value, "0");
}

static void
check_git_value(struct checker *c, const struct osv_event *e)
{
	if (!is_zero(e) && !all_hex(e->value, 40, 64))
		checker_error(c, "range-commit",
		    "\"%.*s\" is no full commit hash: 40 or 64 lower-case "
		    "hexadecimal digits%s",
		    SHOWN(e->value),
		    e->kind == OSV_INTRODUCED ? ", or \"0\"" : "");
}

static void
check_semver_value(struct checker *c, const struct osv_event *e)
{
	bool limit = e->kind == OSV_LIMIT && str_is(e->value, "*");

	if (is_zero(e) || limit || version_semver_valid(e->value)) {
		if (e->kind == OSV_INTRODUCED && str_is(e->value, "0.0.0"))
			checker_warn(c, "range-zero",
			    "0.0.0 leaves out its pre-releases; write \"0\" "
			    "for every version");
		return;
	}
	checker_error(c, "range-semver",
	    "\"%.*s\" is not SemVer 2.0.0: three numbers, no \"v\", no "
	    "leading zeros",
	    SHOWN(e->value));
}

static void
check_event(struct checker *c, const struct osv_range *r,
    const struct osv_event *e)
{
	if (e->value.n == 0)
		checker_error(c, "range-empty", "is empty; name a version%s",
		    e->kind == OSV_INTRODUCED ? ", or \"0\" for all" : "");
	else if (e->kind == OSV_FIXED && str_is(e->value, "0"))
		checker_error(c, "range-fixed-zero",
		    "nothing can be fixed before every version");
	else if (r->type == OSV_GIT)
		check_git_value(c, e);
	else if (r->type == OSV_SEMVER)
		check_semver_value(c, e);
}

static int
before(version_compare *rule, const struct osv_event *a,
    const struct osv_event *b, bool *ret_known)
{
	int d = 0;

	*ret_known = true;
	if (is_zero(a))
		return -1;
	if (is_zero(b))
		return 1;
	*ret_known = rule != NULL && rule(a->value, b->value, &d);
	return d;
}

/* Each fixed or last_affected needs an introduced before it. */
static void
check_order(struct checker *c, const struct osv_range *r, version_compare *rule,
    size_t i)
{
	const struct osv_event *e = &r->events[i];
	bool known, all_known = true, any = false;
	int d;

	if (e->kind != OSV_FIXED && e->kind != OSV_LAST_AFFECTED)
		return;
	for (size_t j = 0; j < r->n_events && !any; j++) {
		const struct osv_event *o = &r->events[j];

		if (o->kind != OSV_INTRODUCED)
			continue;
		if (e->kind == OSV_FIXED && str_eq(o->value, e->value)) {
			checker_error(c, "range-fixed-introduced",
			    "fixed and introduced are both \"%.*s\": that "
			    "affects nothing",
			    SHOWN(e->value));
			return;
		}
		d = before(rule, o, e, &known);
		all_known = all_known && known;
		any = known &&
		    (d < 0 || (d == 0 && e->kind == OSV_LAST_AFFECTED));
	}
	if (!any && all_known)
		checker_error(c, "range-order",
		    "\"%.*s\" comes before every introduced version of the "
		    "range",
		    SHOWN(e->value));
}

static void
check_range(struct checker *c, const struct osv_affected *a,
    const struct osv_range *r)
{
	version_compare *rule = r->type == OSV_GIT ?
	    NULL :
	    version_rule(r->type == OSV_SEMVER ? STR_LIT("npm") : a->ecosystem);
	size_t list, at;

	if (r->type != OSV_GIT && !a->has_package)
		checker_error(c, "range-package",
		    "a range of versions needs a package");
	at = checker_key(c, "type");
	if (r->type == OSV_SEMVER && a->has_package &&
	    osv_ecosystem_valid(a->ecosystem) &&
	    !version_is_semver(a->ecosystem))
		checker_error(c, "range-type",
		    "the ecosystem \"%.*s\" has no SEMVER ranges; use "
		    "ECOSYSTEM",
		    SHOWN(a->ecosystem));
	checker_back(c, at);
	at = checker_key(c, "repo");
	if (r->type == OSV_GIT && r->repo.n == 0)
		checker_error(c, "range-repo", "is empty");
	checker_back(c, at);
	if (r->n_events > OSV_MAX_EVENTS) {
		checker_error(c, "events-count", "%zu events; at most %d",
		    r->n_events, OSV_MAX_EVENTS);
		return;
	}
	list = checker_key(c, "events");
	for (size_t i = 0; i < r->n_events; i++) {
		at = checker_index(c, i);
		(void)checker_key(c, osv_event_kinds[r->events[i].kind]);
		check_event(c, r, &r->events[i]);
		if (r->n_events <= 1000)
			check_order(c, r, rule, i);
		checker_back(c, at);
	}
	checker_back(c, list);
}

/* --- packages ----------------------------------------------------------- */

/* The name as the purl's type has it: Packagist's "Ven/Pkg" is ven/pkg there.
 */
static bool
same_in_purl(struct arena *scratch, const struct osv_affected *a,
    const struct packageurl *p)
{
	struct packageurl own;

	return packageurl_of_osv(scratch, a->ecosystem, a->name, &own, NULL) ==
	    0 &&
	    str_eq(own.type, p->type) && str_eq(own.namespace, p->namespace) &&
	    str_eq(own.name, p->name) && str_eq(own.subpath, p->subpath);
}

/* Names the purl this package? Some ecosystems have no type (FreeBSD, Root):
 * their purls there is nothing to hold against. */
static void
check_purl_package(struct checker *c, const struct osv_affected *a,
    struct arena *scratch, const struct packageurl *p)
{
	struct str ecosystem, name;

	if (!packageurl_for_ecosystem(a->ecosystem))
		return;
	if (!packageurl_to_osv(scratch, p, &ecosystem, &name))
		checker_error(c, "purl-package",
		    "the purl type %.*s stands for no OSV ecosystem",
		    STR_ARG(p->type));
	else if (!str_eq(osv_ecosystem_base(ecosystem),
		     osv_ecosystem_base(a->ecosystem)) ||
	    (!osv_same_name(a->ecosystem, name, a->name) &&
		!same_in_purl(scratch, a, p)))
		checker_error(c, "purl-package",
		    "names %.*s \"%.*s\", the package is %.*s \"%.*s\"",
		    SHOWN(ecosystem), SHOWN(name), SHOWN(a->ecosystem),
		    SHOWN(a->name));
}

static void
check_purl(struct checker *c, const struct osv_affected *a)
{
	struct arena *scratch;
	struct packageurl p;
	struct error err = ERROR_INIT;
	size_t at;

	if (a->purl.p == NULL)
		return;
	scratch = arena_new(MIB);
	at = checker_key(c, "purl");
	if (packageurl_parse_loose(scratch, a->purl, &p, &err) != 0)
		checker_error(c, "purl-form", "\"%.*s\" is no purl: %s",
		    SHOWN(a->purl), err.msg);
	else if (p.version.p != NULL)
		checker_error(c, "purl-version",
		    "has a version; versions belong into versions and ranges");
	else
		check_purl_package(c, a, scratch, &p);
	checker_back(c, at);
	arena_free(scratch);
}

static void
check_pypi_name(struct checker *c, struct str name)
{
	bool run = false, good = true;

	for (size_t i = 0; i < name.n; i++) {
		char ch = name.p[i];

		good = good && !(ch >= 'A' && ch <= 'Z') && ch != '_' &&
		    ch != '.' && !(ch == '-' && run);
		run = ch == '-';
	}
	if (good)
		return;
	if (c->profile == OSV_PROFILE_MALICIOUS)
		checker_warn(c, "package-name",
		    "\"%.*s\" is not normalised (PEP 503): lower case, runs "
		    "of \"-\", \"_\", \".\" as one \"-\"",
		    SHOWN(name));
	else
		checker_error(c, "package-name",
		    "\"%.*s\" is not normalised (PEP 503): lower case, runs "
		    "of \"-\", \"_\", \".\" as one \"-\"",
		    SHOWN(name));
}

static void
check_name(struct checker *c, const struct osv_affected *a)
{
	size_t at = checker_key(c, "name");

	if (a->name.n == 0)
		checker_error(c, "package-name", "is empty");
	for (size_t i = 0; i < a->name.n; i++)
		if ((unsigned char)a->name.p[i] < 0x20 ||
		    a->name.p[i] == 0x7f) {
			checker_error(c, "package-name",
			    "has a control character");
			break;
		}
	if (str_is(osv_ecosystem_base(a->ecosystem), "PyPI"))
		check_pypi_name(c, a->name);
	checker_back(c, at);
}

/* Known, but spelled otherwise? */
static const char *
near_ecosystem(struct str base)
{
	for (size_t i = 0; osv_ecosystems[i] != NULL; i++)
		if (str_eq_nocase(base, str_of(osv_ecosystems[i])))
			return osv_ecosystems[i];
	return NULL;
}

static void
check_ecosystem_known(struct checker *c, struct str ecosystem)
{
	const char *near = near_ecosystem(osv_ecosystem_base(ecosystem));

	if (osv_ecosystem_valid(ecosystem))
		return;
	if (near == NULL)
		checker_error(c, "package-ecosystem",
		    "\"%.*s\" is no ecosystem of OSV %s", SHOWN(ecosystem),
		    OSV_SCHEMA_VERSION);
	else
		checker_error(c, "package-ecosystem",
		    "\"%.*s\" is no ecosystem of OSV %s; write \"%s\"%s",
		    SHOWN(ecosystem), OSV_SCHEMA_VERSION, near,
		    str_ends(ecosystem, ":") ? ", or a suffix after \":\"" :
					       "");
}

static void
check_ecosystem(struct checker *c, struct str ecosystem)
{
	static const char *const with_url[] = { "Maven", "Packagist",
		"VSCode" };
	struct str base = osv_ecosystem_base(ecosystem);
	struct str suffix = str_sub(ecosystem, base.n, ecosystem.n);
	size_t at = checker_key(c, "ecosystem");

	check_ecosystem_known(c, ecosystem);
	for (size_t i = 0; i < N_ELEMENTS(with_url) && suffix.n != 0; i++)
		if (str_is(base, with_url[i]) &&
		    !str_starts(suffix, ":http://") &&
		    !str_starts(suffix, ":https://"))
			checker_warn(c, "package-suffix",
			    "the suffix of %s is the URL of a registry",
			    with_url[i]);
	checker_back(c, at);
}

static void
check_versions(struct checker *c, const struct osv_affected *a)
{
	size_t list = checker_key(c, "versions"), at;
	struct map *seen;

	if (a->n_versions > OSV_MAX_VERSIONS) {
		checker_error(c, "versions-count", "%zu versions; at most %d",
		    a->n_versions, OSV_MAX_VERSIONS);
		checker_back(c, list);
		return;
	}
	seen = a->n_versions > 1 ? map_new(a->n_versions) : NULL;
	for (size_t i = 0; i < a->n_versions; i++) {
		at = checker_index(c, i);
		if (a->versions[i].n == 0)
			checker_error(c, "versions-empty", "is empty");
		else if (seen != NULL &&
		    map_put(seen, a->versions[i], seen) == 1)
			checker_warn(c, "versions-duplicate",
			    "\"%.*s\" stands twice", SHOWN(a->versions[i]));
		checker_back(c, at);
	}
	map_free(seen);
	checker_back(c, list);
}

static bool
has_commits(const struct osv_affected *a)
{
	for (size_t i = 0; i < a->n_ranges; i++)
		if (a->ranges[i].type == OSV_GIT)
			return true;
	return false;
}

static void
check_affected(struct checker *c, const struct osv_affected *a)
{
	size_t package, list, at;

	if (a->has_package) {
		package = checker_key(c, "package");
		check_ecosystem(c, a->ecosystem);
		check_name(c, a);
		check_purl(c, a);
		checker_back(c, package);
	}
	if (a->n_ranges == 0 && a->n_versions == 0) {
		if (c->profile == OSV_PROFILE_MALICIOUS)
			checker_warn(c, "affected-versions",
			    "has neither versions nor ranges");
		else
			checker_error(c, "affected-versions",
			    "has neither versions nor ranges: no tool can "
			    "tell what is affected");
	}
	if (!a->has_package && a->n_versions != 0 && !has_commits(a)) {
		at = checker_key(c, "versions");
		checker_error(c, "versions-package",
		    "belong to no package; name it, or the repository whose "
		    "tags they are in a GIT range");
		checker_back(c, at);
	}
	check_versions(c, a);
	check_severities(c, a->severity, a->n_severity);
	list = checker_key(c, "ranges");
	if (a->n_ranges > OSV_MAX_RANGES)
		checker_error(c, "ranges-count", "%zu ranges; at most %d",
		    a->n_ranges, OSV_MAX_RANGES);
	for (size_t i = 0; i < MIN_OF(a->n_ranges, (size_t)OSV_MAX_RANGES);
	     i++) {
		at = checker_index(c, i);
		check_range(c, a, &a->ranges[i]);
		checker_back(c, at);
	}
	checker_back(c, list);
}

/* --- the rest ------------------------------------------------------------ */

bool
osv_url_valid(struct str url)
{
	struct str rest;

	if (str_eq_nocase(str_sub(url, 0, 8), STR_LIT("https://")))
		rest = str_sub(url, 8, url.n);
	else if (str_eq_nocase(str_sub(url, 0, 7), STR_LIT("http://")))
		rest = str_sub(url, 7, url.n);
	else
		return false;
	if (rest.n == 0 || strchr("/?#:", rest.p[0]) != NULL)
		return false;
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 0x7f ||
		    strchr("<>\"\\^`{|}", rest.p[i]) != NULL)
			return false;
	return true;
}

static void
check_references(struct checker *c, const struct osv_document *d)
{
	size_t list = checker_key(c, "references"), at;

	for (size_t i = 0; i < d->n_references; i++) {
		at = checker_index(c, i);
		(void)checker_key(c, "url");
		if (!osv_url_valid(d->references[i].url))
			checker_error(c, "reference-url",
			    "\"%.*s\" is no absolute http or https URL",
			    SHOWN(d->references[i].url));
		checker_back(c, at);
	}
	checker_back(c, list);
}

/* The patterns of the JSON Schema, and no more. */
static void
check_patterns(struct checker *c, const struct osv_document *d)
{
	const struct {
		const char *key;
		struct str value;
	} times[] = { { "modified", d->modified },
		{ "published", d->published }, { "withdrawn", d->withdrawn } };
	size_t list, at, package, ecosystem;
	int64_t ignored;

	for (size_t i = 0; i < N_ELEMENTS(times); i++) {
		if (times[i].value.p == NULL ||
		    osv_time_parse(times[i].value, &ignored) != -EINVAL)
			continue;
		at = checker_key(c, times[i].key);
		checker_error(c, "time-form",
		    "\"%.*s\" is no time; write UTC as 2026-01-31T23:59:59Z",
		    SHOWN(times[i].value));
		checker_back(c, at);
	}
	list = checker_key(c, "affected");
	for (size_t i = 0; i < d->n_affected; i++) {
		if (!d->affected[i].has_package)
			continue;
		at = checker_index(c, i);
		package = checker_key(c, "package");
		ecosystem = checker_key(c, "ecosystem");
		check_ecosystem_known(c, d->affected[i].ecosystem);
		checker_back(c, ecosystem);
		checker_back(c, package);
		checker_back(c, at);
	}
	checker_back(c, list);
}

void
beyond_check(struct checker *c, const struct osv_document *d)
{
	size_t list, at;

	if (c->profile == OSV_PROFILE_QUESTION)
		return;
	check_id(c, d->id);
	if (c->profile == OSV_PROFILE_SCHEMA ||
	    c->profile == OSV_PROFILE_READER ||
	    c->profile == OSV_PROFILE_REPORT) {
		check_patterns(c, d);
		return;
	}
	check_schema_version(c, d->schema_version);
	check_times(c, d);
	check_relations(c, d);
	check_severities(c, d->severity, d->n_severity);
	list = checker_key(c, "affected");
	if (d->n_affected == 0 && d->withdrawn.p == NULL)
		checker_error(c, "affected-missing",
		    "is missing or empty, and the document is not withdrawn; "
		    "name at least one package");
	for (size_t i = 0; i < d->n_affected; i++) {
		at = checker_index(c, i);
		check_affected(c, &d->affected[i]);
		checker_back(c, at);
	}
	checker_back(c, list);
	check_references(c, d);
}
